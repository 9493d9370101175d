"""The table of faults comes to its end whatever becomes of one of them, and says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.faults import __main__ as table
from tests.faults.judge import NotHere, Reference, Row, expect
from tests.faults.scenarios import SCENARIOS


def held(_: Reference) -> Iterator[Row]:
    yield Row("one that holds", "seen", "as undisturbed")


def wrong(_: Reference) -> Iterator[Row]:
    yield Row("its first half", "seen", "as undisturbed")
    expect(False, "a bucket | was left")


def broken(_: Reference) -> Iterator[Row]:
    raise KeyError("Buckets")
    yield


def elsewhere(_: Reference) -> Iterator[Row]:
    raise NotHere("needs the right to mount")
    yield


@pytest.mark.parametrize(
    ("scenarios", "code", "verdicts"),
    [
        ({"held": held, "elsewhere": elsewhere}, 0, ["held", "not run"]),
        ({"wrong": wrong, "held": held}, 1, ["held", "FAILED", "held"]),
        ({"broken": broken, "held": held}, 1, ["FAILED", "held"]),
    ],
)
def test_every_fault_has_its_row(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    scenarios: dict[str, object],
    code: int,
    verdicts: list[str],
) -> None:
    monkeypatch.setattr(table, "SCENARIOS", scenarios)
    monkeypatch.setattr(sys, "argv", ["faults"])
    assert table.main() == code
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[-2] for row in rows] == verdicts
    assert len(SCENARIOS) == 11
