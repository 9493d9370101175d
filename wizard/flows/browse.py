"""What a person wants to pick from, and the first checks: reads the account, changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.core.answers import Answers
from wizard.core.errors import WizardError
from wizard.core.report import State

if TYPE_CHECKING:
    from wizard.core.facts import Api, HostedZone, Identity, Inventory, LogGroup, Network, Stage
    from wizard.core.secret import Secret
    from wizard.flows.context import Options
    from wizard.services.aws.session import Session

TIMEOUT = 5.0  # seconds for a host that may not answer
_DRAFT = "draft-answers.json"
_LOG = "wizard.log"


@dataclass(frozen=True)
class Check:
    """One line of a check: question, state, answer, and what to do when it is not good."""

    key: str
    question: str
    state: State = State.TODO
    answer: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Profile:
    """A profile of the AWS configuration. `kind` is `SSO`, `role`, `process` or `keys`."""

    name: str
    kind: str = ""
    detail: str = ""
    region: str = ""


class Lookup:
    """Reads for the screens. Keeps one AWS session per profile and Region, so that an MFA code is
    asked for once. Every method blocks.

    Args:
        ask_mfa: asked for a one-time code; gets the prompt's text.
        cache: folder for the last list of stages. By default the platform's; none for a local AWS,
            whose APIs are others each time.
    """

    def __init__(
        self,
        options: Options,
        ask_mfa: Callable[[str], str] | None = None,
        cache: Path | None = None,
    ) -> None:
        self.options = options
        self._cache = cache
        self.ask_mfa = ask_mfa
        self._sessions: dict[tuple[str, str], Session] = {}
        self._lock = threading.Lock()

    def session(self, answers: Answers) -> Session:
        """The session that these answers mean."""
        from wizard.services.aws.session import Session

        key = (answers.profile, answers.region)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = Session(*key, env=self.options.env, mfa=self._mfa)
            return self._sessions[key]

    def _mfa(self, prompt: str) -> str:
        if self.ask_mfa is None:
            raise WizardError("WAG-E-AWS-021", "Nobody can be asked for the MFA code")
        return self.ask_mfa(prompt)

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles of this user's AWS configuration, with how each gets its credentials."""
        from botocore.configloader import load_config
        from botocore.exceptions import BotoCoreError

        names = self.session(Answers()).profiles()
        path = self.options.env.get("AWS_CONFIG_FILE") or "~/.aws/config"
        try:
            sections = load_config(path).get("profiles", {})
        except BotoCoreError:  # profiles may be in the credentials file alone
            sections = {}
        return tuple(_profile(name, sections.get(name, {})) for name in names)

    def regions(self, answers: Answers) -> tuple[str, ...]:
        """Regions that have API Gateway."""
        return self.session(answers).regions()

    def identity(self, answers: Answers) -> Identity:
        """Who the credentials belong to, asked anew."""
        session = self.session(answers)
        session.renew()
        return session.identity()

    def sso_login(
        self, answers: Answers, show: Callable[[str, str], None], cancel: threading.Event
    ) -> None:
        """Log in with the AWS CLI, which keeps the login where boto3 and Terraform find it.

        Unverified against a real IAM Identity Center.
        """
        tool = shutil.which("aws", path=self.options.env.get("PATH"))
        flag = ["--profile", answers.profile] if answers.profile else []
        if tool is None:
            raise WizardError(
                "WAG-E-AWS-022",
                "The AWS CLI is not installed, so the login cannot be started from here",
                next_step=f"Log in where it is: aws sso login {' '.join(flag)}; then check again.",
            )
        process = subprocess.Popen(
            [tool, "sso", "login", "--no-browser", *flag],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(self.options.env),
            start_new_session=True,
        )
        watcher = threading.Thread(target=_stop_on, args=(process, cancel), daemon=True)
        watcher.start()
        said: list[str] = []
        url = code = ""
        for line in process.stdout or ():
            said.append(line.strip())
            url = next(iter(re.findall(r"https://\S+", line)), url)
            code = next(iter(re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", line)), code)
            if url:
                show(url, code)
        if process.wait() != 0:
            raise WizardError(
                "WAG-E-AWS-023",
                "The login was not finished",
                why=" ".join(part for part in said if part)[-600:],
                next_step=f"Try again, or run in another terminal: aws sso login {' '.join(flag)}",
            )
        self.session(answers).renew()

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        looking_for: Callable[[], str] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        """Every API and stage of the Region.

        Args:
            looking_for: words somebody filters by just now; APIs with these in their name or id
                are read first.
            on_cached: told the list of the last time and how many seconds old it is, before
                anything is read.
        """
        from wizard.services.aws import cache
        from wizard.services.aws.discovery import discover

        session = self.session(answers)
        identity = session.identity()
        folder = self._cache
        if folder is None and not self.options.env.get("AWS_ENDPOINT_URL"):
            folder = cache.default_folder()
        before = cache.load(identity, folder) if folder else None
        if before is not None and on_cached is not None:
            on_cached(before.inventory.stages, before.age)
        names: dict[str, str] = {}

        def known(apis: tuple[Api, ...]) -> None:
            names.update((api.api_id, f"{api.name} {api.api_id}".lower()) for api in apis)

        def wanted() -> list[str]:
            words = looking_for().lower().split() if looking_for else []
            return [i for i, name in names.items() if all(w in name for w in words)] * bool(words)

        found = discover(
            session, identity, on_batch=on_batch, on_apis=known, on_count=on_count, cancel=cancel,
            prefer=wanted,
        )  # fmt: skip
        if folder and not cancel.is_set():
            cache.save(found, folder)
        return found

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        """Every log group of the Region; filters are not looked up."""
        from wizard.services.aws.log_groups import list_log_groups

        return list_log_groups(self.session(answers))

    def networks(self, answers: Answers) -> tuple[Network, ...]:
        """VPCs with their subnets."""
        from wizard.services.aws.network import networks

        return networks(self.session(answers))

    def zones(self, answers: Answers) -> tuple[HostedZone, ...]:
        """Route 53 hosted zones."""
        from wizard.services.aws.network import hosted_zones

        return hosted_zones(self.session(answers))

    def check_token(self, answers: Answers, token: Secret) -> Check:
        """Valid, refused, or could not be checked: three different things."""
        from wizard.services.wallarm import check_token

        verdict = check_token(answers.wallarm_api_host, token, self.options.env)
        state = {"valid": State.DONE, "refused": State.FAILED}.get(
            str(verdict.state), State.UNCHECKED
        )
        word = {State.DONE: "valid", State.FAILED: "refused"}.get(state, "could not check")
        hint = "A token of the other cloud looks the same: is it US or EU?"
        return Check(
            "token",
            "Token",
            state,
            f"{word}: {verdict.detail}" if verdict.detail else word,
            hint if state is State.FAILED else "",
        )

    def check_node(self, answers: Answers) -> Check:
        """Whether an existing node answers from here. From inside a VPC it may all the same."""
        url = f"{answers.node_scheme}://{answers.node_url}/"
        problem = _reach(url)
        if not problem:
            return Check("node", "Node", State.DONE, f"{url} answers from this machine")
        return Check(
            "node",
            "Node",
            State.UNCHECKED,
            f"could not reach {url} from this machine: {problem}",
            "That is normal for a node inside a VPC. The proof at the end tells.",
        )

    def preflight(self, answers: Answers, on_check: Callable[[Check], None]) -> None:
        """The checks of the first screen, each told when it starts and when it ends."""
        plan: tuple[tuple[str, str, Callable[[], Check]], ...] = (
            ("terraform", "Terraform", self._terraform),
            ("identity", "AWS identity", lambda: self._identity(answers)),
            ("region", "Region", lambda: Check("region", "Region", State.DONE, answers.region)),
            ("permissions", "Permissions", lambda: self._permissions(answers)),
            ("cloud", "Wallarm Cloud", lambda: self._cloud(answers)),
            ("existing", "Earlier deployment", self._existing),
        )
        for key, question, _ in plan:
            on_check(Check(key, question))
        for key, question, look in plan:
            on_check(Check(key, question, State.RUNNING, "checking"))
            try:
                on_check(look())
            except WizardError as error:
                text = f"{error.what}. {error.why}".rstrip(". ") + "."
                on_check(Check(key, question, State.FAILED, text, error.next_step))

    def _terraform(self) -> Check:
        from wizard.services.terraform.binary import find_binary
        from wizard.services.terraform.mirror import find_source

        binary = find_binary(self.options.terraform, self.options.env)
        source = find_source(
            self.options.plugin_mirror,
            env=self.options.env,
            platform=binary.platform,
            host=binary.registry_host,
        )
        return Check(
            "terraform",
            "Terraform",
            State.DONE,
            f"{binary.flavor} {binary.version}, AWS provider from {source.explanation}",
        )

    def _identity(self, answers: Answers) -> Check:
        identity = self.session(answers).identity()
        name = f"{identity.alias} {identity.account_id}".strip()
        return Check("identity", "AWS identity", State.DONE, f"{name}, {identity.principal}")

    def _permissions(self, answers: Answers) -> Check:
        """A forecast: what is allowed here may still be refused by a policy nobody could see."""
        from wizard.core.policy import needs
        from wizard.services.aws.permissions import Verdict, check

        session = self.session(answers)
        identity = session.identity()
        wanted = needs(answers, "deploy", identity.account_id, identity.partition)
        found = check(session, wanted, identity)
        hint = "`wallarm-apigw iam-policy` prints what is needed; Review shows it too."
        if found.state is Verdict.ALLOWED:
            return Check("permissions", "Permissions", State.DONE, f"{found.asked} actions allowed")
        if found.state is Verdict.DENIED:
            actions = sorted({m.action for m in found.missing})
            text = f"{len(actions)} of {found.asked} actions are missing: {', '.join(actions[:3])}"
            text += " …" if len(actions) > 3 else ""
            return Check("permissions", "Permissions", State.WARNING, text, hint)
        return Check("permissions", "Permissions", State.UNCHECKED, found.reason, hint)

    def _cloud(self, answers: Answers) -> Check:
        host = answers.wallarm_api_host
        base = self.options.env.get("WALLARM_APIGW_CLOUD_URL") or f"https://{host}"
        problem = _reach(base)
        if not problem:
            return Check("cloud", "Wallarm Cloud", State.DONE, f"{host} answers")
        return Check(
            "cloud",
            "Wallarm Cloud",
            State.WARNING,
            f"{host} cannot be reached from here: {problem}",
            "The node needs it, this machine does not. Behind a proxy set HTTPS_PROXY.",
        )

    def _existing(self) -> Check:
        from wizard.flows.deployment import found_deployments

        found = [d for d in found_deployments(self.options) if d.resources]
        if not found:
            return Check("existing", "Earlier deployment", State.SKIPPED, "none on this machine")
        names = ", ".join(f"{d.name_prefix} in {d.region}" for d in found)
        return Check("existing", "Earlier deployment", State.DONE, names)


def draft_file(options: Options) -> Path:
    """Where answers are kept until the first deployment: they may be unfinished."""
    from wizard.services.workspace import data_dir

    return (options.workspace or data_dir()) / _DRAFT


def save_draft(options: Options, answers: Answers) -> Path:
    """Keep unfinished answers, 0600."""
    from wizard.services.files import private_dir, write_private

    path = draft_file(options)
    private_dir(path.parent)
    write_private(path, answers.to_json())
    return path


def load_draft(options: Options) -> dict[str, object]:
    """Unfinished answers of an earlier start; empty where there are none or they are unreadable."""
    try:
        data = json.loads(draft_file(options).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def drop_draft(options: Options) -> None:
    """They are deployed: the workspace holds them from now on."""
    draft_file(options).unlink(missing_ok=True)


def log_bug(options: Options, error: BaseException) -> str:
    """Append an unexpected failure to the wizard's log file, without secrets; returns the file.

    Empty where it cannot be written: the person has bigger problems then.
    """
    from wizard.core.redact import redact
    from wizard.services.files import private_dir
    from wizard.services.workspace import data_dir

    path = (options.workspace or data_dir()) / _LOG
    text = redact("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    stamp = datetime.now(timezone.utc).isoformat(timespec="seconds")
    try:
        private_dir(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{stamp}\n{text}\n")
    except (OSError, WizardError):
        return ""
    return str(path)


def _profile(name: str, section: dict[str, object]) -> Profile:
    region = str(section.get("region", ""))
    if "sso_session" in section or "sso_start_url" in section:
        detail = str(section.get("sso_session") or section.get("sso_start_url") or "")
        return Profile(name, "SSO", detail.removeprefix("https://"), region)
    if "role_arn" in section:
        return Profile(name, "role", str(section["role_arn"]), region)
    if "credential_process" in section:
        return Profile(name, "process", "", region)
    return Profile(name, "keys", "", region)


def _reach(url: str) -> str:
    """Why an address gives no HTTP answer at all; empty when it gives any."""
    import requests

    try:
        requests.head(url, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        return type(error).__name__
    return ""


def _stop_on(process: subprocess.Popen[str], cancel: threading.Event) -> None:
    while process.poll() is None:
        if cancel.wait(0.5):
            process.terminate()
            return
