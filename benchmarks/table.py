"""Ten thousand stages in the table: what a keystroke in the filter and a page down cost."""

from __future__ import annotations

import asyncio
import statistics
import time
import tracemalloc
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from benchmarks.figure import Figure, figure
from tests.ui.scripted import Script, Scripted, stages
from wizard.flows.context import Options
from wizard.ui.app import WizardApp
from wizard.ui.stagebook import StageBook
from wizard.ui.widgets.stage_table import StageTable

APIS, STAGES_EACH = 1000, 10
WORDS = ("orders", "prod", "cust", "zzz")


class Peer(App[None]):
    """The same rows in Textual's own table, rebuilt for every keystroke."""

    def compose(self) -> ComposeResult:
        yield DataTable()


def run() -> list[Figure]:
    """Each figure is the time until the screen is drawn again; typing is simulated by keys."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    script = Script(hostile=False, apis=APIS, stages_per_api=STAGES_EACH)
    app = WizardApp(Scripted(script), Options(env={}), unicode=True, start="stages")
    app.animation_level = "none"
    async with app.run_test(size=(120, 36)) as pilot:
        app.jobs.identify()
        while app.state.inventory.value is None or len(app.state.book.rows) < APIS * STAGES_EACH:
            await pilot.pause(0.05)
        keys = await _keystrokes(app, pilot)
        pages = await _pages(app, pilot)
    peer = await _peer()
    return [
        figure("DataTable rebuilt (peer)", peer, "ms"),
        figure("filter keystroke, median", statistics.median(keys), "ms",
               ratio=statistics.median(keys) / peer, target="≤50 ms"),
        figure("filter keystroke, slowest", max(keys), "ms", ratio=max(keys) / peer),
        figure("page down, median", statistics.median(pages), "ms", target="≤50 ms"),
        figure("memory of 10,000 rows", _memory(script), "MiB"),
    ]  # fmt: skip


async def _keystrokes(app: WizardApp, pilot: Pilot[int]) -> list[float]:
    await pilot.press("slash")
    times = []
    for word in WORDS:
        typed = [word[: n + 1] for n in range(len(word))]
        for text in (*typed, *reversed(["", *typed[:-1]])):
            longer = len(text) > len(app.state.book.filter)
            name = text[-1:] if longer else "backspace"
            times.append(await _timed(app, pilot, name, lambda t=text: app.state.book.filter == t))
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


async def _peer() -> float:
    rows = stages(Script(hostile=False, apis=APIS, stages_per_api=STAGES_EACH), "us-east-1")
    texts = [(s.api.name, s.name, "off") for s in rows]
    app = Peer()
    async with app.run_test(size=(120, 36)) as pilot:
        table = app.query_one(DataTable)
        table.add_columns("API", "Stage", "Logging")
        times = []
        for _ in range(3):
            began = time.perf_counter()
            table.clear()
            table.add_rows(texts)
            await pilot.pause()
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _memory(script: Script) -> float:
    everything = stages(script, "us-east-1")
    tracemalloc.start()
    book = StageBook()
    book.add(everything, frozenset())
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / 2**20


def main() -> None:
    """Print the figures."""
    for item in run():
        print(f"{item['name']:<28} {item['value']:8.1f} {item['unit']}  {item['target']}")


if __name__ == "__main__":
    main()
