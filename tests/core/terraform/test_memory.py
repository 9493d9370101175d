"""What is kept does not grow with what is told; allocations need no clock."""

from __future__ import annotations

import tracemalloc

from wizard.core.terraform.events import ApplyProgress, ApplyStart
from wizard.core.terraform.progress import ProgressReducer


def test_a_long_deployment_takes_no_more_memory_than_a_short_one() -> None:
    reducer = ProgressReducer()
    for number in range(50):
        reducer.apply(ApplyStart(f"aws_lb.r[{number}]", "aws_lb", "create"), 0.0)

    def tick(first: int, last: int) -> None:
        for second in range(first, last):
            for number in range(50):
                event = ApplyProgress(f"aws_lb.r[{number}]", "aws_lb", "create", float(second))
                reducer.apply(event, float(second))
            reducer.snapshot(float(second))

    tracemalloc.start()
    try:
        tick(1, 20)
        before, _ = tracemalloc.get_traced_memory()
        tick(20, 220)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 16_384  # bytes, for 10,000 events
