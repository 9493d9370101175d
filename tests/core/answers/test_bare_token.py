"""What comes along when a token is copied is taken off; what is no token is still refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wizard.core.answers.rules import bare_token, token_problem
from wizard.core.environment import TOKEN as NAME
from wizard.core.environment import is_token, unread

TOKEN = "Ab0+/z" * 10 + "Wxyz"


@pytest.mark.parametrize(
    "copied",
    [
        TOKEN,
        f"  {TOKEN}\r\n",
        f"\ufeff{TOKEN}",
        f"\u200b{TOKEN[:20]}\u200d{TOKEN[20:]}\u2060",
        f"\u00a0{TOKEN}\u00a0",
        f"{TOKEN[:40]}\n  {TOKEN[40:]}",
        f'"{TOKEN}"',
        f"'{TOKEN}'",
        f"`{TOKEN}`",
        f"\u201c{TOKEN}\u201d",
        f"\u00ab {TOKEN} \u00bb",
        f"WALLARM_API_TOKEN={TOKEN}",
        f'export WALLARM_API_TOKEN="{TOKEN}"',
        f"set WALLARM_API_TOKEN={TOKEN}",
        f'$env:WALLARM_API_TOKEN = "{TOKEN}"',
        f'"WALLARM_API_TOKEN": "{TOKEN}",',
        f"token: {TOKEN}",
        f"X-WallarmApi-Token: {TOKEN}",
        f"Authorization: Bearer {TOKEN}",
        f"{TOKEN};",
    ],
)
def test_the_token_is_found_in_what_was_copied(copied: str) -> None:
    assert bare_token(copied) == TOKEN


@pytest.mark.parametrize(
    "text", ["", "''", f"{TOKEN}{TOKEN}", TOKEN[:-1], f"{TOKEN}é"[1:], "WALLARM_API_TOKEN="]
)
def test_what_is_no_token_stays_refused(text: str) -> None:
    assert token_problem(bare_token(text))


@given(st.text())
@example("A 0:")
def test_taking_off_twice_takes_off_no_more(text: str) -> None:
    assert bare_token(bare_token(text)) == bare_token(text)


@given(st.from_regex(r"[A-Za-z0-9+/]{64}", fullmatch=True))
def test_no_token_loses_anything(token: str) -> None:
    assert bare_token(token) == token


@pytest.mark.parametrize(
    "name",
    ["WALLARM_TOKEN", "WALLARM_APIGW_TOKEN", "WALLARM_APIGW_API_TOKEN", "WALLARM_NODE_TOKEN",
     "WALLARM_API_KEY", "WALLARMAPITOKEN", "wallarm_api_token", "WALLARM_API_TOKE",
     "WALARM_API_TOKEN", "TF_VAR_wallarm_api_token", "WALLARM_DEPLOY_TOKEN"],
)  # fmt: skip
def test_a_misnamed_token_is_told_the_right_name_and_kept_from_children(name: str) -> None:
    (said,) = unread({name: TOKEN})
    assert said == f"The environment variable {name} has no effect: did you mean {NAME}?"
    assert is_token(name)


@pytest.mark.parametrize("name", ["WALLARM_API_TOKEN_FILE", "WALLARM_TOKEN_FILE"])
def test_a_misnamed_token_file_is_told_its_name(name: str) -> None:
    (said,) = unread({name: "/run/secrets/token"})
    assert said.endswith("did you mean WALLARM_APIGW_TOKEN_FILE?")
    assert not is_token(name)


@pytest.mark.parametrize(
    "name", ["WALLARM_API_HOST", "WALLARM_LABELS", "GITHUB_TOKEN", "AWS_SESSION_TOKEN", "API_TOKEN"]
)
def test_what_other_tools_read_is_none_of_our_business(name: str) -> None:
    assert unread({name: "x"}) == ()
    assert not is_token(name)


def test_an_empty_one_is_no_slip() -> None:
    assert unread({"WALLARM_APIGW_REGOIN": "", "WALLARM_TOKEN": " "}) == ()
