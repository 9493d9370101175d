"""A fleet of three accounts and two Regions: found, planned, and told what is broken in it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.accounts import PREFIX, REGIONS, ROLE, Place, World, organization
from tests.e2e.leaks import descendants
from tests.e2e.machines import finish, kill_terraform

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.xdist_group("fleet")]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with organization() as it:
        yield it


def test_a_fleet_is_found_and_planned_and_what_is_broken_says_why(world: World) -> None:
    desk, box = world.desk, world.desk.box

    # Discovered: a target for each account and Region that has APIs, and none for other ones.
    done = desk.cli("fleet", "discover", "--role", ROLE, "--region", REGIONS[0])
    assert done.returncode == 0, done.stderr[-3000:]
    described = json.loads(done.stdout)
    found = {(t["account_id"], t["region"]): t for t in described["targets"]}
    assert set(found) == set(world.places)
    assert all(("role_arn" in t) == (a != box.account_id) for (a, _), t in found.items())

    # What is common, and what is wrong: a role that nobody made, a Region that is not enabled.
    described["common"] = {
        "node_url": box.node.connector, "node_scheme": "http", "stage_rules": ["stage:prod"],
        "wallarm_api_host": "us1.api.wallarm.com", "proof": "skip",
    }  # fmt: skip
    *_, planned, broken = world.places
    names = {place: target["name"] for place, target in found.items()}
    found[broken]["role_arn"] += "-that-is-gone"
    described["targets"].append({**found[planned], "name": "closed", "region": "me-south-1"})
    world.file.write_text(json.dumps(described), encoding="utf-8")

    # Planned: nothing is changed anywhere, and what is broken says why.
    code, said = world.fleet("--only", names[planned], "--only", names[broken], "--only", "closed",
                             action="plan")  # fmt: skip
    assert code == 1
    assert said[names[planned]]["exit_code"] == 0, said
    assert said[names[broken]]["result"]["error"] == "WAG-E-AWS-007"
    assert "that-is-gone" in said[names[broken]]["result"]["why"]
    assert said["closed"]["result"]["error"] == "WAG-E-AWS-009"
    assert "enabled" in said["closed"]["result"]["next_step"]
    assert all(world.as_before(place) for place in world.places)


def test_a_fleet_is_installed_looked_at_kept_and_removed(world: World) -> None:
    desk = world.desk
    described = json.loads(world.file.read_text(encoding="utf-8"))
    targets = [t for t in described["targets"] if t["name"] != "closed"]
    found = {(t["account_id"], t["region"]): t for t in targets}
    names = {place: target["name"] for place, target in found.items()}
    *well, killed, broken = world.places
    role = found[broken]["role_arn"].removesuffix("-that-is-gone")

    # Installed, while one target's run is killed in the middle of its apply.
    fleet = desk.start("fleet", str(world.file), "install", "--yes", "--non-interactive",
                       "--concurrency", "3")  # fmt: skip
    if not kill_amid_apply(fleet, world, killed, names[killed]):
        pytest.fail(finish(fleet, desk.box)[1][-6000:])
    said_by_all = finish(fleet, desk.box)[1]
    assert fleet.returncode == 1, said_by_all[-3000:]
    assert f"{names[killed]}: exit code -9" in said_by_all
    for place in well:
        functions, destination = world.holds(place)
        assert functions == 1, (place, said_by_all[-3000:])
        assert f":{place[1]}:{place[0]}:log-group:" in destination
    assert world.as_before(broken)
    assert world.holds(killed)[1] == "", "no stage is changed before what it logs to is there"

    # The same once more, for what is missing: the killed one goes on, the mended one begins.
    found[broken]["role_arn"] = role
    world.file.write_text(json.dumps(described), encoding="utf-8")
    code, said = world.fleet("--only", names[killed], "--only", names[broken], action="install")
    assert code == 0, said
    for place in world.places:
        functions, destination = world.holds(place)
        assert functions == 1, place
        assert f":{place[1]}:{place[0]}:log-group:" in destination

    described["targets"] = targets
    world.file.write_text(json.dumps(described), encoding="utf-8")
    code, said = world.fleet(action="status")
    assert code == 0, said
    for place in world.places:
        result = said[names[place]]["result"]
        assert [s["ref"] for s in result["stages"]] == [f"{world.places[place]}/prod"]
        assert result["account_id"] == place[0]
        assert result["unfinished"] == []

    # One target is broken behind its back: doctor says so of that one alone.
    hurt = well[0]
    logs = world.client(hurt, "logs")
    group = world.holds(hurt)[1].rpartition(":")[2]
    (held,) = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    logs.delete_subscription_filter(logGroupName=group, filterName=held["filterName"])
    code, said = world.fleet("--concurrency", "6", action="doctor")
    failed = {name: bad(one["result"]) for name, one in said.items()}
    assert code == 1
    assert [n for n, ids in failed.items() if "WAG-LOG-005" in ids] == [names[hurt]], failed
    logs.put_subscription_filter(
        logGroupName=group, filterName=held["filterName"], filterPattern=held["filterPattern"],
        destinationArn=held["destinationArn"],
    )  # fmt: skip

    # A new API where rules look: it is connected there, and nothing else is touched.
    grown = well[1]
    v2 = world.client(grown, "apigatewayv2")
    api = v2.create_api(Name="refunds", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=api, StageName="prod")
    world.before[grown] = None
    code, said = world.fleet("--only", names[grown], "--only", names[hurt], action="reconcile")
    assert code == 0, said
    assert {n: one["result"]["changed"] for n, one in said.items()} == {
        names[grown]: 1, names[hurt]: 0,
    }  # fmt: skip
    stage = v2.get_stage(ApiId=api, StageName="prod")
    assert f":{grown[1]}:{grown[0]}:" in stage["AccessLogSettings"]["DestinationArn"]

    # Removed: each account is as it was.
    code, said = world.fleet("--delete-logs", action="uninstall")
    assert code == 0, said
    assert "AccessLogSettings" not in v2.get_stage(ApiId=api, StageName="prod")
    v2.delete_api(ApiId=api)
    for place in world.places:
        assert world.holds(place) == (0, ""), place
        assert world.before[place] is None or world.as_before(place), place
        assert world.client(place, "logs").describe_log_groups()["logGroups"] == []
        tagged = world.client(place, "resourcegroupstaggingapi").get_resources()
        assert tagged["ResourceTagMappingList"] == []


def bad(result: dict[str, Any]) -> list[str]:
    return [r["id"] for r in result.get("checks", ()) if r["verdict"] == "failed"]


def kill_amid_apply(fleet: subprocess.Popen[str], world: World, place: Place, target: str) -> bool:
    """SIGKILL to a target's run and its Terraform once that has begun to make things."""
    folder = world.desk.root / "home" / "data" / "wallarm-apigw" / "workspaces"
    workspace = folder / place[0] / place[1] / PREFIX
    end = time.monotonic() + 300
    while time.monotonic() < end and fleet.poll() is None:
        time.sleep(0.05)
        if not begun(workspace / "journal.jsonl"):
            continue
        if not world.client(place, "logs").describe_log_groups()["logGroups"]:
            continue  # nothing was made yet
        for pid in descendants(fleet.pid):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                if any(word.endswith(f"/{target}.answers.json") for word in words):
                    os.kill(pid, signal.SIGKILL)
        kill_terraform(workspace)
        return True
    return False


def begun(journal: Path) -> bool:
    """Whether an apply has begun and not ended."""
    try:
        lines = [json.loads(line) for line in journal.read_text().splitlines()]
    except (OSError, ValueError):
        return False
    steps = [one["step"] for one in lines if one.get("action") == "terraform.apply"]
    return bool(steps) and steps[-1] == "begin"
