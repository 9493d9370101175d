"""The world misbehaves during an apply: what was done is recorded, and the next run goes on.

A few quick ones; `python -m tests.faults` shows all of them, with whole installs.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine
from tests.faults.front import Fault, Front
from wizard.sandbox import Sandbox
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace import WorkspaceId, open_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("faults")]

GROUPS = 8
MODULE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "name" { type = string }
variable "retries" { type = number }
provider "aws" {
  skip_metadata_api_check = true
  max_retries             = var.retries
}
resource "aws_cloudwatch_log_group" "first" {
  count             = 4
  name              = "/faults/${var.name}/first-${count.index}"
  retention_in_days = 7
}
resource "aws_cloudwatch_log_group" "then" {
  count             = 4
  name              = "/faults/${var.name}/then-${count.index}"
  retention_in_days = 7
  depends_on        = [aws_cloudwatch_log_group.first]
}
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    need_terraform()
    with Sandbox.start() as it:
        yield it


@pytest.fixture
def front(box: Sandbox) -> Iterator[Front]:
    with Front(box.endpoint_url) as it:
        yield it


def opened(box: Sandbox, front: Front, root: Path, name: str, retries: int) -> Terraform:
    workspace = open_workspace(WorkspaceId(box.account_id, box.region, "test"), root=root / "w")
    source = root / "source"
    source.mkdir()
    (source / "main.tf").write_text(MODULE)
    workspace.install_module(source)
    workspace.write_variables({"name": name, "retries": retries})
    cleared: dict[str, str | None] = dict.fromkeys(box.unset)
    terraform = open_terraform(workspace, env={**cleared, **box.env, "AWS_ENDPOINT_URL": front.url})
    terraform.init()
    return terraform


def groups(box: Sandbox, name: str) -> int:
    logs = Machine(box, box.root).client("logs")
    return len(logs.describe_log_groups(logGroupNamePrefix=f"/faults/{name}/")["logGroups"])


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("throttled", Fault("refuse", "ThrottlingException", every=3, count=6, service="logs")),
        ("reset", Fault("reset", every=4, count=6, service="logs")),
    ],
)
def test_throttling_and_resets_are_got_over_within_the_run(
    name: str, fault: Fault, box: Sandbox, front: Front, tmp_path: Path
) -> None:
    terraform = opened(box, front, tmp_path, name, 10)
    plan = terraform.plan()
    front.begin(fault, after=2)
    assert terraform.apply(plan).summary.add == GROUPS
    assert front.hit == 6
    front.end()
    assert not terraform.plan().has_changes
    assert groups(box, name) == GROUPS


def test_an_aws_that_goes_away_in_the_middle_leaves_what_was_made_recorded(
    box: Sandbox, front: Front, tmp_path: Path
) -> None:
    terraform = opened(box, front, tmp_path, "away", 1)
    plan = terraform.plan()
    front.begin(Fault("away"), after=5)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan)
    assert caught.value.code == "WAG-E-TF-117"
    assert caught.value.retry
    assert 0 < groups(box, "away") < GROUPS
    front.end()
    while (plan := terraform.plan()).has_changes:
        terraform.apply(plan)
    assert groups(box, "away") == GROUPS == terraform.workspace.check_state()


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
        left = re.search(r"(\d+) to add, 0 to change, 0 to remove", again.stderr)
        adopted = again.stderr.count("taken into the state")
        assert left, again.stderr[-3000:]
        assert int(left[1]) + int(made[1]) + adopted == int(planned[1])
