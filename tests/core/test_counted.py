"""Commands end with one line that counts what was done and what failed."""

from __future__ import annotations

import pytest

from wizard.core.events import StageReport, State, count_reports
from wizard.core.facts import StageRef
from wizard.core.text import count


def reports(states: str) -> list[StageReport]:
    kinds = {"d": State.DONE, "f": State.FAILED, "s": State.SKIPPED, "w": State.WARNING}
    return [StageReport(StageRef(f"api{n}", "prod"), "x", kinds[s], "") for n, s in
            enumerate(states)]  # fmt: skip


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ("", "0 stages connected"),
        ("d", "1 stage connected"),
        ("ddddd", "5 stages connected"),
        ("ddf", "2 stages connected, 1 failed"),
        ("f", "1 stage failed"),
        ("ff", "2 stages failed"),
        ("dfssw", "1 stage connected, 1 failed, 3 left alone"),
        ("fs", "1 stage failed, 1 left alone"),
        ("s", "1 stage left alone"),
    ],
)
def test_what_was_done_and_what_failed_is_counted(states: str, said: str) -> None:
    assert count_reports(reports(states), "connected") == said


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("batch", "batches"), "0 batches"),
        (1, ("batch", "batches"), "1 batch"),
        (2, ("batch", "batches"), "2 batches"),
        (1, ("stage",), "1 stage"),
        (12_345, ("stage",), "12,345 stages"),
    ],
)
def test_one_is_singular_and_the_rest_plural(
    number: int, words: tuple[str, ...], said: str
) -> None:
    assert count(number, *words) == said
