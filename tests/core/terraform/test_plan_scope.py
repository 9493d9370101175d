"""What is left of a reviewed plan needs no second review; anything else does."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.terraform.events import PlannedChange
from wizard.core.terraform.plans import beyond, listed, plan_digest


def change(action: str, address: str = "aws_lb.node") -> PlannedChange:
    return PlannedChange(address, "aws_lb", action)


@pytest.mark.parametrize(
    ("reviewed", "fresh", "unseen"),
    [
        ("create", "create", False),
        ("create", "update", False),  # it was made, but not to its end
        ("create", "replace", False),  # Terraform makes a tainted one anew
        ("create", "delete", True),
        ("update", "update", False),
        ("update", "replace", True),
        ("update", "delete", True),
        ("update", "create", True),  # somebody deleted it meanwhile
        ("replace", "create", False),  # the old one is gone already
        ("replace", "replace", False),
        ("delete", "delete", False),
        ("delete", "create", True),
        ("no-op", "update", True),
        ("no-op", "no-op", False),
        ("create", "read", False),
    ],
)
def test_what_nobody_saw_is_told(reviewed: str, fresh: str, unseen: bool) -> None:
    assert bool(beyond([change(reviewed)], [change(fresh)])) is unseen


def test_a_resource_that_was_not_in_the_review_is_told() -> None:
    assert beyond([change("create")], [change("delete", "aws_vpc.this")]) == (
        change("delete", "aws_vpc.this"),
    )
    assert beyond([change("create"), change("update", "b")], []) == ()


def planned(address: str = "aws_lb.node", *actions: str, **values: Any) -> dict[str, Any]:
    return {"address": address, "change": {"actions": [*actions] or ["update"], **values}}


MEANT = plan_digest({"resource_changes": [planned(after={"a": 1}), planned("aws_vpc.this")]})


@pytest.mark.parametrize(
    ("plan", "same"),
    [
        ([planned(after={"a": 1}), planned("aws_vpc.this")], True),
        ([planned("aws_vpc.this"), planned(after={"a": 1})], True),  # in another order
        ([planned(after={"a": 1}), planned("aws_vpc.this"), planned("x", "no-op")], True),
        (  # what exists is taken into the state
            [
                planned(after={"a": 1}),
                planned("aws_vpc.this"),
                planned("x", "no-op", importing={"id": "y"}),
            ],
            False,
        ),
        ([planned(after={"a": 2}), planned("aws_vpc.this")], False),
        ([planned(after={"a": 1})], False),
        ([planned("aws_lb.node", "delete", after={"a": 1}), planned("aws_vpc.this")], False),
        ([planned("aws_lb.other", after={"a": 1}), planned("aws_vpc.this")], False),
        ([], False),
    ],
)
def test_two_plans_mean_the_same_where_they_do_the_same(
    plan: list[dict[str, Any]], same: bool
) -> None:
    assert (plan_digest({"resource_changes": plan}) == MEANT) is same


def test_a_plan_without_changes_means_nothing_whatever_it_looks_at() -> None:
    assert plan_digest({}) == plan_digest({"resource_changes": [planned("x", "no-op")]})


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, ""),
        (1, "0"),
        (5, "0, 1, 2, 3, 4"),
        (6, "0, 1, 2, 3, 4 and 1 more"),
        (9, "0, 1, 2, 3, 4 and 4 more"),
    ],
)
def test_the_first_five_are_named(number: int, said: str) -> None:
    assert listed([str(one) for one in range(number)]) == said
