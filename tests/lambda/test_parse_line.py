"""A line is read as it was meant, or given up; it never crashes and never takes a client's word."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).resolve().parents[2] / "lambda" / "cw-resend-lambda"
sys.path.insert(0, str(SOURCE))
from parse import ALIAS, KEYS, fields  # noqa: E402 - the forwarder is not a package

LINE = {key: f"value of {key}" for key in KEYS}


def rendered(values: dict[str, str]) -> str:
    """As API Gateway does it: values put in as they are."""
    return "{" + ",".join(f'"{k}":"{v}"' for k, v in values.items()) + "}"


def test_a_line_of_json_is_read() -> None:
    assert fields(json.dumps(LINE)) == LINE


def test_a_dash_is_absence() -> None:
    assert "errorMessage" not in (fields(json.dumps({**LINE, "errorMessage": "-"})) or {})


@pytest.mark.parametrize(
    "agent",
    [
        'ShopApp/4.2 (iPhone; "Kate\'s phone"; iOS 17.5)',
        'curl/8.5.0 {"not":"json"} \\ "quoted"',
        "back\\slash",
        "two\nlines",
        '"',
        '\\"',
        'ends with a quote"',
    ],
)
@pytest.mark.parametrize("key", ["userAgent", "errorMessage", "requestId"])
def test_a_value_put_in_as_it_is_is_repaired(key: str, agent: str) -> None:
    found = fields(rendered({**LINE, key: agent}))
    assert found is not None
    others = {k: v for k, v in found.items() if k != key}
    assert others == {k: v for k, v in LINE.items() if k != key}
    # A backslash before a quote may be the client's or the escaping; both readings are honest.
    assert found[key] in (agent, agent.replace('\\"', '"'))


@pytest.mark.parametrize("tail", ['","path":"/evil', '","path":"/evil","x":"', '","status":"200'])
def test_a_client_that_writes_a_key_into_its_user_agent_is_given_up(tail: str) -> None:
    assert fields(rendered({**LINE, "userAgent": "agent" + tail})) is None


def test_our_alias_wins_over_a_users_key_of_the_same_name() -> None:
    line = {**LINE, "status": "theirs", f"{ALIAS}status": "200"}
    assert (fields(json.dumps(line)) or {})["status"] == "200"


def test_a_users_own_keys_are_left_out_and_do_no_harm() -> None:
    text = rendered({"caller": "x", **LINE, "extra": "y"}).replace("value of userAgent", 'a"b')
    found = fields(text)
    assert found is not None
    assert found["userAgent"] == 'a"b'
    assert set(found) == set(KEYS)


@given(st.text())
def test_no_text_makes_it_crash(text: str) -> None:
    found = fields(text)
    assert found is None or set(found) <= set(KEYS)


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_client_sends_no_other_field_changes(agent: str, error: str) -> None:
    found = fields(rendered({**LINE, "userAgent": agent, "errorMessage": error}))
    if found is not None:
        free = ("userAgent", "errorMessage")
        others = {k: v for k, v in found.items() if k not in free}
        assert others == {k: v for k, v in LINE.items() if k not in free}
