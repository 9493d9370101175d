"""How soon the first screen takes keys, against a Textual app that does nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import Figure, compared, interleaved

BARE = """
from textual.app import App
from textual.widgets import Footer, Static
class Bare(App):
    def compose(self):
        yield Static("First paint")
        yield Footer()
Bare().run()
"""
TAKES_KEYS = "first screen, whole, taking keys"
ROUNDS = 9
PATIENCE = 30.0


def run() -> list[Figure]:
    """Process start until the marked words are written to an 80x24 terminal."""
    with tempfile.TemporaryDirectory() as folder:
        wizard = "from wizard.cli import main; main([])"
        times = interleaved(
            {
                "bare Textual app": _painted(BARE, "First paint", Path(folder)),
                TAKES_KEYS: _painted(wizard, "Next: AWS", Path(folder)),
            },
            ROUNDS,
        )
    return compared(times, "bare Textual app", targets={TAKES_KEYS: "≤2.0×"})


def _painted(code: str, words: str, home: Path) -> Callable[[], object]:
    def once() -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            os.execve(sys.executable, [sys.executable, "-c", code], _environment(home))
        try:
            _wait_for(terminal, words.encode())
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)

    return once


def _wait_for(terminal: int, words: bytes) -> None:
    seen = b""
    end = time.monotonic() + PATIENCE
    while words not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise TimeoutError(f"{words!r} did not appear: {seen[-2000:]!r}")
        seen += os.read(terminal, 65536)


def _environment(home: Path) -> dict[str, str]:
    left_out = ("AWS_", "WALLARM", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return kept | {
        # Both compiled, as installers leave it: by the first round, which only warms up.
        "PYTHONPYCACHEPREFIX": str(home / "compiled"),
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "TERM": "xterm-256color",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "WALLARM_APIGW_CLOUD_URL": "http://127.0.0.1:9",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }


def main() -> None:
    """Print the figures."""
    for item in run():
        print(f"{item['name']:<20} {item['value']:8.0f} {item['unit']}  {item['ratio']:.2f}×")


if __name__ == "__main__":
    main()
