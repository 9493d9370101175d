"""Python's garbage collector has its turn when nobody types, and goes through what is new only."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.ui.acting import wizard
from tests.ui.scenes import CHOSEN, until
from tests.ui.scripted import Script
from wizard.core.answers.model import Answers
from wizard.ui.collector import LOADED, LOADS, PILE, Collector
from wizard.ui.ticking import REST_SECONDS

MANY = 100_000  # objects; all that a screen has are 40,000


@contextmanager
def full_collections() -> Iterator[list[int]]:
    """How many objects each full collection of this time had to go through."""
    seen: list[int] = []

    def hear(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            # The old ones: among the young may be tuples that another thread is filling right now.
            seen.append(len(gc.get_objects(2)))

    gc.callbacks.append(hear)
    try:
        yield seen
    finally:
        gc.callbacks.remove(hear)


async def test_ten_thousand_rows_are_never_gone_through() -> None:
    rows = 10_000
    async with wizard(script=Script(hostile=False, apis=rows // 10, stages_per_api=10)) as w:
        with full_collections() as seen:
            await w.press("ctrl+n", "ctrl+n")
            await until(w.pilot, lambda: len(w.app.state.book.shown) == rows, 60)
            await w.press("a", "s", "ctrl+n")
            await until(w.pilot, lambda: bool(seen))
            w.app.collector.left()
            await until(w.pilot, lambda: len(seen) >= 2)
    assert max(seen) < MANY, "rows, their stages and what the first screen needed are not in it"


async def test_what_was_loaded_while_somebody_read_is_not_gone_through_later() -> None:
    async with wizard("logs", answers=Answers(stages=CHOSEN), token=True) as w:
        frozen = gc.get_freeze_count()
        services = [{"operations": [number]} for number in range(MANY)]
        await until(w.pilot, lambda: gc.get_freeze_count() > frozen + len(services))
        with full_collections() as seen:
            await w.press("ctrl+n")
            assert w.app.state.at == "wallarm"
            await until(w.pilot, lambda: bool(seen))
        assert max(seen) < MANY


def test_nobody_asks_for_all_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks a tuple that another thread is filling: "bad argument to internal function"."""

    def asked(*_: object) -> list[object]:
        raise AssertionError("all objects were asked for")

    collector = Collector()
    collector.begin()
    try:
        monkeypatch.setattr(gc, "get_objects", asked)
        for _ in range(PILE):
            collector.left()
        kept = [{"operations": [number]} for number in range(LOADED * 7_000)]
        before = gc.get_freeze_count()
        collector.idle()  # screens were left: a full collection
        more = [{"operations": [number]} for number in range(LOADED * 7_000)]
        collector.idle()  # much was loaded
        assert gc.get_freeze_count() >= before + len(kept) + len(more)
    finally:
        collector.end()


def test_what_grows_and_grows_is_not_kept_for_ever() -> None:
    collector = Collector()
    collector.begin()
    try:
        kept, frozen = [], [gc.get_freeze_count()]
        for _ in range(LOADS + 2):
            kept.append([{"n": [number]} for number in range(LOADED * 7_000)])
            collector.idle()
            frozen.append(gc.get_freeze_count())
        assert frozen[LOADS] > frozen[0] + LOADS * LOADED * 7_000
        assert frozen[LOADS] == frozen[-1], "from now on a full collection decides"
    finally:
        collector.end()


async def test_a_full_collection_waits_while_keys_come() -> None:
    async with wizard("stages", script=Script(hostile=False)) as w:
        await w.press("d", "escape")
        w.app.collector.left()
        with full_collections() as seen:
            for _ in range(5):
                await w.pilot.press("down")
            if not w.app.rests(REST_SECONDS / 2):  # unless the machine is that slow
                assert not seen
            await until(w.pilot, lambda: len(seen) == 1)


async def test_a_screen_that_was_left_is_taken_away() -> None:
    async with wizard("logs", answers=Answers(stages=CHOSEN), token=True) as w:
        was = weakref.ref(w.app.screen)
        await w.press("ctrl+n")
        assert w.app.state.at == "wallarm"
        await until(w.pilot, lambda: was() is None, 30)


async def test_collector_and_threads_are_left_as_they_were() -> None:
    before, turn = gc.get_threshold(), sys.getswitchinterval()
    async with wizard():
        assert sys.getswitchinterval() < turn
        assert gc.get_threshold()[2] > 1_000_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
    assert sys.getswitchinterval() == turn


def test_beginning_twice_and_ending_twice_do_no_harm() -> None:
    before = gc.get_threshold()
    collector = Collector()
    gc.disable()  # as while the program is loaded
    collector.begin()
    assert gc.isenabled()
    collector.begin()
    collector.end()
    collector.end()
    assert gc.get_threshold() == before
