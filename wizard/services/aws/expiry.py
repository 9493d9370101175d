"""When credentials end, as their sources say it: the environment, a credentials file, SSO's login.

botocore keeps the end of what it fetched itself. The rest is written down in places it does not
look at: `aws configure export-credentials` and `aws-vault` set AWS_CREDENTIAL_EXPIRATION, login
tools write an expiry beside the keys, and an SSO login ends on its own, whatever the keys made from
it say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

VARIABLE = "AWS_CREDENTIAL_EXPIRATION"
# What login tools write into a profile; seen in their documentation, unverified beyond that.
_KEYS = ("aws_expiration", "expiration", "x_security_token_expires")


def from_environment(env: Mapping[str, str]) -> datetime | None:
    """When the keys in the environment end; None where nothing says so."""
    return parse(env.get(VARIABLE, ""))


def from_profile(settings: Mapping[str, Any]) -> datetime | None:
    """When a profile's keys end, if the tool that wrote them noted it."""
    return next((end for key in _KEYS if (end := parse(str(settings.get(key, ""))))), None)


def of_sso_login(settings: Mapping[str, Any], cache: Path | None = None) -> datetime | None:
    """When the login behind an SSO profile ends; None where it renews itself or is not there.

    Args:
        settings: the profile's settings.
        cache: the AWS CLI's folder of logins; its usual place if None.
    """
    name = str(settings.get("sso_session") or settings.get("sso_start_url") or "")
    folder = cache or Path("~/.aws/sso/cache").expanduser()
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()  # the CLI's file name
    try:
        login = json.loads((folder / f"{digest}.json").read_text(encoding="utf-8"))
        return None if login.get("refreshToken") else parse(str(login.get("expiresAt", "")))
    except (OSError, ValueError, AttributeError):
        return None


def parse(text: str) -> datetime | None:
    """An ISO 8601 time as these sources write it; without a zone it is UTC. None for others."""
    try:
        # Python 3.10 does not read the Z.
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("UTC", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
