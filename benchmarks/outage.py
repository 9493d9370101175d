"""The node is away for a while, then back: the whole data path on the sandbox, and its store.

Lines are put into a log group all the time; the subscription filter invokes the forwarder, what
fails is tried twice more and then kept in a bucket, and is replayed from there once the node is
back. The sandbox plays AWS's retries after one and two seconds instead of minutes.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import boto3

from benchmarks import data_path
from wizard.flows import redrive
from wizard.sandbox import Sandbox
from wizard.sandbox.sandbox import ACCOUNT_ID

EVENTS, EVERY_SECONDS = 50, 4.0
BUCKET = "undelivered"
PLACE = redrive.Bucket(BUCKET, ACCOUNT_ID)
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Outage:
    """What one outage left: `kept` and `after` in words, and whether nothing is missing."""

    name: str
    kept: str
    after: str
    twice: int
    right: bool

    @property
    def mark(self) -> str:
        """`right` in the table's words."""
        return "yes" if self.right else "NO"


def play(seconds: float) -> Outage:
    """Be away for so many seconds, come back, replay, and look for every event at the node.

    Away until a batch has been kept, however long its three tries take on this machine.
    """
    with data_path.running() as (box, put):
        session = boto3.Session("sandbox", "sandbox", region_name=box.region)
        s3 = session.client("s3", endpoint_url=box.endpoint_url)
        functions = session.client("lambda", endpoint_url=box.endpoint_url)
        _keep_failures(s3, functions)
        box.node.fail("status", status=503)
        began, sent = time.monotonic(), 0
        while not _over(seconds, time.monotonic() - began, s3):
            put(EVENTS)
            sent += EVENTS
            time.sleep(EVERY_SECONDS)
        away = time.monotonic() - began
        delivered = len(_whole(box))
        box.node.fail("none")
        put(EVENTS)
        sent += EVENTS
        replayed = _replay_until(box, s3, functions, sent)
        records = _whole(box)
        arrived = Counter(record["path"] for record in records)
        waiting = len(list(redrive.list_batches(s3, PLACE, data_path.FUNCTION)))
    return Outage(
        name=f"503 on all for {away:,.0f} s, {sent:,} events, then recovery (sandbox)",
        kept=f"{delivered} delivered, {replayed} batches kept after three tries",
        after=f"{len(arrived):,} delivered, {waiting} batches waiting",
        twice=sum(record["deliveries"] > 1 for record in records),
        right=arrived == Counter(f"/p/{number}" for number in range(sent))
        and waiting == delivered == 0 < replayed,
    )


def _over(seconds: float, passed: float, s3: Any) -> bool:
    if passed < seconds:
        return False
    return passed > seconds + PATIENCE_SECONDS or any(
        redrive.list_batches(s3, PLACE, data_path.FUNCTION)
    )


def _keep_failures(s3: Any, functions: Any) -> None:
    """As the Terraform module sets it."""
    s3.create_bucket(Bucket=BUCKET)
    functions.put_function_event_invoke_config(
        FunctionName=data_path.FUNCTION,
        MaximumRetryAttempts=2,
        MaximumEventAgeInSeconds=21600,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}},
    )


def _whole(box: Sandbox) -> list[dict[str, Any]]:
    return [record for record in box.node.records() if record["status"] is not None]


def _replay_until(box: Sandbox, s3: Any, functions: Any, wanted: int) -> int:
    """Replay what is kept until everything has arrived; returns how many batches that took."""
    replayed, end = 0, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        kept = list(redrive.list_batches(s3, PLACE, data_path.FUNCTION))
        for batch in kept:
            if redrive.replay_batch(s3, functions, PLACE, data_path.FUNCTION, batch).delivered:
                redrive.delete_batch(s3, PLACE, batch)
                replayed += 1
        if not kept and len({record["path"] for record in _whole(box)}) >= wanted:
            break
        time.sleep(0.5)
    return replayed
