"""Request → access log → subscription filter → Lambda process → node, all on real parts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import make_function
from wizard.sandbox import Sandbox, traffic

Client = Callable[[str], Any]
BALANCER = "internal-api-gw-discovery-1234567890.us-east-1.elb.amazonaws.com"

# As plain as a forwarder can be; the real one has tests of its own.
FORWARD = """
import base64, gzip, http.client, json, os

def handler(event, context):
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    connection = http.client.HTTPConnection(os.environ["X_NODE_URL"], 80, timeout=5)
    for item in batch["logEvents"]:
        line = json.loads(item["message"])
        connection.request(line["httpMethod"], line["path"], headers={
            "Host": line["domainName"],
            "User-Agent": line["userAgent"],
            "X-Wallarm-Request-Id": item["id"][:32],
            "X-Wallarm-Forwarded-For": line["sourceIp"],
            "X-Wallarm-Response-Status": line["status"],
        })
        connection.getresponse().read()
"""
LOOK_UP = """
import socket

def handler(event, context):
    try:
        found = socket.getaddrinfo(event["name"], event["port"], type=socket.SOCK_STREAM)
        socket.create_connection((event["name"], event["port"]), timeout=5).close()
        return [list(f[4]) for f in found]
    except OSError as error:
        return type(error).__name__
"""


@pytest.fixture(scope="module")
def look_up(sandbox: Sandbox, aws: Client) -> Callable[[str, int], Any]:
    make_function(sandbox, "look-up", LOOK_UP)

    def ask(name: str, port: int) -> Any:
        payload = json.dumps({"name": name, "port": port})
        return json.loads(
            aws("lambda").invoke(FunctionName="look-up", Payload=payload)["Payload"].read()
        )

    return ask


def test_a_request_travels_from_the_front_door_to_the_node(sandbox: Sandbox, aws: Client) -> None:
    api = sandbox.apis["catalogue"]
    group = "/test/whole-line"
    aws("logs").create_log_group(logGroupName=group)
    function = make_function(sandbox, "forward", FORWARD, {"X_NODE_URL": BALANCER})
    aws("logs").put_subscription_filter(
        logGroupName=group, filterName="w", filterPattern="", destinationArn=function
    )
    log_format = {
        "requestId": "$context.requestId",
        "httpMethod": "$context.httpMethod",
        "path": "$context.path",
        "status": "$context.status",
        "domainName": "$context.domainName",
        "sourceIp": "$context.identity.sourceIp",
        "userAgent": "$context.identity.userAgent",
    }
    where = f"{sandbox.region}:{sandbox.account_id}"
    aws("apigatewayv2").update_stage(
        ApiId=api.api_id,
        StageName="canary-eu",
        AccessLogSettings={
            "DestinationArn": f"arn:aws:logs:{where}:log-group:{group}",
            "Format": json.dumps(log_format),
        },
    )
    # A quote breaks the line for a forwarder as plain as this one.
    requests = traffic.for_stage(api, "canary-eu", sandbox.region, count=30)
    sent = sandbox.send(r for r in requests if '"' not in r.user_agent)
    assert len(sent) > 10
    records = sandbox.node.wait_for(len(sent))
    got = [
        (r["method"], r["path"], r["host"], r["status"], r["source_address"], r["user_agent"])
        for r in records
    ]
    assert sorted(got) == sorted(s.expected() for s in sent)


@pytest.mark.parametrize("port", [80, 443, 5050])
def test_the_load_balancers_name_leads_to_the_node_on_every_port(
    sandbox: Sandbox, look_up: Callable[[str, int], Any], port: int
) -> None:
    assert look_up(BALANCER, port) == [["127.0.0.1", sandbox.ports["connector"]]]


@pytest.mark.parametrize("name", ["node.wallarm.local", "NODE.Example.INTERNAL."])
def test_private_names_lead_to_the_node(
    sandbox: Sandbox, look_up: Callable[[str, int], Any], name: str
) -> None:
    assert look_up(name, 80) == [["127.0.0.1", sandbox.ports["connector"]]]


def test_a_name_can_be_added_while_it_runs(
    sandbox: Sandbox, look_up: Callable[[str, int], Any]
) -> None:
    assert look_up("node.shop.invalid", 80) == "gaierror"
    sandbox.name_node("node.shop.invalid")
    assert look_up("node.shop.invalid", 80) == [["127.0.0.1", sandbox.ports["connector"]]]


def test_addresses_and_other_names_are_left_alone(
    sandbox: Sandbox, look_up: Callable[[str, int], Any]
) -> None:
    port = sandbox.ports["control"]
    assert look_up("127.0.0.1", port) == [["127.0.0.1", port]]
    assert look_up("elb.amazonaws.com.invalid", 80) == "gaierror"


def test_a_workers_output_reaches_its_log_group(sandbox: Sandbox, aws: Client) -> None:
    make_function(sandbox, "talks", "def handler(event, context):\n    print('hello from it')\n")
    aws("lambda").invoke(FunctionName="talks", Payload=b"{}")
    end = time.monotonic() + 10
    text = ""
    while "hello from it" not in text and time.monotonic() < end:
        events = aws("logs").filter_log_events(logGroupName="/aws/lambda/talks")["events"]
        text = "\n".join(e["message"] for e in events)
        time.sleep(0.05)
    assert "hello from it" in text
