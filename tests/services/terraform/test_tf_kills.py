"""Killed at random moments, wizard or Terraform, the next start always reaches the same end.

A few seeds run with the suite; SOAK_SEEDS=24 runs more.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from wizard.core.errors import WizardError
from wizard.services.lock import is_held
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import Workspace

pytestmark = pytest.mark.e2e

SEEDS = range(int(os.environ.get("SOAK_SEEDS", "3")))

WIZARD = """
from pathlib import Path
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import WorkspaceId, open_workspace
workspace = open_workspace(WorkspaceId("123456789012", "eu-central-1", "test"), root=Path({root!r}))
with workspace.locked("install"):
    print("begun", flush=True)
    terraform = open_terraform(workspace, terraform={terraform!r})
    terraform.init()
    terraform.apply(terraform.plan())
"""
DELAYS = [0.0, 0.1, 0.3, 0.0, 0.2, 0.1, 0.0, 0.3]


def next_start(workspace: Workspace, terraform_path: str) -> Terraform:
    """What a wizard does when it is started again: look, wait, put right, go on."""
    with workspace.locked("install"):
        terraform = open_terraform(workspace, terraform=terraform_path)
        left = terraform.left_running()
        if left is not None:
            terraform.follow(left)
        terraform.init()
        for _ in range(3):
            plan = terraform.plan()
            if not plan.has_changes:
                plan.discard()
                return terraform
            try:
                terraform.apply(plan)
            except TerraformError as error:
                assert error.retry, error  # noqa: PT017
    raise AssertionError("it did not come to an end")


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_the_next_start_reaches_the_same_end(
    seed: int, opened, workspace: Workspace, terraform_path: str
) -> None:
    chance = random.Random(seed)
    victim = chance.choice(["wizard", "terraform"])
    moment = chance.uniform(0.0, 1.2)
    opened(seconds=DELAYS)
    code = WIZARD.format(root=str(workspace.root), terraform=terraform_path)
    wizard = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert wizard.stdout is not None
    assert wizard.stdout.readline() == "begun\n"
    time.sleep(moment)
    if victim == "wizard":
        wizard.kill()
    else:
        left = open_terraform(workspace, terraform=terraform_path).left_running()
        if left is not None:
            os.kill(left.pid, signal.SIGKILL)
    _, said = wizard.communicate(timeout=60)
    assert "Traceback" not in said or "WizardError" in said or "TerraformError" in said, said

    terraform = next_start(workspace, terraform_path)

    assert len(terraform.state_list()) == len(DELAYS) + 1
    assert workspace.check_state() == len(DELAYS) + 1
    assert list(workspace.plans.iterdir()) == []
    assert terraform.left_running() is None
    assert not is_held(workspace.root / "lock")
    assert not list(workspace.root.rglob("reserve"))
    with pytest.raises(WizardError), workspace.locked(), workspace.locked():
        pass
