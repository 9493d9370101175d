"""What a deployment has cost is counted from its first apply, or from the one after a removal."""

from __future__ import annotations

import pytest

from wizard.core.journal.record import TERRAFORM_APPLY, TERRAFORM_DESTROY, Entry
from wizard.core.journal.unfinished import Unfinished
from wizard.flows.status import cost_since, deployed_since, told_unfinished


def entry(action: str, step: str, day: int) -> Entry:
    at = f"2026-08-{day:02d}T00:00:00Z"
    return Entry(day, at, "run", "install", action, "deployment", step)


APPLIED, REMOVED = (TERRAFORM_APPLY, "done"), (TERRAFORM_DESTROY, "done")
BEGUN = (TERRAFORM_APPLY, "begin")


@pytest.mark.parametrize(
    ("lived", "since"),
    [
        ([], ""),
        ([BEGUN], ""),
        ([BEGUN, APPLIED, BEGUN, APPLIED], "2026-08-02T00:00:00Z"),
        ([APPLIED, REMOVED], ""),
        ([APPLIED, REMOVED, APPLIED], "2026-08-03T00:00:00Z"),
    ],
)
def test_a_deployment_is_as_old_as_its_first_apply_since_the_last_removal(
    lived: list[tuple[str, str]], since: str
) -> None:
    entries = [entry(action, step, day) for day, (action, step) in enumerate(lived, start=1)]
    assert deployed_since(entries) == since


def test_a_month_costs_a_month_and_the_unknown_costs_nothing_known() -> None:
    began = 1_785_542_400.0  # 2026-08-01T00:00:00Z
    assert cost_since("2026-08-01T00:00:00Z", 73.0, began + 730 * 3600) == pytest.approx(73.0)
    assert cost_since("2026-08-01T00:00:00Z", 73.0, began) == 0
    assert cost_since("", 73.0, began) is None


def test_a_run_that_did_not_end_is_told_in_lines() -> None:
    found = Unfinished("install", "2026-11-27T06:40:00Z", "", ("a",), (), ("b",), ("c",))
    assert told_unfinished(None) == ()
    headline, *steps = told_unfinished(found)
    assert headline.startswith(
        "The install of 2026-11-27 06:40 UTC did not come to its end: 1 done"
    )
    assert steps == ["done: a", "in doubt: b", "not begun: c"]
