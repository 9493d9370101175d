"""The longest time in which an event loop did not come round."""

from __future__ import annotations

import asyncio
import time

EACH = 0.005  # seconds


class Watchdog:
    """Watches the running loop from its making until `stop`."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._task = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(EACH)
            self._longest = max(self._longest, time.perf_counter() - before - EACH)

    def stop(self) -> float:
        """Milliseconds."""
        self._task.cancel()
        return self._longest * 1000
