"""50,000 stages fit: what one row holds, without a clock."""

from __future__ import annotations

import tracemalloc

from tests.ui.script import Script
from tests.ui.scripted_account import stages
from wizard.ui.stage_list import StageBook, make_row

ROW_BYTES = 1_024


def test_a_row_of_the_table_holds_less_than_a_kilobyte() -> None:
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
    assert held / len(everything) < ROW_BYTES
