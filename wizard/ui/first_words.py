"""The first screen's words, in the terminal before the interface behind them is loaded.

Loading the interface takes longer than reading a line. The words stand where the first screen puts
them, so that nothing jumps when it takes over; what is typed meanwhile waits for it.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from wizard.core.answers import steps as welcome

if TYPE_CHECKING:
    from typing import TextIO

_ENTER = "\x1b[?1049h"  # the alternate screen; many terminals clear it each time this is sent
_LEAVE = "\x1b[?1049l\x1b[?25h"
_SMALLEST = (80, 24)
_SIDEBAR_FROM = 100  # columns from which the steps stand at the side
_INPUT_FLAGS, _LOCAL_FLAGS = 0, 3  # places in what tcgetattr gives


def first_words(columns: int, lines: int) -> list[tuple[int, int, str]]:
    """Row and column (from 0) of each text of the first screen that needs nothing looked up."""
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        return []
    wide = columns >= _SIDEBAR_FROM
    left, row = (23, 2) if wide else (1, 3)
    out = [(0, 1, "wallarm-apigw"), (row, left, welcome.QUESTION), (row + 1, left, welcome.HINT)]
    for number, (title, text) in enumerate(welcome.FACTS):
        out += [(row + 3 + number, left, title), (row + 3 + number, left + 16, text)]
    out.append((row + 4 + len(welcome.FACTS), left, welcome.CHECKS))
    return out


class FirstWords:
    """Shows them while open; `driver` makes Textual take the screen over as it is."""

    def __init__(self) -> None:
        self._file: TextIO | None = sys.__stderr__  # where Textual draws
        self._attributes: list[Any] | None = None
        self._shown = False

    def __enter__(self) -> FirstWords:
        try:
            size = os.get_terminal_size(self._file.fileno()) if self._file else None
        except OSError:
            size = None
        words = first_words(*size) if size else []
        if words and self._quieten():
            text = "".join(f"\x1b[{row + 1};{column + 1}H{word}" for row, column, word in words)
            self._write(f"{_ENTER}\x1b[?25l\x1b[2J{text}")
            self._shown = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loosen()
        if self._shown:
            self._write(_LEAVE)
            self._shown = False

    def driver(self, base: type[Any]) -> type[Any]:
        """A Textual driver as `base` that does not clear the words when it starts."""
        words = self

        class Seamless(base):  # type: ignore[misc]
            def start_application_mode(self) -> None:
                words._loosen()
                super().start_application_mode()

            def write(self, data: str) -> None:
                if data == _ENTER and words._shown:
                    words._shown = False  # the interface leaves the screen from now on
                    return
                super().write(data)

        return Seamless if self._shown else base

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()

    def _quieten(self) -> bool:
        """What is typed while loading is kept for the interface and not shown."""
        try:
            import termios

            fd = sys.__stdin__.fileno() if sys.__stdin__ is not None else -1
            self._attributes = termios.tcgetattr(fd)
            quiet = termios.tcgetattr(fd)
            quiet[_LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON)
            quiet[_INPUT_FLAGS] &= ~termios.IXON  # or Ctrl+Q would be taken as flow control
            termios.tcsetattr(fd, termios.TCSANOW, quiet)
        except (ImportError, OSError, termios.error):
            return False
        return True

    def _loosen(self) -> None:
        if self._attributes is None or sys.__stdin__ is None:
            return
        import termios

        attributes, self._attributes = self._attributes, None
        try:
            termios.tcsetattr(sys.__stdin__.fileno(), termios.TCSANOW, attributes)
        except termios.error:
            return  # the terminal is gone, and nobody types there any more
