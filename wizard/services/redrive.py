"""Reads what AWS kept after the forwarder's retries were used up, and replays it.

AWS Lambda writes one JSON object per failed batch below `aws/lambda/async/<function>/`; the batch
is its `requestPayload` (AWS: "Capturing records of Lambda asynchronous invocations").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wizard.core.errors import WizardError
from wizard.services.aws.errors import explained

PREFIX = "aws/lambda/async/"
MOST_BYTES = 64 * 1024 * 1024


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


def waiting(s3: Any, bucket: Bucket, function: str, since: float = 0.0) -> Iterator[KeptBatch]:
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


def replay(s3: Any, functions: Any, bucket: Bucket, function: str, batch: KeptBatch) -> Replay:
    """Send one batch through the forwarder and wait for its answer. The object stays."""
    payload = _payload(s3, bucket, batch)
    with explained("Invoking the forwarder"):
        answer = functions.invoke(
            FunctionName=function,
            InvocationType="RequestResponse",
            Payload=json.dumps(payload).encode(),
        )
    text = answer["Payload"].read(65_536).decode(errors="replace")
    return outcome(text, failed=bool(answer.get("FunctionError")))


def outcome(text: str, *, failed: bool) -> Replay:
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


def forget(s3: Any, bucket: Bucket, batch: KeptBatch) -> None:
    """Delete a batch that was delivered."""
    with explained("Deleting a replayed batch"):
        s3.delete_object(**bucket.place, Key=batch.key)


def _payload(s3: Any, bucket: Bucket, batch: KeptBatch) -> Any:
    if batch.size > MOST_BYTES:
        raise _unreadable(batch, f"it has {batch.size:,} bytes")
    with explained("Reading an undelivered batch"):
        body = s3.get_object(**bucket.place, Key=batch.key)["Body"].read()
    try:
        return json.loads(body)["requestPayload"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(batch, f"{type(error).__name__}: {error}") from error


def _unreadable(batch: KeptBatch, why: str) -> WizardError:
    return WizardError(
        "WAG-E-REDRIVE-002",
        f"The kept batch {batch.key} is not an invocation record of AWS Lambda",
        why=why,
        next_step="Look at the object; it was left where it is.",
    )
