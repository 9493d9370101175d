"""A terminal that is closed ends the program; nothing goes on drawing for nobody."""

from __future__ import annotations

import os
import pty

from wizard.ui.terminal import is_gone


def test_a_terminal_that_was_closed_is_gone() -> None:
    ours, theirs = pty.openpty()
    assert not is_gone(theirs)
    os.close(ours)
    assert is_gone(theirs)
    os.close(theirs)


def test_a_pipe_is_no_terminal_and_not_gone() -> None:
    reading, writing = os.pipe()
    assert not is_gone(reading)
    os.close(reading)
    os.close(writing)
