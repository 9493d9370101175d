"""The first words stand where the first screen has them, and cost nothing that was typed."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ui.acting import wizard
from wizard.ui.first_words import first_words

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
PATIENCE = 30.0


@pytest.mark.parametrize("size", [(80, 24), (99, 24), (100, 30), (120, 36), (300, 80)])
async def test_the_first_screen_puts_the_same_words_in_the_same_places(
    size: tuple[int, int],
) -> None:
    async with wizard(size=size) as w:
        lines = w.text.split("\n")
    words = first_words(*size)
    assert len(words) > 8
    for row, column, text in words:
        assert lines[row][column:].startswith(text), (row, column, text, lines[row])


@pytest.mark.parametrize("size", [(79, 24), (80, 23), (20, 5)])
def test_a_terminal_that_is_too_small_gets_none(size: tuple[int, int]) -> None:
    assert first_words(*size) == []


class Terminal:
    """The wizard in a terminal of its own."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.fd, theirs = pty.openpty()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.fd)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", *arguments], env=_environment(home),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        self.theirs = theirs
        self.said = b""

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.theirs)
        os.close(self.fd)

    def until(self, words: bytes, after: int = 0) -> int:
        """Read until these words came; gives where they begin."""
        end = time.monotonic() + PATIENCE
        while words not in self.said[after:]:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.said[-2000:]
            self.said += os.read(self.fd, 65536)
        assert words in self.said[after:], self.said[-2000:]
        return self.said.index(words, after)

    def type(self, text: bytes) -> None:
        os.write(self.fd, text)

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)


def _environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM"))}
    return kept | {
        "HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "TERM": "xterm-256color",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "WALLARM_APIGW_CLOUD_URL": "http://127.0.0.1:9",
    }  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    running: list[Terminal] = []

    def begin(*arguments: str) -> Terminal:
        running.append(Terminal(tmp_path, *arguments))
        return running[-1]

    yield begin
    for it in running:
        it.end()


def test_what_is_typed_while_it_loads_is_not_shown_and_not_lost(
    start: Callable[..., Terminal],
) -> None:
    terminal = start()
    terminal.until(b"What happens")
    assert not terminal.echoes()
    terminal.type(b"\x11")  # Ctrl+Q, before anything is there that could hear it
    ended = terminal.until(LEAVE)
    assert b"^Q" not in terminal.said[:ended]


def test_the_screen_is_entered_once_and_the_terminal_is_left_as_it_was(
    start: Callable[..., Terminal],
) -> None:
    terminal = start()
    terminal.until(b"What happens")
    terminal.until(b"Next: AWS")
    terminal.type(b"\x11")
    terminal.until(LEAVE)
    terminal.process.wait(PATIENCE)
    assert (terminal.said.count(ENTER), terminal.said.count(LEAVE)) == (1, 1)
    assert termios.tcgetattr(terminal.fd) == terminal.before


def test_an_error_before_the_first_screen_is_read_in_the_ordinary_terminal(
    start: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = start("--answers", str(tmp_path / "none.json"))
    left = terminal.until(LEAVE)
    assert terminal.until(b"cannot be read") > left
    assert terminal.said.index(b"What happens") < left
    terminal.process.wait(PATIENCE)
    assert termios.tcgetattr(terminal.fd) == terminal.before
