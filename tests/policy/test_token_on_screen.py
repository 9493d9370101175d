"""The token that was entered is on no screen, in no screenshot, and not on the clipboard.

Also in a real terminal: every byte that is sent to it is looked at.
"""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from textual.widgets import Input

from tests.ui.acting import wizard
from tests.ui.script import TOKEN

PIECES = tuple(TOKEN[start : start + 12] for start in range(0, len(TOKEN) - 12, 12))


def pieces_in(text: str) -> list[str]:
    return [piece for piece in PIECES if piece in text]


@pytest.mark.parametrize("step", ["wallarm", "node", "review"])
async def test_neither_screen_nor_screenshot_shows_it(step: str) -> None:
    async with wizard(step, size=(120, 36), token=True) as session:
        assert pieces_in(session.text) == []
        assert pieces_in(session.app.export_screenshot()) == []
        assert pieces_in(" ".join(session.told)) == []


async def test_the_masked_field_gives_nothing_to_the_clipboard() -> None:
    async with wizard("wallarm", token=True) as session:
        field = next(i for i in session.app.screen.query(Input) if i.password)
        assert field.value == TOKEN, "the field under test must hold it"
        field.focus()
        for keys in (("home", "shift+end", "ctrl+c"), ("home", "shift+end", "ctrl+x")):
            await session.press(*keys)
            assert pieces_in(session.app.clipboard) == []


def read_until(fd: int, words: bytes, seconds: float = 60.0) -> bytes:
    """What the terminal is sent until these words came."""
    said, end = b"", time.monotonic() + seconds
    while words not in said:
        ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
        assert ready, said[-2000:]
        said += os.read(fd, 65536)
    return said


def read_for(fd: int, seconds: float) -> bytes:
    """What the terminal is sent in this time."""
    said, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            said += os.read(fd, 65536)
    return said


def test_no_byte_of_it_is_sent_to_a_real_terminal(tmp_path: Path) -> None:
    fd, theirs = pty.openpty()
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM"))}
    env |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ui.demo", "--fast", "--step", "wallarm"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
        cwd=Path(__file__).parents[2],
    ) as process:  # fmt: skip
        try:
            said = read_until(fd, b"Check token")
            # The token's field has the keys; there Help is F1. What is typed before the app listens
            # is lost.
            for _ in range(20):
                said += read_for(fd, 1.5)
                if b" f1 " in said:
                    break
            # As a terminal pastes; then copied, the way a user would try.
            os.write(fd, b"\x1b[200~" + TOKEN.encode() + b"\x1b[201~")
            said += read_until(fd, "•".encode() * 20)
            os.write(fd, b"\x1b[H\x1b[1;2F\x18\x03")
            said += read_for(fd, 3.0)
        finally:
            process.kill()
            os.close(theirs)
    os.close(fd)
    assert pieces_in(said.decode("utf-8", "replace")) == []
    for piece in PIECES:
        assert base64.b64encode(piece.encode())[:-4] not in said
