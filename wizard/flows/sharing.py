"""A deployment whose state lies in S3: found, locked, brought here, moved there and back.

Answers, journal and Terraform's state lie together in one bucket, so a colleague on another machine
with an empty home finds the deployment by the bucket's tag and carries on where it is.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wizard.core import record
from wizard.core.answers import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.report import Phase, State
from wizard.core.state_place import LOCAL, LOCKFILE_SINCE, StatePlace, backend_bucket
from wizard.core.text import clean, duration
from wizard.flows.context import Options
from wizard.flows.saved import found_deployments, saved_answers
from wizard.services import journal as journals
from wizard.services import state_bucket
from wizard.services.aws.session import Session
from wizard.services.lock import user_name
from wizard.services.state_store import StateStore
from wizard.services.workspace import read_backend

if TYPE_CHECKING:
    from wizard.flows.deployment import Deployment
    from wizard.services.terraform.client import PlanResult, Terraform


_MOVES = 5  # a state that was moved on and on


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


class Sharing:
    """Where one deployment's state is. `store` is None while it is on this computer."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.store: StateStore | None = None

    # Opening and closing ----------------------------------------------------------------------

    def attach(self) -> None:
        """Find out where the state is; a new workspace joins a deployment that is in S3."""
        deployment = self._deployment
        workspace = deployment.workspace
        bucket = backend_bucket(workspace.backend)
        if not bucket and workspace.is_new:
            bucket = self._known_elsewhere()
            if bucket:
                workspace.set_backend("s3", self._place(bucket).backend)
                deployment.context.note(
                    f"in s3://{bucket}; carrying on from there", subject="Terraform's state"
                )
        if bucket:
            self.store = workspace.shared = self._joined(bucket)
            bucket = self.store.place.bucket
            if deployment.answers.state_bucket == "":
                deployment.answers = deployment.answers.with_(state_bucket=bucket)

    def _joined(self, bucket: str) -> StateStore:
        """The store in use; a state that was moved to another bucket is followed there.

        Raises WizardError WAG-E-STATE-006 when it is on somebody's computer, 007 when it is gone.
        """
        deployment = self._deployment
        for _ in range(_MOVES):
            store = StateStore(deployment.session, self._place(bucket))
            moved = store.moved()
            if moved is None:
                break
            if not moved.target:
                raise WizardError(
                    "WAG-E-STATE-006",
                    "The state of this deployment is no longer in the bucket",
                    why=f"{clean(moved.by, 120)} moved it to that computer, "
                    f"{duration(max(0.0, deployment.clock() - moved.at))} ago.",
                    next_step="Work from there, or have it moved to a bucket again "
                    "(answer state_bucket).",
                )
            bucket = moved.target
            deployment.workspace.set_backend("s3", self._place(bucket).backend)
            deployment.context.note(f"{clean(moved.by, 120)} moved it to s3://{bucket}",
                                    subject="Terraform's state")  # fmt: skip
        if deployment.journal.applied and store.facts() is None:
            raise WizardError(
                "WAG-E-STATE-007",
                "Terraform's state of this deployment is gone, but the deployment is not",
                why=f"There is no {store.place.state} in {bucket}.",
                next_step="Restore an earlier version of that object "
                "(`aws s3api list-object-versions`), then run the same command again.",
            )
        return store

    def lock(self) -> None:
        """Take the lock in the bucket, and bring the journal here. The workspace must be locked."""
        if self.store is None:
            return
        self._settle_run_lock(self.store)
        self.store.lock(self._deployment.flow, str(self._deployment.workspace.root))

    def pull(self) -> bool:
        """Bring the journal here; whether the shared one lacks entries of this machine."""
        if self.store is None:
            return False
        return journals.merge(self._deployment.workspace.journal_file, self.store.journal())

    def unlock(self) -> None:
        """Give the lock in the bucket back; what could not be is told, the next run asks for it."""
        if self.store is None:
            return
        try:
            self._deployment.journal.flush()
            self.store.unlock()
        except WizardError as error:
            self._deployment.context.note(
                f"the lock in {self.store.place} could not be given back: {error.what}",
                State.WARNING,
            )

    def save_answers(self, answers: Answers) -> None:
        """Keep the answers beside the state; the profile is a matter of this machine."""
        if self.store is not None:
            self.store.save_answers(answers.with_(profile="").to_json())

    # Terraform's own lock ---------------------------------------------------------------------

    def settle_terraform_lock(self) -> None:
        """Deal with a lock that a killed Terraform left; never without a person's word.

        Raises WizardError WAG-E-STATE-011 when nobody agreed to remove it.
        """
        if self.store is None:
            return
        found = self.store.terraform_lock()
        if found is None:
            return
        context = self._deployment.context
        who = f"{clean(found.who, 80) or 'somebody'}, {_age(found.created)}"
        question = (
            f"Terraform's state is locked ({clean(found.operation, 40)}) by {who}. If that "
            "Terraform no longer runs, its lock can be removed; if it does, both would damage the "
            "state. Remove the lock?"
        )
        if not context.may_unlock(found.lock_id, question):
            raise WizardError(
                "WAG-E-STATE-011",
                "Terraform's state of this deployment is locked",
                why=f"{clean(found.operation, 40)} by {who}; lock {found.lock_id} in "
                f"{self.store.place}.",
                next_step="Wait for it to end. If that Terraform no longer exists, run the same "
                f"command again with --unlock {found.lock_id}",
            )
        terraform = self._deployment.terraform
        terraform.init()
        terraform.force_unlock(found.lock_id)
        context.note(f"removed Terraform's lock of {who}", State.WARNING)

    def _settle_run_lock(self, store: StateStore) -> None:
        held = store.holder()
        if held is None:
            return
        context = self._deployment.context
        # The workspace is locked by us, so whoever locked from this very folder is dead.
        ours = held.folder == str(self._deployment.workspace.root)
        if ours and (held.owner.host, held.owner.user) == (socket.gethostname(), user_name()):
            store.break_lock(held)
            context.note("the lock of an interrupted run of this computer is removed")
            return
        question = (
            f"The deployment is locked by {held.owner}. If that run no longer exists, its lock "
            "can be removed; if it does, both would change the same things. Remove the lock?"
        )
        if context.may_unlock(held.id, question):
            store.break_lock(held)
            context.note(f"removed the lock of {held.owner}", State.WARNING)

    # Moving -----------------------------------------------------------------------------------

    def plan_move(self) -> Move | None:
        """What the answers change about the state's place; None when nothing. Changes nothing.

        Raises UsageError when it cannot go there.
        """
        deployment = self._deployment
        wanted = deployment.answers.state_bucket
        source = self.store.place.bucket if self.store else ""
        target = "" if wanted == LOCAL else wanted
        if wanted == "" or target == source:
            return None
        if not target:
            return Move(source, "")
        require_lockfile(deployment.terraform)
        bucket = state_bucket.look(deployment.session, deployment.identity, target)
        if bucket.exists:
            self._check_free(StateStore(deployment.session, self._place(target)))
        return Move(
            source,
            target,
            makes_bucket=not bucket.exists,
            tags_bucket=bucket.tagged is False,
            versioned=bucket.versioned is not False or not bucket.exists,
        )

    def move(self, move: Move, plan: PlanResult) -> PlanResult:
        """Move the state, and give the reviewed plan made anew for its new place.

        Raises WizardError WAG-E-TF-101 when the new plan is not exactly the reviewed one.
        """
        deployment = self._deployment
        reviewed = _meaning(deployment.terraform.show_plan_json(plan))
        plan.discard()
        with deployment.context.phase(Phase.DEPLOY, "Moving Terraform's state"):
            if move.makes_bucket:
                with deployment.journal.effect(record.STATE_BUCKET, move.target):
                    state_bucket.make(deployment.session, deployment.identity, move.target)
            elif move.tags_bucket:
                self._tag(move.target)
            self._relocate(move)
            fresh = deployment.terraform.plan()
        if _meaning(deployment.terraform.show_plan_json(fresh)) != reviewed:
            fresh.discard()
            raise WizardError(
                "WAG-E-TF-101",
                "The deployment changed after the plan was reviewed",
                why="After the state was moved, Terraform plans something else than was reviewed.",
                next_step="Nothing was applied. Run the same command again and review the new "
                "plan.",
            )
        return fresh

    def stays(self) -> tuple[str, ...]:
        """What of it is left when everything else is removed."""
        if self.store is None:
            return ()
        what = f"{self.store.place}: the emptied state, answers and journal"
        return (f"{what} (less than $0.01/month); delete them when nobody needs the record",)

    def _relocate(self, move: Move) -> None:
        deployment = self._deployment
        workspace, old = deployment.workspace, self.store
        before = workspace.check_state()
        new = StateStore(deployment.session, self._place(move.target)) if move.target else None
        if new is not None:
            new.lock(deployment.flow, str(workspace.root))
        try:
            with deployment.journal.effect(
                record.STATE_MOVE,
                str(workspace.id),
                before={"bucket": move.source},
                intended={"bucket": move.target},
            ):
                if new is not None:
                    self._check_free(new)
                config = new.place.backend if new else {}
                workspace.propose_backend("s3" if new else "", config)
                deployment.terraform.init(migrate_state=True)
                self._arrived(new, before)
                if new is not None:
                    workspace.set_backend("s3", config)
                    workspace.put_away_state()
                else:
                    workspace.set_local()
                self.store = workspace.shared = new
                deployment.journal.share_with(new.save_journal if new else None, everything=True)
        except BaseException:
            if self.store is old and new is not None:
                with suppress(WizardError):
                    new.unlock()
            raise
        deployment.journal.flush()
        deployment.save_answers()
        if new is not None:
            new.arrive()
        if old is not None:
            old.leave(move.target)
        deployment.context.note(f"in {new.place if new else workspace.root}",
                                subject="Terraform's state")  # fmt: skip

    def _arrived(self, new: StateStore | None, before: int) -> None:
        """The state is where it was sent, whole; only then is its old place given up."""
        if new is not None:
            facts = new.facts()
            found = facts.resources if facts else 0
        else:
            found = self._deployment.workspace.local_resources()
        if found != before:
            raise WizardError(
                "WAG-E-STATE-005",
                "The state did not arrive whole",
                why=f"{before} resources were sent, {found} arrived.",
                next_step="It is still where it was. Run the same command again.",
            )

    def _check_free(self, store: StateStore) -> None:
        """Raise rather than write over the state of another deployment."""
        theirs = store.facts()
        if theirs is None or not theirs.resources:
            return
        mine = self.store.facts() if self.store else self._deployment.workspace.local_facts()
        if mine is not None and mine.lineage == theirs.lineage and mine.serial >= theirs.serial:
            return  # an interrupted move had come so far
        raise UsageError(
            "WAG-E-STATE-004",
            "The bucket holds another state of this deployment already",
            why=f"{store.place} knows {theirs.resources} resources.",
            next_step="If that is the one to work on, use a new folder (--workspace DIR): it is "
            "joined from there. Otherwise choose another bucket. Nothing was changed.",
            keys=("state_bucket",),
        )

    def _tag(self, bucket: str) -> None:
        deployment = self._deployment
        try:
            state_bucket.tag(deployment.session, deployment.identity, bucket)
        except WizardError as error:
            deployment.context.note(
                f"{error.what}; colleagues set WALLARM_APIGW_STATE_BUCKET={bucket} instead",
                State.WARNING,
            )

    def _known_elsewhere(self) -> str:
        """The bucket that holds this deployment already; empty when none is known."""
        deployment = self._deployment
        wanted = deployment.answers.state_bucket
        if wanted == LOCAL:
            return ""
        if wanted:
            bucket = state_bucket.look(deployment.session, deployment.identity, wanted)
            return wanted if bucket.exists and self._holds(wanted) else ""
        try:
            names = state_bucket.find(deployment.session)
        except WizardError as error:
            deployment.context.note(
                f"could not look for a state that a colleague keeps in S3: {error.what}",
                State.UNCHECKED,
            )
            return ""
        return next((name for name in names if self._holds(name)), "")

    def _holds(self, bucket: str) -> bool:
        return bool(StateStore(self._deployment.session, self._place(bucket)).saved_answers())

    def _place(self, bucket: str) -> StatePlace:
        identity = self._deployment.identity
        prefix = self._deployment.answers.name_prefix
        return StatePlace(bucket, identity.account_id, identity.region, prefix)


def require_lockfile(terraform: Terraform) -> None:
    """Raise WizardError WAG-E-TF-022 for a Terraform that cannot lock a state in S3."""
    if terraform.binary.numbers[:2] < LOCKFILE_SINCE:
        raise WizardError(
            "WAG-E-TF-022",
            f"Terraform {terraform.binary.version} cannot lock a state in S3",
            why="Locking without a table of its own came with Terraform 1.10 (`use_lockfile`); "
            "without a lock two people could damage the state.",
            next_step="Install a newer one, name one with --terraform PATH, or keep the state on "
            "this computer (state_bucket empty). Nothing was changed.",
        )


def current_answers(
    options: Options, wanted: Mapping[str, Any], name_prefix: str
) -> dict[str, Any]:
    """The answers of the last run, wherever it took place; empty when there was none.

    Args:
        wanted: `region`, `profile` and `state_bucket` as far as they were given.
    Where AWS cannot be asked, what this machine knows counts: the flow that follows asks AWS too,
    and tells what is wrong with it.
    """
    here = saved_answers(options, wanted, name_prefix)
    region = str(here.get("region") or wanted.get("region") or Answers().region)
    profile = str(wanted.get("profile") or here.get("profile") or "")
    bucket = _bucket_here(options, region, name_prefix) or str(wanted.get("state_bucket") or "")
    if (here and not bucket) or bucket == LOCAL:
        return here
    try:
        session = Session(profile=profile, region=region, env=options.env)
        identity = session.identity()
        for name in (bucket,) if bucket else state_bucket.find(session):
            found = _answers_in(session, identity, name, name_prefix)
            if found:
                return {**found, "profile": profile}
    except WizardError:
        return here
    return here


def _answers_in(session: Session, identity: Identity, bucket: str, prefix: str) -> dict[str, Any]:
    place = StatePlace(bucket, identity.account_id, identity.region, prefix)
    found = StateStore(session, place).saved_answers()
    return {**found, "state_bucket": bucket} if found else {}


def _bucket_here(options: Options, region: str, name_prefix: str) -> str:
    for found in found_deployments(options):
        if (found.region, found.name_prefix) == (region, name_prefix):
            return backend_bucket(read_backend(found.root))
    return ""


def _age(created: str) -> str:
    try:
        at = datetime.strptime(created[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return "since an unknown time"
    return f"for {duration(max(0.0, (datetime.now(timezone.utc) - at).total_seconds()))}"


def _meaning(plan: Mapping[str, Any]) -> str:
    """A digest of everything a plan would do; two plans with the same one do the same."""
    changes = sorted(
        json.dumps([c["address"], c["change"]], sort_keys=True)
        for c in plan.get("resource_changes", ())
        if c["change"]["actions"] != ["no-op"]
    )
    return hashlib.sha256("\n".join(changes).encode()).hexdigest()
