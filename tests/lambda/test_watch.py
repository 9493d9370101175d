"""With alarms the node's counters become two metrics, now and then, and never cost much."""

from __future__ import annotations

import contextlib
import io
import json
from typing import Any

import pytest

from benchmarks.bad_node import BadNode
from benchmarks.batches import batch
from benchmarks.invoking import environment, forwarder, invoke

forwarder()
import watch  # noqa: E402 - the forwarder is not a package

ON = {"X_NODE_WATCH": "true"}


def replica(address: str, request: int, info: int = 0, **errors: int) -> dict[str, Any]:
    return {
        "address": address, "error": "", "processed": {"request": request, "response": 9},
        "rejected": {"connector_info": info}, "errors": errors or None,
    }  # fmt: skip


class Node:
    """What `read_counters` would find, look after look."""

    def __init__(self, *looks: list[dict[str, Any]]) -> None:
        self.looks = list(looks)
        self.seconds: list[float] = []

    def read(self, _env: object, seconds: float) -> dict[str, Any]:
        self.seconds.append(seconds)
        return {"address": "node:9000", "error": "", "replicas": self.looks.pop(0)}


def told(node: Node, monkeypatch: pytest.MonkeyPatch, *at: float) -> list[tuple[int, int]]:
    monkeypatch.setattr(watch, "read_counters", node.read)
    out, one = io.StringIO(), watch.Watch()
    with contextlib.redirect_stdout(out):
        for now in at:
            one.look(ON, now)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    for line in lines:
        names = [m["Name"] for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        assert names == ["node_understood", "node_rejected"]
    return [(line["node_understood"], line["node_rejected"]) for line in lines]


def test_what_has_grown_between_two_looks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(
        [replica("a", 10), replica("b", 5)],
        [replica("a", 17, 2), replica("b", 6, MsgDataFormat=3, DuplicateReqId=50)],
        [replica("a", 17, 2), replica("b", 6, MsgDataFormat=3, DuplicateReqId=70)],
    )
    assert told(node, monkeypatch, 0, 300, 600) == [(8, 5), (0, 0)]
    assert node.seconds == [1.0] * 3


@pytest.mark.parametrize(
    ("looks", "wanted"),
    [
        (([replica("a", 100, 7)], [replica("a", 3, 1)]), [(3, 1)]),
        (([replica("a", 1)], [replica("b", 9, 9)]), []),
        (([{"address": "a", "error": "away"}], [replica("a", 9, 9)]), []),
        (([], []), []),
    ],
    ids=["started anew", "another replica", "away before", "none"],
)
def test_a_replica_seen_once_or_started_anew_gives_no_false_alarm(
    monkeypatch: pytest.MonkeyPatch, looks: Any, wanted: list[tuple[int, int]]
) -> None:
    assert told(Node(*looks), monkeypatch, 0, 300) == wanted


def test_between_two_looks_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node([replica("a", 1)], [replica("a", 2)])
    assert told(node, monkeypatch, 0, 1, 299.9, 300, 301) == [(1, 0)]
    assert node.looks == []


@pytest.mark.parametrize("value", [None, "", "false"])
def test_without_the_setting_the_counters_are_never_read(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the counters were read")

    monkeypatch.setattr(watch, "read_counters", unread)
    env = {} if value is None else {"X_NODE_WATCH": value}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        assert invoke(batch(2), 10)[0]["delivered"] == 2


def test_a_node_without_counters_fails_no_batch() -> None:
    env = {"X_NODE_METRICS": "127.0.0.1:1", **ON}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        for stream in "ab":
            counts, raised, _ = invoke(batch(2, stream), 10)
            assert (counts["delivered"], raised) == (2, "")
