"""Dialogs and fields by keys alone: arrows, Enter, Escape, and nothing in front of a question."""

from __future__ import annotations

import pytest
from textual.widgets import Button, Input

from tests.ui.acting import READY, Session, wizard
from tests.ui.scenes import settle
from wizard.ui.screens.dialogs import Agree, AskFile, Confirm, Details, TypedConfirm

ASKED = {"keep": "Keep it", "act": "Destroy"}


async def ask(w: Session, dialog: object) -> list[object]:
    answers: list[object] = []
    w.app.push_screen(dialog, answers.append)  # type: ignore[call-overload]
    await settle(w.pilot)
    return answers


def focused(w: Session) -> str:
    held = w.app.screen.focused
    return str(held.label) if isinstance(held, Button) else type(held).__name__


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (("enter",), False),
        (("right", "enter"), True),
        (("down", "enter"), True),
        (("right", "left", "enter"), False),
        (("down", "up", "enter"), False),
        (("right", "right", "right", "enter"), True),
        (("left", "left", "enter"), False),
        (("right", "escape"), None),
    ],
)
async def test_arrows_move_between_the_answers_and_enter_gives_the_one_in_focus(
    keys: tuple[str, ...], answer: bool | None
) -> None:
    async with wizard() as w:
        answers = await ask(w, Confirm("Sure?", "It is gone then.", **ASKED))
        assert focused(w) == "Keep it"
        await w.press(*keys)
        assert answers == [answer]


async def test_a_long_text_is_read_with_arrows_and_closed_with_enter() -> None:
    text = "\n".join(f"line {n}" for n in range(80))
    async with wizard() as w:
        answers = await ask(w, Details("Text", text, text))
        await w.press("down", "down", "down")
        assert "line 3\n" in w.text.replace(" │", "\n").replace("│ ", "") or "line 3 " in w.text
        assert "line 0 " not in w.text
        await w.press("enter")
        assert answers == [None]


async def test_enter_under_a_text_to_agree_to_means_the_harmless_answer() -> None:
    text = "\n".join(f"line {n}" for n in range(80))
    async with wizard() as w:
        answers = await ask(w, Agree("Really?", text, "A note.", act="Write it"))
        await w.press("enter")
        assert answers == [False]
        answers = await ask(w, Agree("Really?", text, "A note.", act="Write it"))
        await w.press("right", "right", "enter")
        assert answers == [True]


async def test_arrows_in_a_field_of_a_dialog_move_in_the_text_and_down_leads_to_the_buttons() -> (
    None
):
    async with wizard() as w:
        answers = await ask(w, AskFile("Where?", "A file.", "ab"))
        await w.press("left", "x", "enter")
        assert answers == ["axb"]
        answers = await ask(
            w, TypedConfirm("Stop?", "At once.", word="kill", keep="Wait", act="Stop")
        )
        await w.type("kill")
        await w.press("down", "right", "enter")
        assert answers == [True]


async def test_a_message_never_covers_a_dialog() -> None:
    async with wizard() as w:
        w.app._disable_notifications = False  # a Pilot does that by default
        text = "\n".join(f"line {n}" for n in range(80))
        await ask(w, Details("Text", text, text))
        w.app.notify("Something happened meanwhile, and it takes a whole sentence to say.")
        w.app.notify("And another thing.")
        await settle(w.pilot)
        box = w.app.screen.query_one(".dialog").region
        lines = w.text.splitlines()
        assert "another thing" in w.text
        assert not any("thing" in line for line in lines[box.y : box.bottom])


async def test_escape_leaves_the_field_first_and_the_screen_then() -> None:
    async with wizard("stages", answers=READY) as w:
        await w.press("slash")
        await w.type("orders")
        await w.press("escape")
        assert w.app.session.at == "stages"
        assert focused(w) == "StageTable"
        assert "orders" in w.app.screen.query_one("#filter", Input).value, "nothing is lost"
        await w.press("escape")
        assert w.app.session.at == "aws"


async def test_where_the_token_is_missing_the_keys_go_to_it() -> None:
    async with wizard("wallarm", answers=READY) as w:
        held = w.app.screen.focused
        assert held is not None
        assert held.id == "token"
        await w.press("escape", "ctrl+n")
        held = w.app.screen.focused
        assert held is not None
        assert held.id == "token"


async def test_a_line_that_was_cut_is_opened_whole() -> None:
    async with wizard("review", answers=READY, token=True) as w:
        await w.press("end", "enter")
        assert isinstance(w.app.screen, Details)


async def test_a_kind_of_warning_opens_to_its_stages_and_each_sentence_can_be_read_whole() -> None:
    async with wizard("review", answers=READY, token=True) as w:
        assert "2 stages: execution logs are billed: orders / prod, payments / staging" in w.text
        await w.press("down", "enter")
        assert "orders / prod: Errors and info logs go to" in w.text
        assert "many for each request" not in w.text, "a row has no room for it"
        await w.press("down", "enter")
        assert isinstance(w.app.screen, Details)
        assert "many for each request" in " ".join(w.text.split())


@pytest.mark.parametrize("step", ["logs", "node", "options"])
async def test_enter_goes_through_a_step_from_one_question_to_the_next(step: str) -> None:
    async with wizard(step, answers=READY, token=True) as w:
        seen = []
        for _ in range(40):
            held = w.app.screen.focused
            assert held is not None
            if isinstance(held, Button):
                break
            assert held not in seen, "the keys go on"
            seen.append(held)
            await w.press("enter")
        assert len(seen) > 2
        assert isinstance(w.app.screen.focused, Button)
        assert w.app.session.at == step, "nothing was left by it"
        assert w.answers == READY, "and nothing changed"


@pytest.mark.parametrize(
    ("step", "needs"),
    [("stages", "stages"), ("wallarm", "token"), ("remove", "connected"), ("review", "tree")],
)
async def test_what_a_screen_needs_has_the_keys(step: str, needs: str) -> None:
    async with wizard(step, answers=READY) as w:
        assert w.app.screen.focused is not None
        assert w.app.screen.focused.id == needs


@pytest.mark.parametrize("step", ["wallarm", "options", "node"])
async def test_escape_leaves_the_field_and_only_then_the_screen(step: str) -> None:
    async with wizard(step, answers=READY, token=True) as w:
        fields = [f for f in w.app.screen.query(Input) if f.focusable and f.region.height]
        fields[0].focus()
        await settle(w.pilot)
        await w.press("escape")
        assert w.app.session.at == step
        assert not isinstance(w.app.screen.focused, Input)
        await w.press("escape")
        assert w.app.session.at != step
