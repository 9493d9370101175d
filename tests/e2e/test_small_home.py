"""A home of a few megabytes, as AWS CloudShell's gets: Terraform's big files go somewhere else.

A file system of its own stands for the home. The provider is the real one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine
from tests.faults.judge import NotHere
from tests.faults.scenarios import small_disk
from wizard.sandbox import Sandbox

pytestmark = pytest.mark.e2e
MEGABYTES = 64


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def test_a_small_home_is_enough_to_plan_and_stays_almost_empty() -> None:
    need_terraform()
    try:
        with (
            small_disk(MEGABYTES) as home,
            tempfile.TemporaryDirectory(prefix="e2e-tmp-") as elsewhere,
            Sandbox.start() as box,
        ):
            desk = Machine.new(box, home / "desk", stages=list(box.sample_stages)[:1])
            done = desk.cli("install", "--dry-run", "--set", "proof=skip", TMPDIR=elsewhere)
            assert done.returncode == 0, done.stderr[-3000:]
            assert "there is little room at home" in done.stderr
            assert f"in {elsewhere}/" in done.stderr
            assert any(Path(elsewhere).glob("wallarm-apigw-*/*/providers")), "the provider is there"
            assert not list(desk.workspace.rglob("*terraform-provider*"))
            assert size(home) < 2 << 20
    except NotHere as error:
        pytest.skip(str(error))
