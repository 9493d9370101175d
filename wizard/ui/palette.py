"""The command palette (Ctrl-P): where one can go, and what one can do from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from wizard.ui.navigation import path

if TYPE_CHECKING:
    from wizard.ui.session import Session

OF_TEXTUAL = ("Theme", "Screenshot")  # of the commands that every Textual app has


def commands(
    session: Session,
    visit: Callable[[str], None],
    ours: Iterable[SystemCommand],
    of_every_app: Iterable[SystemCommand],
) -> Iterable[SystemCommand]:
    """The steps seen so far, then what works on every screen."""
    for step in path(session):
        if step.id in session.seen and step.id != session.at:
            yield SystemCommand(f"Go to {step.title}", step.question, lambda i=step.id: visit(i))
    yield from ours
    yield from (c for c in of_every_app if c.title in OF_TEXTUAL)
