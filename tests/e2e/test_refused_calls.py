"""What AWS refuses Terraform's own calls, end to end: `tests.refusing.provider_calls` has the rows.

One deployment on one sandbox, behind the front that refuses; real Terraform, the real provider, the
command line as a user runs it. The same command is given until it comes to its end.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import stage_images
from tests.e2e.machines import Machine
from tests.refusing.front import Answer, RefusingAws
from tests.refusing.provider_calls import GOT_OVER, INSTALL, REMOVAL, Refused, Turn
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.xdist_group("refused-calls")]

GO = ("install", "--non-interactive", "--yes")
TAKE_AWAY = ("uninstall", "--non-interactive", "--yes", "--delete-logs")


@pytest.fixture(scope="module")
def aws(box: Sandbox) -> Iterator[RefusingAws]:
    with RefusingAws(box.endpoint_url) as it:
        yield it


@pytest.fixture(scope="module")
def machine(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With answers that deploy everything: network, node, forwarder; one stage."""
    root = tmp_path_factory.mktemp("refused")
    it = Machine.new(box, root, stages=list(box.sample_stages)[:1])
    assert it.given is not None
    answers = {"region": box.region, "stages": list(box.sample_stages)[:1], "proof": "skip",
               "wallarm_api_host": "us1.api.wallarm.com", "node_tag": "0.25.5"}  # fmt: skip
    it.given.write_text(json.dumps(answers), encoding="utf-8")
    return it


def run(machine: Machine, aws: RefusingAws, *words: str) -> subprocess.CompletedProcess[str]:
    done = machine.cli(*words, AWS_ENDPOINT_URL=aws.url)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def held(machine: Machine) -> dict[str, bool]:
    """Every address in Terraform's state, and whether what is there is good."""
    path = machine.workspace / "state" / "terraform.tfstate"
    if not path.exists():
        return {}
    state: Any = json.loads(path.read_text(encoding="utf-8"))
    return {
        f"{one['type']}.{one['name']}{_key(instance.get('index_key'))}": "status" not in instance
        for one in state["resources"]
        if one["mode"] == "managed"
        for instance in one["instances"]
    }


def _key(key: object) -> str:
    return "" if key is None else f"[{json.dumps(key)}]"


def assert_told(one: Refused, said: str, aws: RefusingAws) -> None:
    """It was refused, and the product says so, what AWS said, and what to do."""
    assert aws.met.get((one.answer.service, one.answer.operation)), f"{one.call}: {said[-3000:]}"
    for words in (one.says, one.answer.words, one.next_step):
        assert words in said, f"{one.name}: {words!r} is not in {said[-5000:]}"


def assert_got_over(answers: tuple[Answer, ...], said: str, aws: RefusingAws) -> None:
    """It was refused, asked for again by the provider, and nobody has to hear of it."""
    for one in answers:
        assert aws.met.get((one.service, one.operation)) == one.times
        assert one.words not in said


def assert_left(turn: Turn, machine: Machine, said: str, costs: str) -> None:
    """What stands is in the state; how many and what they cost is said."""
    there = held(machine)
    assert set(turn.stands) <= {address for address, good in there.items() if good}
    told = costs.format(len(there), turn.costs)
    assert told in said, f"{told!r} is not in {said[-3000:]}"


def test_the_same_command_goes_on_after_each_refusal_and_comes_to_its_end(
    machine: Machine, aws: RefusingAws
) -> None:
    before, others = stage_images(machine.client), whats_there(machine)
    wanted: list[str] = []
    for turn in INSTALL:
        aws.begin(*(one.answer for one in turn.refused))
        done = run(machine, aws, *GO)
        assert done.returncode == 1, done.stderr[-5000:]
        for one in turn.refused:
            assert_told(one, done.stderr, aws)
            assert not held(machine).get(one.missing, False), one.name
        assert_left(
            turn, machine, done.stderr,
            "What stands ({} resources) costs {} until `wallarm-apigw uninstall` removes it. "
            "This run switched no stage.",
        )  # fmt: skip
        assert stage_images(machine.client) == before, "no stage was touched"
        missing = [one.missing for one in turn.refused]
        again = [address for address in wanted if address not in missing]
        assert all(held(machine).get(address) for address in again), "the last turn's is there now"
        wanted += missing
    aws.begin()
    done = run(machine, aws, *GO)
    assert done.returncode == 0, done.stderr[-5000:]
    assert all(held(machine)[address] for address in wanted)
    assert all(held(machine).values())
    assert stage_images(machine.client) != before

    first, second = GOT_OVER
    aws.begin(*(one.answer for one in REMOVAL.refused), *first)
    done = run(machine, aws, *TAKE_AWAY)
    assert done.returncode == 1, done.stderr[-5000:]
    for one in REMOVAL.refused:
        assert_told(one, done.stderr, aws)
    assert_got_over(first, done.stderr, aws)
    assert_left(
        REMOVAL, machine, done.stderr,
        "What is removed stays removed. What still stands ({} resources) costs {} until "
        "`wallarm-apigw uninstall` has removed it.",
    )  # fmt: skip
    assert stage_images(machine.client) == before, "stages are put back before anything is removed"

    aws.begin(*second)
    done = run(machine, aws, *TAKE_AWAY)
    assert done.returncode == 0, done.stderr[-5000:]
    assert_got_over(second, done.stderr, aws)
    assert held(machine) == {}
    assert stage_images(machine.client) == before
    assert whats_there(machine) == others


def whats_there(machine: Machine) -> list[str]:
    """VPCs, NAT gateways, clusters and buckets of the account."""
    ec2, ecs, s3 = (machine.client(name) for name in ("ec2", "ecs", "s3"))
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    return [
        *(one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]),
        *(one["NatGatewayId"] for one in gateways if one["State"] != "deleted"),
        *ecs.list_clusters()["clusterArns"],
        *(bucket["Name"] for bucket in s3.list_buckets()["Buckets"]),
    ]
