"""One run ends in proof that a request arrived; all parts are real but the node."""

from __future__ import annotations

import base64
import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.conftest import Deployed
from wizard.core.tfvars import COMPONENT_TAG, DEPLOYMENT_TAG, INSTALLATION_TAG

pytestmark = pytest.mark.e2e


def results(deployed: Deployed, kind: str) -> list[dict[str, object]]:
    """The JSON lines of one type that the install printed on stdout."""
    lines = [json.loads(line) for line in deployed.install.stdout.splitlines()]
    return [line for line in lines if line["type"] == kind]


def test_stdout_is_json_lines_and_nothing_else(deployed: Deployed) -> None:
    assert results(deployed, "Result"), deployed.install.stdout[-500:]


def test_every_chosen_stage_is_switched(deployed: Deployed) -> None:
    (result,) = results(deployed, "Result")
    states = result["stages"]
    assert isinstance(states, dict)
    assert set(states) == set(deployed.box.sample_stages)
    assert set(states.values()) == {"done"}


def test_the_proof_names_each_hop_and_reaches_the_node(deployed: Deployed) -> None:
    hops = [line["hop"] for line in results(deployed, "HopChanged")]
    assert hops, "no hop was reported"
    last = {hop["key"]: hop for hop in hops if isinstance(hop, dict)}
    assert {hop["state"] for hop in last.values()} == {"done"}
    assert "arrived at the node" in deployed.install.stderr
    times = [hop["at"] for hop in last.values()]
    assert times == sorted(times), "the hops are not told in the order they happened"


def test_stages_that_were_not_chosen_are_untouched(deployed: Deployed) -> None:
    now = deployed.stage_images()
    others = set(deployed.images) - set(deployed.box.sample_stages)
    assert len(others) > 10
    assert {ref: now[ref] for ref in others} == {ref: deployed.images[ref] for ref in others}


def test_every_request_arrives_once_as_it_was_and_none_is_invented(deployed: Deployed) -> None:
    deployed.box.node.reset()
    sent = deployed.box.send_sample(deployed.box.sample_stages, count=10)
    records = deployed.box.node.wait_for(len(sent))
    arrived = Counter(
        (
            r["method"],
            r["path"],
            r["host"],
            r["status"],
            r["source_address"],
            r["user_agent"],
        )
        for r in records
    )
    assert len(sent) > 30
    assert arrived == Counter(s.expected() for s in sent)


def test_a_second_terraform_plan_shows_no_change(deployed: Deployed) -> None:
    assert deployed.in_plan() == []


def test_everything_that_can_have_tags_has_ours(deployed: Deployed) -> None:
    """As AWS answered when Terraform last looked: by them a deployment is found again, and paid."""
    state = deployed.workspace / "state" / "terraform.tfstate"
    wanted = {COMPONENT_TAG, DEPLOYMENT_TAG, INSTALLATION_TAG}
    tagged, without = set(), []
    for resource in json.loads(state.read_text(encoding="utf-8"))["resources"]:
        for instance in resource["instances"]:
            tags = instance["attributes"].get("tags_all")
            if resource["mode"] == "managed" and tags is not None:
                tagged.add(resource["type"])
                if not wanted <= set(tags):
                    without.append(f"{resource['type']}.{resource['name']}")
    assert without == []
    assert len(tagged) > 20, tagged
    (group,) = deployed.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert wanted <= {tag["Key"] for tag in group["Tags"] if tag["PropagateAtLaunch"]}


def test_a_new_instance_writes_the_nodes_configuration(deployed: Deployed, tmp_path: Path) -> None:
    """The user data that AWS hands to an instance, run here with its two folders moved."""
    ec2 = deployed.client("ec2")
    (template,) = ec2.describe_launch_templates()["LaunchTemplates"]
    answer = ec2.describe_launch_template_versions(LaunchTemplateId=template["LaunchTemplateId"])
    data = answer["LaunchTemplateVersions"][-1]["LaunchTemplateData"]["UserData"]
    script = base64.b64decode(data).decode()
    for folder in ("/opt/wallarm-connector", "/etc/ecs"):
        assert folder in script
        script = script.replace(folder, f"{tmp_path}{folder}")
    (tmp_path / "etc/ecs").mkdir(parents=True)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    config = tmp_path / "opt/wallarm-connector/go-node.yaml"
    assert config.stat().st_mode & 0o777 == 0o644
    lines = [line.strip() for line in config.read_text("utf-8").splitlines()]
    assert {'"mode": "connector-server"', '"address": ":5050"', '"version": 4'} <= set(lines)
    agent = (tmp_path / "etc/ecs/ecs.config").read_text("utf-8").splitlines()
    (cluster,) = deployed.client("ecs").list_clusters()["clusterArns"]
    assert agent == [f"ECS_CLUSTER={cluster.rpartition('/')[2]}", "ECS_AWSVPC_BLOCK_IMDS=true"]


def test_a_second_install_changes_nothing(deployed: Deployed) -> None:
    before = deployed.stage_images()
    again = deployed.cli("install", "--non-interactive", "--yes", "--json", "--set", "proof=skip")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "0 to add, 0 to change, 0 to remove" in again.stderr
    assert deployed.stage_images() == before


def test_a_dry_run_changes_nothing_and_needs_no_consent(deployed: Deployed) -> None:
    before = deployed.stage_images()
    dry = deployed.cli("install", "--answers", str(deployed.answers_file), "--dry-run")
    assert dry.returncode == 0, dry.stderr[-3000:]
    assert "nothing was changed" in dry.stderr.lower()
    assert deployed.stage_images() == before


def test_files_of_the_workspace_are_private(deployed: Deployed) -> None:
    open_to_others = [
        str(path.relative_to(deployed.workspace))
        for path in deployed.workspace.rglob("*")
        if ".terraform" not in path.parts and path.lstat().st_mode & 0o077 and not path.is_symlink()
    ]
    assert open_to_others == []
    assert deployed.workspace.stat().st_mode & 0o077 == 0


def test_status_reads_well_as_text_and_as_json(deployed: Deployed) -> None:
    text = deployed.cli("status")
    assert text.returncode == 0, text.stderr
    data = json.loads(deployed.cli("status", "--json").stdout)
    assert len(data["stages"]) == len(deployed.box.sample_stages)
    assert all(stage["same"] for stage in data["stages"])
    assert data["undelivered"] == 0
