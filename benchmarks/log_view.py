"""The deployment's screen while Terraform says very much: nothing stalls, nothing grows.

The events go the product's own way: parsed and reduced in Terraform's reader thread, told to the
app, shown on the deployment's screen with its log in view.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import tracemalloc

from textual.widgets import TabbedContent

from benchmarks.figure import Figure, figure, measured
from benchmarks.reducer import EVENTS, RESOURCES, lines
from benchmarks.watchdog import Watchdog
from tests.ui.loop_watch import LoopWatch
from tests.ui.script import Script
from tests.ui.scripted import Scripted
from wizard.flows.context import Options
from wizard.flows.deployment.apply import progress_listener
from wizard.services.terraform.events import parse_line
from wizard.ui.app import WizardApp
from wizard.ui.screens.deploy import RunLog

TIMES = 3  # the longest stall of one run is a single moment of a machine: the median is told


def run() -> list[Figure]:
    """Events a second until all of them are on the screen, the longest stall, what is kept."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    stream, work = lines(), LoopWatch()
    app = WizardApp(Options(env={}), product=Scripted(Script()).begin, unicode=True, start="deploy")
    app.animation_level = "none"
    async with app.run_test(size=(120, 36)) as pilot:
        app.deployment_run.now.busy = True
        app.screen.query_one(TabbedContent).active = "log-pane"
        await pilot.pause()
        gc.collect()
        gc.freeze()  # as the program does once its first screen stands
        with work.armed():
            fed = [await _feed(app, stream) for _ in range(TIMES)]
        shown = app.screen.query_one(RunLog).total()
        grown = await _growth(app, stream[: EVENTS // 5])
    name = f"{EVENTS:,} events of {RESOURCES:,} resources"
    return [
        measured(f"{name}: on the screen", [EVENTS / seconds for seconds, _ in fed], "/s"),
        measured(f"{name}: longest stall of the loop", [stall for _, stall in fed], "ms",
                 target="≤100 ms"),
        figure(f"{name}: longest piece of work of the loop, in its own CPU time",
               work.work * 1000, "ms", target="≤100 ms"),
        figure("lines the log keeps of them", shown, ""),
        figure(f"memory that {EVENTS // 5:,} more add", grown, "MiB"),
    ]  # fmt: skip


async def _growth(app: WizardApp, stream: list[bytes]) -> float:
    """MiB that the same events again add to what they took the first time: the log is full."""
    tracemalloc.start()
    await _feed(app, stream)
    before = tracemalloc.get_traced_memory()[0]
    await _feed(app, stream)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / 2**20


async def _feed(app: WizardApp, stream: list[bytes]) -> tuple[float, float]:
    """Seconds until everything is shown, and the longest stall in milliseconds."""
    listen = progress_listener(app.deployment_run.hear)
    run, log = app.deployment_run.now, app.screen.query_one(RunLog)
    wanted = run.told + len(stream)  # each of these events is a line of the log

    def read() -> None:
        for raw in stream:
            event = parse_line(raw)
            if event is not None:
                listen(event)

    watch = Watchdog()
    began = time.perf_counter()
    reader = threading.Thread(target=read, name="terraform-reader")
    reader.start()
    while not run.told == log.told == wanted:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    seconds = time.perf_counter() - began
    stall = watch.stop()
    reader.join()
    return seconds, stall
