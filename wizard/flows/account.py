"""The account as a person meets it: profiles and login, and what there is to pick from.

Reads the account and changes nothing; a login with IAM Identity Center is the AWS CLI's own.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.flows.preflight import Preflight
from wizard.services.aws.credentials import source_profile
from wizard.services.forwarder_packages import find_downloads
from wizard.services.tokens import for_child

if TYPE_CHECKING:
    from wizard.core.facts import (
        Api,
        Certificate,
        HostedZone,
        Identity,
        Inventory,
        LogGroup,
        Network,
        Stage,
    )
    from wizard.flows.context import Options
    from wizard.services.aws.regions import RegionApis
    from wizard.services.aws.session import Session


@dataclass(frozen=True)
class Profile:
    """A profile of the AWS configuration. `kind` is `SSO`, `role`, `process` or `keys`.

    A role whose credentials come from a profile with SSO is `SSO`, too: that login is its own.
    """

    name: str
    kind: str = ""
    detail: str = ""
    region: str = ""


def profiles(env: Mapping[str, str], names: Iterable[str]) -> tuple[Profile, ...]:
    """These profiles, with how each gets its credentials."""
    sections = _sections(env)
    return tuple(_profile(name, sections) for name in names)


def _sections(env: Mapping[str, str]) -> Mapping[str, Mapping[str, object]]:
    from botocore.configloader import load_config
    from botocore.exceptions import BotoCoreError

    try:
        found: Mapping[str, Mapping[str, object]] = load_config(
            env.get("AWS_CONFIG_FILE") or "~/.aws/config"
        ).get("profiles", {})
    except BotoCoreError:  # profiles may be in the credentials file alone
        return {}
    return found


def sso_login(
    env: Mapping[str, str],
    profile: str,
    show: Callable[[str, str], None],
    cancel: threading.Event,
) -> None:
    """Log in with the AWS CLI, which keeps the login where boto3 and Terraform find it.

    Unverified against a real IAM Identity Center.
    """
    profile = source_profile(_sections(env), profile)
    tool = shutil.which("aws", path=env.get("PATH"))
    flag = ["--profile", profile] if profile else []
    named = f" {shlex.join(flag)}" if flag else ""
    if tool is None:
        raise WizardError(
            "WAG-E-AWS-025",
            "The AWS CLI is not installed, so the login cannot be started from here",
            next_step=f"Log in where it is: `aws sso login{named}`; then check again.",
        )
    process = subprocess.Popen(
        [tool, "sso", "login", "--no-browser", *flag],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=for_child(env),
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
            next_step=f"Try again, or run it in another terminal: `aws sso login{named}`.",
        )


def _profile(name: str, sections: Mapping[str, Mapping[str, object]]) -> Profile:
    section = sections.get(name, {})
    region = str(section.get("region", ""))
    login = sections.get(source_profile(sections, name), {})
    if "sso_session" in login or "sso_start_url" in login:
        detail = str(
            section.get("role_arn") or login.get("sso_session") or login.get("sso_start_url") or ""
        )
        return Profile(name, "SSO", detail.removeprefix("https://"), region)
    if "role_arn" in section:
        return Profile(name, "role", str(section["role_arn"]), region)
    if "credential_process" in section:
        return Profile(name, "process", "", region)
    return Profile(name, "keys", "", region)


def _stop_on(process: subprocess.Popen[str], cancel: threading.Event) -> None:
    while process.poll() is None:
        if cancel.wait(0.5):
            process.terminate()
            return


class Lookup:
    """Reads for the screens. Keeps one AWS session per profile and Region, so that an MFA code is
    asked for once. Every method blocks.

    Args:
        ask_mfa: asked for a one-time code; gets the prompt's text.
        tell: gets a sentence where the user's credential helper takes its time.
        cache: folder for the last list of stages. By default the platform's; none for a local AWS,
            whose APIs are others each time.
    """

    def __init__(
        self,
        options: Options,
        ask_mfa: Callable[[str], str] | None = None,
        cache: Path | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._tell = tell
        self.options = options
        self._cache = cache
        self._ask_mfa = ask_mfa
        self._sessions: dict[tuple[str, str, str], Session] = {}
        self._lock = threading.Lock()
        self.checks = Preflight(options, self.session)

    def session(self, answers: Answers) -> Session:
        """The session that these answers mean."""
        from wizard.services.aws.session import Session

        key = (answers.profile, answers.region, answers.role_arn)
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = Session(
                    answers.profile,
                    answers.region,
                    env=self.options.env,
                    mfa=self._ask_mfa,
                    role_arn=answers.role_arn,
                    tell=self._tell,
                )
            return self._sessions[key]

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles of this user's AWS configuration, with how each gets its credentials."""
        return profiles(self.options.env, self.session(Answers()).profiles())

    def bundles(self) -> tuple[str, ...]:
        """Downloads on this machine that look like Wallarm's forwarder, newest first."""
        return tuple(str(path) for path in find_downloads(self.options.env))

    def regions(self, answers: Answers) -> tuple[str, ...]:
        """Regions that have API Gateway."""
        return self.session(answers).regions()

    def count_regions(
        self, answers: Answers, on_region: Callable[[RegionApis], None]
    ) -> tuple[RegionApis, ...]:
        """APIs and connected stages of each Region; `on_region` is told from several threads."""
        from wizard.flows.context import Context
        from wizard.flows.stages.connect import count_regions

        context = Context(self.options, lambda _: None, ask_code=self._ask_mfa)
        return count_regions(context, answers, on_region)

    def identity(self, answers: Answers) -> Identity:
        """Who the credentials belong to, asked anew."""
        session = self.session(answers)
        session.renew()
        return session.identity()

    def sso_login(
        self, answers: Answers, show: Callable[[str, str], None], cancel: threading.Event
    ) -> None:
        """Log in with the AWS CLI, which keeps the login where boto3 and Terraform find it."""
        sso_login(self.options.env, answers.profile, show, cancel)
        self.session(answers).renew()

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        priority: Callable[[Api], Any] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        """Every API and stage of the Region.

        Args:
            priority: which API is read next, see `discovery.reading_order`, which is the default.
            on_cached: told the list of the last time and how many seconds old it is, before
                anything is read.
        """
        from wizard.services.aws import discovery as cache
        from wizard.services.aws.discovery import discover, reading_order

        session = self.session(answers)
        identity = session.identity()
        folder = self._cache
        if folder is None and not self.options.env.get("AWS_ENDPOINT_URL"):
            folder = cache.default_folder()
        before = cache.load_inventory(identity, folder) if folder else None
        if before is not None and on_cached is not None:
            on_cached(before.inventory.stages, before.age)
        found = discover(
            session,
            identity,
            on_batch=on_batch,
            on_count=on_count,
            cancel=cancel,
            priority=priority or reading_order,
        )
        if folder and not cancel.is_set():
            cache.save_inventory(found, folder)
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

    def certificates(self, answers: Answers) -> tuple[Certificate, ...]:
        """Issued certificates of the Region, for whatever names."""
        from wizard.services.aws.network import certificates

        return certificates(self.session(answers))
