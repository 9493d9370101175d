"""A deployment whose state lies in S3: found, locked, brought here.

Answers, journal and Terraform's state lie together in one bucket, so a colleague on another machine
with an empty home finds the deployment by the bucket's tag and carries on where it is.
"""

from __future__ import annotations

from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.journal.recovery import OpenMove, open_move
from wizard.core.state_place import LOCAL, backend_bucket
from wizard.core.text import clean, duration
from wizard.flows.deployment import locks
from wizard.flows.deployment.model import Deployment
from wizard.services.workspace import s3_state
from wizard.services.workspace.journal import Journal, merge
from wizard.services.workspace.s3_state import StateStore

_MOVES = 5  # a state that was moved on and on


def attach_state(deployment: Deployment) -> None:
    """Find out where the state is; a new workspace joins a deployment that is in S3."""
    workspace = deployment.workspace
    bucket = backend_bucket(workspace.backend)
    if not bucket and workspace.is_new:
        bucket = _find_bucket(deployment)
        if bucket:
            workspace.make()
            workspace.set_backend("s3", deployment.place(bucket).backend)
            deployment.context.note(
                f"in s3://{bucket}; carrying on from there", subject="Terraform's state"
            )
    if bucket:
        store = _open_store(deployment, bucket)
        if store is None:
            return
        deployment.store = workspace.shared = store
        store.saved_answers()  # newer or damaged ones stop every command
        bucket = store.place.bucket
        if deployment.answers.state_bucket == "":
            deployment.answers = deployment.answers.with_(state_bucket=bucket)


def _open_store(deployment: Deployment, bucket: str) -> StateStore | None:
    """The store in use; a state that was moved to another bucket is followed there. None where
    this very computer moved it here, and was stopped before it had noted that.

    Raises WizardError WAG-E-STATE-006 when it is on somebody's computer, 007 when it is gone.
    """
    for _ in range(_MOVES):
        store = StateStore(deployment.session, deployment.place(bucket))
        moved = store.moved()
        if moved is None:
            break
        if not moved.target:
            move = open_move(deployment.journal.record.unfinished)
            if move == OpenMove(bucket, "") and deployment.workspace.state.resources():
                deployment.workspace.set_backend("", {})
                return None
            raise WizardError(
                "WAG-E-STATE-006",
                "The state of this deployment is no longer in the bucket",
                why=f"{clean(moved.by, 120)} moved it to that computer, "
                f"{duration(max(0.0, deployment.clock() - moved.at))} ago.",
                next_step="Work from there, or have it moved to a bucket again "
                "(answer state_bucket).",
            )
        bucket = moved.target
        deployment.workspace.set_backend("s3", deployment.place(bucket).backend)
        deployment.context.note(
            f"{clean(moved.by, 120)} moved it to s3://{bucket}", subject="Terraform's state"
        )
    if deployment.journal.applied and store.facts() is None:
        raise WizardError(
            "WAG-E-STATE-007",
            "Terraform's state of this deployment is gone, but the deployment is not",
            why=f"There is no {store.place.state} in {bucket}.",
            next_step="Restore an earlier version of that object "
            "(`aws s3api list-object-versions`), then run the same command again.",
        )
    return store


def lock_state(deployment: Deployment) -> None:
    """Take the lock in the bucket, and bring the journal here. The workspace must be locked."""
    if deployment.store is None:
        return
    locks.settle_run_lock(deployment, deployment.store)
    deployment.store.lock(deployment.flow, str(deployment.workspace.root))


def pull_journal(deployment: Deployment) -> bool:
    """Bring the journal here; whether the shared one lacks entries of this machine."""
    if deployment.store is None:
        return False
    return merge(deployment.workspace.journal_file, deployment.store.journal())


def unlock_state(deployment: Deployment) -> None:
    """Give the lock in the bucket back; what could not be is told, the next run asks for it."""
    if deployment.store is None:
        return
    try:
        deployment.journal.flush()
        deployment.store.unlock()
    except WizardError as error:
        deployment.context.note(
            f"the lock in {deployment.store.place} could not be given back: {error.what}",
            State.WARNING,
        )


def list_remains(deployment: Deployment) -> tuple[str, ...]:
    """What of it is left when everything else is removed."""
    if deployment.store is None:
        return ()
    what = f"{deployment.store.place}: the emptied state, answers and journal"
    return (f"{what} (less than $0.01/month); delete them when nobody needs the record",)


def _find_bucket(deployment: Deployment) -> str:
    """The bucket that holds this deployment already; empty when none is known."""
    wanted = deployment.answers.state_bucket
    if wanted == LOCAL:
        return ""
    if wanted:
        bucket = s3_state.read_bucket(deployment.session, deployment.identity, wanted)
        if bucket.exists and _holds_answers(deployment, wanted):
            return wanted
        if bucket.exists:
            moved = StateStore(deployment.session, deployment.place(wanted)).moved()
            if moved is not None and moved.target:
                return wanted  # led on from there
    found = _search_buckets(deployment)
    if wanted and found:
        raise UsageError(
            "WAG-E-STATE-013",
            f"The state of this deployment is not in the bucket {wanted}, but in {found}",
            why=f"{wanted} {'holds nothing of it' if bucket.exists else 'does not exist'}.",
            next_step=f"Correct state_bucket to {found}, or leave it empty: it is joined there. To "
            "move it, join it first. Nothing was changed.",
            keys=("state_bucket",),
        )
    return found


def _search_buckets(deployment: Deployment) -> str:
    """The bucket, found by its tag, that holds this deployment; empty where none is known."""
    try:
        names = s3_state.find_buckets(deployment.session)
    except WizardError as error:
        deployment.context.note(
            f"could not look for a state that a colleague keeps in S3: {error.what}",
            State.UNCHECKED,
        )
        return ""
    return next((name for name in names if _holds_answers(deployment, name)), "")


def _holds_answers(deployment: Deployment, bucket: str) -> bool:
    return bool(StateStore(deployment.session, deployment.place(bucket)).saved_answers())


def read_journal(deployment: Deployment, *, changing: bool) -> None:
    """The journal as it is now; of a shared deployment what colleagues did is part of it.

    Args:
        changing: this run holds the locks: what it does is stored where colleagues find it.
    """
    lacking = pull_journal(deployment)
    deployment.journal = Journal(deployment.workspace.journal_file, deployment.flow)
    if deployment.store is not None and changing:
        deployment.journal.share_with(deployment.store.save_journal, everything=lacking)
        deployment.journal.flush()
