"""Terraform may say more than anybody reads: the keyboard has its turn all the same."""

from __future__ import annotations

import gc
import weakref
from collections import deque
from dataclasses import replace

from textual.widgets import TabbedContent

from tests.ui.acting import wizard
from tests.ui.scenes import until
from wizard.core.events import TerraformChanged
from wizard.core.terraform.progress import ProgressReducer
from wizard.ui.deployment_run import EVENTS_AT_ONCE, LOG_LINES
from wizard.ui.screens.deploy import RunLog


async def test_what_terraform_says_is_folded_in_piece_by_piece_and_drawn_where_it_is_seen() -> None:
    many = 3 * EVENTS_AT_ONCE
    async with wizard("deploy") as w:
        w.app.screen.query_one(TabbedContent).active = "log-pane"
        await w.pilot.pause()
        log, run = w.app.screen.query_one(RunLog), w.app.deployment_run.now
        for number in range(many):
            w.app.deployment_run.hear(TerraformChanged(None, f"line {number}"))
        w.app.deployment_run.drain()
        assert run.told == EVENTS_AT_ONCE
        await until(w.pilot, lambda: log.told == many)
        assert log.total() == len(run.lines) == LOG_LINES
        assert log.line(log.total() - 1) == log.line(log.cursor) == f"line {many - 1}"
        # Nothing drawn is kept for the garbage collector to go through, however much is said.
        kept = [one for one in gc.get_referents(log.__dict__) if isinstance(one, (list, deque))]
        assert sum(map(len, kept)) < 200


async def test_the_log_follows_its_end_stays_where_one_reads_and_finds_a_word() -> None:
    async with wizard("deploy", size=(80, 24)) as w:

        def say(*lines: str) -> None:
            for line in lines:
                w.app.deployment_run.hear(TerraformChanged(None, line))
            w.app.deployment_run.drain(2 * LOG_LINES)
            w.app.screen.query_one(RunLog).tell(w.app.deployment_run.now)

        log = w.app.screen.query_one(RunLog)
        say(*(f"aws_thing.{number}: created" for number in range(100)))
        await w.press("right")
        assert w.app.focused is log
        assert "aws_thing.99" in w.text

        await w.press("home")
        say(*(f"other.{number}: created" for number in range(LOG_LINES - 50)))
        # Fifty lines are gone, the one under the cursor among them: it is the oldest there is.
        assert log.line(log.cursor) == "aws_thing.50: created"
        await w.press("down", "down")
        say("one more")
        assert log.line(log.cursor) == "aws_thing.52: created"

        await w.type("/thing.9")
        assert log.total() == 10, "90 to 99"
        await w.press("left", "enter", "end", "enter")
        assert "aws_thing.99: created" in w.text
        await w.press("escape")
        assert w.app.screen.query_one(RunLog).total() == 10
        say("aws_thing.9000: created")
        assert log.total() == 11
        await w.press("escape")
        assert log.total() == LOG_LINES
        assert w.app.screen.STEP == "deploy"


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
