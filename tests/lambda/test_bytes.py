"""What the forwarder costs that no clock is needed for: bytes and connections for each event."""

from __future__ import annotations

import json

from benchmarks.bad_node import BadNode
from benchmarks.batches import batch, line
from benchmarks.invoking import environment, invoke

EVENTS = 200


def test_the_two_messages_of_an_event_take_less_than_three_times_its_line() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, log = invoke(batch(EVENTS), 30)
    assert counts["delivered"] == EVENTS
    sent = next(e["bytes"] for e in map(json.loads, log.splitlines()) if "_aws" in e)
    lines = sum(len(line(number)) for number in range(EVENTS))
    assert EVENTS * 100 < sent < 3 * lines, sent / lines


def test_batches_share_the_connections_that_may_be_open_at_once() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url, X_NODE_CONNECTIONS="4"):
        invoke(batch(EVENTS), 30)
        invoke(batch(EVENTS), 30)
    assert node.connections <= 4
