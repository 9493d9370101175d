"""Faults of the world during an apply: full disk, changed resources, an AWS that is away."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.services.terraform.local import on_aws
from wizard.core.errors import WizardError
from wizard.core.terraform.events import DriftFound
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import Workspace, WorkspaceId, open_workspace

pytestmark = pytest.mark.e2e
IDENTITY = WorkspaceId("123456789012", "eu-central-1", "test")

FILLING = """
resource "terraform_data" "one" {
  count = 20
  input = join("", [for i in range(1000) : "some text to make the state large"])
}
resource "terraform_data" "fill" {
  depends_on = [terraform_data.one]
  provisioner "local-exec" {
    # All but half a megabyte, counted before: what is given up meanwhile must not be filled too.
    command = <<-EOT
      free=$(df -Pk "$WORKSPACE" | awk 'NR==2 {print $4}')
      dd if=/dev/zero of="$WORKSPACE/fill" bs=64k count=$((free / 64 - 8)) 2>/dev/null
      sleep 1
    EOT
  }
}
resource "terraform_data" "two" {
  depends_on = [terraform_data.fill]
  count      = 20
  input      = join("", [for i in range(1000) : "some text to make the state large"])
}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_during_an_apply_loses_nothing(
    small_disk: Path, tmp_path: Path, terraform_path: str
) -> None:
    workspace = open_workspace(IDENTITY, root=small_disk / "w")
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(FILLING)
    workspace.install_module(source)
    terraform = open_terraform(
        workspace, terraform=terraform_path, env={"WORKSPACE": str(workspace.root)}
    )
    terraform.init()
    assert terraform.apply(terraform.plan()).summary.add == 41
    (workspace.root / "fill").unlink()
    assert workspace.unsaved.files == ()
    assert workspace.check_state() == 41
    assert not terraform.plan().has_changes


def test_what_somebody_changed_by_hand_is_reported_before_it_is_put_right(
    workspace: Workspace, tmp_path: Path, terraform_path: str, local_aws: str
) -> None:
    terraform = on_aws(workspace, tmp_path, terraform_path, local_aws)
    terraform.apply(terraform.plan())
    logs = boto3.client(
        "logs",
        endpoint_url=local_aws,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    logs.put_retention_policy(logGroupName="/test/faults", retentionInDays=30)
    plan = terraform.plan()
    assert plan.summary.change == 1
    address = "aws_cloudwatch_log_group.it"
    assert plan.drift in ((), (DriftFound(address, "aws_cloudwatch_log_group", "update"),))
    terraform.apply(plan)
    groups = logs.describe_log_groups(logGroupNamePrefix="/test/faults")["logGroups"]
    assert groups[0]["retentionInDays"] == 7


def test_an_aws_that_is_away_is_told_plainly_and_soon(
    workspace: Workspace, tmp_path: Path, terraform_path: str
) -> None:
    terraform = on_aws(workspace, tmp_path, terraform_path, "http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(WizardError) as caught:
        terraform.plan()
    assert time.monotonic() - started < 60
    assert caught.value.code == "WAG-E-TF-117"
    assert "127.0.0.1:9" in caught.value.why
