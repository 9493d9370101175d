"""Receives API Gateway access logs from CloudWatch Logs and forwards them to the Wallarm node.

Standard library only. Every event is accounted for: delivered + quarantined + malformed + skipped =
received, or the handler raises, so that AWS keeps the batch, tries again and at last stores it.
"""

import os
import re
import time

from decode import envelope
from job import DELIVERED, FAILED, REFUSED, Job
from layout import WEBSOCKET
from node import Node
from observe import MOST_NAMED, MOST_PROOFS, metrics, proof, say
from parse import MALFORMED, read
from protocol import VERSION, Encoder, Unsendable, request_id
from sender import Sender

MARGIN_SECONDS = 2.0  # for the last lines of the log, after the deadline
LEAST_SECONDS = 0.5
MOST_REMEMBERED = 20_000
# `left_out` counts fields, the others events.
COUNTS = (
    "received", "delivered", "retried", "quarantined", "malformed", "skipped", "failed", "left_out",
)  # fmt: skip
# To a whole batch these are about us (address, path, rights, host, dialect), not about an event.
ABOUT_US = (301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 415, 422)

_PROOF = re.compile(r"wallarm-apigw-proof/([0-9a-f]{32})")


class UndeliveredError(Exception):
    """Some events did not reach the node; AWS must keep the batch."""


class AccountingError(Exception):
    """An event is neither delivered nor accounted for: a bug, and AWS must keep the batch."""


class _Warm:
    """What outlives one invocation."""

    sender = None
    encoder = None
    watch = None
    # Events of batches that failed in part: AWS repeats the whole batch, these need no second send.
    delivered = {}  # noqa: RUF012 - one per environment on purpose


def lambda_handler(event, context):
    """Handle one batch, or a question (`{"wallarm-apigw": "probe" or "dialect"}`)."""
    began = time.monotonic()
    received_at = int(time.time() * 1000)
    if isinstance(event, dict) and event.get("wallarm-apigw") == "probe":
        from probe import probe

        asked = event.get("only") != "counters"
        return probe(Node(), Encoder(), ask_node=asked, host=str(event.get("host", "")))
    if isinstance(event, dict) and event.get("wallarm-apigw") == "dialect":
        from dialect import try_dialect

        return try_dialect(event)
    _start()
    counts = dict.fromkeys(COUNTS, 0)
    try:
        batch = envelope(event)
    except BaseException:
        metrics(counts | {"bytes": 0}, [], None)  # how many events it held nobody can tell
        raise
    if batch.get("messageType") == "CONTROL_MESSAGE":
        metrics(counts | {"bytes": 0}, [], None)
        return counts
    until = _until(context, began)
    stages = {}
    jobs, known, oldest = _read(batch, counts, until, stages)
    counts["delivered"] = known
    size = sum(len(job.first) + len(job.second or b"") for job in jobs)
    _Warm.sender.send(jobs, max(LEAST_SECONDS, until - time.monotonic()))
    _count(jobs, counts)
    counts["retried"] = _Warm.sender.retried
    _tell(jobs, counts | {"bytes": size}, received_at, oldest, stages)
    _settle(jobs, counts)
    if os.environ.get("X_NODE_WATCH"):
        _watch()
    return counts


def _watch():
    """Look at the node's counters now and then; see `watch`."""
    if _Warm.watch is None:
        from watch import Watch  # not paid for where nobody asks

        _Warm.watch = Watch()
    _Warm.watch.look(os.environ, time.monotonic())


def _start():
    if _Warm.sender is not None:
        return
    node = Node()
    _Warm.encoder = Encoder()
    _Warm.sender = Sender(node)
    say(
        {
            "event": "start",
            "version": VERSION,
            "node": f"{node.scheme}://{node.url}",
            "style": _Warm.encoder.style,
            "connections": node.connections,
        }
    )


def _read(batch, counts, until, stages):
    """(jobs to send, how many were delivered before, oldest timestamp in epoch ms or None).

    Fills `stages`: (API, stage) to [received, malformed]; both are empty where AWS's own words do
    not tell where a line came from.

    Raises UndeliveredError where the time is over before all is read: nothing is sent then.
    """
    jobs, known, oldest, named, keys = [], 0, None, 0, set()
    group, stream = batch.get("logGroup"), batch.get("logStream")
    for item in batch["logEvents"]:
        if time.monotonic() >= until:
            raise _too_slow(batch, counts)
        counts["received"] += 1
        line = read(item.get("message") if isinstance(item, dict) else None)
        tally = stages.setdefault((line.api, line.stage), [0, 0])
        tally[0] += 1
        if line.kind == MALFORMED:
            counts["malformed"] += 1
            tally[1] += 1
            named = _name_malformed(item, group, line, line.why, named)
            continue
        if line.kind == WEBSOCKET:
            counts["skipped"] += 1  # it has neither method nor path
            continue
        counts["left_out"] += line.left_out
        event_id = str(item.get("id", ""))
        stamp = item.get("timestamp")
        if isinstance(stamp, int) and (oldest is None or stamp < oldest):
            oldest = stamp
        key = request_id(group, stream, event_id)
        if key in keys:  # CloudWatch Logs repeats no id; two events must not pass for one even so
            key = request_id(group, stream, event_id, again=counts["received"])
        keys.add(key)
        if key in _Warm.delivered:
            known += 1
            continue
        try:
            first, second = _Warm.encoder.messages(line.values, key)
        except Unsendable as why:
            counts["malformed"] += 1
            tally[1] += 1
            named = _name_malformed(item, group, line, str(why), named)
            continue
        marker = _PROOF.fullmatch(line.values.get("userAgent", ""))
        jobs.append(Job(key, first, second, (event_id, marker.group(1) if marker else "")))
    return jobs, known, oldest


def _too_slow(batch, counts):
    """The error for a batch that took all the time there is to be read; every event counts."""
    counts["received"] = len(batch["logEvents"])
    counts["failed"] = counts["received"] - counts["malformed"] - counts["skipped"]
    metrics(counts | {"bytes": 0}, [], None)
    return UndeliveredError(
        f"{counts['failed']} of {counts['received']} events undelivered: "
        "the time was over before all lines were read"
    )


def _name_malformed(item, group, line, why, named):
    """Name a line that cannot be read or sent, and show its shape. It stays in its log group."""
    if named < MOST_NAMED:
        from shape import shape  # not needed, and not paid for, where all lines are read

        event = item if isinstance(item, dict) else {}
        say(
            {
                "event": "malformed",
                "log_event_id": str(event.get("id", ""))[:64],
                "reason": why,
                "log_group": str(group)[:512],
                "api": line.api,
                "stage": line.stage,
                "shape": shape(event.get("message")),
            }
        )
    return named + 1


def _count(jobs, counts):
    refused = {job.status for job in jobs if job.outcome == REFUSED}
    delivered = counts["delivered"] or any(job.outcome == DELIVERED for job in jobs)
    if refused and refused <= set(ABOUT_US) and not delivered:
        for job in jobs:
            if job.outcome == REFUSED:
                job.outcome = FAILED
                job.reason += " to every event: wrong address, path, rights or dialect"
    for job in jobs:
        if job.outcome is not None:
            counts[_COUNTED[job.outcome]] += 1


_COUNTED = {DELIVERED: "delivered", REFUSED: "quarantined", FAILED: "failed"}


def _tell(jobs, counts, received_at, oldest, stages):
    proofs = named = 0
    for job in jobs:
        event_id, marker = job.tag
        if marker and proofs < MOST_PROOFS:
            proofs += 1
            proof(marker, event_id, received_at, job)
        if job.outcome == REFUSED and named < MOST_NAMED:
            named += 1
            entry = {"event": "quarantined", "log_event_id": event_id[:64], "reason": job.reason}
            say(entry)
    age = max(0, received_at - oldest) if oldest is not None else None
    metrics(counts, [j.seconds for j in jobs if j.outcome == DELIVERED], age, stages)


def _settle(jobs, counts):
    """Raise unless every event is accounted for and every deliverable one was delivered."""
    settled = sum(counts[n] for n in ("delivered", "quarantined", "malformed", "skipped", "failed"))
    if settled != counts["received"]:
        raise AccountingError(f"{settled} of {counts['received']} events are accounted for")
    if not counts["failed"]:
        return
    _remember(jobs)
    reasons = sorted({job.reason for job in jobs if job.outcome == FAILED})
    raise UndeliveredError(
        f"{counts['failed']} of {counts['received']} events undelivered: {'; '.join(reasons[:3])}"
    )


def _remember(jobs):
    for job in jobs:
        if job.outcome == DELIVERED:
            _Warm.delivered[job.key] = None
    while len(_Warm.delivered) > MOST_REMEMBERED:
        del _Warm.delivered[next(iter(_Warm.delivered))]


def _until(context, began):
    """The moment of the monotonic clock at which the last word must be said."""
    now = time.monotonic()
    left = getattr(context, "get_remaining_time_in_millis", None)
    end = began + 60.0 if left is None else now + left() / 1000
    return max(now + LEAST_SECONDS, end - MARGIN_SECONDS)
