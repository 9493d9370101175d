"""The world misbehaves during an apply: what was done is recorded, and the next run goes on.

A few quick ones; `python -m tests.faults` shows all of them, with whole installs.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.machines import Machine
from tests.faults.front import Fault, Front
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.journal import recovery
from wizard.flows.context import Context, Options
from wizard.flows.deployment import adoption
from wizard.flows.deployment.apply import apply_plan
from wizard.flows.deployment.open import open_session, read_deployment
from wizard.sandbox import Sandbox
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("faults")]

GROUPS = 8
MODULE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "retries" { type = number }
provider "aws" {
  skip_metadata_api_check = true
  max_retries             = var.retries
}
resource "aws_cloudwatch_log_group" "first" {
  count             = 4
  name              = "/faults/first-${count.index}"
  retention_in_days = 7
}
resource "aws_cloudwatch_log_group" "then" {
  count             = 4
  name              = "/faults/then-${count.index}"
  retention_in_days = 7
  depends_on        = [aws_cloudwatch_log_group.first]
}
data "aws_iam_policy_document" "reads" {
  statement {
    actions   = ["logs:GetLogEvents"]
    resources = ["${aws_cloudwatch_log_group.first[0].arn}:*"]
  }
}
"""


FULL = "/company/api/billing-access"
FILTER = f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}
provider "aws" {{
  skip_metadata_api_check = true
  max_retries             = 1
}}
resource "aws_cloudwatch_log_subscription_filter" "forwarder" {{
  for_each        = {{ "{FULL}" = "{FULL}" }}
  name            = "wallarm"
  log_group_name  = each.value
  filter_pattern  = ""
  destination_arn = "arn:aws:lambda:us-east-1:123456789012:function:forwarder"
}}
"""


@pytest.fixture(scope="module")
def terraform(
    box: Sandbox, front: Front, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terraform]:
    root = tmp_path_factory.mktemp("faults")
    workspace = open_workspace(WorkspaceId(box.account_id, box.region, "test"), root=root / "w")
    source = root / "source"
    source.mkdir()
    (source / "main.tf").write_text(MODULE)
    workspace.install_module(source)
    workspace.write_variables({"retries": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(root))
        patch.setenv("XDG_DATA_HOME", str(root / "data"))
        it = open_terraform(workspace, env=behind(front, box))
        it.init()
        yield it


def behind(front: Front, box: Sandbox) -> dict[str, str | None]:
    """The environment of a Terraform that sees AWS through the front."""
    cleared: dict[str, str | None] = dict.fromkeys(box.unset)
    return {**cleared, **box.env, "AWS_ENDPOINT_URL": front.url}


def groups(box: Sandbox) -> list[str]:
    logs = Machine(box, box.root).client("logs")
    found = logs.describe_log_groups(logGroupNamePrefix="/faults/")["logGroups"]
    return [g["logGroupName"] for g in found]


def take_over(box: Sandbox, terraform: Terraform) -> None:
    """What was made when the answer was lost: the install finds it by its tags and names."""
    known = terraform.state_list()
    for name in groups(box):
        kind, _, number = name.rpartition("/")[2].partition("-")
        address = f"aws_cloudwatch_log_group.{kind}[{number}]"
        if address not in known:
            terraform.import_(address, name)


def test_an_aws_that_goes_away_in_the_middle_leaves_what_was_made_recorded(
    box: Sandbox, front: Front, terraform: Terraform
) -> None:
    plan = terraform.plan()
    front.begin(Fault("away"), after=5)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    front.end()
    assert caught.value.code == "WAG-E-TF-117"
    assert caught.value.retry
    assert 0 < terraform.workspace.check_state() <= len(groups(box)) < GROUPS


def test_throttling_and_resets_are_got_over_within_the_run_that_goes_on(
    box: Sandbox, front: Front, terraform: Terraform
) -> None:
    terraform.workspace.write_variables({"retries": 10})
    take_over(box, terraform)
    plan = terraform.plan()
    assert plan.has_changes
    front.begin(Fault("refuse", "ThrottlingException", every=3, count=4, service="logs"))
    terraform.apply(plan)
    assert front.hit == 4
    front.begin(Fault("reset", every=3, count=4, service="logs"))
    assert not terraform.plan().has_changes
    assert front.hit == 4
    front.end()
    assert len(groups(box)) == GROUPS == terraform.workspace.check_state()


def test_a_creation_that_was_called_off_keeps_nothing_else_out_of_the_state(
    terraform: Terraform,
) -> None:
    """As Ctrl-C leaves it: made, in the state, tainted, and without what AWS would have told."""
    terraform.forget(("aws_cloudwatch_log_group.then[0]",))
    call_off(terraform)
    with pytest.raises(TerraformError, match="null"):
        terraform.import_("aws_cloudwatch_log_group.then[0]", "/faults/then-0")
    terraform.refresh()
    terraform.import_("aws_cloudwatch_log_group.then[0]", "/faults/then-0")
    assert terraform.workspace.check_state() == GROUPS
    terraform.apply(terraform.plan())  # the one that was cut short is made anew


def call_off(terraform: Terraform) -> None:
    """One of the first is as a creation that was called off leaves it."""
    path = terraform.workspace.state.path
    state = json.loads(path.read_text())
    [cut_short] = [
        one
        for resource in state["resources"]
        if resource["name"] == "first"
        for one in resource["instances"]
        if one["index_key"] == 0
    ]
    cut_short["status"] = "tainted"
    cut_short["attributes"]["arn"] = None
    path.write_text(json.dumps({**state, "serial": state["serial"] + 1}))


@pytest.mark.parametrize("at_once", [False, True])
def test_one_that_cannot_be_taken_over_is_told_and_keeps_none_of_the_others_out(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    there = {f"aws_cloudwatch_log_group.then[{n}]": f"/faults/then-{n}" for n in range(3)}
    terraform.forget(tuple(there))
    names = {**there, "aws_cloudwatch_log_group.then[1]": "/faults/nowhere"}

    def find(_session: object, _kind: str, values: Mapping[str, Any], _marks: object) -> str:
        number = str(values["name"]).rpartition("-")[2]
        return names[f"aws_cloudwatch_log_group.then[{number}]"]

    monkeypatch.setattr(adoption, "find_import_id", find)
    deployment, said = after_an_interruption(terraform)
    plan = adoption.adopt(deployment, terraform.plan(), at_once=at_once)
    assert [c.address for c in plan.changes if c.action == "create"] == [
        "aws_cloudwatch_log_group.then[1]"
    ]
    plan.discard()
    [refused] = [text for text in said if "could not be taken over" in text]
    assert "/faults/nowhere" in refused
    assert "non-existent" in refused
    assert terraform.workspace.check_state() == GROUPS - 1
    terraform.import_("aws_cloudwatch_log_group.then[1]", there["aws_cloudwatch_log_group.then[1]"])


def test_what_is_taken_over_is_reviewed_with_the_plan_and_in_the_state_after_its_apply(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one was called off in the middle: that keeps none of them out."""
    lost = tuple(f"aws_cloudwatch_log_group.then[{n}]" for n in range(4))
    terraform.forget(lost)
    call_off(terraform)
    monkeypatch.setattr(adoption, "find_import_id", lambda _s, _k, values, _m: values["name"])
    monkeypatch.setattr(terraform, "import_", lambda *_: pytest.fail("one by one"))
    deployment, said = after_an_interruption(terraform)
    plan = adoption.adopt(deployment, terraform.plan())
    assert plan.summary.imported == len(lost)
    assert sum("to be taken into the state" in text for text in said) == len(lost)
    assert terraform.workspace.check_state() == GROUPS - len(lost)
    known = recovery.known_names(terraform.show_plan_json(plan)["prior_state"])
    assert {f"/faults/then-{n}" for n in range(4)} <= known
    terraform.apply(plan)
    assert terraform.workspace.check_state() == GROUPS
    assert not terraform.plan().has_changes


def after_an_interruption(terraform: Terraform) -> tuple[Any, list[str]]:
    """A deployment whose state is an older copy, and what is said about it."""
    said: list[str] = []
    return SimpleNamespace(
        context=SimpleNamespace(note=lambda text, *_, **__: said.append(text)),
        journal=SimpleNamespace(entries=(), record=SimpleNamespace(taken_over=None)),
        marks=None,
        session=None,
        state_restored=True,
        terraform=terraform,
        workspace=terraform.workspace,
    ), said


def test_a_log_group_without_room_for_a_filter_is_named_with_the_ways_out(
    box: Sandbox, front: Front, tmp_path: Path
) -> None:
    """AWS's answer over HTTP, what Terraform makes of it, and what the product makes of that."""
    logs = Machine(box, box.root).client("logs")
    siem = f"arn:aws:lambda:{box.region}:{box.account_id}:function:siem"
    logs.put_subscription_filter(
        logGroupName=FULL, filterName="siem", filterPattern="", destinationArn=siem
    )
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "main.tf").write_text(FILTER)
    env = {k: v for k, v in os.environ.items() if k not in box.unset} | box.env
    answers = Answers(region=box.region)
    context = Context(Options(workspace=tmp_path / "w", env=env), lambda event: None)
    session = open_session(context, answers)
    deployment = read_deployment(context, answers, session, session.identity(), "stages")
    deployment.workspace.make()
    deployment.workspace.install_module(tmp_path / "source")
    deployment.workspace.write_variables({})
    terraform = deployment._terraform = open_terraform(
        deployment.workspace, base_env=env, env=behind(front, box)
    )
    terraform.init()
    front.begin(
        Fault("refuse", "LimitExceededException", service="logs", action="PutSubscriptionFilter")
    )
    for _ in range(5):  # now and then the provider closes a connection before it has read
        with pytest.raises(WizardError) as caught:
            apply_plan(deployment, terraform.plan())
        if caught.value.code != "WAG-E-TF-117":
            break
    front.end()
    logs.delete_subscription_filter(logGroupName=FULL, filterName="siem")
    assert front.hit >= 1
    assert caught.value.code == "WAG-E-LOGS-004", caught.value.why
    assert caught.value.what == (
        f"The log group {FULL} has 1 subscription filter, and AWS allows no more"
    )
    assert "LimitExceededException: Resource limit exceeded." in caught.value.why
    assert f"In use: siem → {siem}" in caught.value.why
    for way_out in ("connector's own log group", "remove a filter", "Kinesis or Firehose"):
        assert way_out in caught.value.next_step


def test_credentials_that_end_during_an_install_are_told_and_nothing_is_lost(
    box: Sandbox, front: Front
) -> None:
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder:
        desk = Machine.new(box, Path(folder) / "desk", stages=list(box.sample_stages)[:1])
        front.begin(Fault("refuse", "ExpiredToken", 403), after=8)
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30))
        words = ("--non-interactive", "--yes", "--set", "proof=skip")
        done = desk.cli("install", *words, AWS_ENDPOINT_URL=front.url,
                        AWS_CREDENTIAL_EXPIRATION=ends)  # fmt: skip
        assert done.returncode == 1, done.stderr[-3000:]
        planned = re.search(r"(\d+) to add", done.stderr)
        made = re.search(r"(\d+) resources? made so far", done.stderr)
        assert planned
        assert made, done.stderr[-3000:]
        assert 0 < int(made[1]) < int(planned[1])
        assert "The AWS credentials end in" in done.stderr
        assert "WAG-E-TF-103" in done.stderr
        assert "aws sso login" in done.stderr
        assert "Run the same command again" in done.stderr

        front.end()
        again = desk.cli("install", "--dry-run", "--set", "proof=skip", AWS_ENDPOINT_URL=front.url)
        assert again.returncode == 0, again.stderr[-3000:]
        assert "in doubt" not in again.stderr
        left = re.search(r"(\d+) to add, \d+ to change, (\d+) to remove", again.stderr)
        adopted = again.stderr.count("taken into the state")
        assert left, again.stderr[-3000:]
        replaced = int(left[2])  # Terraform makes anew what it could not look at once it was made
        assert int(left[1]) + int(made[1]) + adopted == int(planned[1]) + replaced
