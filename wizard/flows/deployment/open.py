"""Opens a deployment: the one place that knows the order lock, shared state, journal, recovery."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.events import Phase, State
from wizard.core.facts import Identity, Inventory
from wizard.flows.context import CREDENTIALS, Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.recovery import settle_interrupted_run
from wizard.flows.deployment.shared_state import (
    attach_state,
    lock_state,
    read_journal,
    unlock_state,
)
from wizard.services.aws.session import Session
from wizard.services.workspace.workspace import WorkspaceId, open_workspace


def open_session(context: Context, answers: Answers) -> Session:
    """The AWS session that these answers and this environment mean."""
    session = Session(
        profile=answers.profile,
        region=answers.region,
        env=context.env,
        mfa=context.ask_code,
        role_arn=answers.role_arn,
        tell=context.note_wait,
    )
    if session.passed_over:
        context.note(
            f"the keys in AWS_ACCESS_KEY_ID; AWS_PROFILE={session.passed_over} is not used",
            subject=CREDENTIALS,
        )
    return session


def identify(session: Session, answers: Answers) -> Identity:
    """Who we are. Raises UsageError when the answers are about another account."""
    identity = session.identity()
    if answers.account_id and answers.account_id != identity.account_id:
        raise UsageError(
            "WAG-E-AWS-020",
            f"These answers are for account {answers.account_id}, but the credentials belong to "
            f"account {identity.account_id}",
            next_step="Choose the right profile with --profile, or correct account_id. "
            "Nothing was changed.",
            keys=("account_id", "profile"),
        )
    return identity


def read_inventory(context: Context, session: Session, identity: Identity) -> Inventory:
    """Every API and stage of the Region; what could not be read is told."""
    from wizard.services.aws.discovery import discover

    with context.phase(Phase.DISCOVER, f"Reading the APIs of {identity.region}"):
        inventory = discover(session, identity)
    for problem in inventory.problems:
        context.note(problem.message, State.WARNING, problem.subject)
    return inventory


@contextmanager
def open_deployment(
    context: Context, answers: Answers, session: Session, identity: Identity, flow: str
) -> Iterator[Deployment]:
    """Hold a deployment to change it: its locks are taken, and what an interrupted run left is
    dealt with. Raises WizardError where another run holds it. A folder that was made for it goes
    again where nothing came of it.

    Args:
        flow: the use case, as its journal entries and its lock name it.
    """
    deployment = _bind(context, answers, session, identity, flow)
    with deployment.workspace.locked(flow):
        try:
            attach_state(deployment)
            lock_state(deployment)
            read_journal(deployment, changing=True)
            settle_interrupted_run(deployment)
            yield deployment
        finally:
            unlock_state(deployment)
            deployment.workspace.remove_unused()


def read_deployment(
    context: Context, answers: Answers, session: Session, identity: Identity, flow: str
) -> Deployment:
    """The same to look at: without a lock, and nothing is dealt with. Where nothing is known of it,
    no folder is made."""
    deployment = _bind(context, answers, session, identity, flow, make=False)
    attach_state(deployment)
    read_journal(deployment, changing=False)
    return deployment


def _bind(
    context: Context,
    answers: Answers,
    session: Session,
    identity: Identity,
    flow: str,
    *,
    make: bool = True,
) -> Deployment:
    workspace = open_workspace(
        WorkspaceId(identity.account_id, identity.region, answers.name_prefix),
        root=context.options.workspace,
        make=make,
    )
    return Deployment(context, answers, session, identity, flow, workspace)
