"""The list of stages: what is shown at once and what is read, filtered, selected and explained."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tests.ui.acting import SIZES, wizard
from tests.ui.scenes import settle
from tests.ui.script import Script
from tests.ui.scripted_account import ACCOUNT
from wizard.core.errors import WizardError
from wizard.core.facts import Api, ApiType, Stage, StageSettings
from wizard.ui.screens.dialogs import Details
from wizard.ui.screens.stages_text import stage_view
from wizard.ui.stage_list import StageBook, make_row
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


def alike(*api_ids: str) -> StageBook:
    """A list in which each API of these ids is called `orders`, and one is not."""
    book = StageBook()
    for api_id in api_ids:
        book.add([make_row(Stage(Api(api_id, "orders", ApiType.REST), "prod", StageSettings()))])
    book.add([make_row(Stage(Api("z9", "payments", ApiType.REST), "prod", StageSettings()))])
    book.apply(frozenset())
    return book


def told(book: StageBook) -> list[str]:
    """Which APIs have to be told apart by their ids."""
    return [row.api_id for row in book.shown if book.is_ambiguous(row)]


def test_two_apis_of_one_name_are_told_apart_by_their_ids_and_one_alone_is_not() -> None:
    assert told(alike("a1")) == []
    book = alike("a1", "b2", "b2")
    assert told(book) == ["a1", "b2"]
    book.keep({"b2/prod", "z9/prod"})
    book.apply(frozenset())
    assert told(book) == []


async def test_the_id_stands_beside_the_name_where_two_names_are_alike() -> None:
    async with wizard("stages") as w:
        book = w.app.account.book
        for api_id in ("aa11bb22cc", "dd33ee44ff"):
            stage = Stage(Api(api_id, "a-name-of-two", ApiType.HTTP), "prod", StageSettings())
            book.add([make_row(stage)])
        w.app.account.tell_news()
        await w.press("slash")
        await w.type("a-name-of")
        lines = [line for line in w.text.splitlines() if "[ ]" in line]
        assert ["aa11bb22cc" in lines[0], "dd33ee44ff" in lines[1]] == [True, True]
        assert all("a-name" in line for line in lines), "never instead of the name"


async def test_while_the_apis_are_read_nothing_is_said_to_match_no_filter() -> None:
    async with wizard("stages") as w:
        table = w.app.screen.query_one(StageTable)
        await w.press("slash")
        await w.type("no-such-api")
        assert "no stage matches the filter" in w.text
        w.app.account.inventory.begin(0.0)
        w.app.account.changed.publish(w.app.account.inventory)
        await settle(w.pilot)
        assert table.empty() == "  still reading"
        assert "no stage matches" not in w.text


async def test_a_snippet_before_the_deployment_names_the_account_or_nothing_at_all() -> None:
    async with wizard("stages") as w:
        stage = next(
            r.source for r in w.app.account.book.shown
            if r.source and "stack" in r.note and r.logging == "off"
        )  # fmt: skip
        identity = w.app.account.identity.value
        assert "WallarmLogGroupArn" in stage_view(stage, w.answers, identity).snippet
        named = w.answers.with_(api_gateway_log_group_name="shared-logs")
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:shared-logs"
        assert f"'{arn}'" in stage_view(stage, named, identity).snippet
        unknown = stage_view(stage, named, None).snippet
        assert "arn:" not in unknown
        deployed = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:made"
        assert f"'{deployed}'" in stage_view(stage, w.answers, identity, deployed).snippet
