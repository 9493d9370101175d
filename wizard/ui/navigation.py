"""Which screens follow which: the whole install, or only what adding stages needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.answers import steps

if TYPE_CHECKING:
    from wizard.core.answers.steps import Step
    from wizard.ui.session import Session

HOME = (
    ("home", "Home"),
    ("remove", "Remove stages"),
    ("doctor", "Troubleshoot"),
    ("uninstall", "Uninstall"),
)
ADDING = ("stages", "review", "logging", "proof")


def path(session: Session) -> tuple[Step, ...]:
    """The steps of what is going on, in order."""
    shown = steps.shown(session.answers)
    if session.mode == "add":
        return tuple(s for s in shown if s.id in ADDING)
    return shown


def after(session: Session, step_id: str) -> Step | None:
    """The step Next leads to; None at the end and outside the path."""
    return _neighbour(session, step_id, 1)


def before(session: Session, step_id: str) -> Step | None:
    """The step Back leads to; None at the start, and never from a change to a question."""
    found = _neighbour(session, step_id, -1)
    if found is not None and steps.step(step_id).changes and not found.changes:
        return None
    return found


def _neighbour(session: Session, step_id: str, direction: int) -> Step | None:
    order = path(session)
    names = [s.id for s in order]
    if step_id not in names:
        return None
    at = names.index(step_id) + direction
    return order[at] if 0 <= at < len(order) else None
