"""What is left of a reviewed plan needs no second review; anything else does."""

from __future__ import annotations

import pytest

from wizard.core.terraform.events import PlannedChange
from wizard.core.terraform.plans import beyond


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
