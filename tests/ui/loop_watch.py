"""A watchdog of the event loop: what its thread did that can wait, and what took it longest."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from asyncio.events import Handle
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

WAITS = ("socket.connect", "subprocess.Popen", "time.sleep", "socket.getaddrinfo")


@dataclass
class LoopWatch:
    """What was seen while it was armed.

    Attributes:
        waits: calls on the loop's thread that can wait for something else, by name.
        longest: the longest time in seconds that the loop did not come round, by the wall clock: on
            a busy machine other programs are in it.
        work: the longest single callback in seconds of this thread's own processor time, which
            other programs do not stretch; `culprit` is that callback.
    """

    waits: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    work: float = 0.0
    culprit: str = ""
    thread: int = 0

    def hear(self, event: str, _: object) -> None:
        """The audit hook."""
        if event in WAITS and threading.get_ident() == self.thread:
            self.waits[event] += 1

    def ran(self, handle: Handle, seconds: float) -> None:
        """A callback ended."""
        if threading.get_ident() == self.thread and seconds > self.work:
            self.work, self.culprit = seconds, repr(handle)

    async def tick(self) -> None:
        """Wake up every 20 ms; what comes late was held up."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.02)
            self.longest = max(self.longest, time.perf_counter() - before - 0.02)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Watch the running loop of this thread."""
        self.thread = threading.get_ident()
        beat = asyncio.get_running_loop().create_task(self.tick())
        _WATCHING.append(self)
        try:
            yield
        finally:
            _WATCHING.remove(self)
            beat.cancel()
            self.thread = 0

    def __str__(self) -> str:
        return (
            f"the event loop's longest callback: {self.work * 1000:.0f} ms of work; "
            f"longest it did not come round: {self.longest * 1000:.0f} ms"
        )


_WATCHING: list[LoopWatch] = []
_RUN = Handle._run


def _timed(self: Handle) -> None:
    if not _WATCHING:
        _RUN(self)
        return
    before = time.thread_time()
    try:
        _RUN(self)
    finally:
        spent = time.thread_time() - before
        for watch in _WATCHING:
            watch.ran(self, spent)


def _hear(event: str, arguments: object) -> None:
    for watch in _WATCHING:
        watch.hear(event, arguments)


Handle._run = _timed  # type: ignore[method-assign]
sys.addaudithook(_hear)
