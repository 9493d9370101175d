"""What follows from what an interrupted run left, in tables."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.journal.record import (
    STAGE_SWITCH,
    TERRAFORM_APPLY,
    TERRAFORM_DESTROY,
    TOKEN_STORE,
    Entry,
)
from wizard.core.journal.recovery import (
    Creation,
    LockHolder,
    Treatment,
    may_lack_something,
    planned_creations,
    to_take_over,
    treat_damaged_state,
    treat_run_lock,
    treat_state_lock,
    was_ever_interrupted,
)

HERE = LockHolder("/home/jane/w", "desk", "jane")


@pytest.mark.parametrize(
    ("held", "treatment"),
    [
        (None, Treatment.NOTHING),
        (HERE, Treatment.REMOVE),
        (LockHolder("/home/jane/other", "desk", "jane"), Treatment.ASK),
        (LockHolder("/home/jane/w", "laptop", "jane"), Treatment.ASK),
        (LockHolder("/home/jane/w", "desk", "carl"), Treatment.ASK),
    ],
)
def test_only_a_lock_that_this_very_workspace_left_goes_unasked(
    held: LockHolder | None, treatment: Treatment
) -> None:
    assert treat_run_lock(held, HERE) is treatment


@pytest.mark.parametrize(
    ("noted", "held", "treatment"),
    [
        (False, False, Treatment.NOTHING),
        (False, True, Treatment.NOTHING),
        (True, False, Treatment.ASK),
        (True, True, Treatment.REFUSE),
    ],
)
def test_a_living_terraforms_lock_is_never_taken(
    noted: bool, held: bool, treatment: Treatment
) -> None:
    assert treat_state_lock(noted=noted, held=held) is treatment


@pytest.mark.parametrize(
    ("local", "copy", "treatment"),
    [
        (True, True, Treatment.ASK),
        (True, False, Treatment.REFUSE),
        (False, True, Treatment.REFUSE),
        (False, False, Treatment.REFUSE),
    ],
)
def test_a_copy_takes_a_states_place_only_where_both_are_here(
    local: bool, copy: bool, treatment: Treatment
) -> None:
    assert treat_damaged_state(local=local, copy=copy) is treatment


def entries(*steps: str) -> list[Entry]:
    """`+apply` begins, `.apply` is done, `!apply` failed."""
    actions = {
        "apply": TERRAFORM_APPLY,
        "destroy": TERRAFORM_DESTROY,
        "stage": STAGE_SWITCH,
        "token": TOKEN_STORE,
    }
    ends = {"+": "begin", ".": "done", "!": "failed"}
    return [
        Entry(n, "2026-11-27T06:40:00+00:00", "run", "install", actions[s[1:]], "it", ends[s[0]])
        for n, s in enumerate(steps, 1)
    ]


@pytest.mark.parametrize(
    ("steps", "lacks", "ever"),
    [
        ((), False, False),
        (("+apply", ".apply"), False, False),
        (("+apply",), True, True),
        (("+apply", "!apply"), True, True),
        (("+apply", "+apply", ".apply"), False, True),
        (("+apply", "!apply", "+apply", ".apply"), False, True),
        (("+destroy",), True, True),
        (("+apply", ".apply", "+destroy", ".destroy"), False, False),
        (("+apply", ".apply", "+destroy"), True, True),
        (("+stage", "+token"), False, False),
        (("+apply", ".apply", "+stage"), False, False),
        (("+apply", "+stage", ".stage"), True, True),
    ],
)
def test_what_the_state_may_lack_is_told_by_how_terraforms_runs_ended(
    steps: tuple[str, ...], lacks: bool, ever: bool
) -> None:
    assert may_lack_something(entries(*steps), state_restored=False) is lacks
    assert was_ever_interrupted(entries(*steps), state_restored=False) is ever
    assert may_lack_something(entries(*steps), state_restored=True) is True
    assert was_ever_interrupted(entries(*steps), state_restored=True) is True


def planned(address: str, *actions: str, mode: str = "managed", **after: Any) -> dict[str, Any]:
    change = {"actions": list(actions), "after": after or None}
    return {"address": address, "type": "aws_vpc", "mode": mode, "change": change}


def test_only_what_a_plan_would_make_may_be_there_already() -> None:
    plan = {
        "resource_changes": [
            planned("aws_vpc.a", "create", name="a"),
            planned("aws_vpc.b", "delete", "create", name="b"),
            planned("aws_vpc.c", "create", "delete", name="c"),
            planned("aws_vpc.d", "no-op", name="d"),
            planned("aws_vpc.e", "update", name="e"),
            planned("aws_vpc.f", "delete"),
            planned("data.aws_vpc.g", "create", mode="data", name="g"),
            planned("aws_vpc.h", "create"),
        ]
    }
    assert planned_creations(plan) == (
        Creation("aws_vpc.a", "aws_vpc", {"name": "a"}),
        Creation("aws_vpc.h", "aws_vpc", {}),
    )
    assert planned_creations({}) == ()


def test_what_terraform_refused_once_is_not_tried_again_in_the_same_run() -> None:
    assert to_take_over({"a": "1", "b": "2"}, {"a"}) == {"b": "2"}
    assert to_take_over({"a": "1"}, ()) == {"a": "1"}
