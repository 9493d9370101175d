"""Credentials that end before the run does: said before it begins, and when it happened.

What a run needs is what Terraform's work, the stages and the proof usually take, with something to
spare. Nothing is forbidden: a run that loses its credentials stops in a known state.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable

from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.terraform.durations import expected_seconds
from wizard.core.terraform.events import PlannedChange
from wizard.core.text import count, duration
from wizard.flows.context import Context
from wizard.services.aws.session import Session
from wizard.services.terraform.history import History
from wizard.services.workspace.workspace import Workspace

PER_STAGE = 3.0  # seconds
PROOF = 60.0
SPARE = 1.5
EXPIRED = ("WAG-E-TF-103", "WAG-E-AWS-002")


def needed(changes: Iterable[PlannedChange], stages: int, *, proof: bool) -> float:
    """Seconds that the credentials should last for this run."""
    work = [(c.resource_type, c.action) for c in changes]
    seconds = expected_seconds(work, History().medians())
    return SPARE * (seconds + PER_STAGE * stages + (PROOF if proof and (work or stages) else 0.0))


def warning(session: Session, seconds: float) -> str:
    """What to say of credentials that will not last so long; empty when there is nothing to say."""
    left = session.seconds_left()
    if left is None or left >= seconds:
        return ""
    return (
        f"The AWS credentials end in {duration(max(0.0, left))}; this run may need "
        f"{duration(seconds)}. Renew them first ({login(session)}). If they end in the middle, "
        "what is done stays done, and the same command goes on from there."
    )


def login(session: Session) -> str:
    """How to log in again, in a few words."""
    flag = f" --profile {shlex.quote(session.login_profile)}" if session.login_profile else ""
    return f"for SSO: aws sso login{flag}"


class Watch:
    """Tells once, while something runs, that the credentials are about to end."""

    SOON = 300.0  # seconds

    def __init__(self, context: Context, session: Session) -> None:
        self._context = context
        try:
            left = session.seconds_left()
        except WizardError:
            left = None  # what is wrong with them is told by whoever needs them
        self._ends = None if left is None or left <= self.SOON else time.monotonic() + left
        self._login = login(session)

    def check_time(self, now: float) -> None:
        """Cheap; `now` is a monotonic time."""
        if self._ends is None or now < self._ends - self.SOON:
            return
        left = max(0.0, self._ends - now)
        self._ends = None
        self._context.note(
            f"The AWS credentials end in {duration(left)} ({self._login}). If they end in the "
            "middle, what is done stays done.",
            State.WARNING,
            "credentials",
        )


def logged_in_again(context: Context, session: Session) -> bool:
    """Whether a person logged in anew, so that the run can go on. Asks until AWS says yes, or they
    say no. Keys from the environment of this process cannot become others in it."""
    if not session.profile:
        return False
    question = (
        f"The AWS credentials ended in the middle. Log in again in another terminal "
        f"({login(session)}). Go on with what is left?"
    )
    while context.ask_person(question):
        session.renew()
        try:
            session.identity()
        except WizardError as error:
            context.note(error.what, State.WARNING, "credentials")
        else:
            context.note("renewed; going on with what is left", subject="credentials")
            return True
    return False


def note_ended(context: Context, workspace: Workspace, error: WizardError) -> bool:
    """After credentials ended in the middle of an apply: what is recorded and how it goes on.

    Returns whether that is what happened.
    """
    if error.code not in EXPIRED:
        return False
    try:
        number = workspace.check_state()
    except WizardError:
        return True  # the state is out of reach with these credentials, too; the error says so
    context.note(
        f"{count(number, 'resource')} made so far {'is' if number == 1 else 'are'} in the state. "
        "After a new login the same command makes the rest.",
        State.WARNING,
        "credentials ended",
    )
    return True
