"""What is seen of a followed request, read from two log groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from wizard.core.events import State
from wizard.core.facts import Api, ApiType, EndpointType, Stage
from wizard.core.proof import Evidence, hops_of
from wizard.flows.proof import Route, collect_evidence

MARKER = "0123456789abcdef" * 2
STAGE = Stage(Api("a1b2c3d4e5", "orders", ApiType.REST, EndpointType.REGIONAL), "prod")
ROUTE = Route(STAGE, "/access", "/aws/lambda/f", MARKER, 1000.0)


class Logs:
    """CloudWatch Logs with these messages, by group."""

    def __init__(self, **groups: Any) -> None:
        self.groups = groups
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": KeyError})

    def get_paginator(self, name: str) -> Logs:
        assert name == "filter_log_events"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        yield {"events": self.groups["access" if asked["logGroupName"] == "/access" else "f"]}


def line(**times: Any) -> dict[str, Any]:
    entry = {"event": "proof", "id": MARKER, "outcome": "delivered", "node_status": 200, **times}
    return {"timestamp": 1_002_400, "message": json.dumps(entry)}


def seen_in(logs: Any) -> Evidence:
    return collect_evidence([ROUTE], {MARKER: Evidence(sent=1000.0)}, logs, {})[MARKER]


ACCESS = {"timestamp": 1_001_000, "ingestionTime": 1_001_500, "message": MARKER}


def test_the_times_of_the_hops_go_up_along_the_path() -> None:
    told = line(received_at=1_002_000, sent_at=1_002_010, delivered_at=1_002_300)
    seen = seen_in(Logs(access=[ACCESS], f=[told]))
    arrived = Evidence(**{**vars(seen), "arrived": 1002.2, "node_seen": True})
    times = [hop.at for hop in hops_of(arrived, function="f", node_readable=True)][:5]
    assert times == [1000.0, 1001.5, 1002.0, 1002.01, 1002.2]


def test_where_the_nodes_record_cannot_be_read_the_last_time_is_that_of_its_answer() -> None:
    told = line(received_at=1_002_000, sent_at=1_002_010, delivered_at=1_002_300)
    seen = seen_in(Logs(access=[ACCESS], f=[told]))
    hops = hops_of(seen, function="f", node_readable=False)
    assert (hops[4].state, hops[4].at) == (State.UNCHECKED, 1002.3)


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"received_at": 1_002_000, "delivered_at": 1_002_300}, 1002.3),
        ({"received_at": 1_002_000, "delivered_at": None, "outcome": "failed"}, 1002.0),
    ],
    ids=["an older forwarder", "never sent"],
)
def test_without_a_time_of_sending_the_next_best_stands(times: dict[str, Any], at: float) -> None:
    seen = seen_in(Logs(access=[ACCESS], f=[line(**times)]))
    assert seen.handled == at


def test_several_requests_are_looked_for_in_one_reading_of_each_group() -> None:
    others = [replace(ROUTE, marker=f"{n:032x}") for n in range(5)]
    asked: list[str] = []

    class Counting(Logs):
        def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
            asked.append(given["logGroupName"])
            yield from super().paginate(**given)

    lines = [
        {**ACCESS, "message": f"wallarm-apigw-proof/{one.marker}"} for one in (ROUTE, *others[:2])
    ]
    told = line(received_at=1_002_000, sent_at=1_002_010, delivered_at=1_002_300)
    told["message"] = "not JSON {\n{]\n" + told["message"] + '\n{"event": "start"}'
    routes = [ROUTE, *others]
    before = {one.marker: Evidence(sent=1000.0) for one in routes}
    seen = collect_evidence(routes, before, Counting(access=lines, f=[told]), {})  # type: ignore[arg-type]
    assert asked == ["/access", "/aws/lambda/f"]
    assert [seen[one.marker].logged for one in routes] == [1001.5, 1001.5, 1001.5, 0.0, 0.0, 0.0]
    assert [bool(seen[one.marker].handled) for one in routes] == [True, *[False] * 5]


def test_a_group_that_is_not_there_yet_has_no_line() -> None:
    class Absent(Logs):
        def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
            raise KeyError("ResourceNotFoundException")
            yield

    assert seen_in(Absent()) == Evidence(sent=1000.0)
