"""Known secrets leave a bundle in whatever spelling they were written."""

from __future__ import annotations

import base64
import json
import string
import urllib.parse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.secret import cleaned, known_secrets

SECRETS = st.text(string.ascii_letters + string.digits + "+/=", min_size=12, max_size=64)
AROUND = st.binary(max_size=8)

WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda s: f"x{s}y",
    "JSON": lambda s: json.dumps({"a": s}),
    "JSON with escaped slashes": lambda s: json.dumps({"a": s}).replace("/", "\\/"),
    "percent-encoded": lambda s: urllib.parse.quote(s, safe=""),
    "percent-encoded in lower case": lambda s: (
        urllib.parse.quote(s, safe="").lower()
        if s.islower()
        else "".join(f"%{ord(c):02x}" if c in "+/=" else c for c in s)
    ),
    "form": lambda s: urllib.parse.urlencode({"token": s}),
    "hex": lambda s: s.encode().hex(),
    "HEX": lambda s: s.encode().hex().upper(),
}


@pytest.mark.parametrize("way", WAYS)
@given(SECRETS)
def test_no_spelling_survives(way: str, secret: str) -> None:
    text = WAYS[way](secret)
    out = cleaned({"log": f"before {text} after"}, known_secrets({"WALLARM_API_TOKEN": secret}))
    assert text not in out["log"]
    assert secret not in out["log"]


@given(SECRETS, AROUND, AROUND)
def test_base64_of_something_around_it_does_not_hold_it(
    secret: str, before: bytes, after: bytes
) -> None:
    secrets = known_secrets({"AWS_SECRET_ACCESS_KEY": secret})
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(before + secret.encode() + after).decode()
        out = cleaned({"log": f"user data: {text}"}, secrets)
        assert text not in out["log"]


def test_what_is_short_would_blank_out_words_and_stays() -> None:
    assert known_secrets({"AWS_ACCESS_KEY_ID": "test"}) == ()
