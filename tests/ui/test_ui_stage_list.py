"""The list of stages: the last one shows at once with its age, and gives way to the new one."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from tests.ui.acting import settle, wizard
from tests.ui.scripted import Script
from wizard.core.errors import WizardError


async def test_stages_that_are_gone_since_the_last_time_leave_the_list() -> None:
    async with wizard("stages", script=Script(hostile=False, cached=7200.0)) as w:
        names = {row.name for row in w.app.state.book.shown}
        assert len(names) > 10
        assert "gone-since" not in names
        assert "old" not in w.text


async def test_when_reading_anew_fails_the_last_list_stays_with_its_age() -> None:
    refused = WizardError("WAG-E-AWS-007", "Reading the APIs failed: apigateway:GET is not allowed")
    script = Script(hostile=False, cached=7200.0, fail={"discover": refused})
    async with wizard("stages", script=script) as w:
        assert "gone-since" in {row.name for row in w.app.state.book.shown}
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
