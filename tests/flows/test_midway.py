"""In the middle of a run: credentials that end are renewed, an unsaved state finds its place."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note
from wizard.core.facts import Identity
from wizard.core.journal import record
from wizard.core.terraform.events import ChangeSummary, PlannedChange
from wizard.flows.context import Context, Options
from wizard.flows.deployment import credentials, recovery
from wizard.flows.deployment.apply import apply_plan
from wizard.flows.deployment.model import Deployment
from wizard.services.terraform.client import ApplyResult, PlanResult
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:root", "eu-central-1")
EXPIRED = TerraformError("WAG-E-TF-103", "The AWS credentials have expired")
DONE = ApplyResult(ChangeSummary(1, 0, 0, operation="apply"), 1.0)


def plan(*changes: tuple[str, str]) -> PlanResult:
    planned = tuple(PlannedChange(address, "aws_lb", action) for action, address in changes)
    return PlanResult(Path("/none"), "", False, True, ChangeSummary(0, 0, 0), planned, ())


class Terraform:
    """Applies as often as `ends` says it may not; plans `left`."""

    def __init__(self, left: PlanResult, ends: int = 1, refuses: bool = False) -> None:
        self.left, self.ends, self.refuses = left, ends, refuses
        self.applied: list[PlanResult] = []
        self.pushed: list[Path] = []
        self.destroys: list[bool] = []

    def init(self) -> None:
        """There is nothing to prepare."""

    def plan(self, *, destroy: bool = False) -> PlanResult:
        self.destroys.append(destroy)
        return self.left

    def show_plan_json(self, _: PlanResult) -> dict[str, Any]:
        return {}

    def apply(self, wanted: PlanResult, _: object) -> ApplyResult:
        self.applied.append(wanted)
        if len(self.applied) <= self.ends:
            raise EXPIRED
        return DONE

    def push_state(self, path: Path) -> None:
        if self.refuses:
            raise TerraformError("WAG-E-TF-011", "failed", why="cannot import state with serial 3")
        self.pushed.append(path)
        path.unlink()


class Session:
    """Credentials of a profile that a login renews; `logins` are the answers of AWS."""

    def __init__(self, profile: str = "team", logins: tuple[bool, ...] = (True,)) -> None:
        self.profile, self._logins = profile, list(logins)
        self.login_profile = profile
        self.renewed = 0
        self.left: float | None = None

    def renew(self, *, refused: bool = False) -> None:
        self.renewed += 1

    def identity(self) -> Identity:
        if not self._logins.pop(0):
            raise WizardError("WAG-E-AWS-002", "The AWS credentials have expired")
        return IDENTITY

    def seconds_left(self) -> float | None:
        return self.left


class Opened(Deployment):
    """A deployment with a Terraform of the test's own."""

    stand_in: Any

    @property
    def terraform(self) -> Any:
        return self.stand_in


Make = Callable[..., tuple[Opened, list[str]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def made(terraform: Terraform, session: Session, *answers: bool) -> tuple[Opened, list[str]]:
        said: list[str] = []
        left = list(answers)

        def hear(event: FlowEvent) -> None:
            if isinstance(event, Note):
                said.append(f"{event.subject}: {event.text}")

        def ask(question: str) -> bool:
            said.append(question)
            return left.pop(0)

        context = Context(Options(workspace=tmp_path / "w", env={}), hear, ask, ask)
        answers = Answers()
        place = WorkspaceId(IDENTITY.account_id, IDENTITY.region, answers.name_prefix)
        workspace = open_workspace(place, root=tmp_path / "w")
        it = Opened(context, answers, session, IDENTITY, "install", workspace)  # type: ignore[arg-type]
        it.stand_in = terraform
        it.journal.write(record.TERRAFORM_APPLY, "it", "begin")
        return it, said

    return made


def test_after_a_new_login_the_run_goes_on_with_what_is_left(make: Make) -> None:
    reviewed, left = plan(("create", "a"), ("create", "b")), plan(("create", "b"))
    terraform, session = Terraform(left), Session(logins=(False, True))
    deployment, said = make(terraform, session, True, True)
    assert apply_plan(deployment, reviewed) is DONE
    assert terraform.applied == [reviewed, left]
    assert session.renewed == 3
    assert [text for text in said if "aws sso login --profile team" in text]
    assert "credentials: renewed; going on with what is left" in said


def test_credentials_may_end_more_than_once(make: Make) -> None:
    left = plan(("create", "a"))
    terraform = Terraform(left, ends=2)
    deployment, _ = make(terraform, Session(logins=(True, True)), True, True)
    assert apply_plan(deployment, plan(("create", "a"))) is DONE
    assert len(terraform.applied) == 3


def test_a_removal_goes_on_as_a_removal(make: Make) -> None:
    wanted = dataclasses.replace(plan(("delete", "a"), ("delete", "b")), destroy=True)
    terraform = Terraform(plan(("delete", "b")))
    deployment, _ = make(terraform, Session(), True)
    assert apply_plan(deployment, wanted) is DONE
    assert terraform.destroys == [True]


@pytest.mark.parametrize(
    ("profile", "answers", "left"),
    [
        ("team", (False,), plan(("create", "a"))),  # nobody wants to
        ("", (), plan(("create", "a"))),  # keys of the environment stay what they are
        ("team", (True,), plan(("delete", "other"))),  # more than was reviewed
    ],
)
def test_otherwise_it_ends_and_the_next_run_goes_on(
    make: Make, profile: str, answers: tuple[bool, ...], left: PlanResult
) -> None:
    terraform = Terraform(left)
    deployment, _ = make(terraform, Session(profile), *answers)
    with pytest.raises(WizardError, match="WAG-E-TF-103"):
        apply_plan(deployment, plan(("create", "a")))
    assert len(terraform.applied) == 1


def test_shortly_before_they_end_it_is_said_once(make: Make) -> None:
    session = Session()
    session.left = 3600.0
    deployment, said = make(Terraform(plan()), session)
    watch = credentials.Watch(deployment.context, session)  # type: ignore[arg-type]
    began = time.monotonic()
    watch.check_time(began + 100)
    assert said == []
    watch.check_time(began + 3400)
    watch.check_time(began + 3410)
    assert len(said) == 1
    assert "credentials end in 3m 2" in said[0] or "credentials end in 3m 1" in said[0]


@pytest.fixture
def unsaved(tmp_path: Path) -> Path:
    module = tmp_path / "w" / "module-1"
    module.mkdir(parents=True)
    left = module / "errored.tfstate"
    left.write_text('{"serial": 3}')
    return left


def test_a_record_that_was_not_stored_is_put_back_with_consent(make: Make, unsaved: Path) -> None:
    terraform = Terraform(plan())
    deployment, _ = make(terraform, Session(), True)
    recovery._put_state_back(deployment)
    assert terraform.pushed == [unsaved]


def test_one_that_terraform_refuses_is_set_aside_only_when_a_person_says_so(
    make: Make, unsaved: Path
) -> None:
    deployment, said = make(Terraform(plan(), refuses=True), Session(), True, False)
    with pytest.raises(WizardError) as caught:
        recovery._put_state_back(deployment)
    assert caught.value.code == "WAG-E-WS-024"
    assert "serial 3" in caught.value.why
    assert unsaved.exists()

    deployment, said = make(Terraform(plan(), refuses=True), Session(), True, True)
    recovery._put_state_back(deployment)
    assert not unsaved.exists()
    (aside,) = unsaved.parent.glob("errored.tfstate.set-aside-*")
    assert aside.read_text() == '{"serial": 3}'
    assert str(aside) in said[-1]
    assert deployment.state_restored
