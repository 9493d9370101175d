"""What the deployed forwarder answers when it is asked, as values; it may be another's bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.core.events import State
from wizard.core.node.counters import NodeCounters, growth, parse_counters
from wizard.core.node.dialect import Dialect, Tried
from wizard.core.node.verdicts import Grasp, judge_request
from wizard.core.text import clean

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
