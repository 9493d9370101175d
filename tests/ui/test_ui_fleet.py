"""Home of a fleet: a row for each target, what needs somebody in words, one key to its own Home."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from tests.ui.screen_text import screen_text
from wizard.core.events import State
from wizard.core.fleet import Fleet, parse_fleet
from wizard.flows.fleet import Listener, TargetRun
from wizard.ui.fleet import NEWS_SECONDS, FleetApp, FleetTable
from wizard.ui.screens.dialogs import Details

WELL = {"stages": [{"ref": "a1b2c3/prod", "same": True}], "events_last_hour": 1234,
        "undelivered": 0, "unfinished": [], "standing": ""}  # fmt: skip
CHANGED = {**WELL, "stages": [{"ref": "a1b2c3/prod", "same": False}]}
REFUSED = {"error": "WAG-E-AWS-007", "what": "Assuming the role failed", "why": "AccessDenied: no",
           "next_step": "Give this principal the permission"}  # fmt: skip


def fleet_of(number: int) -> Fleet:
    targets = [
        {"name": f"team-{n:03}", "account_id": f"{n:012}", "region": "eu-west-1"}
        for n in range(number)
    ]
    return parse_fleet(json.dumps({"targets": targets}), "fleet.json")


class Scripted:
    """Stands for the runs of the targets; `hold` keeps them at work."""

    def __init__(self, results: Callable[[int], tuple[int, dict[str, Any]]]) -> None:
        self.results = results
        self.asked: list[tuple[str, int]] = []
        self.stopped = 0
        self.hold: threading.Event | None = None

    def start(self, fleet: Fleet, action: str, hear: Listener) -> Scripted:
        self.asked.append((action, len(fleet.targets)))
        self._fleet, self._hear = fleet, hear
        return self

    def run(self) -> tuple[TargetRun, ...]:
        for target in self._fleet.targets:
            self._hear(TargetRun(target, State.RUNNING, "Looking"))
        if self.hold is not None:
            self.hold.wait(30)
        out = []
        for n, target in enumerate(self._fleet.targets):
            code, result = self.results(n)
            state = State.DONE if code == 0 else State.FAILED
            out.append(TargetRun(target, state, "said", 1.0, code, result))
            self._hear(out[-1])
        return tuple(out)

    def stop(self) -> None:
        self.stopped += 1
        if self.hold is not None:
            self.hold.set()


class Shown:
    def __init__(self, app: FleetApp, pilot: Pilot[str], script: Scripted) -> None:
        self.app, self.pilot, self.script = app, pilot, script

    @property
    def text(self) -> str:
        return screen_text(self.app)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause(2 * NEWS_SECONDS)


@asynccontextmanager
async def table(
    number: int = 3,
    results: Callable[[int], tuple[int, dict[str, Any]]] = lambda n: (0, WELL),
    **options: Any,
) -> AsyncIterator[Shown]:
    script = Scripted(results)
    script.hold = options.pop("hold", None)
    runs: dict[str, TargetRun] = options.pop("runs", {})
    app = FleetApp(fleet_of(number), "fleet.json", script.start, runs, unicode=True, **options)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = Shown(app, pilot, script)
        if script.hold is None:
            await app.workers.wait_for_complete()
        await shown.press()
        yield shown


async def test_each_target_has_a_row_with_what_needs_somebody() -> None:
    found = [(0, WELL), (0, CHANGED), (1, REFUSED)]
    async with table(3, lambda n: found[n]) as w:
        assert w.script.asked == [("status", 3)]
        assert "3 targets of fleet.json: 1 failed, 1 warning" in w.text
        assert "1,234" in w.text
        assert "1 stage changed" in w.text
        assert "Assuming the r" in w.text
        await w.press("end")
        assert "Now   Assuming the role failed" in w.text
        assert "Why   AccessDenied: no" in w.text
        assert "Next  Give this principal" in w.text


async def test_enter_leaves_for_the_home_of_the_target_under_the_cursor() -> None:
    async with table(3) as w:
        assert "Open" in w.text.splitlines()[-1], "the keys below say so"
        await w.press("down", "enter")
        assert w.app.return_value == "team-001"


async def test_on_return_only_the_target_that_was_open_is_looked_at_anew() -> None:
    runs = {t.name: TargetRun(t, State.DONE, "", 1.0, 0, WELL) for t in fleet_of(3).targets}
    async with table(3, runs=runs, look_at=("team-001",)) as w:
        assert w.script.asked == [("status", 1)]
        assert w.text.count("1,234") == 3


async def test_what_is_shown_is_what_is_asked_and_one_thing_at_a_time() -> None:
    async with table(12) as w:
        await w.press("slash")
        await w.press(*"team", "minus", *"00", "enter", "d")
        await w.app.workers.wait_for_complete()
        assert w.script.asked[1:] == [("doctor", 10)]
    hold = threading.Event()
    async with table(2, hold=hold) as w:
        await w.press("s")
        assert w.script.asked == [("status", 2)]
        assert "at work" in w.text
        await w.press("x")
        assert w.script.stopped == 1


async def test_leaving_interrupts_what_is_at_work() -> None:
    hold = threading.Event()
    async with table(2, hold=hold) as w:
        await w.press("q")
        assert w.script.stopped == 1
        assert w.app.return_value is None


async def test_what_a_target_said_is_read_whole_while_others_go_on() -> None:
    async with table(1, lambda n: (1, REFUSED)) as w:
        await w.press("i")
        assert isinstance(w.app.screen, Details)
        assert "WAG-E-AWS-007" in w.text
        w.app.home.hear(TargetRun(fleet_of(1).targets[0], State.RUNNING, "again"))
        await w.press()
        await w.press("escape")
        assert "again" in w.text


async def test_three_hundred_targets_are_a_table_like_three() -> None:
    async with table(300, lambda n: (0, WELL)) as w:
        assert "300 targets" in w.text
        await w.press("end")
        assert "team-299" in w.text
        assert w.app.home.query_one(FleetTable).total() == 300
