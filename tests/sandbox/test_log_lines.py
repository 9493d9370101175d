"""Access-log lines are rendered as API Gateway documents them."""

from __future__ import annotations

import json

import pytest

from wizard.core.facts import ApiType
from wizard.core.stages import log_format
from wizard.sandbox import log_lines
from wizard.sandbox.catalogue import OWN_CLF
from wizard.sandbox.log_lines import Exchange, SocketEvent

EXCHANGE = Exchange(
    api_id="a1b2c3d4e5",
    account_id="123456789012",
    stage="prod",
    domain_name="a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    request_id="11111111-2222-3333-4444-555555555555",
    extended_request_id="JKJaXmPLvHcESHA=",
    method="GET",
    path="/prod/orders/7",
    protocol="HTTP/1.1",
    source_address="198.51.100.7",
    user_agent="curl/8.5.0",
    started=1_700_000_000.5,
    status=200,
    response_length=42,
    response_latency=12,
    integration_status=200,
    integration_latency=9,
    resource_path="/orders/{id}",
    route_key="GET /orders/{id}",
)
CONNECT = SocketEvent(
    api_id="a1b2c3d4e5",
    account_id="123456789012",
    stage="prod",
    domain_name="a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
    request_id="JKJaXmPLvHcESHA=",
    extended_request_id="JKJaXmPLvHcESHB=",
    connection_id="L0SM9cOFvHcCIhw=",
    event_type="CONNECT",
    route_key="$connect",
    source_address="198.51.100.7",
    user_agent="ws/1",
    connected_at=1_700_000_000.0,
    started=1_700_000_000.0,
    status=200,
)


@pytest.mark.parametrize("api_type", [ApiType.REST, ApiType.HTTP])
def test_the_connectors_format_gives_a_line_of_strings(api_type: ApiType) -> None:
    values = log_lines.rest_values if api_type is ApiType.REST else log_lines.http_values
    line = json.loads(log_lines.render(log_format.render_format(api_type), values(EXCHANGE)))
    assert line == {
        "wallarm_log": "http/a1b2c3d4e5",
        "wallarm_end": "1",
        "requestId": "11111111-2222-3333-4444-555555555555",
        "httpMethod": "GET",
        "path": "/prod/orders/7",
        "protocol": "HTTP/1.1",
        "status": "200",
        "responseLength": "42",
        "requestTime": "14/Nov/2023:22:13:20 +0000",
        "requestTimeEpoch": "1700000000500",
        "responseLatency": "12",
        "integrationLatency": "9",
        "integrationStatus": "200",
        "errorMessage": "-",
        "stage": "prod",
        "domainName": "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com",
        "sourceIp": "198.51.100.7",
        "userAgent": "curl/8.5.0",
    }


def test_a_websocket_line_has_dashes_where_a_websocket_knows_nothing() -> None:
    line = json.loads(
        log_lines.render(
            log_format.render_format(ApiType.REST), log_lines.websocket_values(CONNECT)
        )
    )
    missing = {key for key, value in line.items() if value == "-"}
    assert missing == {
        "httpMethod",
        "path",
        "protocol",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "integrationStatus",
        "errorMessage",
    }


def test_a_users_own_clf_format_is_rendered_too() -> None:
    line = log_lines.render(OWN_CLF, log_lines.rest_values(EXCHANGE))
    assert line == (
        '198.51.100.7 - - [14/Nov/2023:22:13:20 +0000] "GET /orders/{id} HTTP/1.1" 200 42 '
        "11111111-2222-3333-4444-555555555555"
    )


def test_unquoted_variables_become_bare_numbers_and_unknown_ones_a_dash() -> None:
    line = log_lines.render(
        '{"s":$context.status,"x":"$context.noSuchThing"}.', log_lines.http_values(EXCHANGE)
    )
    assert line == '{"s":200,"x":"-"}.'


def test_quotes_are_put_in_as_they_are() -> None:
    values = log_lines.rest_values(EXCHANGE) | {"identity.userAgent": 'a "b" \\ $context.status'}
    line = log_lines.render('{"userAgent":"$context.identity.userAgent"}', values)
    assert line == '{"userAgent":"a "b" \\ $context.status"}'
