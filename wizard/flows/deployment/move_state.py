"""A state on the move: from this computer to a bucket, from there to another one, or back.

Nothing is given up before it has arrived whole somewhere else, and what was reviewed is planned
anew in the new place: only the very same plan is applied.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from wizard.core.answers.parse import build_answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import Phase, State
from wizard.core.journal import record
from wizard.core.journal.recovery import Treatment, open_move
from wizard.core.state_place import LOCAL
from wizard.core.terraform.plans import plan_digest
from wizard.flows.deployment.answers import answers_of, answers_to_share, save_answers
from wizard.flows.deployment.apply import plan_changed
from wizard.flows.deployment.locks import settle_run_lock
from wizard.flows.deployment.model import Deployment, require_lockfile
from wizard.services.terraform.client import PlanResult
from wizard.services.workspace import s3_state
from wizard.services.workspace.journal import lacks
from wizard.services.workspace.s3_state import StateStore


@dataclass(frozen=True)
class Move:
    """A state that will be moved. `source` and `target` are empty for this computer."""

    source: str
    target: str
    makes_bucket: bool = False
    tags_bucket: bool = False
    versioned: bool = True

    def sentences(self, folder: str) -> tuple[str, ...]:
        """What will happen, for the review."""
        way = f"from {self.source or folder} to {self.target or folder}"
        out = [f"Terraform's state moves {way}, with answers and journal"]
        if self.makes_bucket:
            out.append(
                f"The S3 bucket {self.target} is made: private, encrypted, versioned, TLS only; "
                "it stays when the connector is removed"
            )
        elif self.tags_bucket:
            out.append(f"The bucket {self.target} gets a tag by which colleagues find it")
        if not self.versioned:
            out.append(
                f"The bucket {self.target} keeps no versions: a damaged state could not be restored"
            )
        return tuple(out)


def plan_move(deployment: Deployment) -> Move | None:
    """What the answers change about the state's place; None when nothing. Changes nothing.

    Raises UsageError when it cannot go there.
    """
    wanted = deployment.answers.state_bucket
    store = deployment.store
    source = store.place.bucket if store else ""
    target = "" if wanted == LOCAL else wanted
    if wanted == "" or target == source:
        return None
    if not target:
        return Move(source, "")
    require_lockfile(deployment.terraform)
    bucket = s3_state.read_bucket(deployment.session, deployment.identity, target)
    if bucket.exists:
        _check_free(deployment, StateStore(deployment.session, deployment.place(target)))
    return Move(
        source,
        target,
        makes_bucket=not bucket.exists,
        tags_bucket=bucket.tagged is False,
        versioned=bucket.versioned is not False or not bucket.exists,
    )


def move_state(deployment: Deployment, wanted: Move, plan: PlanResult) -> PlanResult:
    """Move the state, and give the reviewed plan made anew for its new place.

    Raises WizardError WAG-E-TF-101 when the new plan is not exactly the reviewed one.
    """
    reviewed = plan_digest(deployment.terraform.show_plan_json(plan))
    plan.discard()
    with deployment.context.phase(Phase.DEPLOY, "Moving Terraform's state"):
        if wanted.makes_bucket:
            with deployment.journal.effect(record.STATE_BUCKET, wanted.target):
                s3_state.make_bucket(deployment.session, deployment.identity, wanted.target)
        elif wanted.tags_bucket:
            _tag_bucket(deployment, wanted.target)
        _relocate(deployment, wanted)
        again = deployment.terraform.plan()
    if plan_digest(deployment.terraform.show_plan_json(again)) != reviewed:
        again.discard()
        raise plan_changed(
            "After the state was moved, Terraform plans something else than was reviewed."
        )
    return again


def _relocate(deployment: Deployment, wanted: Move) -> None:
    """Copy, then decide by one write, then tidy up; see `settle_move` for one that is cut short."""
    workspace, old = deployment.workspace, deployment.store
    before = workspace.check_state()
    new = StateStore(deployment.session, deployment.place(wanted.target)) if wanted.target else None
    copying = False
    try:
        with deployment.journal.effect(
            record.STATE_MOVE,
            str(workspace.id),
            before={"bucket": wanted.source},
            intended={"bucket": wanted.target},
        ):
            if new is not None:
                settle_run_lock(deployment, new)
                new.lock(deployment.flow, str(workspace.root))
                _check_free(deployment, new)
            config = new.place.backend if new else {}
            workspace.propose_backend("s3" if new else "", config)
            copying = True
            deployment.terraform.init(migrate_state=True)
            _arrived(deployment, new, before)
            if new is not None:
                new.mark_arrived()  # it may have been moved away from there once
            # Colleagues need record and answers where the state is, before it counts there. Under
            # their own name answers follow when it does: it is they that let a new computer join.
            if new is not None:
                new.send_answers(answers_to_share(deployment, deployment.answers))
            deployment.journal.share_with(new.save_journal if new else None, everything=True)
            deployment.journal.flush()
            if old is not None:
                old.mark_moved(wanted.target)
            workspace.set_backend("s3" if new else "", config)
            deployment.store = workspace.shared = new
            _tidy_up(deployment, wanted.source)
    except BaseException as error:
        if deployment.store is old:
            deployment.journal.share_with(old.save_journal if old else None, everything=True)
            if copying and isinstance(error, WizardError):
                _undo_copy(deployment, new, error)
            if new is not None:
                with suppress(WizardError):
                    new.unlock()
        raise
    deployment.context.note(
        f"in {new.place if new else workspace.root}", subject="Terraform's state"
    )


def _undo_copy(deployment: Deployment, new: StateStore | None, error: WizardError) -> None:
    """Take back what a copying that failed has left; where that cannot be, the move stays open, and
    the next run does it."""
    try:
        if new is None:
            deployment.workspace.state.put_away()
        elif _is_copy(deployment, new):
            new.clear()
    except WizardError:
        error.in_doubt = True


def _tidy_up(deployment: Deployment, source: str) -> None:
    """After a move was decided: nothing is left where the state was. What cannot be cleared now is
    by the next run: the move stays open until then."""
    try:
        if deployment.store is not None:
            deployment.workspace.state.put_away()
        deployment.journal.flush()
        _keep_answers(deployment)
        if source and _exists(deployment, source):
            target = deployment.store.place.bucket if deployment.store is not None else ""
            StateStore(deployment.session, deployment.place(source)).leave_for(target)
    except WizardError as error:
        error.in_doubt = True
        raise


def _keep_answers(deployment: Deployment) -> None:
    """Save the answers where the state is now: those that were saved before the move or came with
    it. The run that finishes it may be one that only looks, with others."""
    store, given = deployment.store, deployment.answers
    saved = store.saved_answers() if store is not None else answers_of(deployment.workspace.root)
    kept = build_answers(saved, check=False) if saved else given
    bucket = store.place.bucket if store is not None else LOCAL
    save_answers(deployment, kept.with_(state_bucket=bucket, profile=given.profile))
    if store is not None:
        store.drop_sent()


def settle_move(deployment: Deployment) -> None:
    """Finish a move of the state that was cut short, or undo it, whoever began it.

    The locks must be held: who began it is dead then.
    """
    found = open_move(deployment.journal.record.unfinished)
    if found is None:
        return
    current = deployment.store.place.bucket if deployment.store is not None else ""
    context, name = deployment.context, str(deployment.workspace.id)
    if found.treat(current) is Treatment.FINISH:
        _tidy_up(deployment, found.source)
        deployment.journal.write(record.STATE_MOVE, name, "done", after={"bucket": found.target})
        context.note("the move of Terraform's state that was cut short is finished")
        return
    if found.target:
        _clear_half_move(deployment, StateStore(deployment.session, deployment.place(found.target)))
    elif deployment.store is not None:
        deployment.workspace.state.put_away()
    deployment.journal.write(
        record.STATE_MOVE, name, "failed", after={"bucket": found.target}, detail="undone"
    )
    context.note(
        f"the move of Terraform's state to {found.target or 'a computer'} that was cut short is "
        f"undone; it is still in {current or deployment.workspace.root}"
    )


def _exists(deployment: Deployment, bucket: str) -> bool:
    return s3_state.read_bucket(deployment.session, deployment.identity, bucket).exists


def _clear_half_move(deployment: Deployment, target: StateStore) -> None:
    """Delete the copy that a move left; what is not the same is somebody else's."""
    if not _exists(deployment, target.place.bucket):
        return
    settle_run_lock(deployment, target)
    if _is_copy(deployment, target):
        target.lock(deployment.flow, str(deployment.workspace.root))
        target.clear()


def _is_copy(deployment: Deployment, target: StateStore) -> bool:
    """Whether a bucket holds nothing but what a move of this very deployment put there."""
    if _is_anothers(deployment, target):
        return False
    there = target.facts()
    mine = deployment.store.facts() if deployment.store else deployment.workspace.state.facts()
    # Terraform may give the copy a lineage of its own; its outputs name this installation's things.
    return there is None or (
        mine is not None
        and (
            there.lineage == mine.lineage
            or (there.resources, there.outputs) == (mine.resources, mine.outputs)
        )
    )


def _is_anothers(deployment: Deployment, store: StateStore) -> bool:
    """Whether the record in a bucket is not the one that is held here: of a deployment under the
    same name that was removed, or that somebody is just making."""
    if lacks(deployment.journal.entries, store.journal()):
        return True
    answers, made_by = store.saved()
    return bool(answers) and made_by not in deployment.marks.installations


def _arrived(deployment: Deployment, new: StateStore | None, before: int) -> None:
    """The state is where it was sent, whole; only then is its old place given up."""
    if new is not None:
        facts = new.facts()
        found = facts.resources if facts else 0
    else:
        found = deployment.workspace.state.resources()
    if found != before:
        raise WizardError(
            "WAG-E-STATE-005",
            "The state did not arrive whole",
            why=f"{before} resources were sent, {found} arrived.",
            next_step="It is still where it was. Run the same command again.",
        )


def _check_free(deployment: Deployment, store: StateStore) -> None:
    """Raise rather than write over the state, or the record, of another deployment."""
    if _is_anothers(deployment, store):
        raise UsageError(
            "WAG-E-STATE-004",
            "The bucket holds the record of another deployment of this name",
            why=f"{store.place} says what was changed by one that was removed, or is being made.",
            next_step="Choose another bucket. If nobody needs that record any more, delete it "
            f"(`aws s3 rm --recursive {store.place}`). Nothing was changed.",
            keys=("state_bucket",),
        )
    theirs = store.facts()
    if theirs is None or not theirs.resources:
        return
    shared = deployment.store
    mine = shared.facts() if shared else deployment.workspace.state.facts()
    if mine is not None and mine.serial >= theirs.serial and _is_copy(deployment, store):
        return  # an interrupted move had come so far
    raise UsageError(
        "WAG-E-STATE-004",
        "The bucket holds another state of this deployment already",
        why=f"{store.place} knows {theirs.resources} resources.",
        next_step="If that is the one to work on, use a new folder (--workspace DIR): it is "
        "joined from there. Otherwise choose another bucket. Nothing was changed.",
        keys=("state_bucket",),
    )


def _tag_bucket(deployment: Deployment, bucket: str) -> None:
    try:
        s3_state.tag_bucket(deployment.session, deployment.identity, bucket)
    except WizardError as error:
        deployment.context.note(
            f"{error.what}; colleagues set WALLARM_APIGW_STATE_BUCKET={bucket} instead",
            State.WARNING,
        )
