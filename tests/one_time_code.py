"""An AWS whose role needs a one-time code: STS as AWS behaves, in front of the local AWS.

The local AWS takes every code. Here a code is right once and never again, as it is there.
"""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from tests.relay import Relay, Reply, Request

DEVICE = "arn:aws:iam::123456789012:mfa/jane"
CONFIG = f"""
[profile source]
region = eu-central-1
[profile role]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = source
region = eu-central-1
[profile role-with-code]
role_arn = arn:aws:iam::123456789012:role/admin
source_profile = source
mfa_serial = {DEVICE}
region = eu-central-1
"""
CREDENTIALS = """
[source]
aws_access_key_id = AKIDSOURCE
aws_secret_access_key = source-secret
"""


class CodeGate(Relay):
    """`valid` are the codes that are right, each once; `seen` is every code that was sent."""

    def __init__(self, upstream: str, *valid: str) -> None:
        super().__init__(upstream)
        self.valid = list(valid)
        self.seen: list[str] = []

    def handle(self, request: Request, body: bytes) -> Reply | None:
        """Refuse a role that needs a code without a right one."""
        asked = urllib.parse.parse_qs(body.decode(errors="replace"))
        if asked.get("Action") != ["AssumeRole"] or asked["RoleArn"][0].endswith("/operator"):
            return request.forward(body)
        code = asked.get("TokenCode", [""])[0]
        self.seen.append(code)
        if code in self.valid and asked.get("SerialNumber") == [DEVICE]:
            self.valid.remove(code)
            return request.forward(body)
        words = "MultiFactorAuthentication failed with invalid MFA one time pass code."
        xml = f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{words}"
        xml += "</Message></Error></ErrorResponse>"
        return 403, [("Content-Type", "text/xml")], xml.encode()


def user(url: str, folder: Path) -> dict[str, str]:
    """The environment of a user with these profiles and no keys of their own."""
    (folder / "config").write_text(CONFIG)
    (folder / "credentials").write_text(CREDENTIALS)
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
    }
