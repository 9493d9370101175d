"""The shortest honest way: Next asks only what has no good default, and Review lists the rest."""

from __future__ import annotations

import dataclasses

import pytest
from textual.events import Paste

from tests.ui.acting import READY, SIZES, Session, wizard
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import TOKEN, Script
from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.facts import Network
from wizard.flows.preflight import FirstCheck
from wizard.ui.widgets.tree import TreeRows


async def paste(w: Session, text: str) -> None:
    w.app.post_message(Paste(text))
    await settle(w.pilot)


@SIZES
async def test_five_keys_and_one_paste_lead_from_the_first_screen_to_deploying_one_stage(
    size: tuple[int, int],
) -> None:
    keys = []

    async def press(w: Session, key: str) -> None:
        keys.append(key)
        await w.press(key)

    async with wizard(size=size) as w:
        await press(w, "enter")
        assert w.app.session.at == "stages"
        await press(w, "space")
        await press(w, "ctrl+n")
        assert w.app.session.at == "wallarm"
        await paste(w, f"{TOKEN}\n")
        await press(w, "ctrl+n")
        assert w.app.session.at == "review"
        await until(w.pilot, lambda: "Deploy 39 resources" in w.text)
        await press(w, "ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        assert "deploy" in w.product.calls
        assert w.app.deployment_run.now.error is None
    assert len(keys) <= 5


async def test_with_the_token_in_the_environment_four_keys_are_enough() -> None:
    script = Script(hostile=False, token_state=State.DONE)
    async with wizard(script=script, token=True) as w:
        await w.press("enter", "space", "ctrl+n")
        assert w.app.session.at == "review"
        assert "EU Cloud" in w.text, "which Cloud it is for was assumed, and is told"
        assert TOKEN not in w.text


@pytest.mark.parametrize("verdict", [State.FAILED, State.UNCHECKED])
async def test_a_token_that_was_not_found_good_is_a_question(verdict: State) -> None:
    script = Script(hostile=False, token_state=verdict)
    async with wizard(script=script, token=True) as w:
        await w.press("enter", "space", "ctrl+n")
        assert w.app.session.at == "wallarm"
        assert "Asked because the" in w.text


async def test_what_was_assumed_is_on_the_review_a_key_away_from_its_screen() -> None:
    async with wizard("stages", answers=READY, token=True) as w:
        await w.press("ctrl+n", "ctrl+n")
        assert w.app.session.at == "review"
        for words in ("default credentials, Region us-east-1", "new log group, kept 14 days",
                      "1 × t3.medium", "api-gw-discovery, no alarms"):  # fmt: skip
            assert words in w.text
        for number, step in ((2, "aws"), (4, "logs"), (6, "node"), (7, "options")):
            w.app.go("review")
            await w.press(str(number))
            assert w.app.session.at == step
            w.app.session.seen.discard(step)
        w.app.go("review")
        await settle(w.pilot)
        tree = w.app.screen.query_one(TreeRows)
        row = next(n for n, line in enumerate(tree.lines) if line.key == "step aws")
        await w.press("home", *["down"] * row, "enter")
        assert w.app.session.at == "aws", "Enter on its line does the same"


async def test_back_reaches_every_question_that_was_passed_over() -> None:
    async with wizard("stages", answers=READY, token=True) as w:
        await w.press("ctrl+n", "ctrl+n")
        way = []
        while w.app.session.at != "welcome":
            way.append(w.app.session.at)
            await w.press("escape")
            if w.app.session.at == way[-1]:  # out of the field first
                await w.press("escape")
        assert way == ["review", "options", "node", "wallarm", "logs", "stages", "aws"]


async def test_the_sidebar_shows_what_was_passed_over_as_default_and_what_was_given() -> None:
    answers = dataclasses.replace(READY, node_count=3)
    async with wizard("stages", answers=answers, size=(120, 36)) as w:
        assert w.text.count("  default") == 3
        assert "Node  given" in w.text
        assert "3 × t3.medium" in w.text
        await w.press("6")
        assert w.app.session.at == "node"
        await w.press("escape", "escape")
        assert "Node  given" not in w.text, "now it was looked at"


async def test_the_full_walk_is_a_key_away_and_asks_every_question() -> None:
    async with wizard() as w:
        await w.press("a")
        assert w.app.session.at == "aws"
        await w.press("ctrl+n", "space", "ctrl+n")
        assert w.app.session.at == "logs"
        assert "default\n" not in w.text
        await w.press("ctrl+n")
        assert w.app.session.at == "wallarm"


NO_IDENTITY = FirstCheck("identity", "AWS identity", State.FAILED, "ExpiredToken", "Log in.")


async def test_an_account_that_cannot_be_asked_is_the_first_question() -> None:
    script = Script(hostile=False, bad_checks={"identity": [NO_IDENTITY]})
    async with wizard(script=script) as w:
        assert "Next: AWS" in w.text
        await w.press("enter")
        assert w.app.session.at == "aws"
        assert "Asked because ExpiredToken" in w.text
        await w.press("ctrl+n")
        assert w.app.session.at == "stages", "it was looked at"


async def test_a_region_full_of_vpcs_makes_the_network_a_question() -> None:
    async with wizard("stages", answers=Answers(stages=CHOSEN), token=True) as w:
        full = tuple(Network(f"vpc-{n}", f"n{n}", "10.0.0.0/16") for n in range(5))
        w.app.account.networks.end(full)
        await w.press("ctrl+n", "ctrl+n")
        assert w.app.session.at == "node"
        assert "Asked because us-east-1 has 5 VPCs" in w.text
        await w.press("ctrl+n")
        assert w.app.session.at == "review"
