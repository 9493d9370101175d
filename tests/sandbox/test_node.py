"""The stand-in node records what arrives, joins messages, and misbehaves on command."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from wizard.sandbox import Sandbox
from wizard.sandbox.cloud import CLIENT_ID
from wizard.sandbox.records import pair


@pytest.fixture
def node(sandbox: Sandbox) -> Iterator[Sandbox]:
    sandbox.node.reset()
    yield sandbox
    sandbox.node.reset()


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", sandbox.ports["connector"], timeout=5)


def send(
    connection: http.client.HTTPConnection, request_id: str, path: str = "/a?b=1", **more: str
) -> int:
    headers = {
        "X-Wallarm-Request-Id": request_id,
        "X-Wallarm-Forwarded-Host": "api.example.com",
        "X-Wallarm-Forwarded-For": "192.0.2.1",
        "User-Agent": "curl/8",
    }
    connection.request("GET", path, headers=headers | more)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_many_messages_share_one_connection(node: Sandbox) -> None:
    connection = connect(node)
    assert [send(connection, f"{n:032x}") for n in range(200)] == [200] * 200
    assert connection.sock is not None, "the node closed a connection it should have kept"
    assert len(node.node.records()) == 200


def test_a_record_holds_what_api_discovery_needs(node: Sandbox) -> None:
    started = time.time()
    send(connect(node), "a" * 32, "/orders/1?q=2", **{"X-Wallarm-Response-Status": "204"})
    [record] = node.node.records()
    assert started <= record.pop("received_at") <= time.time()
    assert record == {
        "method": "GET",
        "path": "/orders/1",
        "query": "q=2",
        "host": "api.example.com",
        "status": 204,
        "source_address": "192.0.2.1",
        "user_agent": "curl/8",
        "request_id": "a" * 32,
        "application_id": "",
        "deliveries": 1,
        "understood": True,
    }


def test_health_metrics_and_record_are_not_on_the_connectors_port(node: Sandbox) -> None:
    for n, path in enumerate(("/live", "/ready", "/metrics", "/__record")):
        assert send(connect(node), f"{n:032x}", path) == 200
        url = node.node.metrics_url if path == "/metrics" else node.node.control_url + path
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200
    recorded = [r["path"] for r in node.node.records()]
    assert recorded == ["/live", "/ready", "/metrics", "/__record"]


def test_metrics_are_prometheus_text_and_survive_a_reset_but_no_restart(node: Sandbox) -> None:
    node.node.restart()
    send(connect(node), "c" * 32)
    node.node.reset()
    lines = node.node.metrics().splitlines()
    processed = 'wallarm_gonode_http_connector_server_messages_processed_total{type="request"}'
    assert f"{processed} 1" in lines
    assert all(re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{.+\})? [0-9.]+", x) for x in lines)
    node.node.restart()
    assert f"{processed} 0" in node.node.metrics().splitlines()


def test_it_behaves_as_told_until_it_is_reset(node: Sandbox) -> None:
    node.node.behave(connector_types=["other"], refused_status=422)
    assert send(connect(node), "a" * 32) == 422
    node.node.behave(allowed_hosts=["other.example.com"])
    assert send(connect(node), "a" * 32) == 415
    with pytest.raises(urllib.error.HTTPError, match="400"):
        node.node.behave(no_such_setting=True)
    node.node.behave(metrics=False)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        node.node.metrics()
    node.node.reset()
    assert send(connect(node), "a" * 32) == 200


def test_a_message_that_is_answered_but_not_understood_is_in_no_inventory(node: Sandbox) -> None:
    node.node.behave(styles=["multipart"])
    for n in range(3):
        status = {"X-Wallarm-Response-Status": "200"}
        assert send(connect(node), f"{n:032x}", "/unread", **status) == 200
    assert [r["understood"] for r in node.node.records()] == [False] * 3
    request = urllib.request.Request(
        f"{node.cloud_url}/v4/clients/{CLIENT_ID}/rules/endpoints",
        headers={"X-WallarmApi-Token": node.token},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.loads(answer.read())["body"] == []


def test_an_error_answer_counts_as_not_received(node: Sandbox) -> None:
    node.node.fail("status", status=429, times=2, retry_after="3")
    connection = connect(node)
    assert [send(connection, f"{n:032x}") for n in range(3)] == [429, 429, 200]
    assert [r["request_id"] for r in node.node.records()] == [f"{2:032x}"]
    assert [m["answered"] for m in node.node.messages()] == [429, 429, 200]


def test_faults_can_wait_and_can_be_limited_to_some_targets(node: Sandbox) -> None:
    node.node.fail("status", status=500, skip=1, times=1, contains="/x")
    connection = connect(node)
    statuses = [send(connection, f"{n:032x}", p) for n, p in enumerate(("/x", "/y", "/x", "/x"))]
    assert statuses == [200, 200, 500, 200]


@pytest.mark.parametrize("mode", ["reset", "close", "garbage"])
def test_it_can_cut_and_babble(node: Sandbox, mode: str) -> None:
    node.node.fail(mode, times=1)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        send(connect(node), "d" * 32)
    assert send(connect(node), "e" * 32) == 200
    assert [r["request_id"] for r in node.node.records()] == ["e" * 32]


def test_it_can_hang_and_be_slow(node: Sandbox) -> None:
    node.node.fail("hang", times=1)
    node.node.fail("slow", delay=0.3, times=1)
    hanging = http.client.HTTPConnection("127.0.0.1", node.ports["connector"], timeout=0.3)
    with pytest.raises(socket.timeout):
        send(hanging, "f" * 32)
    started = time.monotonic()
    assert send(connect(node), "0" * 32) == 200
    assert time.monotonic() - started >= 0.3


def test_an_unknown_fault_is_refused_and_none_ends_them(node: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        node.node.fail("explode")
    node.node.fail("status", status=503)
    node.node.fail("none")
    assert send(connect(node), "1" * 32) == 200


@pytest.mark.parametrize(
    "wire",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_get_400_and_end_the_connection(
    node: Sandbox, wire: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", node.ports["connector"]), 5) as connection:
        connection.sendall(wire)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert node.node.messages() == []


def test_pipelined_and_chunked_requests_are_read_as_sent(node: Sandbox) -> None:
    one = (
        b"POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nT: 1\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", node.ports["connector"]), 5) as connection:
        connection.sendall(b"".join(one % n for n in range(5)) + b"HEAD / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 200 OK") == 6
    found = [(m["method"], m["target"], m["body"]) for m in node.node.messages()]
    assert found == [("POST", f"/{n}", "abcd") for n in range(5)] + [("HEAD", "/", "")]


def test_a_repeated_delivery_is_one_record_with_its_count() -> None:
    def message(request_id: str) -> dict[str, Any]:
        return {
            "method": "GET",
            "target": "/a",
            "headers": [["X-Wallarm-Request-Id", request_id], ["Host", "h"]],
            "body": "",
            "received_at": 1.0,
            "answered": 200,
        }

    records = pair([message("1"), message("2"), message("1")])
    assert [(r["request_id"], r["deliveries"]) for r in records] == [("1", 2), ("2", 1)]


def test_it_is_fast_enough_not_to_be_what_is_measured(node: Sandbox) -> None:
    async def storm(count: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", node.ports["connector"])
        one = b"GET /a HTTP/1.1\r\nHost: h\r\nX-Wallarm-Request-Id: 1\r\n\r\n"
        started = time.monotonic()
        writer.write(one * count)
        got = 0
        while got < count:
            got += (await reader.read(1 << 20)).count(b"HTTP/1.1 200")
        writer.close()
        return count / (time.monotonic() - started)

    assert asyncio.run(storm(5000)) > 2000
