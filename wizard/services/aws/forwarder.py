"""Asks the deployed forwarder, because nothing else of ours is inside the VPC (`lambda:Invoke`).

What it answers becomes values; it may be another bundle than ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.core.events import State
from wizard.core.facts import Identity, StageRef
from wizard.core.node.counters import NodeCounters, growth, parse_counters
from wizard.core.node.dialect import DIALECT_VARIABLES, Dialect, Tried
from wizard.core.node.verdicts import Grasp, judge_request
from wizard.core.partitions import partition_of
from wizard.core.text import clean

MOST_BYTES = 1_000_000  # of an answer; a foreign bundle may say anything
TRIAL_SECONDS = 60  # so long a client should wait


def ask_probe(
    functions: Any, function: str, *, counters_only: bool = False, host: str = ""
) -> ProbeAnswer:
    """Whether the node can be reached from the forwarder, and what it has counted.

    Args:
        counters_only: nothing is sent to the node.
        host: the API's host name, which the marked event carries that is sent to it.

    Raises botocore's ClientError where AWS refuses.
    """
    event: dict[str, Any] = {"wallarm-apigw": "probe"}
    event |= {"only": "counters"} if counters_only else {"host": host}
    payload, failed = _invoke(functions, function, event)
    return parse_probe(payload, failed=failed)


def try_dialect(
    functions: Any, function: str, dialect: Dialect, host: str, events: int = 3
) -> Tried:
    """Send a few marked messages to the node in one dialect.

    Args:
        host: the API's host name, which the messages carry; a node may allow no other.

    Raises botocore's ClientError where AWS refuses.
    """
    event = {
        "wallarm-apigw": "dialect",
        "settings": {name: dialect.settings.get(name, "") for name in DIALECT_VARIABLES},
        "host": host,
        "events": events,
    }
    payload, failed = _invoke(functions, function, event)
    return parse_trial(dialect, payload, failed=failed)


def api_host(ref: StageRef, identity: Identity) -> str:
    """The host name of an API's default endpoint."""
    suffix = partition_of(identity.partition).suffix
    return f"{ref.api_id}.execute-api.{identity.region}.{suffix}"


def _invoke(functions: Any, function: str, event: dict[str, Any]) -> tuple[bytes, bool]:
    answer = functions.invoke(
        FunctionName=function,
        InvocationType="RequestResponse",
        Payload=json.dumps(event).encode(),
    )
    return bytes(answer["Payload"].read(MOST_BYTES)), bool(answer.get("FunctionError"))


NO_TEST_CALL = "this forwarder is a bundle of your own and knows no test call"


@dataclass(frozen=True)
class ProbeAnswer:
    """One probe: `error` says why nothing was learned (`failed`: the function itself failed); else
    whether the node was reached, and what it has counted. `version` is the forwarder's; `known`
    that it is one of ours."""

    error: str = ""
    failed: bool = False
    known: bool = False
    version: str = ""
    url: str = ""
    reachable: bool = False
    status: int | None = None
    latency_ms: float | None = None
    problem: str = ""
    dialect: Mapping[str, str] = field(default_factory=dict)
    counters: NodeCounters = field(default_factory=NodeCounters)


def parse_probe(payload: bytes, *, failed: bool) -> ProbeAnswer:
    """The answer of an invocation with `{"wallarm-apigw": "probe"}`.

    Args:
        failed: whether AWS calls it an error of the function.
    """
    data = _decoded(payload)
    if failed:
        return ProbeAnswer(f"the forwarder failed: {_words(data, payload)}", failed=True)
    node = data.get("node")
    if not isinstance(node, dict):
        return ProbeAnswer(NO_TEST_CALL, counters=NodeCounters(error=NO_TEST_CALL))
    config = data.get("config")
    config = config if isinstance(config, dict) else {}
    status, latency = node.get("status"), node.get("latency_ms")
    return ProbeAnswer(
        known=True,
        version=clean(str(data.get("version", "")), 40),
        url=clean(str(node.get("url", "")), 300),
        reachable=node.get("reachable") is True,
        status=status if isinstance(status, int) else None,
        latency_ms=float(latency) if isinstance(latency, (int, float)) else None,
        problem=clean(str(node.get("error") or ""), 300),
        dialect={
            name: clean(str(config[name]), 130)
            for name in (
                "style",
                "connector_type",
                "connector_version",
                "header_prefix",
                "request_id",
            )
            if name in config
        },
        counters=parse_counters(data.get("counters")),
    )


def parse_trial(dialect: Dialect, payload: bytes, *, failed: bool) -> Tried:
    """The answer of an invocation with `{"wallarm-apigw": "dialect"}`: what the node made of it."""
    data = _decoded(payload)
    answers = data.get("answers")
    if failed:
        text = f"the forwarder failed: {_words(data, payload)}"
        return Tried(dialect, Grasp(State.UNCHECKED, None, None, text))
    if not isinstance(answers, list):
        text = "this forwarder knows no such call: `wallarm-apigw install` brings the newer one"
        return Tried(dialect, Grasp(State.UNCHECKED, None, None, text))
    rows = [row for row in answers if isinstance(row, dict)]
    statuses = tuple(row["status"] for row in rows if isinstance(row.get("status"), int))
    if not statuses:
        why = "; ".join(sorted({clean(str(row.get("reason", "")), 100) for row in rows}))
        text = f"the node gave no answer: {why or 'nothing was sent'}"
        return Tried(dialect, Grasp(State.UNCHECKED, None, None, text))
    before, after = parse_counters(data.get("before")), parse_counters(data.get("after"))
    grasp = judge_request(
        growth(before, after), len(rows), why_unread=before.problem or after.problem
    )
    return Tried(dialect, grasp, statuses)


def _decoded(payload: bytes) -> dict[str, Any]:
    try:
        data = json.loads(payload or b"{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _words(data: Mapping[str, Any], payload: bytes) -> str:
    return clean(str(data.get("errorMessage") or payload.decode(errors="replace")), 300)
