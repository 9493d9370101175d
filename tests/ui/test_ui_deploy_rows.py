"""The rows of the deployment: what a group and its resources say while time goes by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from wizard.core.answers.model import Answers
from wizard.core.events import Note, Phase, PhaseChanged, State
from wizard.core.terraform.events import ApplyStart, PlannedChange
from wizard.core.terraform.progress import ProgressReducer
from wizard.ui.deployment_run import RunState
from wizard.ui.screens import review_text
from wizard.ui.screens.progress_rows import headline, progress_rows, rows
from wizard.ui.theme import DARK, make_ink

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


def test_what_a_plan_only_takes_into_the_state_is_reviewed_with_the_rest() -> None:
    changes = (
        PlannedChange(ADDRESS, KIND, "import"),
        PlannedChange("aws_vpc.this", "aws_vpc", "read"),
    )
    found = SimpleNamespace(plan=SimpleNamespace(changes=changes))
    shown = review_text.copied("plan", cast(Any, found), (), Answers(), "")
    assert shown == f"= {ADDRESS}"
    assert set(review_text.SIGNS) == set(review_text.WORDS)


def test_what_the_deployment_took_is_one_number_while_the_run_goes_on_and_after_it() -> None:
    ink = make_ink(DARK.to_color_system().generate())
    run = _run(busy=True, ended=0.0)
    run.started, run.done, run.part_ends = 100.0, {"deploy"}, {"deploy": 220.0}
    assert headline(run, ink, 230.0).plain == "Deployed in 2m 00s."
    run.busy, run.ended = False, 300.0
    assert headline(run, ink, 900.0).plain == "Deployed in 2m 00s."


def test_a_node_that_is_waited_for_has_a_row_of_its_own_with_what_was_seen_last() -> None:
    run = _run(busy=True, ended=0.0)
    titles = [row.title for row in rows(run, (), 1, 141.0, set(), proof=True)]
    assert "Node ready" not in titles, "where no node is waited for"
    run.hear(PhaseChanged(Phase.NODE, State.RUNNING, "Waiting for the node"))
    run.hear(Note("0 of 1 healthy", State.RUNNING, "Node"))
    run.hear(Note("0 of 1 healthy; registration done", State.RUNNING, "Node"))
    found = rows(run, (), 1, 141.0, set(), proof=True)
    names = [row.title for row in found]
    row = found[names.index("Node ready")]
    assert (row.state, row.middle) == (State.RUNNING, "0 of 1 healthy; registration done")
    assert names.index("Node ready") < names.index("Logging on 1 stage")
