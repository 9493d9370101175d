"""Requests under the APIs' real host names are executed, and logged as each stage says."""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wizard.core.facts import ApiType
from wizard.core.stages import log_format as access_log
from wizard.sandbox import SampleRequest, Sandbox, Sent
from wizard.sandbox.delivery import stream_name
from wizard.sandbox.websocket import frame

Client = Callable[[str], Any]
ROLE = "arn:aws:iam::123456789012:role/api-gateway-logs"


def request(sandbox: Sandbox, key: str, method: str, path: str, **more: Any) -> SampleRequest:
    api = sandbox.apis[key]
    defaults: dict[str, Any] = {"user_agent": "test/1", "source_address": "192.0.2.9"}
    return SampleRequest(
        api.api_id, "", api.host(sandbox.region), method, path, **(defaults | more)
    )


def send(sandbox: Sandbox, key: str, method: str, path: str, **more: Any) -> Sent:
    return sandbox.send([request(sandbox, key, method, path, **more)])[0]


def messages(aws: Client, group: str) -> list[str]:
    events = aws("logs").filter_log_events(logGroupName=group)["events"]
    return [e["message"] for e in events]


@pytest.fixture
def group(sandbox: Sandbox, aws: Client, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"/test/{zlib.crc32(request.node.name.encode()):08x}"
    aws("logs").create_log_group(logGroupName=name)
    aws("apigateway").update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}]
    )
    yield name
    sandbox.deliveries()


def arn(sandbox: Sandbox, group: str) -> str:
    return f"arn:aws:logs:{sandbox.region}:{sandbox.account_id}:log-group:{group}"


def switch_on(sandbox: Sandbox, aws: Client, key: str, stage: str, group: str) -> None:
    api = sandbox.apis[key]
    settings = (arn(sandbox, group), access_log.render_format(ApiType(api.kind)))
    if api.kind != "REST":
        aws("apigatewayv2").update_stage(
            ApiId=api.api_id,
            StageName=stage,
            AccessLogSettings=dict(zip(("DestinationArn", "Format"), settings, strict=True)),
        )
        return
    aws("apigateway").update_stage(
        restApiId=api.api_id,
        stageName=stage,
        patchOperations=[
            {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
            for name, value in zip(("destinationArn", "format"), settings, strict=True)
        ],
    )


def test_a_rest_request_is_logged_with_its_stage_in_the_path(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "orders", "prod", group)
    sent = send(sandbox, "orders", "GET", "/prod/orders/7?page=2")
    assert sent.status == 200
    assert sandbox.deliveries()["failures"] == []
    line = json.loads(messages(aws, group)[0])
    assert (line["httpMethod"], line["path"], line["status"]) == ("GET", "/prod/orders/7", "200")
    assert (line["sourceIp"], line["userAgent"]) == ("192.0.2.9", "test/1")
    assert line["domainName"] == sent.request.host
    assert line["integrationStatus"] == "200"
    assert int(line["responseLatency"]) >= int(line["integrationLatency"]) >= 0
    streams = aws("logs").describe_log_streams(logGroupName=group)["logStreams"]
    wanted = stream_name(sandbox.apis["orders"].api_id, "prod")
    assert [s["logStreamName"] for s in streams] == [wanted]


def test_a_default_stage_has_no_stage_in_its_paths(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "payments", "$default", group)
    assert send(sandbox, "payments", "POST", "/payments", body=b"{}").status == 201
    sandbox.deliveries()
    line = json.loads(messages(aws, group)[0])
    assert (line["path"], line["stage"], line["status"]) == ("/payments", "$default", "201")
    assert line["requestId"].endswith("=")


def test_the_settings_of_the_moment_decide(sandbox: Sandbox, aws: Client, group: str) -> None:
    path = "/prod/payments/1"
    send(sandbox, "gateway-ar", "GET", path)
    switch_on(sandbox, aws, "gateway-ar", "prod", group)
    send(sandbox, "gateway-ar", "GET", path)
    aws("apigateway").update_stage(
        restApiId=sandbox.apis["gateway-ar"].api_id,
        stageName="prod",
        patchOperations=[{"op": "remove", "path": "/accessLogSettings"}],
    )
    send(sandbox, "gateway-ar", "GET", path)
    sandbox.deliveries()
    assert len(messages(aws, group)) == 1


@pytest.mark.parametrize(
    ("key", "stage", "path", "status", "error"),
    [
        ("ledger", "prod", "/prod/nothing/here", 403, "Missing Authentication Token"),
        ("partners", "preview", "/preview/nothing/here", 404, "Not Found"),
    ],
)
def test_a_path_that_no_route_serves_is_answered_and_logged(
    sandbox: Sandbox,
    aws: Client,
    group: str,
    key: str,
    stage: str,
    path: str,
    status: int,
    error: str,
) -> None:
    switch_on(sandbox, aws, key, stage, group)
    assert send(sandbox, key, "GET", path).status == status
    sandbox.deliveries()
    line = json.loads(messages(aws, group)[-1])
    assert (line["path"], line["status"], line["errorMessage"]) == (path, str(status), error)
    assert (line["integrationStatus"], line["integrationLatency"]) == ("-", "-")


@pytest.mark.parametrize(
    ("key", "path", "status"), [("orders", "/no-such-stage/orders", 403), ("shipping", "/x", 404)]
)
def test_a_request_that_reaches_no_stage_is_refused_and_not_logged(
    sandbox: Sandbox, key: str, path: str, status: int
) -> None:
    before = sandbox.deliveries()
    assert send(sandbox, key, "GET", path).status == status
    assert sandbox.deliveries() == before


def test_an_unknown_host_or_region_is_refused(sandbox: Sandbox) -> None:
    unknown = [
        SampleRequest("", "", host, "GET", "/prod/orders", "test/1", "192.0.2.9")
        for host in (
            "zzzzzzzzzz.execute-api.us-east-1.amazonaws.com",
            sandbox.apis["orders"].host("eu-west-1"),
            "localhost",
        )
    ]
    assert [s.status for s in sandbox.send(unknown)] == [404, 403, 403]


def test_without_the_account_role_rest_logs_nothing_but_http_does(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "storefront", "beta", group)
    switch_on(sandbox, aws, "shipping", "prod", group)
    aws("apigateway").update_account(
        patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}]
    )
    send(sandbox, "storefront", "GET", "/beta/search")
    send(sandbox, "shipping", "GET", "/prod/parcels/1")
    told = sandbox.deliveries()
    assert [json.loads(m)["path"] for m in messages(aws, group)] == ["/prod/parcels/1"]
    assert "no CloudWatch role in the account settings" in told["not_logged"]


def test_a_tenth_of_a_canary_stage_goes_to_the_canarys_group(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "search", "prod", group)
    sandbox.send([request(sandbox, "search", "GET", "/prod/documents")] * 40)
    sandbox.deliveries()
    assert len(messages(aws, group)) == 36
    assert len(messages(aws, f"{group}/Canary")) == 4


def test_a_users_own_format_and_group_are_respected(sandbox: Sandbox, aws: Client) -> None:
    agent = 'says "hi"'
    send(sandbox, "catalogue", "GET", "/v2/items/1001", user_agent=agent)
    sandbox.deliveries()
    line = messages(aws, "/company/api/catalogue-v2")[-1]
    assert '"route":"GET /items/{sku}","status":200,"ms":' in line
    assert f'"agent":"{agent}"' in line, "a quote arrives unescaped"


def test_a_stage_that_logs_to_firehose_puts_records_there(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    assert send(sandbox, "reporting", "GET", "/v1/reports/2024/q1").status == 200
    assert sandbox.deliveries()["failures"] == []
    end = time.monotonic() + 20
    stored = b""
    while b"/reports/{proxy+}" not in stored and time.monotonic() < end:
        held = aws("s3").list_objects_v2(Bucket="sandbox-audit-archive").get("Contents", [])
        stored = b"".join(
            aws("s3").get_object(Bucket="sandbox-audit-archive", Key=o["Key"])["Body"].read()
            for o in held
        )
        time.sleep(0.1)
    assert b'"resourcePath":"/reports/{proxy+}"' in stored


def test_a_log_group_that_is_gone_or_misspelt_is_told(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "partners", "$default", "/not/there")
    send(sandbox, "partners", "GET", "/partners")
    switch_on(sandbox, aws, "partners", "$default", f"{group}:*")
    send(sandbox, "partners", "GET", "/partners")
    failures = sandbox.deliveries()["failures"]
    assert any("/not/there" in f and "ResourceNotFound" in f for f in failures)
    assert any("no trailing :*" in f for f in failures)


def test_a_group_made_again_gets_its_lines_again(sandbox: Sandbox, aws: Client, group: str) -> None:
    switch_on(sandbox, aws, "catalogue", "v1", group)
    send(sandbox, "catalogue", "GET", "/v1/items")
    sandbox.deliveries()
    aws("logs").delete_log_group(logGroupName=group)
    aws("logs").create_log_group(logGroupName=group)
    send(sandbox, "catalogue", "GET", "/v1/items/42")
    sandbox.deliveries()
    assert [json.loads(m)["path"] for m in messages(aws, group)] == ["/v1/items/42"]


def test_a_client_can_choose_a_rest_apis_request_id(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    switch_on(sandbox, aws, "orders", "dev", group)
    with socket.create_connection(("127.0.0.1", sandbox.ports["execute_api"]), 10) as wire:
        host = sandbox.apis["orders"].host(sandbox.region)
        wire.sendall(
            f"GET /dev/orders HTTP/1.1\r\nHost: {host}\r\nx-amzn-RequestId: mine\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert b"200 OK" in wire.recv(4096)
    sandbox.deliveries()
    assert json.loads(messages(aws, group)[-1])["requestId"] == "mine"


def test_a_websocket_logs_connect_messages_and_disconnect(
    sandbox: Sandbox, aws: Client, group: str
) -> None:
    api = sandbox.apis["tracking"]
    log_format = (
        '{"type":"$context.eventType","route":"$context.routeKey","status":"$context.status",'
        '"id":"$context.requestId","connection":"$context.connectionId",'
        '"message":"$context.messageId","path":"$context.path"}'
    )
    aws("apigatewayv2").update_stage(
        ApiId=api.api_id,
        StageName="prod",
        AccessLogSettings={"DestinationArn": arn(sandbox, group), "Format": log_format},
    )
    with socket.create_connection(("127.0.0.1", sandbox.ports["execute_api"]), 10) as wire:
        wire.sendall(
            f"GET /prod HTTP/1.1\r\nHost: {api.host(sandbox.region)}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            f"{base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode()
        )
        assert b" 101 " in wire.recv(4096)
        for text in (b'{"action":"sendMessage"}', b"anything else"):
            wire.sendall(frame(0x1, text, os.urandom(4)))
        wire.sendall(frame(0x8, struct.pack("!H", 1000), os.urandom(4)))
        assert wire.recv(4096)[:1] == b"\x88"
    end = time.monotonic() + 10
    while len(messages(aws, group)) < 4 and time.monotonic() < end:
        time.sleep(0.05)
    lines = [json.loads(m) for m in messages(aws, group)]
    assert [(x["type"], x["route"], x["status"], x["path"]) for x in lines] == [
        ("CONNECT", "$connect", "200", "-"),
        ("MESSAGE", "sendMessage", "200", "-"),
        ("MESSAGE", "$default", "200", "-"),
        ("DISCONNECT", "$disconnect", "200", "-"),
    ]
    assert len({x["connection"] for x in lines}) == 1
    assert [x["message"] == "-" for x in lines] == [True, False, False, True]


def test_a_websocket_api_refuses_plain_requests(sandbox: Sandbox) -> None:
    assert send(sandbox, "chat", "GET", "/prod").status == 403
