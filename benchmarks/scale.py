"""What 1,000 to 100,000 requests a second would need: a small simulation from measured times.

Seeded, one second a step. CloudWatch Logs delivers batches of at most `BATCH` events; AWS runs as
many forwarders at once as batches are in flight, up to the account's limit; a node replica takes
`NODE_RATE` events a second. During an outage nothing is delivered, batches pile up (CloudWatch Logs
and Lambda keep them), afterwards they drain with what is not needed for new traffic.

The time of a batch is measured here, in the same run, with a node 5 ms away. The model is held
against the sandbox at the size that runs on one machine: an outage, a backlog, and how long it
takes to drain.

Assumptions, none of them measured on AWS: batch size, node rate, that the queue is not bounded by
the 6 hours Lambda keeps an event, and no throttling by CloudWatch Logs itself.
"""

from __future__ import annotations

import contextlib
import io
import random
import statistics
import time
from dataclasses import dataclass

from benchmarks import data_path
from benchmarks.batches import batch
from benchmarks.figure import Figure, figure, interleaved
from benchmarks.invoking import Context, environment, forwarder
from benchmarks.prices import PRICES
from benchmarks.sink import Sink

BATCH = 1000
NODE_RATE = 5_000.0  # events a second of one replica; unverified
CONCURRENCY = 1000  # AWS's default account limit
LINE_GB = 0.55 / 1024 / 1024
MEMORY_GB = 0.5
PAUSE = 5.0  # seconds the forwarder waits at most before it tries again itself
AWS_RETRY, SANDBOX_RETRY = 120.0, 2.0  # seconds until an asynchronous invocation's last retry
RATE_HERE, OUTAGE_HERE = 1_000, 5


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
        drain[minutes] = PAUSE + AWS_RETRY + seconds
    month = rate * 86_400 * 30.4
    monthly = (
        month * LINE_GB * PRICES["logs_gb"]
        + month / BATCH / 1e6 * PRICES["invocations_million"]
        + month / BATCH * seconds_per_batch * MEMORY_GB * PRICES["gb_second"]
    )
    return Need(rate, max(1, round(peak + 0.5)), replicas, drain, monthly)


def seconds_per_batch() -> float:
    """What a full batch takes with a node 5 ms away, on this machine."""
    event = batch(BATCH)
    quiet = contextlib.redirect_stdout(io.StringIO())
    with Sink(5.0) as sink, environment(X_NODE_URL=sink.url), quiet:
        times = interleaved({"batch": lambda: forwarder().lambda_handler(event, Context(60))}, 5)
    return statistics.median(times["batch"])


def outage(rate: int, seconds: int) -> tuple[float, float, int]:
    """Seconds until the sandbox's backlog is gone, what the model says, and how many are missing.

    The model: the backlog drains at what the data path takes without an outage, measured just
    before, less what is still being sent (nothing, here); and before that nothing moves until the
    next try, which is the forwarder's longest pause and AWS's longest wait between two tries.
    """
    with data_path.running() as (box, put):
        began = time.perf_counter()
        for _ in range(10):
            put(rate)
        box.node.wait_for(10 * rate, 60.0)
        capacity = 10 * rate / (time.perf_counter() - began)
        box.node.reset()
        box.node.fail("status", status=503)
        began = time.perf_counter()
        for number in range(seconds):
            put(rate)
            time.sleep(max(0.0, began + number + 1 - time.perf_counter()))
        box.node.fail("none")
        began = time.perf_counter()
        wanted = rate * seconds
        arrived = len(box.node.wait_for(wanted, 120.0))
        bound = PAUSE + SANDBOX_RETRY + wanted / capacity
        return time.perf_counter() - began, bound, wanted - arrived


def run() -> list[Figure]:
    """Figures for four rates, and the model beside the sandbox."""
    took = seconds_per_batch()
    out = [figure(f"measured: a batch of {BATCH:,}, node 5 ms away", took * 1000, "ms")]
    for rate in (1_000, 10_000, 50_000, 100_000):
        found = need(rate, took)
        label = f"{rate:,} requests/s"
        out += [
            figure(f"{label}: forwarders at once", found.concurrency, ""),
            figure(f"{label}: node replicas", found.replicas, ""),
            *(
                figure(f"{label}: drained after {minutes} min of outage", drain / 60, "min")
                for minutes, drain in found.drain.items()
            ),
            figure(f"{label}: logs and forwarder a month", found.monthly, "$"),
        ]
    drained, modelled, missing = outage(RATE_HERE, OUTAGE_HERE)
    name = f"sandbox, {RATE_HERE} requests/s, {OUTAGE_HERE} s of outage"
    return [
        *out,
        figure(f"{name}: drained, against the model's bound", drained, "s",
               ratio=drained / modelled, target="≤1×"),
        figure(f"{name}: missing", missing, "", target="0"),
    ]  # fmt: skip
