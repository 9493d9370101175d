"""The rows of the deployment: what a group and its resources say while time goes by."""

from __future__ import annotations

import pytest

from wizard.core.terraform.events import ApplyStart, PlannedChange
from wizard.core.terraform.progress import ProgressReducer
from wizard.ui.deployment_run import RunState
from wizard.ui.screens.progress_rows import progress_rows

ADDRESS, KIND = "aws_lb.node", "aws_lb"


def _run(*, busy: bool, ended: float) -> RunState:
    reducer = ProgressReducer()
    reducer.apply(PlannedChange(ADDRESS, KIND, "create"), 100.0)
    reducer.apply(ApplyStart(ADDRESS, KIND, "create"), 100.0)
    return RunState(progress=reducer.snapshot(100.0), busy=busy, ended=ended)


@pytest.mark.parametrize(
    ("busy", "ended", "now", "says"),
    [
        (True, 0.0, 141.0, "41s"),
        (True, 0.0, 400.0, "5m 00s"),
        (False, 130.0, 400.0, "30s"),
    ],
)
def test_a_group_counts_as_long_as_its_resources_do(
    busy: bool, ended: float, now: float, says: str
) -> None:
    group, unit = progress_rows(_run(busy=busy, ended=ended), now, set())
    assert group.right == says
    assert unit.middle.endswith(says)
