"""Killed at random moments while it makes real things: nothing is made twice, nothing is lost.

The things are AWS resources with the deployment's tag, made by the real provider on the local AWS,
every answer of which comes late, so that a kill leaves something that the state does not know. One
seed runs with the suite; SOAK_SEEDS=24 runs more.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machines import Machine, finish, kill_terraform
from tests.faults.front import Fault, Front
from wizard.core.answers.model import Answers
from wizard.core.facts import Identity
from wizard.core.journal import record
from wizard.core.journal.recovery import record_of_intention
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG
from wizard.flows.context import Context, Options
from wizard.flows.deployment.adoption import adopt, list_orphans
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.recovery import settle_interrupted_run
from wizard.sandbox import Sandbox
from wizard.services.aws.deployment import tagged
from wizard.services.aws.session import Session
from wizard.services.lock import is_held
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("kills")]

SEEDS = range(int(os.environ.get("SOAK_SEEDS", "1")))
MODULE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
variable "name" { type = string }
variable "tag" { type = string }
variable "installation" { type = string }
provider "aws" {
  skip_metadata_api_check = true
  s3_use_path_style       = true
  default_tags { tags = { "TAG" = var.tag, "INSTALLATION" = var.installation } }
}
resource "aws_iam_role" "one" {
  count              = 3
  name               = "${var.name}-${count.index}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}
resource "aws_s3_bucket" "two" {
  count  = 2
  bucket = "${var.name}-${count.index}"
}
resource "aws_cloudwatch_log_group" "three" {
  count             = 4
  name              = "/${var.name}/${count.index}"
  retention_in_days = 7
  depends_on        = [aws_iam_role.one]
}
""".replace("TAG", DEPLOYMENT_TAG).replace("INSTALLATION", INSTALLATION_TAG)
MINE = "1111111111111111"
THINGS = 9

WIZARD = """
import json, os, sys
from pathlib import Path
from wizard.core.journal import record
from wizard.core.journal.recovery import record_of_intention
from wizard.services.workspace.journal import Journal
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import WorkspaceId, open_workspace
account, region, prefix, root = sys.argv[1:]
workspace = open_workspace(WorkspaceId(account, region, prefix), root=Path(root))
with workspace.locked("install"):
    terraform = open_terraform(workspace)
    journal = Journal(workspace.journal_file)
    journal.write(record.INSTALLATION_MAKE, "MINE", "done")
    plan = terraform.plan()
    made = record_of_intention([(c.action, c.address) for c in plan.changes], "MINE")
    with journal.running(), journal.effect(record.TERRAFORM_APPLY, prefix, intended=made):
        terraform.apply(plan, lambda event: print(type(event).__name__, flush=True))
""".replace("MINE", MINE)


class Opened(Deployment):
    """The product's deployment, with a module of the test's own."""

    stand_in: Terraform

    @property
    def terraform(self) -> Terraform:
        return self.stand_in


@pytest.fixture
def machine(box: Sandbox) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        yield Machine.new(box, Path(folder) / "desk")


def opened(machine: Machine, front: Front, prefix: str) -> tuple[Opened, list[str]]:
    said: list[str] = []
    box = machine.box
    env = {**machine.env, "AWS_ENDPOINT_URL": front.url}
    context = Context(Options(workspace=machine.root / "w", env=env), lambda e: said.append(str(e)))
    identity = Identity(box.account_id, f"arn:aws:iam::{box.account_id}:root", box.region)
    answers = Answers(region=box.region, name_prefix=prefix)
    session = Session(region=box.region, env=env)
    place = WorkspaceId(identity.account_id, identity.region, prefix)
    workspace = open_workspace(place, root=machine.root / "w")
    it = Opened(context, answers, session, identity, "install", workspace)
    if it.workspace.module is None:
        source = machine.root / "source"
        source.mkdir()
        (source / "main.tf").write_text(MODULE)
        it.workspace.install_module(source)
        it.workspace.write_variables(
            {"name": prefix, "tag": it.deployment_id, "installation": MINE}
        )
    it.stand_in = open_terraform(it.workspace, base_env=env, env=session.environment())
    return it, said


def there(machine: Machine, prefix: str) -> list[str]:
    """Everything of this name in the account."""
    client: Any = machine.client
    logs = client("logs").describe_log_groups(logGroupNamePrefix=f"/{prefix}/")["logGroups"]
    names = [r["RoleName"] for r in client("iam").list_roles()["Roles"]]
    names += [b["Name"] for b in client("s3").list_buckets()["Buckets"]]
    return [g["logGroupName"] for g in logs] + [n for n in names if n.startswith(prefix)]


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_while_it_makes_things_none_is_made_twice_and_none_is_forgotten(
    seed: int, machine: Machine, front: Front
) -> None:
    chance = random.Random(seed)
    victim = chance.choice(["terraform", "terraform", "wizard"])
    prefix = f"kill-{seed}"
    deployment, _ = opened(machine, front, prefix)
    deployment.terraform.init()
    box, workspace = machine.box, deployment.workspace
    wizard = subprocess.Popen(
        [sys.executable, "-c", WIZARD, box.account_id, box.region, prefix, str(workspace.root)],
        env={**machine.env, "AWS_ENDPOINT_URL": front.url},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert wizard.stdout is not None
    front.begin(Fault("slow", seconds=0.4))
    assert "ApplyStart\n" in wizard.stdout, "from now on something is being made"
    moment = time.monotonic() + chance.uniform(0.2, 4.0)
    while time.monotonic() < moment and wizard.poll() is None:
        time.sleep(0.05)
    if victim == "wizard":
        wizard.kill()
    else:
        kill_terraform(workspace.root)
    finish(wizard, machine.box)
    front.end()

    deployment, said = opened(machine, front, prefix)
    with deployment.workspace.locked("install"):
        settle_interrupted_run(deployment)
        plan = adopt(deployment, deployment.terraform.plan())
        made = record_of_intention([(c.action, c.address) for c in plan.changes], MINE)
        with deployment.journal.effect(record.TERRAFORM_APPLY, prefix, intended=made):
            for _ in range(3):
                try:
                    deployment.terraform.apply(plan)
                    break
                except TerraformError as error:
                    if not error.retry:
                        raise
                    plan = adopt(deployment, deployment.terraform.plan())
        assert list_orphans(deployment) == ()
        again = deployment.terraform.plan()
        assert not again.has_changes, again.changes
        again.discard()

    print(f"seed {seed}: {victim} killed, {str(said).count('taken into the state')} taken over")
    assert workspace.check_state() == THINGS, said
    assert len(there(machine, prefix)) == THINGS
    assert len(tagged.tagged_resources(deployment.session, deployment.deployment_id)) <= THINGS
    assert not is_held(workspace.root / "lock")
    assert workspace.unsaved.files == ()
    assert list(workspace.plans.iterdir()) == []
