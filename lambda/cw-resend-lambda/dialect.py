"""Tries one way of speaking to the node: a few marked messages, its counters before and after.

The node is the one of the environment, and nothing else can be reached by this; only how the
messages look can be chosen. They carry status 404 and a path that no API has, so that API
Discovery, which counts 2xx only, lists nothing because of them.
"""

import os
import time

from counters import read_counters
from job import Job
from node import Node
from protocol import VERSION, Encoder
from sender import Sender

SETTINGS = (
    "X_NODE_STYLE", "X_NODE_CONNECTOR_TYPE", "X_NODE_CONNECTOR_VERSION", "X_NODE_HEADER_PREFIX",
    "X_NODE_REQUEST_ID",
)  # fmt: skip
PATH = "/wallarm-apigw-dialect"
MOST_EVENTS = 5
SEND_SECONDS = 10.0
SETTLE_SECONDS = 3.0  # a node counts a moment after it answered
LOOK_SECONDS = 0.25


def try_dialect(event):
    """`{"version", "dialect", "answers": [{"outcome", "status", "reason"}], "before", "after"}`.

    Args:
        event: `settings` (values for SETTINGS; others are ignored, those left out are the
            environment's), `host` (the API's host name), `events` (how many, at most MOST_EVENTS).
    """
    given = event.get("settings")
    given = given if isinstance(given, dict) else {}
    chosen = {name: str(given[name])[:128] for name in SETTINGS if name in given}
    encoder = Encoder({**os.environ, **chosen})
    count = event.get("events", 3)
    count = min(max(count, 1), MOST_EVENTS) if isinstance(count, int) else 3
    jobs = [_job(encoder, str(event.get("host", ""))) for _ in range(count)]
    messages = sum(1 if job.second is None else 2 for job in jobs)
    before = read_counters(os.environ)
    Sender(Node()).send(jobs, SEND_SECONDS)
    return {
        "version": VERSION,
        "dialect": encoder.dialect,
        "answers": [
            {"outcome": job.outcome, "status": job.status, "reason": job.reason} for job in jobs
        ],
        "before": before,
        "after": _settled(before, count, messages),
    }


def _job(encoder, host):
    ident, line = marked(PATH, host)
    return Job(ident, *encoder.messages(line, ident))


def marked(path, host):
    """(a new id, an event of ours that API Discovery does not count)."""
    ident = os.urandom(16).hex()
    return ident, {
        "requestId": "-".join((ident[:8], ident[8:12], ident[12:16], ident[16:20], ident[20:])),
        "httpMethod": "GET", "path": path, "status": 404, "responseLength": 0,
        "responseLatency": 1, "domainName": host, "sourceIp": "192.0.2.1",
        "userAgent": "wallarm-apigw/1",
    }  # fmt: skip


def _settled(before, count, messages):
    """The counters, as soon as they show what became of all messages, or after time enough."""
    end = time.monotonic() + SETTLE_SECONDS
    seen = False
    while True:
        after = read_counters(os.environ)
        request, response, total = (
            _total(after, family, kind) - _total(before, family, kind)
            for family, kind in (
                ("processed", "request"), ("processed", "response"), ("seen", "total"),
            )
        )  # fmt: skip
        over = seen or time.monotonic() >= end or not after["replicas"]
        if min(request, response) >= count or over:
            return after
        seen = total >= messages  # one more look: it may have seen them and not judged yet
        time.sleep(LOOK_SECONDS)


def _total(counters, family, kind):
    return sum((replica[family] or {}).get(kind, 0) for replica in counters["replicas"])
