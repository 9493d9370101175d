"""One figure of a benchmark, and how figures are taken: interleaved, medians."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Figure = dict[str, Any]


def figure(
    name: str, value: float, unit: str, *, ratio: float | None = None, target: str = "",
    spread: float | None = None,
) -> Figure:  # fmt: skip
    """`ratio` is against the floor or peer that the name mentions; `spread` is max - min."""
    return {"name": name, "value": value, "unit": unit, "ratio": ratio, "target": target,
            "spread": spread}  # fmt: skip


def interleaved(
    contenders: Mapping[str, Callable[[], object]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each contender, taking turns, after one round that only warms up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run_once in contenders.items():
            began = time.perf_counter()
            run_once()
            if number:
                times[name].append(time.perf_counter() - began)
    return times


def command(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Callable[[], object]:
    """A contender that runs a program to its end."""
    return lambda: subprocess.run(
        argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, env=None if env is None else dict(env),
    )  # fmt: skip


def measured(
    name: str, values: Sequence[float], unit: str, *, against: Sequence[float] | None = None,
    target: str = "",
) -> Figure:  # fmt: skip
    """The median of several rounds (all in `unit`), how far they are apart, and the ratio of the
    median to that of `against`.
    """
    middle = statistics.median(values)
    return figure(
        name,
        middle,
        unit,
        ratio=middle / statistics.median(against) if against else None,
        target=target,
        spread=max(values) - min(values),
    )


def compared(
    times: Mapping[str, list[float]], against: str, *, unit: str = "ms", targets: Mapping[str, str]
) -> list[Figure]:
    """A figure for each contender with its ratio to `against`. `times` are seconds."""
    factor = {"ms": 1000.0, "s": 1.0}[unit]
    scaled = {name: [v * factor for v in values] for name, values in times.items()}
    return [
        measured(name, values, unit, against=scaled[against], target=targets.get(name, ""))
        for name, values in scaled.items()
    ]
