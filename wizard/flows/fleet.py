"""One command for every deployment of a fleet: each in a process of its own, some at a time.

A target is run by this program's own command line, as somebody would run it for that target alone:
it has its own workspace, lock, journal and credentials, it is killed and resumed like a single one,
and whatever happens to it is its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.errors import ExitCode, WizardError
from wizard.core.events import Phase, State
from wizard.core.fleet import Fleet, Target, labels
from wizard.core.secret import Secret
from wizard.core.text import clean, count, json_object
from wizard.flows.context import Context
from wizard.flows.deployment.open import identify, open_session
from wizard.services.aws.regions import Account
from wizard.services.files import private_dir, write_private
from wizard.services.tokens import for_child
from wizard.services.workspace.workspace import data_dir

# What a fleet can do, and the words of the command that does it for one target.
ACTIONS: dict[str, tuple[str, ...]] = {
    "plan": ("install", "--dry-run", "--json"),
    "install": ("install", "--yes", "--json"),
    "status": ("status", "--json"),
    "doctor": ("doctor", "--json"),
    "reconcile": ("stages", "reconcile", "--yes", "--json"),
    "redrive": ("redrive", "--yes", "--json"),
    "uninstall": ("uninstall", "--yes", "--json"),
}
CHANGES = ("install", "reconcile", "redrive", "uninstall")
TAKE_TOKEN = ("plan", "install", "doctor")
COMMAND = (sys.executable, "-m", "wizard.cli")
USUAL_CONCURRENCY = 4
ACCOUNTS_AT_ONCE = 4  # each reads some of its Regions at once, too
_LAST_WORDS = 20  # lines of a target's stderr that are kept with its result
_STATES = {
    ExitCode.DONE: State.DONE,
    ExitCode.UNCHECKED: State.UNCHECKED,
    ExitCode.INTERRUPTED: State.WARNING,
}


@dataclass(frozen=True)
class TargetRun:
    """Where one target is: `doing` is what it said last, `result` its last JSON document."""

    target: Target
    state: State = State.TODO
    doing: str = ""
    seconds: float = 0.0
    exit_code: int | None = None
    result: dict[str, Any] = field(default_factory=dict)
    last_words: tuple[str, ...] = ()
    log: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "target": self.target.name,
            "account": self.target.account_id,
            "region": self.target.answers.region,
            "state": self.state.value,
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 1),
            "result": self.result,
            "said": list(self.last_words) if self.exit_code else [],
            "log": str(self.log or ""),
        }


Listener = Callable[[TargetRun], None]


class FleetRun:
    """Runs one action for the targets of a fleet.

    Args:
        env: the environment each target starts from.
        token: handed to the targets that need it through a pipe of their own.
        options: further words for each command, such as `--plugin-mirror DIR`.
        concurrency: how many targets are at work at once.
        on_change: told whenever a target says something or ends; called from several threads.
    """

    def __init__(
        self,
        fleet: Fleet,
        action: str,
        env: Mapping[str, str],
        *,
        options: tuple[str, ...] = (),
        concurrency: int = USUAL_CONCURRENCY,
        token: Secret | None = None,
        on_change: Listener = lambda _: None,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self._fleet = fleet
        self._words = ACTIONS[action]
        self._env = for_child(env)
        self._token = token if action in TAKE_TOKEN else None
        self._options = options
        self._concurrency = max(1, concurrency)
        self._on_change = on_change
        self._command = command
        self._children: dict[subprocess.Popen[str], str] = {}  # and the names of their targets
        self._lock = threading.Lock()
        self.stopping = False

    def run(self) -> tuple[TargetRun, ...]:
        """Run all of them; the results in the fleet's order, whatever became of each."""
        with ThreadPoolExecutor(self._concurrency) as pool:
            return tuple(pool.map(self._run, self._fleet.targets))

    def stop(self) -> tuple[str, ...]:
        """Interrupt what is at work, once each, and begin no further target; the names of those
        that are at work still."""
        with self._lock:
            for child in () if self.stopping else self._children:
                with contextlib.suppress(ProcessLookupError):
                    child.send_signal(signal.SIGINT)
            self.stopping = True
            return tuple(sorted(self._children.values()))

    def _run(self, target: Target) -> TargetRun:
        """Whatever happens to a target is its own, a full disk or no further process included."""
        try:
            return self._run_one(target)
        except (OSError, WizardError) as error:
            failed = TargetRun(target, State.FAILED, f"It could not be run: {clean(str(error))}")
            return self._told(replace(failed, exit_code=int(ExitCode.FAILED)))

    def _run_one(self, target: Target) -> TargetRun:
        now = TargetRun(target)
        if self.stopping:
            return self._told(_not_begun(now))
        began = time.monotonic()
        answers = _write_answers(target)
        now = replace(now, log=answers.with_name(f"{target.name}.log"))
        now = self._told(replace(now, state=State.RUNNING, doing="starting"))
        arguments = [*self._words, *self._options, "--answers", str(answers), "--non-interactive"]
        with self._lock, _token_pipe(self._token) as (words_for_token, pipe):
            child = self._start([*arguments, *words_for_token], pipe, target)
        if child is None:
            return self._told(_not_begun(now))
        try:
            words: list[str] = []
            listener = threading.Thread(target=self._keep, args=(child, now, words), daemon=True)
            listener.start()
            document: dict[str, Any] = {}
            whole = ""  # a document of several lines
            for line in child.stdout or ():
                found = json_object(line)
                document = found or document
                whole = "" if found else whole + line
                if (doing := doing_of(found)) and doing != now.doing:
                    now = self._told(replace(now, doing=doing, seconds=time.monotonic() - began))
            document = json_object(whole) or document
            code = child.wait()
            listener.join()
        finally:
            with self._lock:
                self._children.pop(child, None)
        return self._told(
            replace(
                now,
                state=_state(code),
                doing=end_of(document, words),
                seconds=time.monotonic() - began,
                exit_code=code,
                result=document,
                last_words=tuple(words[-_LAST_WORDS:]),
            )
        )

    def _start(
        self, arguments: list[str], pipe: tuple[int, ...], target: Target
    ) -> subprocess.Popen[str] | None:
        """Its process; None after a stop, which would interrupt it no more."""
        if self.stopping:
            return None
        child = subprocess.Popen(
            [*self._command, *arguments],
            pass_fds=pipe,
            env=target_environment(self._env, target),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            # One Ctrl-C reaches each of them once, by `stop`, not by the terminal as well.
            start_new_session=True,
        )
        self._children[child] = target.name
        return child

    def _keep(self, child: subprocess.Popen[str], run: TargetRun, words: list[str]) -> None:
        """What the target says to people goes to its log, 0600; the end of it to its result.

        It is heard to its end also where the log cannot be written: else it would wait for ever.
        """
        lines = iter(child.stderr or ())
        path = run.log or Path(os.devnull)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as log:
                for line in lines:
                    _add(words, line)
                    log.write(line)
        except OSError as error:
            for line in lines:
                _add(words, line)
            _add(words, f"Its log {path} is not whole: {error.strerror or error}")

    def _told(self, run: TargetRun) -> TargetRun:
        self._on_change(run)
        return run


def _write_answers(target: Target) -> Path:
    """The file that a target's process reads, in a folder named by what it holds.

    So a target of the same name in another fleet that runs at the same moment, or one whose name
    differs in its capitals alone where files do not, is never handed these, nor these its own.
    """
    text = target.answers.to_json()
    held = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = private_dir(private_dir(data_dir() / "fleet") / held) / f"{target.name}.answers.json"
    write_private(path, text)
    return path


def _not_begun(run: TargetRun) -> TargetRun:
    return replace(run, state=State.SKIPPED, doing="not begun")


def _add(words: list[str], line: str) -> None:
    words.append(clean(line.rstrip("\n")))
    del words[: -2 * _LAST_WORDS]


def open_target(
    target: Target,
    env: Mapping[str, str],
    token: Secret | None,
    command: tuple[str, ...] = COMMAND,
) -> int:
    """The wizard for one target, in this terminal, as somebody would start it; its exit code."""
    answers = _write_answers(target)
    own = target_environment(for_child(env), target) | {"WALLARM_APIGW_ANSWERS": str(answers)}
    with _token_pipe(token) as (words, pipe):
        if words:
            own["WALLARM_APIGW_TOKEN_FILE"] = words[1]
        return subprocess.run(command, env=own, pass_fds=pipe, check=False).returncode


@contextlib.contextmanager
def _token_pipe(token: Secret | None) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """The option that names a pipe with the token in it, and the pipe for the child to inherit.

    So the token is in no environment, no file and no argument list of another process.
    """
    if token is None:
        yield (), ()
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, token.reveal().encode())  # far less than a pipe holds
        os.close(writing)
        yield ("--token-file", f"/dev/fd/{reading}"), (reading,)
    finally:
        os.close(reading)


def target_environment(env: Mapping[str, str], target: Target) -> dict[str, str]:
    """The environment of a target's process: what would choose another place is left out."""
    taken = ("WALLARM_APIGW_WORKSPACE", "WALLARM_APIGW_ANSWERS", "AWS_REGION", "AWS_DEFAULT_REGION")
    kept = {name: value for name, value in env.items() if name not in taken}
    if target.answers.profile:
        # A profile that the file names is what counts, whatever this shell has set.
        kept = {k: v for k, v in kept.items() if k not in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")}
    return kept


def discover_fleet(context: Context, answers: Answers, role: str = "") -> tuple[Target, ...]:
    """A target for each account and Region that has APIs; what could not be read is told.

    Args:
        role: name of the role to assume in each account of the organization; empty looks at this
            account alone.
    """
    from wizard.services.aws import regions

    session = open_session(context, answers)
    who = identify(session, answers)
    found: list[Target] = []
    places = [Account(who.account_id, who.alias)]
    if role:
        with context.phase(Phase.DISCOVER, "Reading the accounts of the organization"):
            places = list(regions.accounts(session))

    named = labels((place.account_id, place.name) for place in places)

    def look(place: Account) -> list[Target]:
        asked = answers.with_(account_id=place.account_id)
        if place.account_id != who.account_id:
            arn = f"arn:{who.partition}:iam::{place.account_id}:role/{role}"
            asked = asked.with_(role_arn=arn)
        return _targets(context, asked, named[place.account_id])

    # Each account has budgets of its own at AWS; how many at once is this computer's limit.
    with (
        context.phase(Phase.DISCOVER, f"Reading the Regions of {count(len(places), 'account')}"),
        ThreadPoolExecutor(ACCOUNTS_AT_ONCE, thread_name_prefix="account") as pool,
    ):
        for part in pool.map(look, places):
            found += part
    return tuple(found)


def _targets(context: Context, answers: Answers, label: str) -> list[Target]:
    """The targets of one account, named by it and the Region; none where it cannot be read."""
    from wizard.services.aws import regions

    try:
        session = open_session(context, answers)
        open_to_us = regions.enabled_regions(session)
    except WizardError as error:
        context.note(f"{error.what}. {error.why}", State.WARNING, answers.account_id)
        return []
    found: list[Target] = []
    for one in regions.count_apis(session.in_region, open_to_us):
        if one.problem:
            context.note(one.problem, State.WARNING, f"{answers.account_id} {one.region}")
        elif one.apis:
            context.note(count(one.apis, "API"), State.DONE, f"{label} {one.region}")
            found.append(Target(f"{label}-{one.region}", answers.with_(region=one.region)))
    return found


def exit_code(runs: Iterable[TargetRun]) -> ExitCode:
    """One code for all: failed before interrupted before not checked before done."""
    codes = {run.exit_code for run in runs}
    if codes - {int(ExitCode.DONE), int(ExitCode.UNCHECKED), int(ExitCode.INTERRUPTED), None}:
        return ExitCode.FAILED
    if int(ExitCode.INTERRUPTED) in codes or None in codes:
        return ExitCode.INTERRUPTED
    return ExitCode.UNCHECKED if int(ExitCode.UNCHECKED) in codes else ExitCode.DONE


def doing_of(event: Mapping[str, Any]) -> str:
    """What a line of a command's JSON says that it is doing; empty where it says nothing of it."""
    kind = event.get("type")
    if kind == "PhaseChanged" and event.get("state") == State.RUNNING.value:
        return clean(str(event.get("title", "")))
    if kind == "TerraformChanged":
        return clean(str(event.get("line", "")))
    return ""


def end_of(document: Mapping[str, Any], words: Iterable[str]) -> str:
    """One line on how a target ended: its error, its result, or the last thing it said."""
    for key in ("what", "proof", "summary"):
        if isinstance(document.get(key), str) and document[key]:
            return clean(str(document[key]))
    return next((word for word in reversed([*words]) if word.strip()), "")


def _state(code: int) -> State:
    return next((state for known, state in _STATES.items() if int(known) == code), State.FAILED)
