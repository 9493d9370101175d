"""A request can be followed at any time, through all connected stages or one."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e


def test_every_connected_stage_is_proved_long_after_the_install(deployed: Deployed) -> None:
    before = deployed.stage_images()
    done = deployed.cli("prove", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["type"] == "Proof"
    assert {one["stage"] for one in found["stages"]} == set(deployed.answers.stages)
    assert deployed.stage_images() == before


def test_one_stage_is_named_and_a_wrong_name_is_answered_with_the_closest(
    deployed: Deployed,
) -> None:
    one = deployed.answers.stages[0]
    done = deployed.cli("prove", one, "--json")
    assert [s["stage"] for s in json.loads(done.stdout.splitlines()[-1])["stages"]] == [one]
    wrong = deployed.cli("prove", one + "x")
    assert wrong.returncode == 2
    assert one in wrong.stderr
