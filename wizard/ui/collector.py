"""Python's garbage collector, kept from stopping the screens in the middle of something.

A full collection goes through every object there is: a third of a second at 50,000 stages, whenever
it pleases, and whichever thread is at work, the event loop waits. Nearly everything here is freed
with its last reference; what needs the collector are the screens that were left. So the full
collections come when a screen was left and nothing is being typed, and go through what is new only.
Those of young objects, a few milliseconds each, stay as they are.

What is loaded meanwhile, above all the descriptions of AWS's services, is told to stay as soon as
somebody reads. The screen that is shown then stays, too, and is not taken away later; that is some
5 MB each time, and it is done a few times only: about as often as services are loaded.
"""

from __future__ import annotations

import gc
import time
from contextlib import suppress

NEVER = 1_000_000_000  # collections of middle-aged objects before a full one
LONG = 0.07  # seconds that a full collection may take: some 100,000 objects; a screen has 40,000
GONE = 2.0  # seconds after which a screen that was left is taken apart
PILE = 5  # screens that were left in quick succession
PAUSE = 60.0  # seconds between two full collections for other reasons than a screen that was left
LOADED = 10  # collections of middle-aged objects, 7,000 new ones each: much may have been loaded
LOADS = 12  # times that this is taken for loading; after that it is growth
WORTH = 20  # collections of middle-aged objects after which a full one may be worth it


class Collector:
    """Takes the collector over while the app runs."""

    def __init__(self) -> None:
        self._was: tuple[int, int, int] | None = None
        self._last = 0.0
        self._left = 0  # screens
        self._when = 0.0  # the last of them
        self._loads = 0

    def begin(self) -> None:
        """No full collection from now on but ours. What is there already is not looked at again."""
        if self._was is None:
            self._was = gc.get_threshold()
            gc.set_threshold(*self._was[:2], NEVER)
        self._last = time.monotonic()
        gc.freeze()
        gc.enable()  # off while the program was loaded

    def spare(self) -> None:
        """Much was made that stays, e.g. rows: a row is freed with its last reference."""
        gc.freeze()

    def left(self) -> None:
        """A screen was left: it can be collected."""
        self._left += 1
        self._when = time.monotonic()

    def idle(self) -> None:
        """Nothing is being typed: collect, if it is worth it."""
        now = time.monotonic()
        left = self._left >= PILE or (self._left and now - self._when >= GONE)
        grown = gc.get_count()[2] >= WORTH and now - self._last >= PAUSE
        if left or grown:
            self._left, self._last = 0, now
            _let_go_of_screens()
            began = time.perf_counter()
            gc.collect()
            # Not counted: whoever asks for all objects gets hold of tuples that another thread is
            # filling right now, which Python answers with a SystemError there.
            if time.perf_counter() - began > LONG:
                gc.freeze()  # these have come to stay, e.g. the lines of a long log
        elif not self._left and self._loads < LOADS and gc.get_count()[2] >= LOADED:
            self._loads += 1
            gc.freeze()

    def end(self) -> None:
        """As it was."""
        if self._was is not None:
            gc.set_threshold(*self._was)
            self._was = None
            gc.unfreeze()


def _let_go_of_screens() -> None:
    """Textual 8 remembers two colours for each of the last 1,024 widgets, in a cache whose keys are
    what these widgets have drawn: 200,000 objects and 40 MB of screens that are gone.
    """
    with suppress(ImportError, AttributeError):
        from textual._styles_cache import StylesCache

        StylesCache.get_inner_outer.cache_clear()
