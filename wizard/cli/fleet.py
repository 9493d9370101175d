"""`fleet`: one action for every target of a file."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.cli.console import Console, put
from wizard.cli.inputs import consent, interactive, load_answers, make_context, setting
from wizard.core.errors import ExitCode, UsageError
from wizard.core.events import State
from wizard.core.fleet import Fleet, Target, as_text, glance, matrix, parse_fleet
from wizard.core.text import clean, closest, count, duration
from wizard.services.files import whole_path
from wizard.services.tokens import read_token, take_environment

if TYPE_CHECKING:
    from wizard.flows.fleet import FleetRun, TargetRun

DISCOVER, MATRIX = "discover", "matrix"
_OF_ACTIONS = {
    "delete_logs": ("uninstall",),
    "undelivered": ("uninstall",),
    "at_most": ("install", "reconcile"),
}


def fleet(options: argparse.Namespace) -> int:
    """Read the file, run the action, and tell what became of each target."""
    from wizard.flows.fleet import ACTIONS

    env = take_environment()
    if options.words == [DISCOVER]:
        return _discover(options, env)
    if len(options.words) == 1 and options.words[0] not in (*ACTIONS, MATRIX) and interactive(env):
        return _home(options, env, Path(whole_path(options.words[0])))
    file, action, further = _words(options.words, (*ACTIONS, MATRIX))
    found = _read(file).only(options.only)
    if action == MATRIX:
        put(json.dumps(matrix(found, str(file), further or "reconcile"), indent=2), "json")
        return int(ExitCode.DONE)
    return _run(options, env, found, action)


def _run(options: argparse.Namespace, env: Mapping[str, str], found: Fleet, action: str) -> int:
    from wizard.flows.fleet import CHANGES, FleetRun, exit_code

    dry = setting(options, "dry_run", env)
    words = (*_handed_on(options, env), *_of_action(options, action))
    token = read_token(setting(options, "token_file", env), env)
    with Console(as_json=setting(options, "json", env)) as console:
        for target in found.targets:
            console.line(f"{target.name}: {target.place}")
        if action in CHANGES and not dry:
            consent(options, env, f"{action.capitalize()} {count(len(found.targets), 'target')}?")

        def tell(run: TargetRun) -> None:
            took = f" ({duration(run.seconds)})" if run.exit_code is not None else ""
            said = clean(run.doing) or glance(run.result, time.time()).line or run.state.value
            console.line(f"{run.target.name}: {said}{took}", run.state)

        job = FleetRun(
            found,
            action,
            env,
            options=words,
            concurrency=options.concurrency,
            token=token,
            on_change=tell,
        )
        with _Interrupts(lambda: stop_all(job, console)):
            runs = job.run()
        code = exit_code(runs)
        console.data(
            {"type": "Fleet", "action": action, "targets": [run.as_dict() for run in runs]}
        )
        done = sum(1 for run in runs if run.state is State.DONE)
        console.line(
            f"{action}: {done} of {count(len(runs), 'target')} done"
            + "".join(
                f"; {run.target.name}: exit code {run.exit_code}, log {run.log}"
                for run in runs
                if run.exit_code not in (0, None)
            ),
            State.DONE if code is ExitCode.DONE else State.WARNING,
        )
        return int(code)


def _home(options: argparse.Namespace, env: Mapping[str, str], file: Path) -> int:
    """The table of all targets; the Home of one is shown in its place, and then the table again."""
    from wizard.flows.fleet import FleetRun, Listener, open_target
    from wizard.ui.fleet import FleetApp, show

    found = _read(file).only(options.only)
    token = read_token(setting(options, "token_file", env), env)
    words = _handed_on(options, env)

    def start(fleet: Fleet, action: str, hear: Listener) -> FleetRun:
        return FleetRun(
            fleet,
            action,
            env,
            options=words,
            concurrency=options.concurrency,
            token=token,
            on_change=hear,
        )

    runs: dict[str, TargetRun] = {}
    look_at: tuple[str, ...] | None = None
    while True:
        opened = show(FleetApp(found, file.name, start, runs, look_at=look_at))
        if opened is None:
            return int(ExitCode.DONE)
        (target,) = found.only([opened]).targets
        open_target(target, env, token)
        look_at = (opened, *(t.name for t in found.targets if t.name not in runs))


def stop_all(job: FleetRun, console: Console) -> None:
    """Each target at work is asked once; whoever asked is told what happens now, and so again."""
    again, at_work = job.stopping, job.stop()
    if not at_work:
        console.line("Stopping: nothing is at work, and no further target is begun.", State.WARNING)
        return
    asked = "was asked already" if again else "is asked to stop after what it is doing right now"
    console.line(
        f"Stopping: {', '.join(at_work)} {asked}, and no further target is begun. A target whose "
        "Terraform is at work ends when its state is saved: that can take minutes.",
        State.WARNING,
    )


class _Interrupts:
    """Ctrl-C and SIGTERM ask every target at work to stop, each once; what is done stays done."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, lambda *_: self._stop())

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def _handed_on(options: argparse.Namespace, env: Mapping[str, str]) -> tuple[str, ...]:
    """Options of this command that are each target's as well."""
    words: list[str] = []
    for name in ("terraform", "plugin_mirror", "preflight"):
        value = setting(options, name, env)
        if value:
            words += [f"--{name.replace('_', '-')}", str(value)]
    if setting(options, "dry_run", env):
        words.append("--dry-run")
    return tuple(words)


def _of_action(options: argparse.Namespace, action: str) -> tuple[str, ...]:
    """Options that one action alone knows. Raises UsageError for one that this action has not."""
    words: list[str] = []
    for name, of in _OF_ACTIONS.items():
        value = getattr(options, name)
        if value in (None, False, ""):
            continue
        option = f"--{name.replace('_', '-')}"
        if action not in of:
            raise UsageError(
                "WAG-E-FLEET-006",
                f"{option} means nothing to `fleet FILE {action}`",
                why=f"It belongs to `fleet FILE {' or '.join(of)}`.",
                next_step="Leave it out, or choose the other action. Nothing was changed.",
            )
        words += [option] if value is True else [option, str(value)]
    return tuple(words)


def _words(words: list[str], actions: tuple[str, ...]) -> tuple[Path, str, str]:
    """File and action, in either order, and what `matrix` is to run. Raises UsageError."""
    named = [word for word in words if word in actions]
    files = [word for word in words if word not in actions]
    if len(files) == 1 and named and (len(named) == 1 or MATRIX in named):
        action = MATRIX if MATRIX in named else named[0]
        further = next((word for word in named if word != MATRIX), "")
        return Path(whole_path(files[0])), action, further
    near = next((n for word in files for n in closest(word, (*actions, DISCOVER))), "")
    raise UsageError(
        "WAG-E-FLEET-005",
        f"`fleet {' '.join(words)}` is not a file and an action",
        why=f"Actions: {', '.join(actions)}; or `fleet discover` alone. A file alone opens its "
        "table, in a terminal.",
        next_step=f"Did you mean {near}?" if near else "Write `wallarm-apigw fleet FILE status`.",
    )


def _read(path: Path) -> Fleet:
    try:
        return parse_fleet(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "WAG-E-FLEET-002",
            f"The fleet's file {path} cannot be read",
            why=getattr(error, "strerror", None) or str(error),
            next_step="Check the path, or print one with `wallarm-apigw fleet discover`.",
        ) from error


def _discover(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    """Print a fleet's file on standard output; what could not be read goes to the other one."""
    from wizard.flows.fleet import discover_fleet

    answers = load_answers(options, env, check=False)
    with Console() as console:
        context = make_context(options, env, console)
        targets: tuple[Target, ...] = discover_fleet(context, answers, options.role)
    sys.stdout.write(as_text(targets, {}))
    return int(ExitCode.DONE if targets else ExitCode.UNCHECKED)
