"""What looks like a credential never survives redaction; what does not stays readable."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.redact import redact

BASE64 = string.ascii_letters + string.digits + "+/"
# Two alphabets, so that it is no SHA-256 sum.
TOKENS = st.text(BASE64, min_size=62, max_size=62).map(lambda text: "Z+" + text)
SECRET_KEYS = st.text(BASE64, min_size=40, max_size=40)
KEY_IDS = st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16).map(
    lambda text: "AKIA" + text
)
AROUND = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters=BASE64 + "="))


@given(AROUND, TOKENS, AROUND)
def test_a_wallarm_token_never_survives(before: str, token: str, after: str) -> None:
    assert token not in redact(f"{before} {token} {after}")


@given(AROUND, KEY_IDS, AROUND)
def test_an_aws_key_id_never_survives(before: str, key: str, after: str) -> None:
    assert key not in redact(f"{before} {key} {after}")


@given(SECRET_KEYS)
def test_a_secret_key_behind_its_name_never_survives_in_any_spelling(secret: str) -> None:
    for text in (
        f"AWS_SECRET_ACCESS_KEY={secret}",
        f"export AWS_SECRET_ACCESS_KEY='{secret}'",
        f"aws_secret_access_key = {secret}",
        json.dumps({"SecretAccessKey": secret}),
        json.dumps({"aws_session_token": secret}, indent=2),
        repr({"password": secret}),
    ):
        assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def.ghi",
        "authorization: AWS4-HMAC-SHA256 Credential=AKIA/20260101, Signature=abc.def.ghi",
        '{"Authorization": "Basic abc.def.ghi"}',
        "X-WallarmApi-Token: abc.def.ghi",
    ],
)
def test_a_header_with_a_credential_is_blanked(text: str) -> None:
    assert "abc.def.ghi" not in redact(text)


def test_what_helps_to_help_stays() -> None:
    text = (
        "arn:aws:lambda:us-east-1:123456789012:function:wallarm-cw-resend-0a1b2c3d\n"
        "sha256:" + "0123456789abcdef" * 4 + "\n"
        "vpc-0123456789abcdef0 requestId 5c1f0d0e-0000-4000-8000-000000000000"
    )
    assert redact(text) == text
