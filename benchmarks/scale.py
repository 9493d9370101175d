"""What 1,000 to 100,000 requests a second would need: a small simulation from measured times.

Seeded, one second a step. CloudWatch Logs delivers batches of at most `BATCH` events; AWS runs as
many forwarders at once as batches are in flight, up to the account's limit; a node replica takes
`NODE_RATE` events a second. During an outage nothing is delivered, batches pile up (CloudWatch Logs
and Lambda keep them), afterwards they drain with what is not needed for new traffic.

Assumptions, none of them measured on AWS: batch size, node rate, that the queue is not bounded by
the 6 hours Lambda keeps an event, and no throttling by CloudWatch Logs itself.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from benchmarks.figure import Figure, figure

BATCH = 1000
NODE_RATE = 5_000.0  # events a second of one replica; unverified
CONCURRENCY = 1000  # AWS's default account limit
LINE_GB = 0.55 / 1024 / 1024
PRICES = {"logs_gb": 0.50, "invocations_million": 0.20, "gb_second": 0.0000166667}
MEMORY_GB = 0.5


@dataclass(frozen=True)
class Need:
    """What one rate needs. `drain` is in seconds after an outage, by its length in minutes."""

    rate: int
    concurrency: int
    replicas: int
    drain: dict[int, float]
    monthly: float


def need(rate: int, seconds_per_batch: float, seed: int = 7) -> Need:
    """Simulate one rate (requests a second)."""
    dice = random.Random(seed)
    batches = [max(0.0, dice.gauss(rate, rate * 0.1)) / BATCH for _ in range(600)]
    peak = max(batches) * seconds_per_batch
    replicas = max(1, -(-int(rate * 1.3) // int(NODE_RATE)))
    capacity = min(replicas * NODE_RATE, CONCURRENCY * BATCH / seconds_per_batch)
    drain = {}
    for minutes in (1, 10, 60):
        backlog, seconds = float(rate * minutes * 60), 0
        while backlog > 0 and seconds < 6 * 3600:
            backlog += max(0.0, dice.gauss(rate, rate * 0.1)) - capacity
            seconds += 1
        drain[minutes] = float(seconds)
    month = rate * 86_400 * 30.4
    monthly = (
        month * LINE_GB * PRICES["logs_gb"]
        + month / BATCH / 1e6 * PRICES["invocations_million"]
        + month / BATCH * seconds_per_batch * MEMORY_GB * PRICES["gb_second"]
    )
    return Need(rate, max(1, round(peak + 0.5)), replicas, drain, monthly)


def run(seconds_per_batch: float = 0.25) -> list[Figure]:
    """Figures for four rates; `seconds_per_batch` from benchmarks/forwarder.py at 5 ms."""
    out = []
    for rate in (1_000, 10_000, 50_000, 100_000):
        found = need(rate, seconds_per_batch)
        label = f"{rate:,} requests/s"
        out += [
            figure(f"{label}: forwarders at once", found.concurrency, ""),
            figure(f"{label}: node replicas", found.replicas, ""),
            figure(f"{label}: drained after 10 min outage", found.drain[10] / 60, "min"),
            figure(f"{label}: logs and forwarder a month", found.monthly, "$"),
        ]
    return out
