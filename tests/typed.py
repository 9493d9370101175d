"""A command in a terminal, as a person has it: typed to, read from, ended."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time

PATIENCE = 60.0


class Typed:
    """A command in a terminal of its own, and what is sent to that terminal."""

    def __init__(self, env: dict[str, str], *arguments: str, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.fd, theirs = pty.openpty()
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", *arguments],
            env={**kept, **env, "NO_COLOR": "1", "TERM": "xterm-256color"},
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
        )  # fmt: skip
        os.close(theirs)
        self.said = b""

    def __enter__(self) -> Typed:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)

    def until(self, words: bytes, times: int = 1) -> None:
        end = time.monotonic() + self.patience
        while self.said.count(words) < times:
            ready, _, _ = select.select([self.fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.said[-2000:]
            try:
                self.said += os.read(self.fd, 65536)
            except OSError:  # it ended
                raise AssertionError(f"not said: {words!r} in {self.said[-2000:]!r}") from None

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        end = time.monotonic() + self.patience
        while select.select([self.fd], [], [], max(0.0, end - time.monotonic()))[0]:
            try:
                self.said += os.read(self.fd, 65536)
            except OSError:
                break
        try:
            return self.process.wait(5)
        finally:
            self.process.kill()
            os.close(self.fd)
