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
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Run by path, from the folder that Terraform works in: this file's own is not where to import.
    sys.path[0] = str(Path(__file__).resolve().parents[3])


def print_keys() -> int:
    """Resolve the session's credentials and print them."""
    from wizard.services.aws.child_configuration import VARIABLE

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
    from wizard.core.secret import without_logins

    try:
        return print_keys() if words == ["keys"] else print_identity()
    except Exception as error:  # noqa: BLE001  # it has one reader, who sees text and a code
        sys.stderr.write(without_logins(f"{type(error).__name__}: {error}") + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
