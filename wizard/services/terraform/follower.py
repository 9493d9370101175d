"""Reads the lines of a file that another process is still writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 16
MAX_LINE = 32 << 20  # a longer line is cut: something is wrong, and memory is bounded

LineListener = Callable[[bytes], None]


class Follower:
    """Reads a growing file line by line, in constant memory per line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._parts: list[bytes] = []
        self._held = 0

    def read(self, on_line: LineListener) -> bool:
        """Hand on every line that is complete; says whether there was anything."""
        moved = False
        while chunk := self._file.read(_CHUNK):
            moved = True
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                self._hold(line)
                self._flush(on_line)
            self._hold(rest)
        return moved

    def close(self, on_line: LineListener) -> None:
        """Hand on what came without a newline, and close."""
        if self._held:
            self._flush(on_line)
        self._file.close()

    def _hold(self, part: bytes) -> None:
        if part and self._held < MAX_LINE:
            self._parts.append(part)
            self._held += len(part)

    def _flush(self, on_line: LineListener) -> None:
        line = b"".join(self._parts)
        self._parts.clear()
        self._held = 0
        on_line(line)
