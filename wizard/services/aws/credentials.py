"""Roles that need a one-time code: a person is asked once in a process, not once per session.

A code is good for one request. So the credentials that it brought are shared by every session of
this process, and while one session asks, the others wait for what it gets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

REFUSED = "WAG-E-AWS-022"
NOT_GIVEN = "WAG-E-AWS-021"
ASKING = threading.RLock()
"""Held while the credentials of such a role are fetched."""
_WHOSE = ("HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL")
_held: dict[tuple[str, ...], dict[str, Any]] = {}


def needs_code(core: Any, profile: str) -> bool:
    """Whether this profile, or one that it draws its credentials from, names an MFA device.

    Args:
        core: botocore session.
        profile: empty means the default one.
    """
    profiles: Mapping[str, Mapping[str, Any]] = core.full_config["profiles"]
    profile = profile or "default"
    seen: set[str] = set()
    while profile and profile not in seen:
        seen.add(profile)
        settings = profiles.get(profile, {})
        if "role_arn" in settings and settings.get("mfa_serial"):
            return True
        profile = str(settings.get("source_profile", ""))
    return False


def share(core: Any, profile: str, env: Mapping[str, str], prompter: Callable[[str], str]) -> None:
    """Have a botocore session ask with `prompter`, and keep what it gets for the next session."""
    # There is no public way to replace getpass, which would wait behind the screens.
    provider = core.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = prompter
    if needs_code(core, profile):
        provider.cache = _held.setdefault(_place(env), {})


def settle(core: Any, profile: str) -> None:
    """Fetch the credentials of such a role now, one session at a time."""
    if needs_code(core, profile):
        with ASKING:
            credentials = core.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()


def forget(env: Mapping[str, str]) -> None:
    """Have the code asked for again: what it brought is not accepted any more."""
    _held.pop(_place(env), None)


def _place(env: Mapping[str, str]) -> tuple[str, ...]:
    """Whose roles: the configuration they are in, and the AWS that gave the credentials."""
    return tuple(env.get(name, "") for name in _WHOSE)
