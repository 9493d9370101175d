"""What holds on every screen: the cursor, the palette, the mouse, themes, resizing, repetition."""

from __future__ import annotations

import dataclasses

import pytest
from textual._compositor import Compositor
from textual.command import CommandPalette
from textual.events import Key, Paste
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Button

from tests.ui.acting import SIZES, Session, wizard
from tests.ui.loop_watch import LoopWatch
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import TOKEN, Script, deploy_error
from tests.ui.scripted import Scripted
from wizard.core.answers.model import Answers
from wizard.core.answers.steps import STEPS
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.ui.app import WizardApp
from wizard.ui.screens.dialogs import Confirm, HelpDialog
from wizard.ui.widgets.fields import Choices
from wizard.ui.widgets.rows import Rows

READY = Answers(stages=CHOSEN)
QUESTIONS = tuple(step.id for step in STEPS if not step.changes)


def focused(w: Session) -> Widget:
    found = w.app.screen.focused
    assert found is not None
    return found


@pytest.mark.parametrize("step", QUESTIONS)
async def test_the_terminals_cursor_stands_where_the_keys_go(step: str) -> None:
    async with wizard(step, answers=READY, token=True) as w:
        seen = set()
        for _ in range(20):
            await until(w.pilot, lambda: w.app.cursor_position in focused(w).region)
            widget = focused(w)
            if widget in seen:
                break
            seen.add(widget)
            if isinstance(widget, (Rows, Choices)):
                await w.press("down")
                place = widget.cursor_place
                await until(w.pilot, lambda place=place: w.app.cursor_position == place())
                assert isinstance(widget, Choices) or "rows--cursor" in widget.COMPONENT_CLASSES
            await w.press("tab")
        assert len(seen) > 1


async def test_the_terminals_cursor_follows_into_a_dialog_and_a_new_size() -> None:
    async with wizard("options", answers=READY, token=True) as w:
        await w.press("f1")
        await until(w.pilot, lambda: w.app.cursor_position in focused(w).region)
        await w.press("escape")
        await w.pilot.resize_terminal(120, 36)
        await settle(w.pilot)
        await until(w.pilot, lambda: w.app.cursor_position in focused(w).region)


async def test_the_palette_goes_to_a_step_that_was_seen() -> None:
    async with wizard("welcome", answers=READY, token=True) as w:
        await w.press("a", "ctrl+n")
        assert w.app.session.at == "stages"
        await w.press("ctrl+p")
        assert isinstance(w.app.screen, CommandPalette)
        await w.type("go to aws")
        await until(w.pilot, lambda: "Which AWS account and Region?" in w.text)
        await w.press("enter")
        await until(w.pilot, lambda: w.app.session.at == "aws")


def palette(w: Session) -> dict[str, str]:
    """What the palette offers on the screen that is shown."""
    return {c.title: c.help for c in w.app.get_system_commands(w.app.screen)}


async def test_the_palette_offers_what_the_screen_can_do_at_this_moment() -> None:
    async with wizard("doctor") as w:
        offered = palette(w)
        assert {"Run all again", "Run this", "Fix", "Logs", "Open in console", "Export"} <= {
            *offered
        }
        assert "Find" not in offered, "no log is shown"
        assert not [title for title in offered if "ocus" in title], "what every screen can do"
        assert offered["Fix"] == "Preview the repair of this check, then ask (f on this screen)"
        assert len(offered) == len(list(w.app.get_system_commands(w.app.screen))), "each once"
        await w.press("l")
        assert {"Find", "Pause", "Whole screen"} <= {*palette(w)}
        await w.press("ctrl+p")
        await w.type("whole")
        await until(w.pilot, lambda: "Give this log" in w.text)
        await w.press("enter")
        await until(w.pilot, lambda: w.app.screen.has_class("-whole"))


async def test_a_failed_deployments_buttons_are_in_the_palette_too() -> None:
    script = Script(hostile=False, fail={"deploy": deploy_error()})
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        await settle(w.pilot)
        assert {"Retry", "Undo", "Support bundle", "Copy"} <= {*palette(w)}
        assert "Stop" not in palette(w)


async def test_everything_can_be_done_with_the_mouse() -> None:
    async with wizard("stages", token=True, size=(120, 36), every=True) as w:
        await w.pilot.click("StageTable", offset=(1, 1))
        assert len(w.answers.stages) == 1
        await w.pilot.click("#next")
        await settle(w.pilot)
        assert w.app.session.at == "logs"
        await w.pilot.click("#destination", offset=(8, 1))
        await settle(w.pilot)
        assert "choose a log group" in w.text
        await w.pilot.click("#groups ItemRows", offset=(1, 0))
        await settle(w.pilot)
        assert w.answers.api_gateway_log_group_name
        await w.pilot.click("Sidebar", offset=(4, 5))
        await settle(w.pilot)
        assert w.app.session.at == "stages"
        await w.pilot.click("#quit")
        assert w.app._exit


@pytest.mark.parametrize("light", [False, True], ids=["dark", "light"])
async def test_no_screen_needs_colour(light: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with wizard("aws", answers=READY, token=True) as w:
        if light:
            await w.press("ctrl+t")
        for step in QUESTIONS:
            w.app.go(step)
            await settle(w.pilot)
            for y in range(w.app.size.height):
                for segment in w.app.screen._compositor.render_strips()[y]:
                    for filtered in w.app._filters:
                        segment = filtered.apply([segment], w.app.screen.background_colors[1])[0]
                    style = segment.style
                    assert style is None or style.color is None or style.color.is_default, step


async def test_a_button_says_the_same_as_its_key_and_toasts_leave_next_in_sight() -> None:
    async with wizard("stages", token=True, every=True) as w:
        for _ in range(3):
            await w.press("ctrl+n")
        assert w.told == ["Select at least one stage."], "said once, however often it is tried"
        bar = w.text.splitlines()[22]
        assert "Next: Logs" in bar
        assert "select at least one stage" in bar


async def test_resizing_in_the_middle_loses_nothing() -> None:
    async with wizard("node", answers=READY, token=True) as w:
        w.app.screen.query_one("#node_count").focus()
        await w.press("backspace", "2")
        for size in ((160, 45), (60, 10), (81, 24), (100, 30)):
            await w.pilot.resize_terminal(*size)
            await settle(w.pilot)
        assert w.answers.node_count == 2
        assert focused(w).id == "node_count"
        assert "Where does the Wallarm Node run?" in w.text


async def test_every_visible_button_can_be_reached_by_keys() -> None:
    async with wizard("aws", answers=READY, token=True) as w:
        for step in QUESTIONS:
            w.app.go(step)
            await settle(w.pilot)
            chain = w.app.screen.focus_chain
            for button in w.app.screen.query(Button):
                if button.focusable and button.region:
                    assert button in chain, (step, button.id)


async def test_quitting_twice_asks_once() -> None:
    async with wizard("stages", token=True) as w:
        w.app.session.token_typed = True
        await w.press("ctrl+q", "ctrl+q")
        assert sum(isinstance(s, Confirm) for s in w.app.screen_stack) == 1


async def test_what_is_typed_faster_than_the_focus_moves_arrives_where_it_was_meant() -> None:
    async with wizard("node", answers=READY, token=True) as w:
        for key in ("tab", "tab", "backspace", "4", "tab"):
            w.app.post_message(Key(key, key if len(key) == 1 else None))
        w.app.post_message(Paste("1\n"))
        await until(w.pilot, lambda: w.answers.node_tag == "latest1")
        assert w.answers.node_count == 4
        assert w.answers.node_instance_type == "t3.medium"


async def test_letters_of_the_filter_start_nothing_however_fast_they_come() -> None:
    async with wizard("stages", token=True) as w:
        for key in ("slash", *"orders", "enter", "space"):
            character = {"slash": "/", "space": " "}.get(key, key if len(key) == 1 else None)
            w.app.post_message(Key(key, character))
        await until(w.pilot, lambda: len(w.answers.stages) == 1)
        assert w.app.account.book.filter == "orders"
        assert w.app.account.book.sort == "name"


async def test_keys_go_on_when_the_widget_that_had_them_is_gone() -> None:
    async with wizard("logs", answers=READY, token=True, every=True) as w:
        for key in ("ctrl+n", "ctrl+n", "ctrl+n", "escape", "escape", "f1"):
            w.app.post_message(Key(key, None))
        await until(w.pilot, lambda: isinstance(w.app.screen, HelpDialog))
        assert w.app.session.at == "node"


async def test_the_event_loop_waits_for_nothing_while_ten_thousand_stages_are_there() -> None:
    watch = LoopWatch()
    async with wizard(script=Script(apis=5000), size=(120, 36)) as w:
        with watch.armed():
            await w.press("a", "ctrl+n")
            await until(w.pilot, lambda: w.app.account.inventory.value is not None, 60)
            await w.press("slash", *"orders", "enter", "a", "a", "space", "end", "s")
            assert len(w.answers.stages) == 1
            await w.press("ctrl+n", "ctrl+n")
            w.app.post_message(Paste(TOKEN))
            await until(w.pilot, lambda: w.app.session.token is not None)
            await w.press("ctrl+n", "ctrl+n", "ctrl+n")
            assert w.app.session.at == "review"
            await w.press("ctrl+n")
            await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended), 60)
            await settle(w.pilot)
    assert not watch.waits, "the event loop waited for something"
    print(watch)  # how long the longest piece of work is, `benchmarks/table.py` measures


async def test_a_screen_that_learns_the_size_it_has_is_not_laid_out_again() -> None:
    async with wizard("options", answers=READY, token=True) as w:
        laid_out: list[Size] = []
        reflow = Compositor.reflow
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                Compositor, "reflow",
                lambda self, parent, size: laid_out.append(size) or reflow(self, parent, size),
            )  # fmt: skip
            w.app.screen._screen_resized(Size(80, 24))
            assert laid_out == []
            await w.pilot.resize_terminal(100, 30)
            await settle(w.pilot)
            assert Size(100, 30) in laid_out


async def test_the_optional_api_token_is_for_the_doctor_and_is_kept_nowhere() -> None:
    reader = TOKEN[::-1]
    async with wizard("wallarm", answers=READY, token=True) as w:
        w.app.screen.query_one("#api_token").focus()
        await w.type("abc")
        assert w.problem("wallarm") == "Inventory token: see the field"
        w.app.post_message(Paste(f" {reader}\n"))
        await until(w.pilot, lambda: w.app.session.api_token == Secret(reader))
        assert w.problem("wallarm") == ""
        assert reader[:12] not in w.text
        w.app.go("doctor")
        await until(w.pilot, lambda: w.product.asked_with == Secret(reader))
        assert all(reader not in a.to_json() for a in w.product.saved_answers)
        assert reader not in w.app.session.answers.to_json()


async def test_a_misspelt_environment_variable_is_told_on_the_screen() -> None:
    options = Options(env={"WALLARM_APIGW_REGOIN": "eu-central-1"})
    app = WizardApp(options, product=Scripted(Script()).begin)
    async with app.run_test() as pilot:
        await settle(pilot)
        told = [str(n.message) for n in app._notifications]
        assert any("did you mean WALLARM_APIGW_REGION?" in text for text in told), told


async def test_every_answer_is_saved_as_it_is_given_and_the_token_never() -> None:
    async with wizard("options", answers=READY, token=True) as w:
        await w.type("x")
        await until(w.pilot, lambda: bool(w.product.saved_answers))
        saved = w.product.saved_answers[-1]
        assert saved.name_prefix == "api-gw-discoveryx"
        assert TOKEN not in saved.to_json()


async def test_going_back_loses_no_answer() -> None:
    async with wizard("stages", token=True, every=True) as w:
        await w.press("space")
        await w.press("ctrl+n", "down", "up", "ctrl+n", "ctrl+n")
        assert w.app.session.at == "node"
        before = dataclasses.replace(w.answers)
        await w.press("escape", "escape", "escape")
        assert w.app.session.at == "stages"
        assert w.answers == before


@SIZES
@pytest.mark.parametrize(
    "step", ["welcome", "aws", "stages", "logs", "wallarm", "node", "options", "review"]
)
async def test_help_is_one_key_away_on_every_screen(step: str, size: tuple[int, int]) -> None:
    async with wizard(step, size=size, answers=READY, token=True) as w:
        await w.press("f1")
        assert isinstance(w.app.screen, HelpDialog)
        assert "ctrl+n" in w.text
        await w.press("escape")
        assert not isinstance(w.app.screen, HelpDialog)


async def test_below_80x24_a_note_asks_politely_and_nothing_is_lost() -> None:
    async with wizard("stages", size=(70, 20), answers=READY) as w:
        assert "This terminal is 70 x 20" in w.text
        await w.pilot.resize_terminal(80, 24)
        await settle(w.pilot)
        assert "Which stages" in w.text
        assert w.answers == READY


async def test_quit_asks_only_when_something_would_be_lost() -> None:
    async with wizard("stages") as w:
        await w.press("ctrl+q")
        assert w.app._exit
    async with wizard("stages", token=True) as w:
        w.app.session.token_typed = True
        await w.press("ctrl+q")
        assert isinstance(w.app.screen, Confirm)
        assert "The Wallarm token is not" in w.text
        await w.press("escape")
        assert not w.app._exit
