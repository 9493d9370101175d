"""Very many stages in the table: filling it, a keystroke in the filter, sorting, a page down.

AWS's quotas end at some 19,000 stages a Region.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from benchmarks.figure import Figure, figure, measured
from benchmarks.watchdog import Watchdog
from tests.ui.loop_watch import LoopWatch
from tests.ui.script import Script
from tests.ui.scripted import Scripted
from tests.ui.scripted_account import stages
from wizard.flows.context import Options
from wizard.ui.app import WizardApp
from wizard.ui.stage_list import StageBook, make_row
from wizard.ui.widgets.stage_table import StageTable

STAGES_EACH = 10
FILLS = 5  # the longest stall of one fill is a single moment of a machine: the median is told
WORDS = ("orders", "prod", "cust", "zzz")


class Peer(App[None]):
    """The same rows in Textual's own table, rebuilt for every keystroke."""

    def compose(self) -> ComposeResult:
        yield DataTable()


def run() -> list[Figure]:
    """Each figure is the time until the screen is drawn again; typing is simulated by keys."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    return [*await _size(1000), *await _size(2000)]


async def _size(apis: int) -> list[Figure]:
    rows = apis * STAGES_EACH
    script = Script(hostile=False, apis=apis, stages_per_api=STAGES_EACH)
    work = LoopWatch()
    fills = []
    for _ in range(FILLS - 1):
        again = _app(script)
        async with again.run_test(size=(120, 36)):
            with work.armed():
                fills.append(await _fill(again, rows))
    app = _app(script)
    async with app.run_test(size=(120, 36)) as pilot:
        with work.armed():
            fills.append(await _fill(app, rows))
            keys = await _keystrokes(app, pilot)
            pages = await _pages(app, pilot)
            order, chosen = lambda: app.account.book.sort, lambda: app.session.answers.stages
            sort = [await _changed(app, pilot, "s", order) for _ in range(8)]
            select = [await _changed(app, pilot, "a", chosen) for _ in range(6)]
    peer = await _peer(apis)
    name = f"{rows:,} stages"
    return [
        measured(f"{name}: DataTable rebuilt (peer)", peer, "ms", against=peer),
        measured(f"{name}: table filled", [seconds for seconds, _ in fills], "s"),
        measured(f"{name}: longest stall of the loop meanwhile", [stall for _, stall in fills],
                 "ms", target="≤250 ms"),
        *_typical(f"{name}: filter keystroke", keys, "≤50 ms", against=peer),
        *_typical(f"{name}: page down", pages, "≤50 ms"),
        *_typical(f"{name}: sort", sort, "≤100 ms"),
        *_typical(f"{name}: select all", select, "≤100 ms"),
        figure(f"{name}: longest piece of work of the loop, in its own CPU time",
               work.work * 1000, "ms"),
        figure(f"{name}: memory of the rows", _memory(script), "MiB"),
    ]  # fmt: skip


def _app(script: Script) -> WizardApp:
    app = WizardApp(Options(env={}), product=Scripted(script).begin, unicode=True, start="stages")
    app.animation_level = "none"
    # As in a program of its own: nothing is left of the app before, and `ui.run` tells the
    # collector to leave alone what was loaded.
    gc.collect()
    gc.freeze()
    return app


async def _fill(app: WizardApp, rows: int) -> tuple[float, float]:
    """Seconds until every stage is in the table, and the loop's longest stall in milliseconds."""
    watch = Watchdog()
    began = time.perf_counter()
    app.account.identify()
    while app.account.inventory.value is None or len(app.account.book.shown) < rows:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return time.perf_counter() - began, watch.stop()


def _typical(
    name: str, times: list[float], target: str = "", *, against: list[float] | None = None
) -> list[Figure]:
    """Median and 99th percentile of milliseconds; of fewer than 100 that is the longest."""
    ratio = _p99(times) / statistics.median(against) if against else None
    return [
        measured(f"{name}, median", times, "ms", against=against, target=target),
        figure(f"{name}, 99 of 100", _p99(times), "ms", ratio=ratio),
    ]


def _p99(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]


async def _changed(
    app: WizardApp, pilot: Pilot[int], key: str, look: Callable[[], object]
) -> float:
    """Milliseconds from the key until what is looked at is another and the screen is drawn."""
    before = look()
    return await _timed(app, pilot, key, lambda: look() != before)


async def _keystrokes(app: WizardApp, pilot: Pilot[int]) -> list[float]:
    await pilot.press("slash")
    times = []
    for word in WORDS:
        typed = [word[: n + 1] for n in range(len(word))]
        for text in (*typed, *reversed(["", *typed[:-1]])):
            longer = len(text) > len(app.account.book.filter)
            name = text[-1:] if longer else "backspace"
            times.append(
                await _timed(app, pilot, name, lambda t=text: app.account.book.filter == t)
            )
    await pilot.press("enter")
    return times


async def _pages(app: WizardApp, pilot: Pilot[int]) -> list[float]:
    table = app.screen.query_one(StageTable)
    table.focus()
    times = []
    for _ in range(30):
        was = table.cursor
        moved = lambda was=was: table.cursor != was  # noqa: E731
        times.append(await _timed(app, pilot, "pagedown", moved))
    return times


async def _timed(app: WizardApp, pilot: Pilot[int], key: str, done: Callable[[], bool]) -> float:
    """Milliseconds from the key until its effect is there and the whole screen is drawn."""
    await pilot.pause()
    began = time.perf_counter()
    app.simulate_key(key)
    for _ in range(10_000):
        await asyncio.sleep(0)
        if done():
            break
    else:
        raise TimeoutError(f"{key} had no effect")
    app.screen._compositor.render_update(full=True, screen_stack=[], simplify=False)
    return (time.perf_counter() - began) * 1000


async def _peer(apis: int) -> list[float]:
    rows = stages(Script(hostile=False, apis=apis, stages_per_api=STAGES_EACH), "us-east-1")
    texts = [(s.api.name, s.name, "off") for s in rows]
    app = Peer()
    async with app.run_test(size=(120, 36)) as pilot:
        table = app.query_one(DataTable)
        table.add_columns("API", "Stage", "Logging")
        times = []
        for _ in range(2):
            began = time.perf_counter()
            table.clear()
            table.add_rows(texts)
            await pilot.pause()
            times.append((time.perf_counter() - began) * 1000)
    return times


def _memory(script: Script) -> float:
    everything = stages(script, "us-east-1")
    tracemalloc.start()
    book = StageBook()
    book.add(map(make_row, everything))
    book.apply(frozenset())
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / 2**20
