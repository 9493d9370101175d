"""What looks like a credential never survives redaction; what does not stays readable."""

from __future__ import annotations

import json
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.secret import redact

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


PRIVATE_KEY = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + ("MIIEowIBAAKC" * 5 + "abcd\n") * 3
    + "Qx7lastline\n-----END RSA PRIVATE KEY-----\n"
)
SECRET_KEY = "wJ4rXUtnFEMI/K7MDENG+bPxRfiCYplantedKEYs"


@given(
    TOKENS,
    st.sampled_from(
        [
            "--token={}",
            "DEPLOY_TOKEN={}",
            "https://api.example/x?token={}&a=1",
            "https://api.example/v1/node/{}",
            "{}==",
            "abc{}",
        ]
    ),
)
def test_a_wallarm_token_never_survives_wherever_it_is_glued_to(token: str, text: str) -> None:
    assert token not in redact(text.format(token))


@given(TOKENS)
def test_a_percent_encoded_token_never_survives(token: str) -> None:
    encoded = token.replace("+", "%2B").replace("/", "%2F")
    assert encoded not in redact(f"GET /?key={encoded}&a=1")


@given(
    st.text(string.ascii_letters + string.digits + ",;& \\\"'", min_size=12),
    st.sampled_from(["SecretAccessKey", "password", "X-WallarmApi-Token", "Cookie", "x-api-key"]),
    st.integers(min_value=1, max_value=3),
)
def test_json_inside_json_hides_no_credential(secret: str, name: str, depth: int) -> None:
    text: object = {name: secret + "~tail~"}
    for _ in range(depth):
        text = json.dumps({"@message": text} if isinstance(text, str) else text)
    assert "~tail~" not in redact(str(text))


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize(("first", "last"), [(0, 9), (0, 4), (2, 9), (2, 4)])
def test_a_private_key_cut_off_anywhere_never_survives(first: int, last: int, depth: int) -> None:
    lines = PRIVATE_KEY.splitlines()[first:last]
    text = "\n".join(lines)
    if depth:
        text = json.dumps(text)[1:-1]
    assert "Qx7lastline" not in redact(text)
    assert "MIIEowIBAAKC" not in redact(text)


def test_a_secret_key_without_its_name_never_survives() -> None:
    assert SECRET_KEY not in redact(f"said {SECRET_KEY}, then went")


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("hunter2secret", "HTTPS_PROXY=http://joe:hunter2secret@proxy:8080"),
        ("hunter2@secret", "via http://joe:hunter2@secret@proxy:8080/"),
        ("0123456789abcdef" * 4, "https://b/x?X-Amz-Signature=" + "0123456789abcdef" * 4),
        ("ASIAQ3ZX7PLM2VK9TR5N", "Credential%3DASIAQ3ZX7PLM2VK9TR5N%2F20260101"),
        ("tail9X", 'password="head,tail9X"'),
        ("tail9X", 'password="head tail9X'),
        ("response9", 'Authorization: Digest username="joe", response="response9"'),
    ],
)
def test_credentials_in_addresses_and_headers_never_survive(secret: str, text: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        '"' * 200_000,
        "password" + "\\" * 200_000,
        'password="' * 20_000,
        "cookie='a\"" * 20_000,
        "://a:" * 40_000,
        "-----BEGIN PRIVATE KEY-----" * 8_000,
        "A" * 200_000 + "-----END PRIVATE KEY-----",
        "token:   " * 20_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.perf_counter()
    redact(text)
    assert time.perf_counter() - began < 3


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
        "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role\n"
        "arn:aws:iam::123456789012:role/AmazonEC2ContainerServiceforEC2Role\n"
        "WAG-API-002: Is the Wallarm token stored? wallarm_api_token_ssm_parameter = /w/a/token\n"
        "https://10.0.0.1:8443/path?x=1 code_sha256=" + "Zm9vYmFy" * 5 + "abc=\n"
        "vpc-0123456789abcdef0 requestId 5c1f0d0e-0000-4000-8000-000000000000"
    )
    assert redact(text) == text
