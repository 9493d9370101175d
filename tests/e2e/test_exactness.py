"""What is applied is what a person has reviewed, whatever happens while they think about it.

Real Terraform on the local AWS; one small installation serves every test here.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine
from tests.typed import Typed
from wizard.cli import install as commands
from wizard.cli.console import Console
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers, parse_file
from wizard.core.errors import WizardError
from wizard.flows import install as flow
from wizard.flows.context import Context, Options
from wizard.sandbox import Sandbox
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("exactness")]
QUESTION = b"Type yes to go on: "
OVERTAKEN = (
    "The deployment changed after the plan was reviewed. Terraform applied nothing; planning anew."
)


@pytest.fixture(scope="module")
def desk() -> Iterator[Machine]:
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        yield Machine.new(box, Path(folder) / "desk", stages=list(box.sample_stages)[:1])


@pytest.fixture
def env(desk: Machine, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """That computer's environment, also for what is done in this process."""
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, desk.env[name])
    return desk.env | {"WALLARM_APIGW_WORKSPACE": str(desk.workspace)}


def by_hand(desk: Machine, *words: str) -> None:
    """Terraform by hand in the deployment's folder, past the wizard."""
    identity = WorkspaceId(desk.box.account_id, desk.box.region, "api-gw-discovery")
    workspace = open_workspace(identity, root=desk.workspace)
    terraform = open_terraform(workspace, base_env=desk.env)
    done = subprocess.run(
        [*terraform.binary.command, *words], cwd=workspace.module, env=terraform.runner.env,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def functions(desk: Machine) -> list[str]:
    return [f["FunctionName"] for f in desk.client("lambda").list_functions()["Functions"]]


def group(desk: Machine) -> dict[str, Any]:
    """The deployment's log group for the APIs."""
    found = desk.client("logs").describe_log_groups(
        logGroupNamePrefix="/aws/apigateway/wallarm-api-discovery-"
    )["logGroups"]
    assert len(found) == 1
    one: dict[str, Any] = found[0]
    return one


def saved_answers(desk: Machine, **changes: Any) -> Answers:
    path = desk.workspace / "answers.json"
    return build_answers(parse_file(path.read_text(encoding="utf-8"), path.name)).with_(**changes)


def test_a_state_that_changed_while_the_person_thought_is_said_and_the_new_plan_is_asked_about(
    desk: Machine,
) -> None:
    install = Typed(
        desk.env, "install", "--answers", str(desk.given), "--set", "proof=skip", patience=300.0
    )
    with install as typed:
        typed.until(QUESTION)
        values = desk.workspace / "terraform.tfvars.json"
        by_hand(desk, "apply", "-auto-approve", "-input=false", f"-var-file={values}",
                "-target=aws_iam_role.forwarder")  # fmt: skip
        typed.type("yes\n")
        typed.until(QUESTION, times=2)
        said = typed.said.decode()
        assert OVERTAKEN in said
        assert "Saved plan is stale" in said
        planned = [int(n) for n in re.findall(r"(\d+) to add", said)]
        assert planned[1] == planned[0] - 1, "the second review is of what is left"
        assert functions(desk) == [], "nothing was applied without a new consent"

        typed.type("yes\n")
        assert typed.end() == 0, typed.said[-3000:]
        assert f"{planned[1]} changes applied" in typed.said.decode()
        assert len(functions(desk)) == 1


def test_an_account_that_changed_since_an_old_review_is_said_and_the_new_plan_is_asked_about(
    desk: Machine,
    env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs, name = desk.client("logs"), group(desk)["logGroupName"]
    asked: list[str] = []

    def filters() -> list[str]:
        found = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
        return [f["filterName"] for f in found]

    (subscription,) = filters()

    def consent(*words: Any) -> None:
        asked.append(words[2])
        if len(asked) == 1:  # a colleague, in the console, while this person thinks
            logs.delete_subscription_filter(logGroupName=name, filterName=subscription)
        else:
            assert filters() == [], "nothing was applied without a new consent"

    monkeypatch.setattr(commands, "consent", consent)
    monkeypatch.setattr(flow, "REVIEW_LASTS", -1.0)
    answers = saved_answers(desk, log_retention_days=30)
    with Console() as console:
        assert commands.run_install(argparse.Namespace(), env, answers, None, console) == 0
    said = capsys.readouterr().err
    assert said.count("● Looking again: the review is ") == 2
    assert OVERTAKEN in said
    assert "Now also to be done: create aws_cloudwatch_log_subscription_filter.forwarder" in said
    assert re.findall(r"(\d+) to add", said) == ["0", "1"]
    assert len(asked) == 2
    # The second look found what was reviewed: that, and only that, was applied.
    assert filters() == [subscription]
    assert group(desk)["retentionInDays"] == 30


def test_a_retry_of_an_overtaken_plan_leads_back_to_the_review(
    desk: Machine, env: dict[str, str]
) -> None:
    context = Context(Options(workspace=desk.workspace, env=env), lambda event: None)
    answers = saved_answers(desk, log_retention_days=60)
    with flow.Install(context, answers) as job:
        seen = job.review()
        by_hand(desk, "taint", 'aws_cloudwatch_log_subscription_filter.forwarder["main"]')
        with pytest.raises(WizardError) as caught:
            job.deploy(seen)
        assert caught.value.code == "WAG-E-TF-101"
        with pytest.raises(WizardError) as caught:
            job.retry(seen)
        assert caught.value.code == "WAG-E-RUN-003"
        assert "replace aws_cloudwatch_log_subscription_filter.forwarder" in caught.value.why
        assert group(desk)["retentionInDays"] == 30, "nothing was applied"
    with flow.Install(context, answers) as job:
        shown = job.review()
        assert "replace" in {change.action for change in shown.plan.changes}
        told = job.read_attributes(shown)
        acting = {c.address for c in shown.plan.changes if c.action not in ("no-op", "read")}
        assert {*told} == acting
        days = [a for a in told["aws_cloudwatch_log_group.api[0]"] if "retention" in a.name]
        assert [(a.name, a.before, a.after) for a in days] == [("retention_in_days", "30", "60")]
        shown.plan.discard()
    assert list((desk.workspace / "plans").iterdir()) == []


def test_a_removal_that_was_overtaken_is_shown_and_asked_about_once_more(desk: Machine) -> None:
    """The last one here: nothing is left after it."""
    removal = Typed(desk.env, "uninstall", "--workspace", str(desk.workspace), patience=300.0)
    with removal as typed:
        typed.until(QUESTION)
        values = desk.workspace / "terraform.tfvars.json"
        by_hand(desk, "apply", "-auto-approve", "-input=false", f"-var-file={values}",
                "-var=dashboard=true", "-target=aws_cloudwatch_dashboard.this")  # fmt: skip
        typed.type("yes\n")
        typed.until(QUESTION, times=2)
        said = typed.said.decode()
        assert OVERTAKEN in said
        assert "Now also to be removed: aws_cloudwatch_dashboard.this" in said
        assert said.count("Infrastructure: ") == 2, "the removal was shown again"
        assert len(functions(desk)) == 1, "nothing was removed without a new consent"
        typed.type("yes\n")
        assert typed.end() == 0, typed.said[-3000:]
    assert functions(desk) == []
