"""However a node fails, every event is accounted for: real sockets, a server that misbehaves."""

from __future__ import annotations

import pytest

from benchmarks import invoking
from benchmarks.fault_rows import ROWS, Row
from benchmarks.fault_table import play


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts are real, but short."""
    invoking.forwarder()
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.01)
    monkeypatch.setattr(sender, "CAP_SECONDS", 0.1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_event_is_accounted_for_when(row: Row) -> None:
    result = play(row)
    assert result.right, f"{result.said} {result.raised} {result.after}"
