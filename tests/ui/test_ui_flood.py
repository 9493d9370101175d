"""Terraform may say more than anybody reads: the keyboard has its turn all the same."""

from __future__ import annotations

from textual.widgets import RichLog, TabbedContent

from tests.ui.acting import wizard
from tests.ui.scenes import until
from wizard.core.report import TerraformChanged
from wizard.ui.jobs_run import EVENTS_AT_ONCE
from wizard.ui.screens.deploy import LINES_AT_ONCE
from wizard.ui.state import LOG_LINES


async def test_what_terraform_says_is_folded_in_and_drawn_in_bounded_pieces() -> None:
    many = 3 * EVENTS_AT_ONCE
    async with wizard("deploy") as w:
        w.app.screen.query_one(TabbedContent).active = "log-pane"
        await w.pilot.pause()
        log, run = w.app.screen.query_one("#log", RichLog), w.app.state.run
        for number in range(many):
            w.app.jobs.hear(TerraformChanged(None, f"line {number}"))
        w.app.jobs.drain()
        assert run.told == EVENTS_AT_ONCE
        drawn = len(log.lines)
        w.app.changed("run")
        assert len(log.lines) - drawn <= LINES_AT_ONCE
        last = f"line {many - 1}"
        await until(w.pilot, lambda: bool(log.lines) and log.lines[-1].text.strip() == last)
        assert run.told == many
        assert len(log.lines) <= len(run.lines) == LOG_LINES


async def test_everything_terraform_said_is_there_when_its_part_ends() -> None:
    async with wizard("deploy") as w:
        from wizard.ui.messages import PartDone

        for number in range(2 * EVENTS_AT_ONCE):
            w.app.jobs.hear(TerraformChanged(None, f"line {number}"))
        w.app.on_part_done(PartDone("deploy", None, None))
        assert w.app.state.run.told == 2 * EVENTS_AT_ONCE
