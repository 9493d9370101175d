"""A whole install leaves the token nowhere but in its parameter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.leaks import found_below, found_in

pytestmark = pytest.mark.e2e


def test_the_whole_install_left_the_token_nowhere_but_in_its_parameter(deployed: Deployed) -> None:
    secrets = (deployed.box.token,)
    assert found_below(deployed.root, secrets) == []
    assert found_in((deployed.install.stdout + deployed.install.stderr).encode(), secrets) == []
    for log in deployed.box.root.glob("*.log"):
        assert found_in(log.read_bytes(), secrets) == [], log.name


def test_what_is_handed_to_support_and_shown_by_the_doctor_has_no_token(
    deployed: Deployed, tmp_path: Path
) -> None:
    bundle = deployed.cli("support-bundle", "--yes", HOME=str(tmp_path), TMPDIR=str(tmp_path))
    doctor = deployed.cli("doctor", "--output", "json")
    text = bundle.stdout + bundle.stderr + doctor.stdout + doctor.stderr
    assert found_in(text.encode(), (deployed.box.token,)) == []
    assert found_below(tmp_path, (deployed.box.token,)) == []
    assert found_below(deployed.workspace, (deployed.box.token,)) == []
