"""Replays events that the forwarder could not deliver, and deletes only what was delivered.

Safe to interrupt: a batch that was delivered but not yet deleted is delivered once more by the next
run, under the same request ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.journal import record
from wizard.core.permissions.commands import REDRIVE
from wizard.core.tfvars import Outputs
from wizard.core.undelivered import (
    MOST_BYTES,
    PREFIX,
    UnreadableError,
    check_payload,
    read_record,
    why_unreadable,
)
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import require_own
from wizard.flows.permissions import ask_first
from wizard.services.aws.errors import explained
from wizard.services.threads import ReadingPool


@dataclass(frozen=True)
class Bucket:
    """The bucket of undelivered events, and the account it has to belong to.

    A deleted bucket's name is free for anybody: what lies in somebody else's is not ours to replay.
    """

    name: str
    owner: str

    @property
    def place(self) -> dict[str, str]:
        """As S3's operations take it."""
        return {"Bucket": self.name, "ExpectedBucketOwner": self.owner}


@dataclass(frozen=True)
class KeptBatch:
    """One undelivered batch: `kept_at` in epoch seconds, `size` in bytes."""

    key: str
    kept_at: float
    size: int


@dataclass(frozen=True)
class Replay:
    """What became of one batch; `reason` is the forwarder's or AWS's own text.

    `left_out` counts its events that no replay would deliver either: the node refuses them, or
    their lines cannot be read. The forwarder's log names them.
    """

    delivered: bool
    reason: str = ""
    left_out: int = 0


def list_batches(s3: Any, bucket: Bucket, function: str, since: float = 0.0) -> Iterator[KeptBatch]:
    """The batches of one function kept at or after `since` (epoch seconds), oldest first."""
    found = []
    with explained("Listing undelivered events"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            **bucket.place, Prefix=f"{PREFIX}{function}/"
        )
        for page in pages:
            for item in page.get("Contents", []):
                kept_at = item["LastModified"].timestamp()
                if kept_at >= since:
                    found.append(KeptBatch(item["Key"], kept_at, item["Size"]))
    yield from sorted(found, key=lambda batch: (batch.kept_at, batch.key))


def replay_batch(
    s3: Any, functions: Any, bucket: Bucket, function: str, batch: KeptBatch
) -> Replay:
    """Send one batch through the forwarder and wait for its answer. The object stays."""
    payload = _payload(s3, bucket, batch)
    with explained("Invoking the forwarder"):
        answer = functions.invoke(
            FunctionName=function,
            InvocationType="RequestResponse",
            Payload=json.dumps(payload).encode(),
        )
    text = answer["Payload"].read(65_536).decode(errors="replace")
    return replay_outcome(text, failed=bool(answer.get("FunctionError")))


def replay_outcome(text: str, *, failed: bool) -> Replay:
    """What a function's answer says; a function of the user's own may say anything.

    Args:
        text: the payload of the answer.
        failed: whether AWS calls it an error of the function.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        data = {}
    if failed:
        return Replay(False, str(data.get("errorMessage") or text)[:500])
    counts = (data.get(name) for name in ("quarantined", "malformed"))
    return Replay(True, left_out=sum(n for n in counts if type(n) is int and n > 0))


def delete_batch(s3: Any, bucket: Bucket, batch: KeptBatch) -> None:
    """Delete a batch that was delivered."""
    with explained("Deleting a replayed batch"):
        s3.delete_object(**bucket.place, Key=batch.key)


def unreadable_among(
    s3: Any, bucket: Bucket, batches: Iterable[KeptBatch]
) -> tuple[tuple[KeptBatch, str], ...]:
    """Those batches that no replay will ever deliver, each with the reason; several at a time."""

    def judge(batch: KeptBatch) -> str:
        if batch.size > MOST_BYTES:
            return _too_large(batch)
        return why_unreadable(_body(s3, bucket, batch))

    known = tuple(batches)
    with ReadingPool(WORKERS, thread_name_prefix="undelivered") as pool:
        reasons = tuple(pool.map(judge, known))
    return tuple((one, why) for one, why in zip(known, reasons, strict=True) if why)


def _payload(s3: Any, bucket: Bucket, batch: KeptBatch) -> Any:
    if batch.size > MOST_BYTES:
        raise _unreadable(batch, _too_large(batch))
    body = _body(s3, bucket, batch)
    try:
        payload = read_record(body)
        check_payload(payload)
    except UnreadableError as why:
        raise _unreadable(batch, str(why)) from why
    return payload


def _body(s3: Any, bucket: Bucket, batch: KeptBatch) -> bytes:
    with explained("Reading an undelivered batch"):
        return bytes(s3.get_object(**bucket.place, Key=batch.key)["Body"].read())


def _unreadable(batch: KeptBatch, why: str) -> WizardError:
    return WizardError(
        "WAG-E-REDRIVE-002",
        f"The kept batch {batch.key} can never be read: {why}",
        next_step="It was left where it is. `wallarm-apigw redrive --discard` shows every batch "
        "like it, asks, and deletes them.",
    )


def _too_large(batch: KeptBatch) -> str:
    return f"it has {batch.size:,} bytes"


# A replay waits for the forwarder's own answer: AWS's limit for a function, and a little.
LONGEST_INVOCATION = 910
WORKERS = 8


@dataclass(frozen=True)
class Redriven:
    """How many batches were delivered (or discarded) and removed, and how many still wait."""

    delivered: int
    failed: int


class Redrive:
    """One replay. Use as a context manager: it holds the workspace's lock."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self.context = context
        self.answers = answers
        session = open_session(context, answers)
        identity = identify(session, answers)
        self.session = session
        self.deployment: Deployment
        self._opened = open_deployment(context, answers, session, identity, "redrive")
        self._outputs: Outputs | None = None

    def __enter__(self) -> Redrive:
        self.deployment = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def list(self, since: float = 0.0) -> tuple[KeptBatch, ...]:
        """The batches that wait, oldest first; `since` in epoch seconds."""
        outputs = self._known()
        s3 = self.session.client("s3")
        function = outputs.lambda_function_name
        return tuple(list_batches(s3, self._bucket(outputs), function, since))

    def find_unreadable(self, batches: Iterable[KeptBatch]) -> tuple[tuple[KeptBatch, str], ...]:
        """Those of them that no replay will ever deliver, each with the reason. Only reads."""
        return unreadable_among(self.session.client("s3"), self._bucket(self._known()), batches)

    def discard(self, batches: Iterable[KeptBatch]) -> Redriven:
        """Delete these, each looked at once more: only what can never be read goes.

        Raises WizardError, before any is deleted, where permissions for it are missing.
        """
        ask_first(self.deployment, self.answers, REDRIVE)
        s3, bucket = self.session.client("s3"), self._bucket(self._known())
        deleted = failed = 0
        for batch, why in self.find_unreadable(batches):
            try:
                with self.deployment.journal.effect(record.REDRIVE, batch.key) as effect:
                    delete_batch(s3, bucket, batch)
                    effect.detail = f"deleted undelivered: {why}"
            except WizardError as error:
                self.context.note(f"not deleted: {error.what}", State.FAILED, batch.key)
                failed += 1
            else:
                self.context.note(f"deleted: {why}", State.DONE, batch.key)
                deleted += 1
        return Redriven(deleted, failed)

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
        return replay_recorded(self.deployment, self._known(), batch)

    def _bucket(self, outputs: Outputs) -> Bucket:
        return Bucket(outputs.undelivered_bucket, self.deployment.identity.account_id)

    def _known(self) -> Outputs:
        if self._outputs is None:
            require_own(self.deployment)
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


def kept_batches(deployment: Deployment, outputs: Outputs) -> tuple[KeptBatch, ...]:
    """What waits in a deployment's bucket, oldest first; nothing where it has none."""
    if not outputs.undelivered_bucket:
        return ()
    s3 = deployment.session.client("s3")
    bucket = Bucket(outputs.undelivered_bucket, deployment.identity.account_id)
    return tuple(list_batches(s3, bucket, outputs.lambda_function_name))


def replay_recorded(deployment: Deployment, outputs: Outputs, batch: KeptBatch) -> bool:
    """Replay one batch, recorded, and delete it where it was delivered; whether it was."""
    session, context = deployment.session, deployment.context
    s3 = session.client("s3")
    functions = session.patient_client("lambda", LONGEST_INVOCATION)
    bucket = Bucket(outputs.undelivered_bucket, deployment.identity.account_id)
    try:
        with deployment.journal.effect(record.REDRIVE, batch.key) as effect:
            answer = replay_batch(s3, functions, bucket, outputs.lambda_function_name, batch)
            if not answer.delivered:
                raise WizardError(
                    "WAG-E-REDRIVE-001",
                    answer.reason,
                    next_step="Find out why with `wallarm-apigw doctor`; the events are kept.",
                )
            delete_batch(s3, bucket, batch)
            effect.detail = "delivered and deleted"
    except WizardError as error:
        context.note(f"still waiting: {error.what}", State.FAILED, batch.key)
        return False
    context.note(_delivered(answer.left_out), State.DONE, batch.key)
    return True


def _delivered(left_out: int) -> str:
    if not left_out:
        return "delivered"
    events = "1 event" if left_out == 1 else f"{left_out:,} events"
    return (
        f"delivered but for {events} that the node refuses or that cannot be read; "
        "the forwarder's log names them"
    )
