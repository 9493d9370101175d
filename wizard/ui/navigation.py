"""Which screens follow which: only the questions that need a person, every one, or adding stages.

The rule is `core.answers.steps`; here it gets what session and account know.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from wizard.core.answers import steps
from wizard.core.answers.steps import Found
from wizard.core.events import State
from wizard.ui import unanswered

if TYPE_CHECKING:
    from wizard.core.answers.steps import Step
    from wizard.ui.account import Account
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


def asks_all(session: Session) -> bool:
    """Whether Next leads through every question, good default or not."""
    return session.mode != "install" or session.every_question


def following(session: Session, account: Account, step_id: str) -> Step | None:
    """The step Next leads to for a person: questions with a good answer are passed over."""
    order = path(session)
    if asks_all(session) or step_id not in [one.id for one in order]:
        return after(session, step_id)
    return steps.next_question(
        order, step_id, session.answers, found(session, account), session.seen
    )


def assumed(session: Session, account: Account) -> tuple[Step, ...]:
    """The questions that are answered for somebody who has not seen them."""
    if asks_all(session):
        return ()
    return steps.assumed(path(session), session.answers, found(session, account), session.seen)


def doubt(session: Session, account: Account, step_id: str) -> str:
    """Why a question is asked that has a default, in words; empty where it just was gone to."""
    if asks_all(session) or not steps.step(step_id).keys:
        return ""
    return steps.needs_person(
        step_id, session.answers, dataclasses.replace(found(session, account), unfinished={})
    )


def found(session: Session, account: Account) -> Found:
    """What is known by now."""
    checks, inventory = session.checked, account.inventory.value
    networks, verdict = account.networks.value, checks.token
    waits = {"aws"} if account.identity.busy else set[str]()  # no reason to ask anybody yet
    return Found(
        unfinished={
            one.id: why
            for one in steps.STEPS
            if one.keys and one.id not in waits
            if (why := unanswered.problem(session, account, one.id))
        },
        failed={c.key: c.answer for c in checks.first.values() if c.state is State.FAILED},
        taken={(one.name_prefix, one.region) for one in account.deployments} - {session.continued},
        stages=None if inventory is None or inventory.unreadable else account.stages_by_ref(),
        vpcs=None if networks is None else len(networks),
        token=bool(session.token) or session.choices.token_kept,
        verdict=getattr(verdict, "state", None) if session.token else State.DONE,
    )


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
