"""What is applied is what a person has seen: a plan that was overtaken is shown again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.cli import install as commands
from wizard.cli import stages as commands_stages
from wizard.cli.console import Console
from wizard.core.answers.model import Answers
from wizard.core.cost import estimate
from wizard.core.errors import WizardError
from wizard.core.facts import ApiType, Identity, Inventory, StageRef, StageSettings
from wizard.core.stages.change import StageChange
from wizard.core.terraform.events import ChangeSummary, PlannedChange
from wizard.core.tfvars import Outputs
from wizard.flows import install
from wizard.flows.install import Review
from wizard.flows.stages import connect as stages
from wizard.services.terraform.client import PlanResult

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:root", "eu-central-1")
ANSWERS = Answers(region="eu-central-1", proof="skip")


def review(*changes: tuple[str, str]) -> Review:
    planned = tuple(PlannedChange(address, "aws_lb", action) for action, address in changes)
    summary = ChangeSummary(len(planned), 0, 0)
    plan = PlanResult(Path("/none"), "", False, bool(planned), summary, planned, ())
    inventory = Inventory(IDENTITY, (), ())
    return Review(ANSWERS, IDENTITY, inventory, (), (), plan, estimate(ANSWERS))


class Job:
    """An install whose deployment changes under its hands as often as `overtaken` says."""

    def __init__(self, overtaken: int) -> None:
        self.overtaken = overtaken
        self.reviews = 0
        self.applied: list[str] = []

    def identify(self) -> Identity:
        return IDENTITY

    def review(self) -> Review:
        self.reviews += 1
        return review(("create", f"aws_lb.number_{self.reviews}"))

    def deploy(self, seen: Review) -> Outputs:
        if self.overtaken:
            self.overtaken -= 1
            raise WizardError("WAG-E-TF-101", "The deployment changed after the plan was reviewed")
        self.applied += [c.address for c in seen.plan.changes]
        return Outputs("group", "arn", "", "function", "url")

    def switch_stages(self, *_: Any) -> tuple[()]:
        return ()

    def prove(self, *_: Any) -> None:
        return None


def run(monkeypatch: pytest.MonkeyPatch, job: Job) -> int:
    @contextmanager
    def opened(*_: Any) -> Iterator[Job]:
        yield job

    monkeypatch.setattr(install, "Install", opened)
    options = argparse.Namespace(yes=True, json=False)
    with Console() as console:
        return commands.run_install(options, {}, ANSWERS, None, console)


def test_a_plan_that_was_overtaken_is_said_made_anew_and_shown_before_it_is_applied(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(overtaken=1)
    assert run(monkeypatch, job) == 0
    assert job.applied == ["aws_lb.number_2"]
    said = capsys.readouterr().err
    assert "changed after the plan was reviewed. Terraform applied nothing; planning anew" in said
    assert said.count("Cost: about") == 2


def test_a_deployment_that_changes_again_and_again_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(overtaken=2)
    with pytest.raises(WizardError, match="WAG-E-TF-101"):
        run(monkeypatch, job)
    assert job.applied == []


class StagesJob:
    """Work on stages whose deployment changes under its hands once."""

    deployment = SimpleNamespace(working=None)

    def __init__(self) -> None:
        self.done: list[str] = []
        self._plans = 0

    def _plan(self) -> PlanResult:
        self._plans += 1
        return review(("create", f"aws_lb.number_{self._plans}")).plan

    def _carry_out(self, plan: PlanResult) -> tuple[()]:
        if self._plans == 1:
            raise WizardError("WAG-E-TF-101", "The deployment changed after the plan was reviewed")
        self.done += [c.address for c in plan.changes]
        return ()

    def review_add(self, refs: tuple[str, ...]) -> Any:
        off = StageSettings()
        change = StageChange(StageRef.parse(refs[0]), ApiType.REST, off, off)
        return SimpleNamespace(changes=(change,), skipped=(), warnings=(), plan=self._plan())

    def add(self, addition: Any) -> tuple[()]:
        return self._carry_out(addition.plan)

    def review_remove(self, refs: tuple[str, ...]) -> Any:
        return SimpleNamespace(
            held=(), back=refs, log_groups=("mine",), plan=self._plan(), undos=()
        )

    def remove(self, withdrawal: Any, _ask: object) -> tuple[()]:
        return self._carry_out(withdrawal.plan)


@pytest.mark.parametrize("action", ["add", "remove"])
def test_stages_are_shown_again_too_where_their_plan_was_overtaken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], action: str
) -> None:
    job, asked = StagesJob(), []

    @contextmanager
    def opened(*_: Any) -> Iterator[StagesJob]:
        yield job

    monkeypatch.setattr(stages, "Stages", opened)
    monkeypatch.setattr(commands_stages, "load_answers", lambda *_, **__: ANSWERS)
    monkeypatch.setattr(commands_stages, "consent", lambda *words: asked.append(words[2]))
    options = argparse.Namespace(action=action, stage=["rest/prod"], json=False, yes=True)
    assert commands_stages.change(options) == 0
    assert job.done == ["aws_lb.number_2"]
    assert len(asked) == 2
    said = capsys.readouterr().err
    assert said.index("create aws_lb.number_1") < said.index("planning anew")
    assert said.index("planning anew") < said.index("create aws_lb.number_2")
