"""An address is shown without anything that stands before its last @."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.secret import host_of, without_logins

SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), min_size=1
)


@given(user=SECRETS, password=SECRETS)
def test_no_password_shows_whatever_it_holds(user: str, password: str) -> None:
    shown = host_of(f"http://{user}:{password}@proxy.example:3128/path")
    assert shown in ("http://proxy.example:3128", "")
    text = without_logins(f"cannot reach http://{user}:{password}@proxy.example:3128 today")
    assert text == "cannot reach http://proxy.example:3128 today"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("proxy:3128", "proxy:3128"),
        ("jane:hunter2@proxy", "proxy"),
        ("https://[::1]:8000/x", "https://[::1]:8000"),
        ("http://jane:hunter2@", ""),
        ("http://jane:hunter2@:port", ""),
        ("http://ex ample", ""),
        ("", ""),
    ],
)
def test_what_is_shown_of_an_address(address: str, shown: str) -> None:
    assert host_of(address) == shown


@given(st.text())
def test_a_text_without_an_address_stays_as_it_is(text: str) -> None:
    if "//" not in text:
        assert without_logins(text) == text
