"""Rules on the list of stages: what one would take is seen while it is typed, and can be kept."""

from __future__ import annotations

from textual.widgets import Input, Static

from tests.ui.acting import READY, SIZES, Session, wizard
from tests.ui.script import Script
from wizard.core.answers.model import Answers
from wizard.core.stages.rules import ASK_BEYOND
from wizard.ui.screens.stages import KeptRules, Rules
from wizard.ui.widgets.stage_table import StageTable


def effect(w: Session) -> str:
    return str(w.app.screen.query_one("#effect", Static).content)


async def write(w: Session, text: str) -> None:
    """Type a rule into the open dialog, whatever stands there."""
    w.app.screen.query_one("#rule", Input).value = text
    await w.app.workers.wait_for_complete()
    await w.press()


@SIZES
async def test_what_a_rule_takes_is_shown_while_it_is_typed(size: tuple[int, int]) -> None:
    async with wizard("stages", size=size) as w:
        stages = [row.source for row in w.app.account.book.shown if row.source]
        await w.press("u")
        assert isinstance(w.app.screen, Rules)
        assert "its API's name or id" in effect(w)
        await w.type("stage:prod")
        await w.app.workers.wait_for_complete()
        await w.press()
        meant = [s for s in stages if s.name == "prod" and s.changeable and not s.managed]
        assert len(meant) > 1
        assert f"adds {len(meant)} stages of {len(stages)}" in effect(w)
        assert meant[0].api.name in effect(w)
        await w.type(" type:htp")
        await w.app.workers.wait_for_complete()
        await w.press()
        assert "no type of API" in effect(w)


async def test_a_kept_rule_is_an_answer_and_its_stages_are_marked() -> None:
    async with wizard("stages") as w:
        await w.press("u")
        await write(w, "stage:prod")
        await w.press("enter")
        assert w.app.screen.query_one(KeptRules).kept == ["stage:prod"]
        await w.press("enter")  # in the empty field: use them
        assert w.answers.stage_rules == ("stage:prod",)
        assert w.answers.stages == ()
        assert "[r]" in w.text
        assert "1 rule beside: [r]" in w.text
        assert w.problem("stages") == ""
        table = w.app.screen.query_one(StageTable)
        at = next(i for i, r in enumerate(w.app.account.book.shown)
                  if r.stage == "prod" and r.selectable)  # fmt: skip
        table.go(at)
        await w.press("space")
        assert w.answers.stages == ()
        assert any("`stage:prod` chooses it" in said for said in w.told)


async def test_escape_leaves_the_rules_as_they_were_and_delete_takes_one_out() -> None:
    answers = Answers(stage_rules=("stage:prod", "not type:websocket"))
    async with wizard("stages", answers=answers) as w:
        await w.press("u")
        await write(w, "all")
        await w.press("enter", "escape")
        assert w.answers.stage_rules == answers.stage_rules
        await w.press("u", "tab", "down", "delete")
        assert w.app.screen.query_one(KeptRules).kept == ["stage:prod"]
        await w.press("tab", "enter")
        assert w.answers.stage_rules == ("stage:prod",)


async def test_a_rule_that_meets_nothing_says_so_and_one_that_adds_nothing_why() -> None:
    async with wizard("stages", answers=Answers(stage_rules=("all",))) as w:
        await w.press("u")
        await write(w, "api:no-such-name")
        assert "meets none of" in effect(w)
        await write(w, "stage:prod")
        assert "adds nothing" in effect(w)
        assert "chosen already" in effect(w)
        await write(w, "not stage:prod")
        assert "takes away" in effect(w)


async def test_a_rule_that_takes_thousands_is_kept_only_after_a_second_enter() -> None:
    script = Script(apis=ASK_BEYOND, stages_per_api=2, hostile=False)
    async with wizard("stages", script=script) as w:
        await w.press("u")
        await write(w, "all")
        assert "Connect all of them?" in effect(w)
        await w.press("enter")
        assert w.app.screen.query_one(KeptRules).kept == []
        await w.press("enter")
        assert w.app.screen.query_one(KeptRules).kept == ["all"]


async def test_further_stages_of_a_deployment_are_picked_without_rules() -> None:
    async with wizard("stages", answers=READY.with_(stage_rules=("all",))) as w:
        w.app.session.mode = "add"
        await w.press("u")
        assert not isinstance(w.app.screen, Rules)
        assert any("Change settings" in said for said in w.told)
