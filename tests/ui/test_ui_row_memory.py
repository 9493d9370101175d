"""50,000 stages fit: what one row holds, without a clock."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

from tests.ui.script import Script
from tests.ui.scripted_account import stages
from wizard.ui.stage_list import StageBook, make_row

ROW_BYTES = 1_024


def bytes_of_a_row() -> float:
    everything = stages(Script(hostile=False, apis=200, stages_per_api=10), "us-east-1")
    tracemalloc.start()
    try:
        book = StageBook()
        book.add(map(make_row, everything))
        book.apply(frozenset())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(book.shown) == len(everything) >= 2_000
    return held / len(everything)


def test_a_row_of_the_table_holds_less_than_a_kilobyte() -> None:
    """In a process of its own: what threads of other tests hold meanwhile would count, too."""
    code = f"from {__name__} import bytes_of_a_row; print(bytes_of_a_row())"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert 100 < float(done.stdout) < ROW_BYTES
