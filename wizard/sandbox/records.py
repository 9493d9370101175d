"""Turns the messages a node received into one record per request: what the tests compare with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

REQUEST_ID = "x-wallarm-request-id"


def pair(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Join request and response metadata by request id.

    Args:
        messages: `{method, target, headers: [(name, value)], body, received_at, answered}`.

    Returns:
        `{method, path, query, host, status, source_address, user_agent, request_id,
        application_id, received_at, deliveries}` in order of arrival. A request whose response
        never came has status None. Messages the node answered with an error do not count.
    """
    found: dict[str, dict[str, object]] = {}
    for message in messages:
        if not _accepted(message.get("answered")):
            continue
        headers = {str(name).lower(): str(value) for name, value in message["headers"]}
        request_id = headers.get(REQUEST_ID, "")
        if not request_id:
            continue
        record = found.setdefault(request_id, _empty(request_id))
        status = _status(message, headers)
        if status is None or not record["method"]:
            _request(record, message, headers)
        if status is not None:
            record["status"] = status
    return [record for record in found.values() if record["method"]]


def _request(
    record: dict[str, object], message: Mapping[str, Any], headers: Mapping[str, str]
) -> None:
    path, _, query = str(message["target"]).partition("?")
    record.update(
        method=headers.get("x-wallarm-method") or message["method"],
        path=path,
        query=query,
        host=headers.get("x-wallarm-forwarded-host") or headers.get("host", ""),
        source_address=headers.get("x-wallarm-forwarded-for", ""),
        user_agent=headers.get("user-agent", ""),
        application_id=headers.get("x-wallarm-application-id", ""),
        received_at=message["received_at"],
        deliveries=int(str(record["deliveries"])) + 1,
    )


def _status(message: Mapping[str, Any], headers: Mapping[str, str]) -> int | None:
    """The status in a message of response metadata; None for a request message."""
    value = headers.get("x-wallarm-response-status", "")
    if value.isdigit():
        return int(value)
    try:
        data = json.loads(message["body"]) if message["body"] else None
    except ValueError:
        return None
    status = str(data.get("status")) if isinstance(data, dict) else ""
    return int(status) if status.isdigit() else None


def _accepted(answered: object) -> bool:
    return isinstance(answered, int) and 200 <= answered < 300


def _empty(request_id: str) -> dict[str, object]:
    return {
        "method": "",
        "path": "",
        "query": "",
        "host": "",
        "status": None,
        "source_address": "",
        "user_agent": "",
        "request_id": request_id,
        "application_id": "",
        "received_at": 0.0,
        "deliveries": 0,
    }
