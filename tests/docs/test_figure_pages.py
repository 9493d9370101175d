"""The pages of figures hide no target that was missed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import report
from benchmarks.__main__ import beside_other_work


@pytest.mark.parametrize(
    ("value", "ratio", "target", "says"),
    [
        (99.9, None, "≤100 ms", "≤100 ms"),
        (117.4, None, "≤100 ms", "≤100 ms: **missed**"),
        (4.0, 1.06, "≤1.5×", "≤1.5×"),
        (4.0, 1.51, "≤1.5×", "≤1.5×: **missed**"),
        (4.0, None, "≤1.5×", "≤1.5×: **missed**"),
        (2.16, 0.43, "≤ 5 s", "≤ 5 s"),
        (5.2, 0.43, "≤ 5 s", "≤ 5 s: **missed**"),
        (51.6, 3.72, "≤7× floor", "≤7× floor"),
        (217.6, 9.07, "≤1,000 ms", "≤1,000 ms"),
        (1000.5, 9.07, "≤1,000 ms", "≤1,000 ms: **missed**"),
        (0.0, None, "0", "0"),
        (1.0, None, "0", "0: **missed**"),
        (1.0, None, "", "–"),
    ],
)
def test_a_missed_target_is_marked(
    value: float, ratio: float | None, target: str, says: str
) -> None:
    item: Any = {"name": "x", "value": value, "unit": "", "ratio": ratio, "target": target}
    assert report.judged(item) == says


def test_figures_that_were_taken_beside_other_work_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"name": "x", "value": 1.0, "unit": "ms", "target": ""}
    run = {"date": "2026-01-01", "machine": "2 cores", "figures": {"fleet": [item]}}
    assert "other work" not in report.page(run)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for load, said in ((2.0, ""), (7.6, "Taken beside other work: a load of 8 on 2 cores.")):
        monkeypatch.setattr("os.getloadavg", lambda load=load: (load, 0.0, 0.0))
        assert beside_other_work() == said
        assert said in report.page({**run, "notes": {"fleet": said}}).splitlines()


def test_the_readme_shows_eight_figures_and_every_target_stands_on_the_page_of_all() -> None:
    run = json.loads(report.SAVED.read_text(encoding="utf-8"))
    taken = {item["name"]: item for figures in run["figures"].values() for item in figures}
    assert len(report.HEADLINES) == 8
    assert set(report.HEADLINES) <= set(taken)
    assert all(taken[name].get("target") for name in report.HEADLINES)
    rows = [line for line in report.summary(run).splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 8  # the heading, and the line below it
    page = report.page(run)
    assert all(report.judged(item) in page for item in taken.values())


def test_the_pages_show_the_figures_that_are_saved() -> None:
    run = json.loads(report.SAVED.read_text(encoding="utf-8"))
    assert (report.ROOT / "docs" / "performance.md").read_text(encoding="utf-8") == report.page(run)
    assert report.summary(run) in (report.ROOT / "README.md").read_text(encoding="utf-8")
