"""Notices that the terminal is gone, so that no program goes on drawing for nobody.

A closed window or a cut connection does not always end a program: reading from a dead terminal
returns at once, for ever. A Terraform that runs goes on by itself; the next start follows it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from rich.control import Control
from textual import events
from textual.app import App
from textual.drivers import linux_driver
from textual.geometry import Offset
from textual.message import Message
from textual.message_pump import MessagePump
from textual.widget import Widget
from textual.widgets import Input

LOOK_SECONDS = 2.0
_ENDING = (signal.SIGTERM, signal.SIGHUP)
HUNG_UP = 129  # what a shell reports for a program that a hang-up ended


def is_gone(fd: int | None = None) -> bool:
    """Whether standard input was a terminal that does not exist any more."""
    try:
        import termios
    except ImportError:  # not on this platform
        return False
    number = sys.__stdin__.fileno() if fd is None and sys.__stdin__ is not None else fd
    if number is None:
        return False
    try:
        termios.tcgetattr(number)
    except termios.error as error:
        return bool(error.args) and error.args[0] == 5  # EIO: hung up; a pipe says ENOTTY
    return False


def opener(env: Mapping[str, str], platform: str = sys.platform) -> str:
    """The program that opens an address in a browser on this desk; empty where there is none.

    Over SSH a browser would open on the other machine, or in this very terminal.
    """
    if env.get("SSH_CONNECTION") or env.get("SSH_TTY"):
        return ""
    if platform == "darwin":
        return "/usr/bin/open"
    if env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"):
        return shutil.which("xdg-open", path=env.get("PATH")) or ""
    return ""


def open_page(url: str, env: Mapping[str, str]) -> bool:
    """Open an `https` address in the browser. False where that is not possible from here."""
    program = opener(env)
    if not program or not url.startswith("https://"):
        return False
    try:
        subprocess.Popen(
            [program, url],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True


@contextlib.contextmanager
def taken(stop: Callable[[int], None]) -> Iterator[None]:
    """Hold this terminal while the screens stand in it, and leave it as it was.

    Its real size counts, whatever COLUMNS and LINES say: they are another terminal's, exported
    once. What was typed, or answered late by the terminal itself, does not reach the shell.

    Args:
        stop: called with the number of a signal that ends programs; it lets the screens end.
    """
    before: dict[int, Any] = {}
    if sys.stdout.isatty():
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
    if threading.current_thread() is threading.main_thread():
        before = {n: signal.signal(n, lambda number, _: stop(number)) for n in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        flush_input()


def flush_input() -> None:
    """Throw away what the terminal has for us and nobody has read."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import termios

        with contextlib.suppress(termios.error):
            termios.tcflush(sys.__stdin__.fileno(), termios.TCIFLUSH)  # type: ignore[union-attr]


def leave() -> None:
    """End at once: nothing can be drawn, and what is recorded is on disk already."""
    os._exit(HUNG_UP)


PASTE_START, PASTE_END = "\x1b[200~", "\x1b[201~"
PASTE_SECONDS = 1.0  # between two pieces of one paste there is less, also over a slow line
LONGEST_KEY = 12  # characters that the terminal sends for one key
NEVER_PASTED = "\x03\x11"  # Ctrl-C, Ctrl-Q
_NO_KEY = ("\x1b[<", "\x1b[I", "\x1b[O")  # the mouse, and the window's focus


class PatientParser(linux_driver.XTermParser):  # type: ignore[name-defined, misc]
    """What comes from the terminal as keys; a paste whose end was lost ends at the next key.

    A terminal puts a mark before and behind pasted text. Where the second gets lost (a cut
    connection, a program between that ends), everything typed would be part of the paste for ever,
    Ctrl-C too.
    """

    def __init__(self, debug: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(debug)
        self._clock = clock
        self._pasting = False
        self._heard = 0.0  # when something came last
        self._tail = ""  # of it, where a mark may have begun

    def feed(self, data: str) -> Iterable[Message]:
        """Parse what came."""
        now = self._clock()
        if len(data) > 1 and data[-1] in NEVER_PASTED:
            yield from self.feed(data[:-1])
            data = data[-1]
        if self._pasting and is_key(data, now - self._heard):
            self._pasting = False
            yield from super().feed(PASTE_END)
        self._heard = now
        text = self._tail + data
        start, end = text.rfind(PASTE_START), text.rfind(PASTE_END)
        if start != end:
            self._pasting = start > end
        self._tail = text[1 - len(PASTE_START) :]
        yield from super().feed(data)


def is_key(data: str, pause: float) -> bool:
    """Whether this, which came in a paste after `pause` seconds, is a key that somebody pressed."""
    if data and data in NEVER_PASTED:
        return True
    if not data or len(data) > LONGEST_KEY or data.startswith((*_NO_KEY, PASTE_END)):
        return False
    return pause >= PASTE_SECONDS


linux_driver.XTermParser = PatientParser  # type: ignore[attr-defined]  # the driver makes its own


@runtime_checkable
class Pointing(Protocol):
    """A widget with a place of its own for the keys: a row, a choice."""

    def cursor_place(self) -> Offset:
        """That place on the screen."""


def place_of(focused: Widget | None) -> Offset | None:
    """The cell where the keys go; None where nothing has the focus."""
    if focused is None:
        return None
    if isinstance(focused, Pointing):
        place = focused.cursor_place()
    elif isinstance(focused, Input):
        # Textual's own place is one cell too far right behind the last character.
        place = focused.cursor_screen_offset - Offset(int(focused.cursor_at_end), 0)
    else:
        place = focused.content_region.offset
    seen = focused.region  # a long text's end may lie outside of what is shown of it
    return Offset(
        max(seen.x, min(place.x, seen.right - 1)), max(seen.y, min(place.y, seen.bottom - 1))
    )


def follow_focus(app: App[Any]) -> None:
    """Move the terminal's cursor; Textual does so only where it draws, and knows inputs only."""
    place = place_of(app.screen.focused) if app.screen_stack else None
    if place is not None and place != app.cursor_position:
        app.cursor_position = place
        if app._driver is not None:
            app._driver.write(Control.move_to(*place).segment.text)


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
