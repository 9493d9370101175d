"""Every event is delivered, quarantined, malformed or skipped, or the batch is kept by AWS."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.bad_node import BadNode, Message
from benchmarks.batches import batch, line
from benchmarks.invoking import environment, forwarder, invoke, metric

SETTLED = ("delivered", "quarantined", "malformed", "skipped")


def of(events: object, **more: object) -> dict[str, Any]:
    body = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", **more}
    data = gzip.compress(json.dumps(body | {"logEvents": events}).encode())
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    forwarder()
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.001)


@pytest.fixture(scope="module")
def node() -> Iterator[BadNode]:
    """A node that is well, for many invocations of one warm environment."""
    with BadNode() as node, environment(X_NODE_URL=node.url):
        yield node


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=12)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)
# Lines that are whole, with some value of theirs replaced by whatever a client could send.
LINES = st.builds(
    lambda number, changed: json.dumps({**json.loads(line(number)), **changed}),
    st.integers(0, 50),
    st.dictionaries(
        st.sampled_from(
            ["httpMethod", "path", "status", "userAgent", "domainName", "wallarm_path"]
        ),
        JSON,
        max_size=3,
    ),
)
ITEMS = st.one_of(
    JSON,
    st.fixed_dictionaries({"message": st.one_of(JSON, LINES)}, optional={"id": JSON,
                                                                       "timestamp": JSON}),
    st.fixed_dictionaries({"id": st.sampled_from(["1", "2"]), "message": LINES}),
)  # fmt: skip


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(ITEMS, max_size=6), names=st.tuples(JSON, JSON))
def test_whatever_stands_in_a_batch_its_neighbours_are_delivered_and_all_is_counted(
    node: BadNode, events: list[Any], names: tuple[Any, Any]
) -> None:
    node.accepted.clear()
    good = {"id": "good", "timestamp": 1, "message": line(7)}
    counts, raised, log = invoke(of([*events, good], logGroup=names[0], logStream=names[1]), 20)
    assert raised == ""
    assert sum(counts[name] for name in SETTLED) == counts["received"] == len(events) + 1
    assert len({m.headers["x-wallarm-request-id"] for m in node.accepted}) == counts["delivered"]
    assert "/p/7" in {message.path for message in node.accepted}
    assert metric(log)["received"] == len(events) + 1


def test_a_request_id_that_clients_choose_alike_joins_nothing_that_is_not_one() -> None:
    same = [
        {
            "id": str(number),
            "message": json.dumps({**json.loads(line(number)), "requestId": "same"}),
        }
        for number in range(4)
    ]
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, _ = invoke(of(same), 20)
    assert counts["delivered"] == 4
    paths = {m.headers["x-wallarm-request-id"]: m.path for m in node.accepted}
    assert sorted(paths.values()) == ["/p/0", "/p/1", "/p/2", "/p/3"]


@pytest.mark.parametrize("ident", [{}, {"id": "one for all"}, {"id": None}])
def test_events_without_an_id_of_their_own_are_still_told_apart(ident: dict[str, Any]) -> None:
    """Also on AWS's retry: that the first was delivered must not hide the others."""
    event = of([{**ident, "message": line(number)} for number in range(5)])
    with (
        BadNode(lambda m: 200 if m.path == "/p/0" else 503) as node,
        environment(X_NODE_URL=node.url),
    ):
        _, raised, _ = invoke(event, 20)
        assert "4 of 5" in raised
        node.plan = lambda _m: 200
        counts, raised, _ = invoke(event, 20)
    assert (counts["delivered"], raised) == (5, "")
    paths = {m.headers["x-wallarm-request-id"]: m.path for m in node.accepted}
    assert sorted(paths.values()) == [f"/p/{number}" for number in range(5)]


def test_two_events_of_different_streams_and_groups_never_share_a_join_id() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url):
        for names in ({"logStream": "a"}, {"logStream": "b"}, {"logGroup": "other"}):
            invoke(of([{"id": "1", "message": line(1)}], **names), 20)
    assert len({m.headers["x-wallarm-request-id"] for m in node.accepted}) == 3


def test_what_a_warm_environment_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    module = forwarder()
    monkeypatch.setattr(module, "MOST_REMEMBERED", 50)
    with (
        BadNode(lambda m: 503 if m.path == "/p/0" else 200) as node,
        environment(X_NODE_URL=node.url),
    ):
        for stream in "abcdef":
            _, raised, _ = invoke(batch(20, stream), 20)
            assert "1 of 20" in raised
            assert len(module._Warm.delivered) <= 50
        # The batch AWS repeats next is the one that is still remembered.
        node.plan = lambda _m: 200
        node.accepted.clear()
        counts, _, _ = invoke(batch(20, "f"), 20)
    assert counts["delivered"] == 20
    assert {m.path for m in node.accepted} == {"/p/0"}


def test_nothing_is_remembered_of_a_batch_that_went_well() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url):
        invoke(batch(20), 20)
        assert forwarder()._Warm.delivered == {}


def test_an_event_that_is_lost_sight_of_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum is asserted by the handler itself, whatever else of it is wrong."""
    module = forwarder()
    send = module.Sender.send

    def forgetful(self: Any, jobs: list[Any], seconds: float) -> None:
        send(self, jobs, seconds)
        jobs[3].outcome = None

    monkeypatch.setattr(module.Sender, "send", forgetful)
    with BadNode() as node, environment(X_NODE_URL=node.url):
        _, raised, _ = invoke(batch(5), 20)
    assert raised == "AccountingError: 4 of 5 events are accounted for"


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        ((401,), True), ((403,), True), ((404,), True), ((401, 403), True), ((301, 404), True),
        ((400,), True), ((405,), True), ((415,), True), ((422,), True), ((401, 400), True),
        ((200, 401), False), ((200, 400), False), ((413,), False), ((400, 413), False),
    ],
)  # fmt: skip
def test_a_batch_is_kept_when_what_its_events_were_refused_for_is_about_us(
    statuses: tuple[int, ...], kept: bool
) -> None:
    def plan(message: Message) -> int:
        return statuses[int(message.path.rpartition("/")[2]) % len(statuses)]

    with BadNode(plan) as node, environment(X_NODE_URL=node.url):
        counts, raised, log = invoke(batch(6), 20)
    assert ("wrong address, path, rights or dialect" in raised) == kept
    found = metric(log)
    assert (found["failed"], found["quarantined"]) == (
        (6, 0) if kept else (0, 6 - counts["delivered"])
    )


def test_a_line_of_an_http_stage_is_never_skipped_and_one_of_a_websocket_stage_always() -> None:
    whole = json.loads(line(1))
    lines = [
        {k: v for k, v in whole.items() if k != "path"},
        {**whole, "httpMethod": "-"},
        {k: v for k, v in whole.items() if k not in ("path", "httpMethod")},
        {**whole, "wallarm_log": "websocket/a1b2c3d4e5"},
    ]
    events = [{"id": str(n), "message": json.dumps(text)} for n, text in enumerate(lines)]
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, _ = invoke(of(events), 20)
    assert (counts["malformed"], counts["skipped"], node.seen) == (3, 1, 0)


def test_retry_after_is_waited_for_and_no_longer_than_there_is_time() -> None:
    with BadNode(lambda m: 429 if m.number == 0 else 200, headers="Retry-After: 1\r\n") as node:
        times: list[float] = []
        plan = node.plan

        def timed(message: Message) -> int | str:
            times.append(message.at)
            return plan(message)

        node.plan = timed
        with environment(X_NODE_URL=node.url):
            counts, raised, _ = invoke(batch(1), 20)
    assert (counts["delivered"], counts["retried"], raised) == (1, 1, "")
    assert times[1] - times[0] >= 1.0

    with (
        BadNode(lambda _m: 503, headers="Retry-After: 3600\r\n") as node,
        environment(X_NODE_URL=node.url),
    ):
        began = time.monotonic()
        counts, raised, _ = invoke(batch(3), 600)
        assert time.monotonic() - began < 300, "waited for nothing, and AWS would charge for it"
    assert "3 of 3 events undelivered: status 503" in raised
    assert node.seen == 3


def test_pauses_have_full_jitter_below_a_ceiling_that_doubles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sender

    ceilings: list[float] = []

    def none(ceiling: float) -> float:
        ceilings.append(ceiling)
        return 0.0

    monkeypatch.setattr(sender, "BASE_SECONDS", 1.0)
    monkeypatch.setattr(sender, "_jitter", none)
    with BadNode(lambda _m: 503) as node, environment(X_NODE_URL=node.url):
        _, raised, _ = invoke(batch(1), 20)
    assert "1 of 1" in raised
    assert ceilings == [2.0, 4.0, 5.0, 5.0, 5.0, 5.0]
    monkeypatch.undo()
    drawn = [sender._jitter(3.0) for _ in range(500)]
    assert 0.0 <= min(drawn) < 1.0
    assert 2.0 < max(drawn) <= 3.0
