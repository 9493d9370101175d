"""Renders a stage's access-log format the way API Gateway does: plain text substitution.

Documented: the variables, `-` for one without a value, the time formats ("Variables for access
logging", "Customize HTTP API access logs", "Monitor WebSocket API execution"). Values are put in as
they are, so a quote inside a user agent breaks a JSON line; how exactly API Gateway escapes is
unverified, and a forwarder must cope with both.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

MISSING = "-"
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)")


@dataclass(frozen=True)
class Exchange:
    """What is known of one request and its answer. Times are epoch seconds, latencies in ms.

    Empty strings and None mean that API Gateway would have no value.
    """

    api_id: str
    account_id: str
    stage: str
    domain_name: str
    request_id: str
    extended_request_id: str
    method: str
    path: str
    protocol: str
    source_address: str
    user_agent: str
    started: float
    status: int
    response_length: int
    response_latency: int
    integration_status: int | None = None
    integration_latency: int | None = None
    resource_path: str = ""
    route_key: str = ""
    error_message: str = ""
    error_type: str = ""
    integration_error: str = ""


@dataclass(frozen=True)
class SocketEvent:
    """One event of a WebSocket connection: CONNECT, MESSAGE or DISCONNECT."""

    api_id: str
    account_id: str
    stage: str
    domain_name: str
    request_id: str
    extended_request_id: str
    connection_id: str
    event_type: str
    route_key: str
    source_address: str
    user_agent: str
    connected_at: float
    started: float
    status: int
    message_id: str = ""
    error_message: str = ""
    integration_latency: int | None = None


def render(log_format: str, values: Mapping[str, str]) -> str:
    """The log line: every `$context.…` replaced, `-` where there is no value."""
    return _VARIABLE.sub(lambda m: values.get(m.group(1), "") or MISSING, log_format)


def rest_values(e: Exchange) -> dict[str, str]:
    """The variables of a REST API, by name without `$context.`."""
    return _common(e) | {
        "resourcePath": e.resource_path,
        "extendedRequestId": e.extended_request_id,
        "awsEndpointRequestId": "",
    }


def http_values(e: Exchange) -> dict[str, str]:
    """The variables of an HTTP API."""
    return _common(e) | {
        "routeKey": e.route_key,
        "extendedRequestId": e.request_id,
        "integrationErrorMessage": e.integration_error,
        "integration.error": e.integration_error,
        "dataProcessed": str(e.response_length),
    }


def websocket_values(e: SocketEvent) -> dict[str, str]:
    """The variables of a WebSocket API; it has no method, path, protocol or response."""
    return _who(e) | {
        "connectionId": e.connection_id,
        "connectedAt": str(int(e.connected_at * 1000)),
        "eventType": e.event_type,
        "messageId": e.message_id,
        "messageDirection": "IN",
        "routeKey": e.route_key,
        "extendedRequestId": e.extended_request_id,
        "integrationLatency": _number(e.integration_latency),
        "error.message": e.error_message,
        "error.messageString": json.dumps(e.error_message) if e.error_message else "",
    }


def _common(e: Exchange) -> dict[str, str]:
    return _who(e) | {
        "httpMethod": e.method,
        "path": e.path,
        "protocol": e.protocol,
        "responseLength": str(e.response_length),
        "responseLatency": str(e.response_latency),
        "integrationLatency": _number(e.integration_latency),
        "integration.latency": _number(e.integration_latency),
        "integrationStatus": _number(e.integration_status),
        "integration.integrationStatus": _number(e.integration_status),
        "integration.status": _number(e.integration_status),
        "error.message": e.error_message,
        "error.messageString": json.dumps(e.error_message) if e.error_message else "",
        "error.responseType": e.error_type,
    }


def _who(e: Exchange | SocketEvent) -> dict[str, str]:
    return {
        "accountId": e.account_id,
        "apiId": e.api_id,
        "stage": e.stage,
        "requestId": e.request_id,
        "domainName": e.domain_name,
        "domainPrefix": e.domain_name.partition(".")[0],
        "identity.sourceIp": e.source_address,
        "identity.userAgent": e.user_agent,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(e.started)),
        "requestTimeEpoch": str(int(e.started * 1000)),
        "status": str(e.status),
    }


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
