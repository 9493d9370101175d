"""How many of Terraform's events the progress reducer takes in a second, and what it keeps."""

from __future__ import annotations

import json
import time
import tracemalloc

from benchmarks.figure import Figure, figure, measured
from wizard.core.terraform.progress import ProgressReducer
from wizard.services.terraform.events import parse_line

EVENTS = 100_000
RESOURCES = 2_000
AT_ONCE = 10  # Terraform's own parallelism


def lines() -> list[bytes]:
    """Creations of many resources with many ticks between start and end, as Terraform tells them:
    at most `AT_ONCE` are being made.
    """
    ticks = EVENTS // RESOURCES - 2
    kinds = ["apply_start", *["apply_progress"] * ticks, "apply_complete"]
    return [
        _line(kind, number)
        for first in range(0, RESOURCES, AT_ONCE)
        for kind in kinds
        for number in range(first, first + AT_ONCE)
    ]


def _line(kind: str, number: int) -> bytes:
    hook = {
        "resource": {"addr": f"aws_lb.r[{number}]", "resource_type": "aws_lb"},
        "action": "create",
        "elapsed_seconds": 10,
    }
    return json.dumps({"@level": "info", "type": kind, "hook": hook}).encode()


def run() -> list[Figure]:
    """Events a second against only decoding the JSON; the longest single step; memory."""
    stream = lines()
    floors, totals, longest = [], [], 0.0
    for _ in range(3):
        began = time.perf_counter()
        for raw in stream:
            json.loads(raw)
        floors.append(time.perf_counter() - began)
        reducer = ProgressReducer()
        began = time.perf_counter()
        for number, raw in enumerate(stream):
            event = parse_line(raw)
            if event is not None:
                reducer.apply(event, float(number))
            if number % 1000 == 0:
                step = time.perf_counter()
                reducer.snapshot(float(number))
                longest = max(longest, time.perf_counter() - step)
        totals.append(time.perf_counter() - began)
    tracemalloc.start()
    reducer = ProgressReducer()
    for number, raw in enumerate(stream):
        event = parse_line(raw)
        if event is not None:
            reducer.apply(event, float(number))
    kept = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    each = {"floor": [t * 1000 for t in floors], "ours": [t * 1000 for t in totals]}
    return [
        measured("100,000 events: JSON alone (floor)", each["floor"], "ms", against=each["floor"]),
        measured("100,000 events: parsed and reduced", each["ours"], "ms", against=each["floor"]),
        figure("longest snapshot of 2,000 resources", longest * 1000, "ms", target="≤100 ms"),
        figure("kept for 2,000 resources", kept, "MB"),
    ]
