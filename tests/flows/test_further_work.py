"""After a failure: what a retry may apply, and how one stage or a whole failed run is undone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.flows.account import World, ended_well
from wizard.core.answers.model import Answers
from wizard.core.cost import estimate
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import StageReport, State
from wizard.core.facts import ApiType, Identity, Inventory, StageRef, StageSettings
from wizard.core.stages.change import StageChange
from wizard.core.terraform.events import ChangeSummary, PlannedChange
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context, Options
from wizard.flows.install import Install, Review
from wizard.flows.stages.connect import Addition, Stages
from wizard.flows.stages.switch import undo_stage
from wizard.flows.uninstall import Uninstall
from wizard.services.aws.permissions import Decision, Permissions
from wizard.services.aws.stages import read_settings
from wizard.services.terraform.client import PlanResult

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:root", "eu-central-1")
ANSWERS = Answers(region="eu-central-1", proof="skip")


def plan(path: Path, *changes: tuple[str, str]) -> PlanResult:
    path.touch()
    planned = tuple(PlannedChange(address, "aws_lb", action) for action, address in changes)
    summary = ChangeSummary(len(planned), 0, 0)
    return PlanResult(path, "", False, bool(planned), summary, planned, ())


def review(path: Path, *changes: tuple[str, str]) -> Review:
    inventory = Inventory(IDENTITY, (), ())
    return Review(ANSWERS, IDENTITY, inventory, (), (), plan(path, *changes), estimate(ANSWERS))


class Failed(Install):
    """An install that failed once; `left` is what planning finds afterwards."""

    left: Review | WizardError

    def review(self) -> Review:
        if isinstance(self.left, WizardError):
            raise self.left
        return self.left


def failed(left: Review | WizardError) -> Failed:
    job = Failed(Context(Options(env={}), lambda _: None), ANSWERS)
    job.left = left
    return job


@pytest.mark.parametrize("action", ["delete", "replace", "update"])
def test_a_retry_never_applies_what_was_not_in_the_review(tmp_path: Path, action: str) -> None:
    seen = review(tmp_path / "seen", ("create", "aws_lb.node"))
    left = review(tmp_path / "left", ("create", "aws_lb.node"), (action, "aws_vpc.this"))
    with pytest.raises(WizardError) as caught:
        failed(left).retry(seen)
    assert caught.value.code == "WAG-E-RUN-003"
    assert f"{action} aws_vpc.this" in caught.value.why
    assert "aws_lb.node" not in caught.value.why
    assert "Go back to Review" in caught.value.next_step
    assert not (tmp_path / "left").exists(), "it holds sensitive values, and nothing will apply it"


@pytest.mark.parametrize("rest", [(), (("create", "aws_lb.node"),), (("replace", "aws_lb.node"),)])
def test_what_is_left_of_the_review_is_applied(
    tmp_path: Path, rest: tuple[tuple[str, str], ...]
) -> None:
    seen = review(tmp_path / "seen", ("create", "aws_lb.node"), ("update", "aws_vpc.this"))
    left = review(tmp_path / "left", *rest)
    assert failed(left).retry(seen) is left
    assert (tmp_path / "left").exists()


def test_a_retry_that_cannot_plan_says_why(tmp_path: Path) -> None:
    refused = WizardError("WAG-E-AWS-002", "The AWS credentials have expired")
    with pytest.raises(WizardError, match="WAG-E-AWS-002"):
        failed(refused).retry(review(tmp_path / "seen"))


class Adding(Stages):
    """Stages that were reviewed once; `left` is what a further look finds."""

    left: Addition
    added: Addition | None = None
    asked_for: tuple[str, ...] = ()

    def review_add(self, refs: tuple[str, ...]) -> Addition:
        self.asked_for = refs
        return self.left

    def add(self, addition: Addition) -> tuple[StageReport, ...]:
        self.added = addition
        return tuple(StageReport(c.ref, "", State.DONE, "") for c in addition.changes)


def change(ref: str, level: str = "") -> StageChange:
    before = StageSettings(logging_level=level)
    return StageChange(StageRef.parse(ref), ApiType.REST, before, StageSettings())


def addition(*changes: StageChange, terraform: PlanResult | None = None) -> Addition:
    outputs = Outputs("group", "arn", "function", "/aws/lambda/function", "url")
    return Addition(changes, (), outputs, terraform, (), Permissions(Decision.ALLOWED))


def adding(left: Addition, *, agrees: bool = False) -> Adding:
    job: Adding = object.__new__(Adding)
    job.context = Context(Options(env={}), lambda _: None, ask_person=lambda _: agrees)
    job.left = left
    return job


def test_a_further_try_is_about_the_stages_it_names() -> None:
    seen = addition(change("a/prod"), change("b/prod"))
    job = adding(addition(change("b/prod")))
    reports = job.add_again(seen, ("b/prod",))
    assert job.asked_for == ("b/prod",)
    assert [str(r.ref) for r in reports] == ["b/prod"]


def test_without_names_it_is_about_all_that_were_reviewed() -> None:
    seen = addition(change("a/prod"), change("b/prod"))
    job = adding(addition(change("a/prod"), change("b/prod")))
    assert len(job.add_again(seen)) == 2
    assert job.asked_for == ("a/prod", "b/prod")


@pytest.mark.parametrize("agrees", [True, False])
def test_a_stage_that_was_changed_meanwhile_takes_a_yes(agrees: bool) -> None:
    seen, now = change("a/prod"), change("a/prod", level="ERROR")
    job = adding(addition(now), agrees=agrees)
    job.add_again(addition(seen))
    assert job.added is not None
    assert job.added.changes == ((now,) if agrees else (seen,))


def test_a_further_try_never_applies_a_plan_that_nobody_has_seen(tmp_path: Path) -> None:
    more = plan(tmp_path / "more", ("delete", "aws_vpc.this"))
    job = adding(addition(change("a/prod"), terraform=more))
    with pytest.raises(WizardError, match="WAG-E-RUN-003") as caught:
        job.add_again(addition(change("a/prod")))
    assert "delete aws_vpc.this" in caught.value.why
    assert job.added is None
    assert not (tmp_path / "more").exists()


def test_what_is_left_of_the_reviewed_plan_is_applied_with_them(tmp_path: Path) -> None:
    reviewed = plan(tmp_path / "seen", ("create", "aws_lb.a"), ("create", "aws_lb.b"))
    rest = plan(tmp_path / "rest", ("create", "aws_lb.b"))
    job = adding(addition(change("a/prod"), terraform=rest))
    job.add_again(addition(change("a/prod"), terraform=reviewed))
    assert job.added is not None
    assert job.added.plan is rest


def test_one_stage_is_put_back_and_its_run_recorded(world: World) -> None:
    stage = next(s for s in world.inventory.stages if s.api.api_type is ApiType.REST)
    assert ended_well(world.connect(world.session, stage))
    with world.open(world.session.begin(), "install") as deployment:
        report = undo_stage(deployment, str(stage.ref))
        assert report.state is State.DONE
        assert stage.ref not in deployment.journal.record.stages
        assert deployment.journal.unfinished is None
    live: Any = read_settings(world.session, stage.ref, stage.api.api_type)
    assert live == stage.settings


def test_a_stage_that_is_not_connected_is_named(world: World) -> None:
    with (
        world.open(world.session, "install") as deployment,
        pytest.raises(UsageError, match="WAG-E-STAGES-004"),
    ):
        undo_stage(deployment, "nobody/prod")


@pytest.mark.parametrize("applied", [True, False])
def test_a_failed_runs_own_log_groups_go_with_it_only_where_nothing_was_deployed_before(
    applied: bool,
) -> None:
    asked: list[bool | None] = []

    class Removal(Uninstall):
        def __init__(self) -> None:
            journal = SimpleNamespace(applied=applied)
            self.deployment = SimpleNamespace(journal=journal)  # type: ignore[assignment]

        def review(self) -> Any:
            return "all"

        def run(self, removal: Any, *, delete_logs: bool | None = None) -> Any:
            assert removal == "all"
            asked.append(delete_logs)

    Removal().undo_failed()
    assert asked == [not applied]
