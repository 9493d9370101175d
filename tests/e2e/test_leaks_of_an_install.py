"""A whole install leaves token and keys nowhere, and does with the printed policies alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.leaks import found_below, found_in

pytestmark = pytest.mark.e2e


def test_the_whole_install_left_the_token_nowhere_but_in_its_parameter(deployed: Deployed) -> None:
    secrets = deployed.watched.secrets
    assert found_below(deployed.root, secrets) == []
    assert found_in((deployed.install.stdout + deployed.install.stderr).encode(), secrets) == []
    for log in deployed.box.root.glob("*.log"):
        assert found_in(log.read_bytes(), secrets) == [], log.name


def test_the_token_is_sent_to_its_parameter_and_in_no_other_request(deployed: Deployed) -> None:
    assert "ssm:PutParameter" in deployed.watched.asked
    assert len(deployed.watched.asked) > 100
    assert deployed.watched.in_requests == set()


def test_no_child_gets_the_token_and_only_terraform_and_what_asks_for_it_the_keys(
    deployed: Deployed,
) -> None:
    hits = deployed.watched.children.hits
    assert any("terraform-provi" in name for name in deployed.watched.children.seen)
    assert not [hit for hit in hits if hit.endswith(deployed.box.token[:10] + "…")]
    assert not [hit for hit in hits if "command line" in hit]
    # Python: this program's own question, before the plan, whose keys Terraform would have.
    assert {hit.partition(":")[0] for hit in hits} <= {"terraform", "terraform-provi", "python"}


def test_no_lambda_worker_holds_a_secret(deployed: Deployed) -> None:
    assert deployed.watched.in_workers() == set()


def test_the_state_names_the_parameter_and_holds_no_secret(deployed: Deployed) -> None:
    state = (deployed.workspace / "state" / "terraform.tfstate").read_bytes()
    assert b"/wallarm-apigw/api-gw-discovery/token" in state
    assert found_in(state, deployed.watched.secrets) == []


def test_the_install_did_with_exactly_what_the_printed_policy_allows(deployed: Deployed) -> None:
    assert deployed.watched.refused == []


def test_what_is_handed_to_support_and_shown_by_the_doctor_has_no_token(
    deployed: Deployed, tmp_path: Path
) -> None:
    bundle = deployed.cli("support-bundle", "--yes", HOME=str(tmp_path), TMPDIR=str(tmp_path))
    doctor = deployed.cli("doctor", "--output", "json")
    text = bundle.stdout + bundle.stderr + doctor.stdout + doctor.stderr
    assert found_in(text.encode(), (deployed.box.token,)) == []
    assert found_below(tmp_path, (deployed.box.token,)) == []
    assert found_below(deployed.workspace, (deployed.box.token,)) == []
