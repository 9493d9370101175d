"""Runs a program in a terminal of its own and passes everything on late, as a distant connection
does: `python -m tests.slow_terminal SECONDS COMMAND...` delays each direction by that much."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import sys
import termios
import time
import tty
from collections import deque


def relay(delay: float, command: list[str]) -> int:
    """Returns the program's exit code."""
    size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
    child, master = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, size)
    before = termios.tcgetattr(0)
    tty.setraw(0)
    waiting: deque[tuple[float, int, bytes]] = deque()
    try:
        while True:
            pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for source in select.select([0, master], [], [], pause)[0]:
                data = os.read(source, 65536)
                waiting.append((time.monotonic() + delay, master if source == 0 else 1, data))
            while waiting and waiting[0][0] <= time.monotonic():
                _, target, data = waiting.popleft()
                os.write(target, data)
    except OSError:  # the program has ended, and its terminal with it
        for _, target, data in waiting:
            if target == 1:
                os.write(1, data)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(relay(float(sys.argv[1]), sys.argv[2:]))
