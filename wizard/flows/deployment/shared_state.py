"""A deployment whose state lies in S3: found, locked, brought here.

Answers, journal and Terraform's state lie together in one bucket, so a colleague on another machine
with an empty home finds the deployment by the bucket's tag and carries on where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.state_place import LOCAL, StatePlace, backend_bucket
from wizard.core.text import clean, duration
from wizard.flows.deployment import locks, remote
from wizard.services.aws import tagged
from wizard.services.workspace import journal as journals
from wizard.services.workspace import s3_state
from wizard.services.workspace.s3_state import StateStore

if TYPE_CHECKING:
    from wizard.flows.deployment.model import Deployment

_MOVES = 5  # a state that was moved on and on


class Sharing:
    """Where one deployment's state is. `store` is None while it is on this computer."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self.store: StateStore | None = None

    def attach(self) -> None:
        """Find out where the state is; a new workspace joins a deployment that is in S3."""
        deployment = self._deployment
        workspace = deployment.workspace
        bucket = backend_bucket(workspace.backend)
        if not bucket and workspace.is_new:
            bucket = self._known_elsewhere()
            if bucket:
                workspace.set_backend("s3", self.place(bucket).backend)
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
            store = StateStore(deployment.session, self.place(bucket))
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
            deployment.workspace.set_backend("s3", self.place(bucket).backend)
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

    def check_alone(self) -> None:
        """Raise UsageError WAG-E-STATE-008 when this deployment was made from somewhere else.

        Without its state Terraform would make everything a second time, under the same prefix.
        What cannot be looked for stops nothing: the search for a shared state has said so.
        """
        deployment = self._deployment
        found = self._made_elsewhere()
        if found:
            prefix = deployment.answers.name_prefix
            raise UsageError(
                "WAG-E-STATE-008",
                f"{prefix} is deployed in {deployment.identity.region} already, from another "
                "computer",
                why=f"{found} carries its tag; its Terraform state is neither in "
                f"{deployment.workspace.root} nor in a bucket of this Region.",
                next_step="Work from where it was installed; there the answer state_bucket moves "
                "the state to a bucket, from which colleagues carry on. For a second one choose "
                "another name_prefix. Nothing was changed.",
                keys=("name_prefix", "state_bucket"),
            )

    def check_here(self) -> None:
        """Raise WizardError WAG-E-STATE-009 when this deployment is there, but its state is not
        here: nobody can change it then. What cannot be looked for stops nothing."""
        deployment = self._deployment
        found = self._made_elsewhere()
        if found:
            raise remote.refusal(
                deployment.session, deployment.identity, deployment.answers.name_prefix, found
            )

    @property
    def nowhere(self) -> bool:
        """Neither this computer nor a bucket holds anything of it, and nothing was done here."""
        deployment = self._deployment
        if self.store is not None or deployment.workspace.check_state():
            return False
        return not any(e.action.startswith("terraform.") for e in deployment.journal.entries)

    def _made_elsewhere(self) -> str:
        """ARN of the forwarder that somebody made from another computer; empty where none is."""
        deployment = self._deployment
        if not self.nowhere:
            return ""
        try:
            return tagged.forwarder(deployment.session, deployment.deployment_id)
        except WizardError:
            return ""

    def lock(self) -> None:
        """Take the lock in the bucket, and bring the journal here. The workspace must be locked."""
        if self.store is None:
            return
        locks.settle_run_lock(self._deployment, self.store)
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

    def stays(self) -> tuple[str, ...]:
        """What of it is left when everything else is removed."""
        if self.store is None:
            return ()
        what = f"{self.store.place}: the emptied state, answers and journal"
        return (f"{what} (less than $0.01/month); delete them when nobody needs the record",)

    def _known_elsewhere(self) -> str:
        """The bucket that holds this deployment already; empty when none is known."""
        deployment = self._deployment
        wanted = deployment.answers.state_bucket
        if wanted == LOCAL:
            return ""
        if wanted:
            bucket = s3_state.look(deployment.session, deployment.identity, wanted)
            return wanted if bucket.exists and self._holds(wanted) else ""
        try:
            names = s3_state.find(deployment.session)
        except WizardError as error:
            deployment.context.note(
                f"could not look for a state that a colleague keeps in S3: {error.what}",
                State.UNCHECKED,
            )
            return ""
        return next((name for name in names if self._holds(name)), "")

    def _holds(self, bucket: str) -> bool:
        return bool(StateStore(self._deployment.session, self.place(bucket)).saved_answers())

    def place(self, bucket: str) -> StatePlace:
        """This deployment's folder in that bucket."""
        identity = self._deployment.identity
        prefix = self._deployment.answers.name_prefix
        return StatePlace(bucket, identity.account_id, identity.region, prefix)
