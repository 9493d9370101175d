"""A signal that ends programs leaves the terminal as it was."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


def read_until(terminal: int, words: bytes, seconds: float = 60.0) -> bytes:
    """What the program writes, until these bytes come or it has ended."""
    said, end = b"", time.monotonic() + seconds
    while words not in said and time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_restores_the_terminal(tmp_path: Path, number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM"))}
    env |= {"HOME": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "20", "LINES": "5"}
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "XDG_DATA_HOME": str(tmp_path / "data")}
    program = subprocess.Popen(
        [sys.executable, "-m", "wizard.cli"], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    try:
        assert ENTER in read_until(ours, ENTER)
        read_until(ours, b"Wallarm", 30)
        program.send_signal(number)
        assert LEAVE in read_until(ours, LEAVE, 30)
        read_until(ours, b"never said", 10)
        assert program.wait(30) == 128 + number
    finally:
        program.kill()
        program.wait()
        os.close(ours)
