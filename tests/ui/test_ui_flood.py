"""Terraform may say more than anybody reads: the keyboard has its turn all the same."""

from __future__ import annotations

import weakref
from dataclasses import replace

from textual.widgets import RichLog, TabbedContent

from tests.ui.acting import wizard
from tests.ui.scenes import until
from wizard.core.events import TerraformChanged
from wizard.core.terraform.progress import ProgressReducer
from wizard.ui.deployment_run import EVENTS_AT_ONCE, LOG_LINES
from wizard.ui.screens.deploy import LINES_AT_ONCE, Deploy


async def test_what_terraform_says_is_folded_in_and_drawn_in_bounded_pieces() -> None:
    many = 3 * EVENTS_AT_ONCE
    async with wizard("deploy") as w:
        w.app.screen.query_one(TabbedContent).active = "log-pane"
        await w.pilot.pause()
        log, run = w.app.screen.query_one("#log", RichLog), w.app.deployment_run.now
        for number in range(many):
            w.app.deployment_run.hear(TerraformChanged(None, f"line {number}"))
        w.app.deployment_run.drain()
        assert run.told == EVENTS_AT_ONCE
        drawn = len(log.lines)
        assert isinstance(w.app.screen, Deploy)
        w.app.screen.show()
        assert len(log.lines) - drawn <= LINES_AT_ONCE
        last = f"line {many - 1}"
        await until(w.pilot, lambda: bool(log.lines) and log.lines[-1].text.strip() == last)
        assert run.told == many
        assert len(log.lines) <= len(run.lines) == LOG_LINES


async def test_everything_terraform_said_is_there_when_its_part_ends() -> None:
    async with wizard("deploy") as w:
        for number in range(2 * EVENTS_AT_ONCE):
            w.app.deployment_run.hear(TerraformChanged(None, f"line {number}"))
        w.app.deployment_run.part_ended("deploy", None)
        assert w.app.deployment_run.now.told == 2 * EVENTS_AT_ONCE


async def test_of_all_pictures_of_a_deployment_only_the_newest_waits() -> None:
    async with wizard("deploy") as w:
        run, jobs = w.app.deployment_run.now, w.app.deployment_run
        for _ in range(5):
            snapshot = ProgressReducer().snapshot(0.0)
            old = weakref.ref(snapshot)
            for number in range(100):
                snapshot = replace(snapshot, done=number)
                jobs.hear(TerraformChanged(snapshot, f"line {number}"))
            assert old() is None
        jobs.drain(250)
        assert run.told == 250
        assert run.progress is snapshot
        jobs.hear(TerraformChanged(replace(snapshot, done=1_000), ""))
        jobs.drain()
        assert run.told == 500
        assert run.progress is not None
        assert run.progress.done == 1_000
