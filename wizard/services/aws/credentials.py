"""Roles that need a one-time code: a person is asked once in a process, not once per session.

A code is good for one request. So the credentials that it brought are shared by every session of
this process, and while one session asks, the others wait for what it gets.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from wizard.services.files import expanded

REFUSED = "WAG-E-AWS-022"
ROLE_SESSION = "wallarm-apigw"  # as CloudTrail names who did it
ASKING = threading.RLock()
"""Held while the credentials of such a role are fetched."""
_WHOSE = ("HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL")
_held: dict[tuple[str, ...], dict[str, Any]] = {}
_assumed: dict[tuple[str, ...], dict[tuple[str, str], Any]] = {}


def needs_code(core: Any, profile: str) -> bool:
    """Whether this profile, or one that it draws its credentials from, names an MFA device.

    Args:
        core: botocore session.
        profile: empty means the default one.
    """
    profiles: Mapping[str, Mapping[str, Any]] = core.full_config["profiles"]
    settings = [profiles.get(name, {}) for name in profile_chain(profiles, profile or "default")]
    return any("role_arn" in one and one.get("mfa_serial") for one in settings)


def profile_chain(profiles: Mapping[str, Mapping[str, Any]], profile: str) -> tuple[str, ...]:
    """This profile, the one that it draws its credentials from, and so on; each once."""
    seen: list[str] = []
    while profile and profile not in seen:
        seen.append(profile)
        profile = str(profiles.get(profile, {}).get("source_profile", ""))
    return tuple(seen)


def source_profile(profiles: Mapping[str, Mapping[str, Any]], profile: str) -> str:
    """The last profile of that chain that there is; the first where there is no other."""
    known = [name for name in profile_chain(profiles, profile) if name in profiles]
    return known[-1] if known else profile


def share_code(
    core: Any, profile: str, env: Mapping[str, str], prompter: Callable[[str], str]
) -> None:
    """Have a botocore session ask with `prompter`, and keep what it gets for the next session."""
    # There is no public way to replace getpass, which would wait behind the screens.
    provider = core.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = prompter
    if needs_code(core, profile):
        provider.cache = _held.setdefault(_place(env), {})


def fetch_role_credentials(core: Any, profile: str) -> None:
    """Fetch the credentials of such a role now, one session at a time."""
    if needs_code(core, profile):
        with ASKING:
            credentials = core.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()


def assume_role(core: Any, source: Any, role_arn: str, region: str, env: Mapping[str, str]) -> None:
    """Have a botocore session act as a role, with credentials that renew themselves.

    Sessions of one process share them: each Region of an account is a session of its own.

    Args:
        core: the session that will be the role.
        source: botocore session whose credentials assume it.
        region: whose STS is asked.
    """
    from botocore.credentials import (
        AssumeRoleCredentialFetcher,
        CredentialProvider,
        CredentialResolver,
        DeferredRefreshableCredentials,
    )

    class Role(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Any:
            credentials = source.get_credentials()
            if credentials is None:
                return None
            fetcher = AssumeRoleCredentialFetcher(
                partial(source.create_client, region_name=region),
                credentials,
                role_arn,
                extra_args={"RoleSessionName": ROLE_SESSION},
            )
            made = DeferredRefreshableCredentials(fetcher.fetch_credentials, self.METHOD)
            whose = (role_arn, credentials.get_frozen_credentials().access_key)
            return _assumed.setdefault(_place(env), {}).setdefault(whose, made)

    core.register_component("credential_provider", CredentialResolver([Role()]))


def forget_code(env: Mapping[str, str]) -> None:
    """Have the code asked for again: what it brought is not accepted any more."""
    _held.pop(_place(env), None)
    _assumed.pop(_place(env), None)


def _place(env: Mapping[str, str]) -> tuple[str, ...]:
    """Whose roles: the configuration they are in, and the AWS that gave the credentials."""
    return tuple(env.get(name, "") for name in _WHOSE)


VARIABLE = "AWS_CREDENTIAL_EXPIRATION"
# What login tools write into a profile; seen in their documentation, unverified beyond that.
_KEYS = ("aws_expiration", "expiration", "x_security_token_expires")


def from_environment(env: Mapping[str, str]) -> datetime | None:
    """When the keys in the environment end; None where nothing says so."""
    return parse_expiry(env.get(VARIABLE, ""))


def from_profile(settings: Mapping[str, Any]) -> datetime | None:
    """When a profile's keys end, if the tool that wrote them noted it."""
    return next((end for key in _KEYS if (end := parse_expiry(str(settings.get(key, ""))))), None)


def of_sso_login(settings: Mapping[str, Any], cache: Path | None = None) -> datetime | None:
    """When the login behind an SSO profile ends; None where it renews itself or is not there.

    Args:
        settings: the profile's settings.
        cache: the AWS CLI's folder of logins; its usual place if None.
    """
    name = str(settings.get("sso_session") or settings.get("sso_start_url") or "")
    folder = cache or expanded("~/.aws/sso/cache")
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()  # the CLI's file name
    try:
        login = json.loads((folder / f"{digest}.json").read_text(encoding="utf-8"))
        return None if login.get("refreshToken") else parse_expiry(str(login.get("expiresAt", "")))
    except (OSError, ValueError, AttributeError):
        return None


def parse_expiry(text: str) -> datetime | None:
    """An ISO 8601 time as these sources write it; without a zone it is UTC. None for others."""
    try:
        # Python 3.10 does not read the Z.
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("UTC", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
