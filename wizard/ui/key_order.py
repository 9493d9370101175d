"""Keys in the order in which they were typed, each when the one before it has done its work.

Textual hands a key to the focused widget and takes the next key at once. What is typed quickly
after Tab, Enter or a key that moves the focus would still go to the old widget and be lost there,
or start something there: on a slow line, in a recorded session, with a screen reader's keys.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

ROUNDS = 2  # a key's own way up to the app, and that of what it set off, e.g. `Submitted`
PATIENCE = 1.0  # seconds; a widget that was taken away meanwhile never answers
AT_ONCE = ("ctrl+q", "ctrl+c")


class KeyOrder:
    """What keys and pasted text of an app come through.

    Args:
        handle: what the app does with an event whose turn it is.
    """

    def __init__(self, app: App[Any], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._typed: deque[events.Event] = deque()
        self._turn = 0
        self._began: float | None = None  # when the key that is at work was taken

    async def take(self, event: events.Event) -> None:
        """Handle a key, or let it wait for its turn."""
        typed = isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded
        if not typed or (isinstance(event, events.Key) and event.key in AT_ONCE):
            await self._handle(event)
        elif self._began is not None:
            self._typed.append(event)
        else:
            await self._work(event)

    async def _work(self, event: events.Event) -> None:
        self._began = time.monotonic()
        self._turn += 1
        await self._handle(event)
        if self._app.screen_stack:
            self._climb(self._turn, self._way_up(), ROUNDS)

    def _way_up(self) -> Sequence[MessagePump]:
        start = self._app.screen.focused or self._app.screen
        return (start, *start.ancestors)

    def _climb(self, turn: int, way: Sequence[MessagePump], rounds: int) -> None:
        """Queue up behind the key in every widget that it may bubble to, up to the app."""
        if turn != self._turn or self._began is None:
            return
        for at, pump in enumerate(way):
            if pump.call_later(self._climb, turn, way[at + 1 :], rounds):
                return
        if rounds > 1 and self._app.screen_stack:
            self._climb(turn, self._way_up(), rounds - 1)
        else:
            self._release()

    def _release(self) -> None:
        self._began = None
        if self._typed and self._app.is_running:
            self._app.call_later(self._next)

    async def _next(self) -> None:
        if self._typed and self._began is None:
            await self._work(self._typed.popleft())

    def look_after(self) -> None:
        """Let the next key go if the one before never came back; called now and then."""
        if self._began is not None and time.monotonic() - self._began > PATIENCE:
            self._turn += 1
            self._release()
