"""Receives API Gateway access logs from CloudWatch Logs and forwards them to the Wallarm node.

Standard library only. Every event is accounted for: delivered + quarantined + malformed + skipped =
received, or the handler raises, so that AWS keeps the batch, tries again and at last stores it.
"""

import re
import time

from decode import envelope
from job import DELIVERED, FAILED, REFUSED, Job
from node import Node
from observe import MOST_NAMED, MOST_PROOFS, metrics, proof, say
from parse import fields
from protocol import VERSION, Encoder, Unsendable, request_id
from sender import Sender

MARGIN_SECONDS = 2.0  # for the last lines of the log, after the deadline
MOST_REMEMBERED = 20_000
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
    # Events of batches that failed in part: AWS repeats the whole batch, these need no second send.
    delivered = {}  # noqa: RUF012 - one per environment on purpose


def lambda_handler(event, context):
    """Handle one batch, or a question (`{"wallarm-apigw": "probe" or "dialect"}`)."""
    began = time.monotonic()
    received_at = int(time.time() * 1000)
    if isinstance(event, dict) and event.get("wallarm-apigw") == "probe":
        from probe import probe

        return probe(Node(), Encoder(), ask_node=event.get("only") != "counters")
    if isinstance(event, dict) and event.get("wallarm-apigw") == "dialect":
        from dialect import try_dialect

        return try_dialect(event)
    _start()
    counts = dict.fromkeys(
        ("received", "delivered", "retried", "quarantined", "malformed", "skipped", "failed"), 0
    )
    try:
        batch = envelope(event)
    except BaseException:
        metrics(counts | {"bytes": 0}, [], None)  # how many events it held nobody can tell
        raise
    if batch.get("messageType") == "CONTROL_MESSAGE":
        metrics(counts | {"bytes": 0}, [], None)
        return counts
    jobs, known, oldest = _read(batch, counts)
    counts["delivered"] = known
    size = sum(len(job.first) + len(job.second or b"") for job in jobs)
    _Warm.sender.send(jobs, _seconds_left(context, began))
    _count(jobs, counts)
    counts["retried"] = _Warm.sender.retried
    _tell(jobs, counts | {"bytes": size}, received_at, oldest)
    _settle(jobs, counts)
    return counts


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


def _read(batch, counts):
    """(jobs to send, how many were delivered before, oldest timestamp in epoch ms or None)."""
    jobs, known, oldest, named, keys = [], 0, None, 0, set()
    group, stream = batch.get("logGroup"), batch.get("logStream")
    for item in batch["logEvents"]:
        counts["received"] += 1
        line = fields(item.get("message")) if isinstance(item, dict) else None
        if line is None:
            counts["malformed"] += 1
            named = _name(item, "malformed", named)
            continue
        if "httpMethod" not in line and "path" not in line:
            counts["skipped"] += 1  # a WebSocket event has neither
            continue
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
            first, second = _Warm.encoder.messages(line, key)
        except Unsendable as why:
            counts["malformed"] += 1
            named = _name(item, f"malformed {why}", named)
            continue
        marker = _PROOF.fullmatch(line.get("userAgent", ""))
        jobs.append(Job(key, first, second, (event_id, marker.group(1) if marker else "")))
    return jobs, known, oldest


def _name(item, why, named):
    """Name a line that is not sent on. It stays in the log group it came from."""
    if named < MOST_NAMED:
        event_id = str(item.get("id", ""))[:64] if isinstance(item, dict) else ""
        say({"event": "quarantined", "log_event_id": event_id, "reason": why})
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


def _tell(jobs, counts, received_at, oldest):
    proofs = named = 0
    for job in jobs:
        event_id, marker = job.tag
        if marker and proofs < MOST_PROOFS:
            proofs += 1
            proof(marker, event_id, received_at, job)
        if job.outcome == REFUSED:
            named = _name({"id": event_id}, job.reason, named)
    age = max(0, received_at - oldest) if oldest is not None else None
    metrics(counts, [j.seconds for j in jobs if j.outcome == DELIVERED], age)


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


def _seconds_left(context, began):
    left = getattr(context, "get_remaining_time_in_millis", None)
    total = left() / 1000 if left is not None else 60.0
    return max(0.5, total - MARGIN_SECONDS - (time.monotonic() - began if left is None else 0.0))
