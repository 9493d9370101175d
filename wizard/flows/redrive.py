"""Replays events that the forwarder could not deliver, and deletes only what was delivered.

Safe to interrupt: a batch that was delivered but not yet deleted is delivered once more by the next
run, under the same request ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.journal import record
from wizard.core.permissions.commands import REDRIVE
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context
from wizard.flows.deployment.holding import Holding
from wizard.flows.deployment.model import Deployment, identify, open_session
from wizard.flows.permissions import ask_first
from wizard.services import redrive
from wizard.services.redrive import KeptBatch

# A replay waits for the forwarder's own answer: AWS's limit for a function, and a little.
LONGEST_INVOCATION = 910


@dataclass(frozen=True)
class Redriven:
    """How many batches were delivered and removed, and how many still wait."""

    delivered: int
    failed: int


class Redrive(Holding):
    """One replay. Use as a context manager: it holds the workspace's lock."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self.context = context
        self.answers = answers
        session = open_session(context, answers)
        identity = identify(session, answers)
        self.session = session
        self.deployment = Deployment(context, answers, session, identity, "redrive")
        self._outputs: Outputs | None = None

    def list(self, since: float = 0.0) -> tuple[KeptBatch, ...]:
        """The batches that wait, oldest first; `since` in epoch seconds."""
        outputs = self._known()
        s3 = self.session.client("s3")
        function = outputs.lambda_function_name
        return tuple(redrive.waiting(s3, self._bucket(outputs), function, since))

    def replay(self, batches: Iterable[KeptBatch]) -> Redriven:
        """Replay these one after another; one batch's failure never stops its neighbours.

        Raises WizardError, before any is replayed, where permissions for it are missing.
        """
        ask_first(self.deployment, self.answers, REDRIVE)
        delivered = failed = 0
        for batch in batches:
            if self._replay(batch):
                delivered += 1
            else:
                failed += 1
        return Redriven(delivered, failed)

    def _replay(self, batch: KeptBatch) -> bool:
        outputs = self._known()
        s3 = self.session.client("s3")
        functions = self.session.patient_client("lambda", LONGEST_INVOCATION)
        bucket, function = self._bucket(outputs), outputs.lambda_function_name
        try:
            with self.deployment.journal.effect(record.REDRIVE, batch.key) as effect:
                answer = redrive.replay(s3, functions, bucket, function, batch)
                if not answer.delivered:
                    raise WizardError(
                        "WAG-E-REDRIVE-001",
                        answer.reason,
                        next_step="Find out why with `wallarm-apigw doctor`; the events are kept.",
                    )
                redrive.forget(s3, bucket, batch)
                effect.detail = "delivered and deleted"
        except WizardError as error:
            self.context.note(f"still waiting: {error.what}", State.FAILED, batch.key)
            return False
        self.context.note(_delivered(answer.left_out), State.DONE, batch.key)
        return True

    def _bucket(self, outputs: Outputs) -> redrive.Bucket:
        return redrive.Bucket(outputs.undelivered_bucket, self.deployment.identity.account_id)

    def _known(self) -> Outputs:
        if self._outputs is None:
            outputs = self.deployment.outputs()
            if not outputs.undelivered_bucket:
                raise UsageError(
                    "WAG-E-REDRIVE-003",
                    "This deployment has no bucket of undelivered events",
                    next_step="There is nothing to replay; `wallarm-apigw status` shows what is "
                    "deployed.",
                )
            self._outputs = outputs
        return self._outputs


def _delivered(left_out: int) -> str:
    if not left_out:
        return "delivered"
    events = "1 event" if left_out == 1 else f"{left_out:,} events"
    return (
        f"delivered but for {events} that the node refuses or that cannot be read; "
        "the forwarder's log names them"
    )
