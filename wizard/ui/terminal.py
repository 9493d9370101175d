"""Notices that the terminal is gone, so that no program goes on drawing for nobody.

A closed window or a cut connection does not always end a program: reading from a dead terminal
returns at once, for ever. A Terraform that runs goes on by itself; the next start follows it.
"""

from __future__ import annotations

import os
import sys

LOOK_SECONDS = 2.0
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


def leave() -> None:
    """End at once: nothing can be drawn, and what is recorded is on disk already."""
    os._exit(HUNG_UP)
