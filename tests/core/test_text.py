"""Foreign text is made harmless; numbers are said one way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.text import clean, closest, count, duration, json_object


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", " [31mred [0m"),
        ("a\nb\tc\r", "a b c "),
        ("admin\u202etxt.exe", "admintxt.exe"),
        ("Größe 😀", "Größe 😀"),
    ],
)
def test_nothing_in_a_name_drives_the_terminal(text, shown):
    assert clean(text) == shown


@given(st.text())
def test_cleaned_text_has_no_control_characters(text):
    assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 for c in clean(text))


def test_long_text_is_cut_visibly():
    assert clean("x" * 1000, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (7.4, "7s"), (102, "1m 42s"), (7500, "2h 05m"), (-1, "0s")]
)
def test_durations_have_one_form(seconds, text):
    assert duration(seconds) == text


def test_counts_agree_with_their_noun():
    assert (count(1, "stage"), count(1204, "stage")) == ("1 stage", "1,204 stages")


def test_the_closest_names_are_offered():
    assert closest("oders", ["orders", "users", "payments"])[0] == "orders"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("[1]", {}),
        ("no JSON", {}),
        ('{"a":' + "[" * 100_000, {}),
        ('{"a":' * 100_000, {}),
        ('{"a":' + "9" * 10_000 + "}", {}),
    ],
)
def test_foreign_text_is_a_json_object_or_nothing(text: str, found: dict[str, int]) -> None:
    assert json_object(text) == found
