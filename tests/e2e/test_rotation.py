"""Another token reaches SSM and the node's tasks, nothing is planned, and it is left nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.leaks import found_below, found_in

pytestmark = pytest.mark.e2e

ANOTHER = ("another/TOKEN/that/must/not/sing" * 3)[:64]


def held(deployed: Deployed) -> dict[str, Any]:
    """The token's parameter, with its value, as only its owner may see it."""
    found: dict[str, Any] = deployed.client("ssm").get_parameter(
        Name="/wallarm-apigw/api-gw-discovery/token", WithDecryption=True
    )["Parameter"]
    return found


def deployments(deployed: Deployed) -> set[str]:
    """Every rollout of the node's service."""
    (service,) = deployed.client("ecs").describe_services(
        cluster=deployed.outputs.ecs_cluster, services=[deployed.outputs.ecs_service]
    )["services"]
    return {one["id"] for one in service["deployments"]}


def test_a_new_token_is_stored_and_the_tasks_start_anew_with_it(deployed: Deployed) -> None:
    before, rolled_out = held(deployed), deployments(deployed)
    state = deployed.workspace / "state" / "terraform.tfstate"
    planned = state.read_bytes()
    done = deployed.cli("rotate-token", "--yes", "--json", WALLARM_API_TOKEN=ANOTHER)
    try:
        assert done.returncode == 0, done.stderr
        after = held(deployed)
        assert (after["Value"], after["Type"]) == (ANOTHER, "SecureString")
        assert after["Version"] == before["Version"] + 1
        assert len(deployments(deployed) - rolled_out) == 1
        assert state.read_bytes() == planned
        assert found_in((done.stdout + done.stderr).encode(), (ANOTHER,)) == []
        assert found_below(deployed.root, (ANOTHER,)) == []
        for log in deployed.box.root.glob("*.log"):
            assert found_in(log.read_bytes(), (ANOTHER,)) == [], log.name
    finally:
        back = deployed.cli("rotate-token", "--yes", WALLARM_API_TOKEN=deployed.box.token)
    assert back.returncode == 0, back.stderr
    assert held(deployed)["Value"] == before["Value"]


def test_without_a_new_token_nothing_happens(deployed: Deployed) -> None:
    before = held(deployed)
    done = deployed.cli("rotate-token", "--yes", WALLARM_API_TOKEN="")
    assert done.returncode == 2
    assert "The new Wallarm token is missing" in done.stderr
    assert held(deployed) == before
