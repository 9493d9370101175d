"""The list of stages: what is shown at once and what is read, filtered, selected and explained."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tests.ui.acting import SIZES, wizard
from tests.ui.scenes import settle
from tests.ui.script import Script
from wizard.core.errors import WizardError
from wizard.ui.screens.dialogs import Details
from wizard.ui.widgets.stage_table import StageTable


async def test_stages_that_are_gone_since_the_last_time_leave_the_list() -> None:
    async with wizard("stages", script=Script(hostile=False, cached=7200.0)) as w:
        names = {row.name for row in w.app.account.book.shown}
        assert len(names) > 10
        assert "gone-since" not in names
        assert "old" not in w.text


async def test_when_reading_anew_fails_the_last_list_stays_with_its_age() -> None:
    refused = WizardError("WAG-E-AWS-007", "Reading the APIs failed: apigateway:GET is not allowed")
    script = Script(hostile=False, cached=7200.0, fail={"discover": refused})
    async with wizard("stages", script=script) as w:
        assert "gone-since" in {row.name for row in w.app.account.book.shown}
        assert "This list is 2h 00m old; reading it anew failed." in w.text
        assert "apigateway:GET is not allowed" in w.text


async def test_what_is_typed_right_after_the_slash_goes_into_the_filter() -> None:
    """Keys that come in one piece, over a slow connection: `a` there would select every stage."""
    async with wizard("stages", script=Script(hostile=False)) as w:
        for key in ("slash", "p", "a", "y", "slash"):
            w.app.post_message(events.Key(key, "/" if key == "slash" else key))
        await settle(w.pilot)
        assert w.app.screen.query_one("#filter", Input).value == "pay/"
        assert w.answers.stages == ()


async def test_what_is_on_the_screen_is_read_next_wherever_one_scrolls() -> None:
    script = Script(apis=400, stages_per_api=3, hostile=False)
    async with wizard("stages", script=script) as w:
        apis = list({r.source.api.api_id: r.source.api for r in w.app.account.book.shown
                     if r.source}.values())  # fmt: skip

        def next_ones() -> list[int]:
            assert w.product.account().priority is not None
            return [apis.index(api) for api in sorted(apis, key=w.product.account().priority)]

        assert next_ones() == list(range(400)), "from the top, as long as nobody moves"
        await w.press(*["pagedown"] * 20)
        first = next(i for i, api in enumerate(apis) if f"{api.name} " in w.text)
        assert first > 40
        assert next_ones() == [*range(first, 400), *range(first)]
        await w.press("s")
        assert next_ones() == list(range(400)), "by type, nobody knows where a row will stand"
        await w.press("slash")
        await w.type("tax")
        found = [i for i, api in enumerate(apis) if "tax" in api.name]
        assert next_ones()[: len(found)] == found


async def test_by_mouse_wheel_too() -> None:
    async with wizard("stages", script=Script(apis=400, hostile=False)) as w:
        table = w.app.screen.query_one(StageTable)
        assert w.app.account.book.top == ("", "")
        for _ in range(5):
            w.app.screen._forward_event(
                events.MouseScrollDown(None, 10, 10, 0, 1, 0, False, False, False, 10, 10)
            )
        await settle(w.pilot)
        assert table.scroll_offset.y > 0
        assert w.app.account.book.top > ("", "")


@SIZES
async def test_selecting_a_stage_shows_what_would_change(size: tuple[int, int]) -> None:
    async with wizard("stages", size=size) as w:
        await w.press("space")
        assert len(w.answers.stages) == 1
        assert "[x]" in w.text
        assert "Will change" in w.text
        assert "/aws/apigateway/wallarm-api-discovery-" in w.text


async def test_the_filter_narrows_as_one_types_and_select_all_takes_what_is_shown() -> None:
    async with wizard("stages") as w:
        await w.press("slash")
        await w.type("orders")
        shown = [r.name for r in w.app.account.book.shown]
        assert shown
        assert all("orders" in name for name in shown)
        await w.press("enter", "a")
        assert len(w.answers.stages) == len([r for r in w.app.account.book.shown if r.selectable])
        await w.press("a")
        assert w.answers.stages == ()


async def test_what_is_selected_stays_selected_when_the_filter_hides_it() -> None:
    async with wizard("stages") as w:
        await w.press("space")
        chosen = w.answers.stages
        await w.press("slash")
        await w.type("zzz")
        assert "no stage matches the filter" in w.text
        assert w.answers.stages == chosen


async def test_a_stage_that_aws_manages_cannot_be_selected_and_says_why() -> None:
    async with wizard("stages") as w:
        index = next(i for i, r in enumerate(w.app.account.book.shown) if not r.selectable)
        w.app.screen.query_one(StageTable).go(index)
        await w.press("space")
        assert w.answers.stages == ()
        assert "managed by AWS" in w.text.lower().replace("aws", "AWS")


async def test_the_details_show_format_diff_and_the_owners_snippet() -> None:
    async with wizard("stages", size=(120, 36)) as w:
        index = next(
            i for i, r in enumerate(w.app.account.book.shown)
            if "stack" in r.note and r.logging == "off"
        )  # fmt: skip
        w.app.screen.query_one(StageTable).go(index)
        await w.press("d")
        assert isinstance(w.app.screen, Details)
        assert "$context.requestId" in w.text
        await w.press("end", "c")


async def test_what_could_not_be_read_is_one_row_not_an_error() -> None:
    async with wizard("stages", script=Script()) as w:
        assert "1 could not be read" in w.text
        await w.press("slash")
        await w.type("legacy")
        assert "AccessDenied" in w.text


async def test_sorting_keeps_all_rows() -> None:
    async with wizard("stages") as w:
        before = {r.ref for r in w.app.account.book.shown}
        for _ in range(4):
            await w.press("s")
            assert {r.ref for r in w.app.account.book.shown} == before
