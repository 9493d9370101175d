"""The credentials of this product's session, for Terraform: a `credential_process` of our own.

Terraform's provider reads AWS's configuration in its own way, and where it understands less, or
something else, it would work in another account. So it gets a configuration that holds nothing but
this program, which resolves the user's own with botocore and prints keys. The provider calls it
again when they end.

`python helper.py keys FILE` prints keys as `credential_process` wants them (AWS CLI user guide,
"Sourcing credentials with an external process"); `python helper.py identity` says whose keys the
environment leads to. FILE holds which session it is, and no secret.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Run by path, from the folder that Terraform works in: this file's own is not where to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])

VARIABLE = "WALLARM_APIGW_AWS_SESSION"
"""In Terraform's environment: the AWS variables that the session was opened with, as JSON."""
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
    command = shlex.join([sys.executable, str(Path(__file__).resolve()), "keys"])
    return f"[default]\ncredential_process = {command}\n"


def child_command() -> list[str]:
    """What says, in a child's environment, whose keys it leads to."""
    return [sys.executable, str(Path(__file__).resolve()), "identity"]


def print_keys() -> int:
    """Resolve the session's credentials and print them."""
    given = json.loads(os.environ[VARIABLE])
    os.chdir(given["folder"])  # what a configuration names relatively is meant from there
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(given["env"])  # parts of botocore look at nothing else
    from wizard.services.aws.session import Session

    session = Session(given["profile"], given["region"], role_arn=given["role"])
    answer: dict[str, Any] = {"Version": 1, **session.read_keys()}
    sys.stdout.write(json.dumps(answer))
    return 0


def print_identity() -> int:
    """Say whom this environment makes of whoever runs in it."""
    import boto3

    answer = boto3.Session().client("sts").get_caller_identity()
    sys.stdout.write(json.dumps({"account": answer["Account"], "arn": answer["Arn"]}))
    return 0


def main(words: list[str]) -> int:
    """Run one of the two; what goes wrong is said on stderr in one line."""
    from wizard.core.redact import without_logins

    try:
        return print_keys() if words == ["keys"] else print_identity()
    except Exception as error:  # noqa: BLE001  # it has one reader, who sees text and a code
        sys.stderr.write(without_logins(f"{type(error).__name__}: {error}") + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
