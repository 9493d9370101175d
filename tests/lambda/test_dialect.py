"""Each way of speaking is what it says, and a try of one shows whether the node understood."""

from __future__ import annotations

import asyncio
import email
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.bad_node import BadNode, Message
from benchmarks.batches import batch
from benchmarks.invoking import environment, forwarder, invoke, metric
from wizard.sandbox.node import Node
from wizard.sandbox.node_model import Behaviour

forwarder()
import dialect  # noqa: E402 - the forwarder is not a package
import protocol  # noqa: E402

ID = "0f9ae3de4db141a8ad1eb5d1d756976e"
LINE = {
    "httpMethod": "PUT", "path": "/p", "domainName": "a.example.com", "userAgent": "curl/8",
    "status": 201, "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
}  # fmt: skip
VERDICT = 403


class Running:
    """A stand-in node on real ports, in a thread."""

    def __init__(self) -> None:
        self.node = Node()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self.node.start(), self._loop).result(10)

    @property
    def env(self) -> dict[str, str]:
        return {
            "X_NODE_URL": f"127.0.0.1:{self.node.connector.port}",
            "X_NODE_METRICS": f"127.0.0.1:{self.node.metrics.port}",
        }

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.node.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture
def running() -> Iterator[Running]:
    made = Running()
    yield made
    made.close()


def grown(found: dict[str, Any], family: str, kind: str) -> int:
    def total(when: str) -> int:
        return sum((one[family] or {}).get(kind, 0) for one in found[when]["replicas"])

    return total("after") - total("before")


def tried(**settings: str) -> dict[str, Any]:
    event = {"wallarm-apigw": "dialect", "settings": settings, "host": "a.example.com", "events": 2}
    found: dict[str, Any] = forwarder().lambda_handler(event, None)
    return found


@pytest.mark.parametrize("style", protocol.STYLES)
def test_each_style_is_understood_by_a_node_that_reads_it_and_by_no_other(
    running: Running, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialect, "SETTLE_SECONDS", 0.0)
    others = tuple(other for other in protocol.STYLES if other != style)
    with environment(**running.env):
        running.node.model.behaviour = Behaviour(styles=(style,))
        found = tried(X_NODE_STYLE=style)
        assert [grown(found, "processed", kind) for kind in ("request", "response")] == [2, 2]
        assert grown(found, "errors", "MsgDataFormat") == 0
        assert found["dialect"]["style"] == style
        running.node.model.behaviour = Behaviour(styles=(others[0],))
        found = tried(X_NODE_STYLE=style)
    assert {answer["status"] for answer in found["answers"]} == {200}, "it hides that in a 200"
    wrong = ("MsgDataFormat", "errors"), ("FlowIsMissingRequest", "flow_errors")
    assert sum(grown(found, family, kind) for kind, family in wrong) > 0


@pytest.mark.parametrize(
    ("behaviour", "setting"),
    [
        ({"connector_types": ("layer7",)}, {"X_NODE_CONNECTOR_TYPE": "layer7"}),
        ({"connector_versions": ("1.0",)}, {"X_NODE_CONNECTOR_VERSION": "1.0"}),
        ({"header_prefix": "X-Other-", "connector_types": ("aws-api-gateway",)},
         {"X_NODE_HEADER_PREFIX": "X-Other-"}),
        ({"hex_ids": True}, {"X_NODE_REQUEST_ID": "event"}),
    ],
)  # fmt: skip
def test_what_can_be_chosen_is_what_a_strict_node_asks_for(
    running: Running, behaviour: dict[str, Any], setting: dict[str, str]
) -> None:
    running.node.model.behaviour = Behaviour(refused_status=400, **behaviour)
    with environment(**running.env, X_NODE_REQUEST_ID="log"):
        assert {a["outcome"] for a in tried(**setting)["answers"]} == {"delivered"}
        if "X_NODE_REQUEST_ID" not in setting:
            assert {a["status"] for a in tried()["answers"]} == {400}


@pytest.mark.parametrize("style", protocol.STYLES)
def test_a_probe_speaks_like_every_other_event(running: Running, style: str) -> None:
    running.node.model.behaviour = Behaviour(styles=(style,))
    with environment(**running.env, X_NODE_STYLE=style):
        found = forwarder().lambda_handler({"wallarm-apigw": "probe", "host": "a.b.c"}, None)
    assert (found["node"]["status"], found["node"]["reachable"]) == (200, True)
    model = running.node.model
    assert (model.processed["request"], model.processed["response"]) == (1, 1)
    assert not model.errors
    assert not model.rejected


def test_a_try_counts_for_no_inventory_and_reaches_no_other_node(running: Running) -> None:
    elsewhere = {"X_NODE_URL": "198.51.100.1:80", "X_NODE_METRICS": "198.51.100.1"}
    with environment(**running.env):
        found = tried(**elsewhere, X_NODE_CONNECTOR_TYPE="a\r\nX-Evil: 1")
    assert [a["outcome"] for a in found["answers"]] == ["delivered", "delivered"]
    assert found["before"]["address"] == running.env["X_NODE_METRICS"]
    for record in running.node.records():
        assert (record["path"], record["status"]) == ("/wallarm-apigw-dialect", 404)
        assert record["host"] == "a.example.com"
    sent = [name for message in running.node.messages for name, _ in message["headers"]]
    assert "X-Evil" not in sent


@pytest.mark.parametrize("event", [{"settings": 7}, {"events": "many"}, {"events": 999}, {}])
def test_a_try_that_says_nothing_sensible_is_a_few_messages_as_configured(
    running: Running, event: dict[str, Any]
) -> None:
    with environment(**running.env):
        found = dialect.try_dialect(event)
    assert 1 <= len(found["answers"]) <= dialect.MOST_EVENTS
    assert found["dialect"] == protocol.Encoder({}).dialect


def test_a_multipart_message_holds_the_original_headers_and_body_as_parts() -> None:
    encoder = protocol.Encoder({"X_NODE_STYLE": "multipart"})
    for message, status in zip(encoder.messages(LINE, ID), ("", "201"), strict=True):
        head, _, body = message.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        assert first == "POST /p HTTP/1.1"
        assert headers["x-wallarm-method"] == "PUT"
        assert headers.get("x-wallarm-response-status", "") == status
        assert int(headers["content-length"]) == len(body)
        text = f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body
        parts = {
            str(part.get_param("name", header="content-disposition")): part.get_payload()
            for part in email.message_from_bytes(text).walk()
            if not part.is_multipart()
        }
        assert parts == {"headers": "Host: a.example.com\r\nUser-Agent: curl/8\r\n", "body": ""}


def test_the_id_is_the_logs_own_only_where_that_was_chosen_and_has_the_form_of_one() -> None:
    def ident(request_id: str, **env: str) -> str:
        first, _ = protocol.Encoder(env).messages({**LINE, "requestId": request_id}, ID)
        found = [x for x in first.decode().split("\r\n") if x.startswith("X-Wallarm-Request-Id")]
        return found[0].partition(": ")[2]

    assert ident(LINE["requestId"]) == ID
    assert ident(LINE["requestId"], X_NODE_REQUEST_ID="log") == LINE["requestId"]
    assert ident("JKJaXmPLvHcESHA=", X_NODE_REQUEST_ID="log") == "JKJaXmPLvHcESHA="
    for forged in ("", "short", "a b c d e f g h", "a\r\nX-Evil: 1", "x" * 200):
        assert ident(forged, X_NODE_REQUEST_ID="log") == ID


def test_a_style_that_is_none_is_the_usual_one() -> None:
    assert protocol.Encoder({"X_NODE_STYLE": "three-messages"}).style == "two-messages"


@pytest.mark.parametrize("keep", [True, False])
def test_a_verdict_on_a_request_fails_nothing_and_its_response_is_sent(keep: bool) -> None:
    def plan(message: Message) -> int | str:
        return 200 if "x-wallarm-response-status" in message.headers else VERDICT

    headers = "" if keep else "Connection: close\r\n"
    with BadNode(plan, headers=headers) as node, environment(X_NODE_URL=node.url):
        counts, raised, log = invoke(batch(6), 20)
    assert (counts["delivered"], counts["quarantined"], raised) == (6, 0, "")
    assert metric(log)["delivered"] == 6
    assert len(node.accepted) == 6
    assert node.seen == 12


def test_a_403_to_both_messages_of_every_event_is_about_rights() -> None:
    with BadNode(lambda _m: VERDICT) as node, environment(X_NODE_URL=node.url):
        _, raised, _ = invoke(batch(2), 20)
    assert "wrong address, path, rights or dialect" in raised
