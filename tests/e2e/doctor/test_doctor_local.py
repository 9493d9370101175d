"""What is wrong on this machine is named as the root cause, and nothing else is guessed at."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.aws_override import AwsOverride
from tests.e2e.conftest import Deployed
from tests.e2e.doctor_breakages import BREAKAGES
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Report, Result, Verdict
from wizard.flows.context import Context, Options
from wizard.flows.doctor import examine as diagnose

pytestmark = pytest.mark.e2e

COVERED_HERE = {f"WAG-LOC-00{n}" for n in range(1, 9)}


def examine(deployed: Deployed, **changes: object) -> Report:
    """The checklist with other options, or other answers."""
    options = replace(deployed.context.options, **changes)  # type: ignore[arg-type]
    return diagnose.run(Context(options, lambda _: None), deployed.answers)


def first(report: Report) -> Result:
    """The first finding."""
    return next(r for r in report.results if r.verdict in (Verdict.FAIL, Verdict.WARN))


def others(report: Report, *apart: str) -> set[Verdict]:
    """The verdicts of all checks but these."""
    return {r.verdict for r in report.results if r.check.check_id not in apart}


# These hang on neither credentials nor workspace.
FREE = ("WAG-LOC-002", "WAG-API-003")


def test_credentials_of_another_account_are_the_root_cause(deployed: Deployed) -> None:
    answers = deployed.answers.with_(account_id="210987654321")
    report = diagnose.run(deployed.context, answers)
    found = first(report)
    assert found.check.check_id == "WAG-LOC-001"
    assert "210987654321" in found.finding.evidence
    assert deployed.box.account_id in found.finding.evidence
    assert others(report, "WAG-LOC-001", *FREE) == {Verdict.SKIPPED}
    assert {r.because for r in report.results if r.because} == {"WAG-LOC-001"}


def test_credentials_that_do_not_exist_are_the_root_cause(deployed: Deployed) -> None:
    env = {k: v for k, v in deployed.env.items() if not k.startswith("AWS_ACCESS")}
    env |= {"AWS_PROFILE": "no-such-profile"}
    report = examine(deployed, env=env)
    assert first(report).check.check_id == "WAG-LOC-001"
    assert "no-such-profile" in first(report).finding.evidence


def test_without_terraform_nothing_else_is_guessed_at(deployed: Deployed, tmp_path: Path) -> None:
    report = examine(deployed, terraform=str(tmp_path / "terraform"))
    assert first(report).check.check_id == "WAG-LOC-002"
    assert str(tmp_path / "terraform") in first(report).finding.evidence
    apart = ("WAG-LOC-006", "WAG-API-002", "WAG-API-004", "WAG-API-007", "WAG-API-008")
    assert others(report, "WAG-LOC-001", *FREE, *apart) == {Verdict.SKIPPED}
    assert {r.because for r in report.results if r.because} == {"WAG-LOC-002"}


@pytest.mark.parametrize(
    ("content", "words"), [("{ not json", "state"), ("", "is gone, but the deployment is not")]
)
def test_a_damaged_state_is_the_root_cause(deployed: Deployed, content: str, words: str) -> None:
    state = deployed.workspace / "state" / "terraform.tfstate"
    held = state.read_bytes()
    state.write_text(content, encoding="utf-8")
    try:
        report = examine(deployed)
    finally:
        state.write_bytes(held)
    assert first(report).check.check_id == "WAG-LOC-003"
    assert words in first(report).finding.evidence
    assert state.read_bytes() == held


def test_a_workspace_without_the_deployment_says_that_its_state_is_elsewhere(
    deployed: Deployed, tmp_path: Path
) -> None:
    empty = Options(workspace=tmp_path / "none", env=deployed.env)
    report = diagnose.run(Context(empty, lambda _: None), deployed.answers)
    assert first(report).check.check_id == "WAG-LOC-003"
    assert first(report).verdict is Verdict.WARN
    assert "The state is not here" in first(report).finding.evidence


def test_a_change_that_never_ended_is_named(deployed: Deployed) -> None:
    journal = deployed.workspace / "journal.jsonl"
    held = journal.read_bytes()
    last = json.loads(held.decode().splitlines()[-1])
    begun = last | {"seq": last["seq"] + 1, "action": "stage.switch", "subject": "abc/prod",
                    "step": "begin", "before": {}, "after": {}}  # fmt: skip
    journal.write_bytes(held + json.dumps(begun).encode() + b"\n")
    try:
        report = examine(deployed)
    finally:
        journal.write_bytes(held)
    assert first(report).check.check_id == "WAG-LOC-004"
    assert "stage.switch abc/prod" in first(report).finding.evidence


def test_another_run_at_work_is_a_warning_that_names_it(deployed: Deployed) -> None:
    from wizard.services.lock import Lock

    with Lock(deployed.workspace / "lock", "install"):
        report = examine(deployed)
    assert first(report).check.check_id == "WAG-LOC-005"
    assert first(report).verdict is Verdict.WARN
    assert "(install)" in first(report).finding.evidence


def test_a_terraform_outside_the_wizard_that_holds_the_state_is_a_warning(
    deployed: Deployed,
) -> None:
    """A real lock of the kernel, held by another process, with the note Terraform writes."""
    state = deployed.workspace / "state" / "terraform.tfstate"
    note = state.with_name(f".{state.name}.lock.info")
    note.write_text(json.dumps({"ID": "x", "Who": "jane@desk", "Operation": "OperationTypeApply"}))
    hold = (
        "import fcntl,sys; f=open(sys.argv[1],'r+'); fcntl.lockf(f, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(state)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            report = examine(deployed)
        finally:
            other.communicate()
            note.unlink()
    found = first(report)
    assert (found.check.check_id, found.verdict) == ("WAG-LOC-005", Verdict.WARN)
    assert "locked: apply by jane@desk" in found.finding.evidence


def test_what_the_credentials_may_not_do_is_a_warning_that_names_it(deployed: Deployed) -> None:
    who = {"Account": deployed.box.account_id, "UserId": "x",
           "Arn": f"arn:aws:iam::{deployed.box.account_id}:user/jane"}  # fmt: skip
    denied = {"EvalActionName": "logs:FilterLogEvents", "EvalResourceName": "*",
              "EvalDecision": "implicitDeny"}  # fmt: skip
    with AwsOverride(deployed.box.endpoint_url) as aws:
        aws.answers["sts.GetCallerIdentity"] = who
        aws.answers["iam.SimulatePrincipalPolicy"] = {"EvaluationResults": [denied]}
        report = examine(deployed, env={**deployed.env, "AWS_ENDPOINT_URL": aws.url})
    assert first(report).check.check_id == "WAG-LOC-006"
    assert first(report).verdict is Verdict.WARN
    assert "logs:FilterLogEvents not allowed to" in first(report).finding.evidence
    assert "user/jane" in first(report).finding.evidence


def test_what_was_changed_outside_terraform_is_drift_and_looking_leaves_it_so(
    deployed: Deployed,
) -> None:
    """A run of Terraform, so it is asked by name only."""
    logs, group = deployed.client("logs"), deployed.outputs.lambda_log_group

    def read() -> Any:
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return next(one for one in found if one["logGroupName"] == group)

    held = read()
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    try:
        report = diagnose.run(deployed.context, deployed.answers, only=("WAG-LOC-007",))
        now = read()
    finally:
        logs.put_retention_policy(logGroupName=group, retentionInDays=held["retentionInDays"])
    assert first(report).check.check_id == "WAG-LOC-007"
    assert first(report).verdict is Verdict.WARN
    assert "aws_cloudwatch_log_group.forwarder" in first(report).finding.evidence
    assert now["retentionInDays"] == 1
    assert list((deployed.workspace / "plans").glob("*")) == []


def test_what_the_credentials_may_not_change_is_told_when_somebody_asks(
    deployed: Deployed,
) -> None:
    who = {"Account": deployed.box.account_id, "UserId": "x",
           "Arn": f"arn:aws:iam::{deployed.box.account_id}:user/jane"}  # fmt: skip
    denied = {"EvalActionName": "ecs:CreateService", "EvalResourceName": "*",
              "EvalDecision": "implicitDeny"}  # fmt: skip
    with AwsOverride(deployed.box.endpoint_url) as aws:
        aws.answers["sts.GetCallerIdentity"] = who
        aws.answers["iam.SimulatePrincipalPolicy"] = {"EvaluationResults": [denied]}
        options = replace(
            deployed.context.options, env={**deployed.env, "AWS_ENDPOINT_URL": aws.url}
        )
        context = Context(options, lambda _: None)
        report = diagnose.run(context, deployed.answers, only=("WAG-LOC-008",))
    assert first(report).check.check_id == "WAG-LOC-008"
    assert first(report).verdict is Verdict.WARN
    assert "ecs:CreateService not allowed to" in first(report).finding.evidence


def test_every_check_is_the_first_finding_of_some_breakage() -> None:
    """What the Wallarm Cloud answers is shown in tests/flows/test_doctor_cloud.py."""
    cloud = {"WAG-API-007", "WAG-API-008", "WAG-API-009"}
    shown = {b.check_id for b in BREAKAGES} | COVERED_HERE | cloud
    assert {c.check_id for c in CHECKS} - shown == set()
