"""A deployment whose state lies in S3: found, locked, brought here.

Answers, journal and Terraform's state lie together in one bucket, so a colleague on another machine
with an empty home finds the deployment by the bucket's tag and carries on where it is.
"""

from __future__ import annotations

from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.installation import NO_ID
from wizard.core.journal.recovery import OpenMove, open_move
from wizard.core.state_place import LOCAL, backend_bucket
from wizard.core.text import clean, duration
from wizard.flows.deployment import locks
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.places import STOPPING, Located, Places, folder_of, locate
from wizard.services.lock import is_held
from wizard.services.workspace import s3_state
from wizard.services.workspace.journal import Journal, merge_journals
from wizard.services.workspace.s3_state import Moved, StateStore


def attach_state(deployment: Deployment) -> None:
    """Find out where the state is; a computer that holds nothing of a deployment joins the one that
    is in S3, and follows one that was moved on.

    Raises WizardError WAG-E-STATE-006 when it is on somebody's computer, 007 when it is gone; what
    is newer or damaged in the bucket stops every command.
    """
    workspace = deployment.workspace
    bucket = backend_bucket(workspace.backend)
    wanted = deployment.answers.state_bucket
    given = "" if wanted == LOCAL else wanted
    if bucket or wanted != LOCAL:
        found = _locate(deployment, bucket, given)
        if found.left is not None:
            _refuse_left(deployment, bucket, found.left)
            return
        if given and not bucket and found.bucket:
            found = _check_wanted(deployment, given, found)
        for text in found.told:
            deployment.context.note(text, subject="Terraform's state")
        if found.bucket and found.bucket != bucket:
            _join(deployment, found.bucket, found.places)
            if not bucket or not found.told:
                text = f"in s3://{found.bucket}; carrying on from there"
                deployment.context.note(text, subject="Terraform's state")
        bucket = found.bucket
    if not bucket:
        return
    store = StateStore(deployment.session, deployment.place(bucket))
    store.saved_answers()
    if store.facts() is None and deployment.journal.applied:
        raise WizardError(
            "WAG-E-STATE-007",
            "Terraform's state of this deployment is gone, but the deployment is not",
            why=f"There is no {store.place.state} in {bucket}.",
            next_step="Restore an earlier version of that object "
            "(`aws s3api list-object-versions`), then run the same command again.",
        )
    deployment.store = workspace.shared = store
    if deployment.answers.state_bucket == "":
        deployment.answers = deployment.answers.with_(state_bucket=bucket)


def _locate(deployment: Deployment, bucket: str, given: str) -> Located:
    """Where it is. A computer without a record goes on without what it may not look for."""
    here = folder_of(deployment.workspace, deployment.journal)
    try:
        found = locate(
            deployment.session, deployment.identity, deployment.answers.name_prefix, here, given
        )
    except WizardError as error:
        if bucket or error.code in STOPPING:
            raise
        deployment.context.note(
            f"could not look for a state that a colleague keeps in S3: {error.what}",
            State.UNCHECKED,
        )
        return Located()
    for text in found.places.unread:
        deployment.context.note(text, State.UNCHECKED)
    return found


def _refuse_left(deployment: Deployment, bucket: str, left: Moved) -> None:
    """Say on whose computer it is, unless it is this very one, which was stopped before it had
    noted that."""
    move = open_move(deployment.journal.record.unfinished)
    if move == OpenMove(bucket, "") and deployment.workspace.state.resources():
        deployment.workspace.set_backend("", {})
        return
    raise WizardError(
        "WAG-E-STATE-006",
        "The state of this deployment is no longer in the bucket",
        why=f"{clean(left.by, 120)} moved it to that computer, "
        f"{duration(max(0.0, deployment.clock() - left.at))} ago.",
        next_step="Work from there, or have it moved to a bucket again (answer state_bucket): this "
        "computer finds it there. Where it was removed since, begin in a new folder "
        "(--workspace DIR).",
    )


def _check_wanted(deployment: Deployment, wanted: str, found: Located) -> Located:
    """What a new computer that was given a bucket joins. Raises UsageError WAG-E-STATE-013 where
    another bucket than the wanted one holds the deployment."""
    if found.bucket == wanted:
        return found
    bucket = s3_state.read_bucket(deployment.session, deployment.identity, wanted)
    if bucket.exists and StateStore(deployment.session, deployment.place(wanted)).moved():
        deployment.answers = deployment.answers.with_(state_bucket=found.bucket)
        return found  # led on from there
    there = StateStore(deployment.session, deployment.place(found.bucket)).facts()
    if there is not None and not there.resources:
        return Located()  # the record of one that was removed
    raise UsageError(
        "WAG-E-STATE-013",
        f"The state of this deployment is not in the bucket {wanted}, but in {found.bucket}",
        why=f"{wanted} {'holds nothing of it' if bucket.exists else 'does not exist'}.",
        next_step=f"Correct state_bucket to {found.bucket}, or leave it empty: it is joined there. "
        "To move it, join it first. Nothing was changed.",
        keys=("state_bucket",),
    )


def _join(deployment: Deployment, bucket: str, places: Places) -> None:
    """Carry on from a bucket. What this computer's record says of another installation is put
    aside: it is no part of that one's."""
    workspace, made = deployment.workspace, deployment.journal.record.installation
    own = made.id if made is not None else NO_ID
    workspace.make()
    if own != places.installation_in(bucket, own):
        aside = workspace.put_record_away()
        deployment.journal = Journal(workspace.journal_file, deployment.flow)
        if aside is not None:
            deployment.context.note(
                f"it was about another installation, and is kept as {aside.name}",
                subject="the record of this computer",
            )
    workspace.state.put_away()
    workspace.variables_file.unlink(missing_ok=True)
    workspace.set_backend("s3", deployment.place(bucket).backend)


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
    return merge_journals(deployment.workspace.journal_file, deployment.store.journal())


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


def read_journal(deployment: Deployment, *, changing: bool) -> None:
    """The journal as it is now; of a shared deployment what colleagues did is part of it.

    Args:
        changing: this run holds the locks: what it does is stored where colleagues find it.
    """
    if not changing and is_held(deployment.workspace.root / "lock"):
        return  # the run that writes it here knows more than the bucket
    lacking = pull_journal(deployment)
    deployment.journal = Journal(deployment.workspace.journal_file, deployment.flow)
    if deployment.store is not None and changing:
        deployment.journal.share_with(deployment.store.save_journal, everything=lacking)
        deployment.journal.flush()
