"""The node's counters are read as documented, within bounds, and nothing else of its text."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bad_node import BadNode
from benchmarks.batches import batch
from benchmarks.invoking import environment, forwarder, invoke
from wizard.sandbox.node_model import Behaviour, NodeModel

forwarder()
import counters  # noqa: E402 - the forwarder is not a package

SERVER = "wallarm_gonode_http_connector_server_"
# The documented shape: families of Go and of other parts between ours, labels in alphabetical
# order, a rejected message in `total` only, one family for each host beside the sum.
SAMPLE = f"""\
# HELP wallarm_gonode_application_info Application information.
# TYPE wallarm_gonode_application_info gauge
wallarm_gonode_application_info{{deployment_type="node-native-aio-docker-image",mode="connector-server",version="0.25.5"}} 1
# TYPE wallarm_gonode_files_apply_timestamp_seconds gauge
wallarm_gonode_files_apply_timestamp_seconds{{file="custom_ruleset"}} 1.753986724e+09
wallarm_gonode_go_gc_duration_seconds{{quantile="0.25"}} 6.0421e-05
{SERVER}avg_latency_ms 0.82
{SERVER}errors_total{{type="DroppedOnOverload"}} 0
{SERVER}errors_total{{type="DuplicateReqId"}} 2
{SERVER}messages_processed_total{{type="request"}} 1.2e+06
{SERVER}messages_processed_total{{type="response"}} 40
{SERVER}messages_rejected_total{{reason="connector_info"}} 3
{SERVER}messages_rejected_total{{reason="host"}} 0
{SERVER}messages_seen_total{{type="health"}} 0
{SERVER}messages_seen_total{{type="request"}} 42
{SERVER}messages_seen_total{{type="response"}} 40
{SERVER}messages_seen_total{{type="total"}} 85
{SERVER}requests_blocked_total 1
{SERVER}requests_bypassed_total{{reason="mode_off"}} 7
wallarm_gonode_http_inspector_errors_per_host_total{{aggregate="sum",host="secret.example.com",type="FlowIsMissingResponse"}} 2
wallarm_gonode_http_inspector_errors_total{{aggregate="sum",type="FlowIsMissingResponse"}} 2
wallarm_gonode_postanalytics_exporter_serialized_requests_exported_total 39 1764547200000
"""  # noqa: E501 - lines as the node writes them
READ = {
    "error": "", "cut": False,
    "version": "0.25.5", "mode": "connector-server",
    "deployment_type": "node-native-aio-docker-image",
    "seen": {"health": 0, "request": 42, "response": 40, "total": 85},
    "processed": {"request": 1_200_000, "response": 40},
    "rejected": {"connector_info": 3, "host": 0},
    "errors": {"DroppedOnOverload": 0, "DuplicateReqId": 2},
    "bypassed": {"mode_off": 7},
    "flow_errors": {"FlowIsMissingResponse": 2},
    "blocked": 1, "exported": 39,
}  # fmt: skip
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"


class Told:
    """Answers each connection with `answer(socket)`, and closes it."""

    def __init__(self, answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        self._answer = answer
        self._server = socket.create_server((host, 0))
        self.port = self._server.getsockname()[1]
        self.asked: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                self.asked.append(connection.recv(65536))
                try:
                    self._answer(connection)
                except OSError:
                    continue

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def told() -> Iterator[Callable[..., Told]]:
    open_ones: list[Told] = []

    def start(answer: bytes | Callable[[socket.socket], None], host: str = "127.0.0.1") -> Told:
        made = answer if callable(answer) else lambda s: s.sendall(answer)
        open_ones.append(Told(made, host))
        return open_ones[-1]

    yield start
    for one in open_ones:
        one.close()


def read(place: str) -> dict[str, Any]:
    found: dict[str, Any] = counters.read_counters({"X_NODE_METRICS": place})
    assert len(json.dumps(found)) < 60_000
    return found


def only(place: str) -> dict[str, Any]:
    (replica,) = read(place)["replicas"]
    assert replica.pop("address") == "127.0.0.1"
    found: dict[str, Any] = replica
    return found


def answered(text: str, *, length: int | None = None) -> bytes:
    body = text.encode()
    size = len(body) if length is None else length
    return HEAD + b"Content-Length: %d\r\n\r\n" % size + body


def test_the_documented_text_is_summed_up_and_no_other_word_of_it_leaves(
    told: Callable[..., Told],
) -> None:
    node = told(answered(SAMPLE))
    found = read(f"127.0.0.1:{node.port}")
    assert node.asked == [b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"]
    assert "secret.example.com" not in json.dumps(found)
    assert found["replicas"][0] == {"address": "127.0.0.1", **READ}


@pytest.mark.parametrize("place", ["127.0.0.1:{}/metrics", "http://127.0.0.1:{}/metrics"])
def test_the_address_may_be_written_as_a_url(told: Callable[..., Told], place: str) -> None:
    assert only(place.format(told(answered(SAMPLE)).port)) == READ


def test_what_the_stand_in_writes_is_read(told: Callable[..., Told]) -> None:
    model = NodeModel()
    model.behaviour = Behaviour(version="0.22.0", left_out=(f"{SERVER}errors_total",))
    found = only(f"127.0.0.1:{told(answered(model.metrics())).port}")
    assert (found["version"], found["errors"]) == ("0.22.0", None)
    assert found["processed"] == {"request": 0, "response": 0}


def test_every_replica_is_read_and_one_that_is_away_hides_no_other(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = told(answered(SAMPLE)).port
    family = socket.AF_INET
    places = [(family, 1, 6, "", (address, port)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places * 2)
    first, second = read(f"node.example.internal:{port}")["replicas"]
    assert first == {"address": "127.0.0.1", **READ}
    assert (second["address"], second["processed"]) == ("127.0.0.2", None)
    assert "Refused" in second["error"]


def test_no_more_replicas_are_read_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port)) for port in range(1, 40)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
    found = read("node.example.internal")
    assert len(found["replicas"]) == counters.MOST_REPLICAS
    assert found["error"] == "only 16 of 39 addresses were read"


def answering(places: list[Any], seed: int = 7) -> Callable[..., list[Any]]:
    """Route 53 for a multivalue name: eight addresses at random, whatever number there is."""
    chance = random.Random(seed)
    return lambda *_, **__: chance.sample(places, min(8, len(places)))


def test_more_replicas_than_dns_tells_at_once_are_read_all_the_same(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = told(answered(SAMPLE)).port
    addresses = [f"127.0.0.{n}" for n in range(1, 13)]
    places = [(socket.AF_INET, 1, 6, "", (address, port)) for address in addresses]
    monkeypatch.setattr(counters, "_told", {})
    monkeypatch.setattr(socket, "getaddrinfo", answering(places))
    twice = [read(f"node.example.internal:{port}")["replicas"] for _ in range(2)]
    assert {one["address"] for one in twice[1]} == {*addresses}
    assert twice[0] == twice[1], "two readings can be compared"
    monkeypatch.setattr(counters, "REMEMBERED_SECONDS", -1.0)
    assert read(f"node.example.internal:{port}")["replicas"] == []
    monkeypatch.setattr(socket, "getaddrinfo", answering(places[:3]))
    assert len(read(f"node.example.internal:{port}")["replicas"]) == 3
    assert counters._told == {}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("", "X_NODE_METRICS is not set"),
        ("  ", "X_NODE_METRICS is not set"),
        ("https://node:9000", "X_NODE_METRICS is not host"),
        ("node:99999", "X_NODE_METRICS is not host"),
        ("node:9000/a b", "X_NODE_METRICS is not host"),
        ("user@node", "X_NODE_METRICS is not host"),
        ("node.invalid", "node.invalid has no address"),
    ],
)
def test_an_address_that_leads_nowhere_is_told(place: str, why: str) -> None:
    found = read(place)
    assert found["replicas"] == []
    assert found["error"].startswith(why)


NOT_COUNTERS = {
    b"HTTP/1.1 404 Not Found\r\n\r\n": "status 404",
    b"HTTP/1.0 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n": "status 301",
    b"SSH-2.0-x\r\n\r\n": "the answer is not HTTP",
    b"": "the answer is not HTTP",
    b"\r\n" * 40_000: "the answer is not HTTP",
    b"a" * 200_000: "the answer is not HTTP",
    HEAD + b"\r\n<html>a captive portal</html>": "the answer holds none of the node's counters",
    HEAD + b"\r\n" + b"a" * 10_000_000: "the answer holds none of the node's counters",
}


@pytest.mark.parametrize("answer", NOT_COUNTERS, ids=range(len(NOT_COUNTERS)))
def test_what_is_no_metrics_page_is_told_and_never_a_zero(
    told: Callable[..., Told], answer: bytes
) -> None:
    found = only(f"127.0.0.1:{told(answer).port}")
    assert found["error"] == NOT_COUNTERS[answer]
    assert (found["processed"], found["version"]) == (None, None)


GARBLED = [
    f'{SERVER}messages_processed_total{{type="request"}} NaN',
    f'{SERVER}messages_processed_total{{type="request"}} -1',
    f'{SERVER}messages_processed_total{{type="request"}} 1e99',
    f'{SERVER}messages_processed_total{{type="request"}}',
    f'{SERVER}messages_processed_total{{type="request" 1',
    f"{SERVER}messages_processed_total 1",
    f'{SERVER}messages_processed_total{{type="{"x" * 5000}"}} 1',
    f'{SERVER}messages_processed_total{{type="\u00e9"}} 1',
    f'{SERVER}messages_processed_totals{{type="request"}} 1',
    f'x{SERVER}messages_processed_total{{type="request"}} 1',
    "\x00\x01\x02",
]


@pytest.mark.parametrize("line", GARBLED)
def test_a_garbled_line_counts_for_nothing(told: Callable[..., Told], line: str) -> None:
    text = f"{line}\n{SERVER}requests_blocked_total 4\r\n{line}"
    found = only(f"127.0.0.1:{told(answered(text)).port}")
    assert (found["processed"], found["blocked"], found["error"]) == (None, 4, "")


def test_labels_of_a_family_are_bounded(told: Callable[..., Told]) -> None:
    text = "".join(f'{SERVER}errors_total{{type="T{n}"}} 1\n' for n in range(5000))
    found = only(f"127.0.0.1:{told(answered(text)).port}")
    assert len(found["errors"]) == counters.MOST_LABELS


def test_a_text_cut_short_keeps_what_came_and_says_so(told: Callable[..., Told]) -> None:
    half = SAMPLE[: SAMPLE.index("messages_rejected_total") + 30]
    found = only(f"127.0.0.1:{told(answered(half, length=len(SAMPLE))).port}")
    assert (found["cut"], found["errors"], found["rejected"]) == (True, READ["errors"], None)


def test_ten_megabytes_are_read_to_the_end_and_a_hundred_are_not(
    told: Callable[..., Told],
) -> None:
    row = b'wallarm_gonode_http_inspector_flows_per_host_total{host="h%06d.example.com"} 1\n'
    rows = b"".join(row % n for n in range(130_000))
    assert len(rows) > 10_000_000
    whole = HEAD + b"\r\n" + rows + SAMPLE.encode()
    assert only(f"127.0.0.1:{told(whole).port}") == READ

    def endless(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n" + SAMPLE.encode())
        for _ in range(100):
            connection.sendall(rows)

    found = only(f"127.0.0.1:{told(endless).port}")
    assert found == {**READ, "cut": True}


def test_a_slow_node_takes_no_longer_than_its_time(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n" + SAMPLE.encode())
        while not over.wait(0.05):
            connection.sendall(b"#")

    def mute(_connection: socket.socket) -> None:
        over.wait(30)

    monkeypatch.setattr(counters, "REPLICA_SECONDS", 0.3)
    dripping, silent = told(drip).port, told(mute).port
    began = time.monotonic()
    assert only(f"127.0.0.1:{dripping}") == {**READ, "cut": True}
    assert "timed out" in only(f"127.0.0.1:{silent}")["error"]
    assert time.monotonic() - began < 5, "each had 0.3 s"
    monkeypatch.setattr(counters, "SECONDS", 0.0)
    assert only(f"127.0.0.1:{silent}")["error"] == "the time is over"
    over.set()


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=80).map(lambda b: HEAD + b"\r\n" + b)))
def test_whatever_comes_back_gives_a_summary(data: bytes) -> None:
    node = Told(lambda connection: connection.sendall(data))
    try:
        assert set(only(f"127.0.0.1:{node.port}")) == set(READ)
    finally:
        node.close()


def test_a_probe_holds_the_counters_and_how_the_forwarder_speaks(
    told: Callable[..., Told],
) -> None:
    place = f"127.0.0.1:{told(answered(SAMPLE)).port}"
    env = {"X_NODE_METRICS": place, "X_NODE_STYLE": "multipart", "X_NODE_REQUEST_ID": "log"}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        found = forwarder().lambda_handler({"wallarm-apigw": "probe"}, None)
    assert found["counters"]["address"] == place
    assert found["counters"]["replicas"] == [{"address": "127.0.0.1", **READ}]
    assert {k: v for k, v in found["config"].items() if k not in ("node", "connections")} == {
        "style": "multipart", "connector_type": "aws-api-gateway", "request_id": "log",
        "connector_version": found["version"], "header_prefix": "X-Wallarm-",
    }  # fmt: skip


def test_the_counters_are_asked_for_by_a_probe_only(told: Callable[..., Told]) -> None:
    metrics = told(answered(SAMPLE))
    env = {"X_NODE_METRICS": f"127.0.0.1:{metrics.port}"}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        invoke(batch(3), 10)
    assert metrics.asked == []


def test_a_look_at_the_counters_alone_sends_the_node_nothing(told: Callable[..., Told]) -> None:
    env = {"X_NODE_METRICS": f"127.0.0.1:{told(answered(SAMPLE)).port}"}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        found = forwarder().lambda_handler({"wallarm-apigw": "probe", "only": "counters"}, None)
        assert node.seen == 0
    assert found["node"] == {
        "url": node.url, "reachable": False, "status": None, "error": "not asked",
        "latency_ms": None,
    }  # fmt: skip
    assert found["counters"]["replicas"] == [{"address": "127.0.0.1", **READ}]


@pytest.mark.parametrize("style", ["two-messages", "one-message"])
@pytest.mark.parametrize("headers", ["", "Connection: close\r\n"])
def test_a_probe_is_an_event_like_every_other_and_counts_for_no_inventory(
    style: str, headers: str
) -> None:
    event = {"wallarm-apigw": "probe", "host": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"}
    with (
        BadNode(headers=headers) as node,
        environment(X_NODE_URL=node.url, X_NODE_STYLE=style),
    ):
        found = forwarder().lambda_handler(event, None)
    assert (found["node"]["reachable"], found["node"]["status"]) == (True, 200)
    assert len(node.accepted) == (1 if style == "one-message" else 2)
    last = node.accepted[-1]
    assert (last.path, last.headers["x-wallarm-response-status"]) == ("/wallarm-apigw-probe", "404")
    assert last.headers["x-wallarm-forwarded-host"] == event["host"]
    assert len({m.headers["x-wallarm-request-id"] for m in node.accepted}) == 1


@pytest.mark.parametrize("status", [301, 400, 403, 415, 500, 503])
def test_any_answer_means_that_the_node_was_reached(status: int) -> None:
    with BadNode(lambda _m: status) as node, environment(X_NODE_URL=node.url):
        found = forwarder().lambda_handler({"wallarm-apigw": "probe"}, None)["node"]
    assert (found["reachable"], found["status"], found["error"]) == (True, status, None)


@pytest.mark.parametrize("what", ["reset-before", "garbage", "bad-chunk"])
def test_what_is_no_answer_is_told(what: str) -> None:
    with BadNode(lambda _m: what) as node, environment(X_NODE_URL=node.url):
        found = forwarder().lambda_handler({"wallarm-apigw": "probe"}, None)["node"]
    if what != "bad-chunk":  # its head is whole
        assert (found["reachable"], found["status"]) == (False, None)
        assert found["error"]
