"""The profiles of a user's AWS configuration, and the login with IAM Identity Center."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from wizard.core.errors import WizardError
from wizard.services.aws.credentials import source_profile
from wizard.services.tokens import for_child


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
