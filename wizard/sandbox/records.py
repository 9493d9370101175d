"""Turns the messages a node received into one record per request: what the tests compare with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from wizard.sandbox.node_model import is_multipart, read_parts

PREFIX = "X-Wallarm-"
VERDICT = 403  # about a request, not about the message: it was received


def pair(messages: Iterable[Mapping[str, Any]], prefix: str = PREFIX) -> list[dict[str, object]]:
    """Join request and response metadata by request id.

    Args:
        messages: `{method, target, headers: [(name, value)], body, received_at, answered,
            understood}`.
        prefix: how the connector's header names begin.

    Returns:
        `{method, path, query, host, status, source_address, user_agent, request_id,
        application_id, received_at, deliveries, understood}` in order of arrival. A request whose
        response never came has status None. Messages the node answered with an error do not count,
        unless that was its verdict on the request. `understood`: the node made sense of them all.
    """
    found: dict[str, dict[str, object]] = {}
    for message in messages:
        understood = bool(message.get("understood"))
        if not _accepted(message.get("answered"), understood):
            continue
        headers = _headers(message, prefix)
        request_id = headers.get("x-wallarm-request-id", "")
        if not request_id:
            continue
        record = found.setdefault(request_id, _empty(request_id))
        status = _status(message, headers)
        if status is None or not record["method"]:
            _request(record, message, headers)
        if status is not None:
            record["status"] = status
        record["understood"] = understood and record["understood"]
    return [record for record in found.values() if record["method"]]


def _headers(message: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Names in lower case, the connector's under their usual prefix; a multipart message has the
    original ones in a part of its own."""
    found = {str(name).lower(): str(value) for name, value in message["headers"]}
    kind, inner = found.get("content-type", ""), dict[str, str]()
    if is_multipart(kind):
        lines = read_parts(kind, str(message["body"]).encode()).get("headers", "").splitlines()
        inner = {n.strip().lower(): v.strip() for n, _, v in (x.partition(":") for x in lines)}
    own = prefix.lower()
    return inner | {
        "x-wallarm-" + name.removeprefix(own) if name.startswith(own) else name: value
        for name, value in found.items()
    }


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


def _accepted(answered: object, understood: bool) -> bool:
    if not isinstance(answered, int):
        return False
    return 200 <= answered < 300 or (answered == VERDICT and understood)


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
        "understood": True,
    }
