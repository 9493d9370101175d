"""A review that has become old is planned anew; the plan it had is not left lying about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.terraform.events import ChangeSummary
from wizard.flows.deployment import apply
from wizard.services.terraform.client import PlanResult


def plan(path: Path) -> PlanResult:
    path.touch()
    return PlanResult(path, "", False, True, ChangeSummary(1, 0, 0), (), ())


def deployment(found: PlanResult, does: dict[Path, str]) -> Any:
    @contextmanager
    def phase(*_: Any) -> Iterator[None]:
        yield

    def show(of: PlanResult) -> dict[str, Any]:
        change = {"actions": ["create"], "after": does[of.path]}
        return {"resource_changes": [{"address": "aws_lb.node", "change": change}]}

    return SimpleNamespace(
        context=SimpleNamespace(phase=phase),
        terraform=SimpleNamespace(plan=lambda: found, show_plan_json=show),
    )


def test_the_plan_of_the_review_is_deleted_once_another_takes_its_place(tmp_path: Path) -> None:
    old, new = plan(tmp_path / "old"), plan(tmp_path / "new")
    same = {old.path: "one", new.path: "one"}
    assert apply.look_again(deployment(new, same), old, 700.0) is new
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_no_plan_is_left_where_neither_may_be_applied(tmp_path: Path) -> None:
    old, new = plan(tmp_path / "old"), plan(tmp_path / "new")
    with pytest.raises(WizardError, match="WAG-E-TF-101"):
        apply.look_again(deployment(new, {old.path: "one", new.path: "two"}), old, 700.0)
    assert list(tmp_path.iterdir()) == []
