"""What Terraform gets instead of the user's AWS configuration: one that asks `helper.py` for keys.

Terraform's provider reads AWS's configuration in its own way, and where it understands less, or
something else, it would work in another account.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "WALLARM_APIGW_AWS_SESSION"
"""In Terraform's environment: the AWS variables that the session was opened with, as JSON."""
_HELPER = Path(__file__).resolve().with_name("helper.py")


_PATHS = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_CA_BUNDLE",
)


def describe_session(profile: str, region: str, role_arn: str, env: Mapping[str, str]) -> str:
    """What the helper needs to open the same session: for the variable. Paths are absolute."""
    from wizard.services.files import expanded

    own = {name: value for name, value in env.items() if name.startswith("AWS_") and value}
    for name in _PATHS:
        if name in own and own[name] != os.devnull:
            own[name] = str(expanded(own[name]).absolute())
    return json.dumps(
        {
            "profile": profile,
            "region": region,
            "role": role_arn,
            "folder": str(Path.cwd()),
            "env": own,
        }
    )


def configuration_text() -> str:
    """An AWS configuration whose default profile asks this helper."""
    command = shlex.join([sys.executable, str(_HELPER), "keys"])
    return f"[default]\ncredential_process = {command}\n"


def child_command() -> list[str]:
    """What says, in a child's environment, whose keys it leads to."""
    return [sys.executable, str(_HELPER), "identity"]
