"""A stage's logging belongs to its owner: added, removed, and in the end exactly as it was."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e


def test_every_stage_is_listed_with_how_it_logs_today(deployed: Deployed) -> None:
    listed = deployed.cli("stages", "list", "--json").stdout
    rows = [json.loads(line) for line in listed.splitlines()]
    assert {row["stage"] for row in rows} == set(deployed.images)
    connected = {row["stage"] for row in rows if row["connected"]}
    assert connected == set(deployed.box.sample_stages)


def test_a_stage_is_added_and_removed_and_is_as_before(deployed: Deployed) -> None:
    ref = next(
        ref
        for ref in sorted(set(deployed.images) - set(deployed.box.sample_stages))
        if "accessLogSettings" not in deployed.images[ref]
        and "AccessLogSettings" not in deployed.images[ref]
    )
    before = deployed.stage_images()
    added = deployed.cli("stages", "add", ref, "--yes")
    assert added.returncode == 0, added.stderr[-3000:]
    assert {r for r, image in deployed.stage_images().items() if image != before[r]} == {ref}

    removed = deployed.cli("stages", "remove", ref, "--yes")
    assert removed.returncode == 0, removed.stderr[-3000:]
    assert deployed.stage_images() == before


def test_a_stage_that_does_not_exist_is_refused_with_the_closest_names(deployed: Deployed) -> None:
    ref = deployed.box.sample_stages[0]
    wrong = deployed.cli("stages", "add", ref + "x", "--yes")
    assert wrong.returncode == 2
    assert ref in wrong.stderr


def test_a_stage_changed_by_somebody_else_shows_as_drift(deployed: Deployed) -> None:
    ref = next(r for r in deployed.box.sample_stages if "accessLogSettings" in image(deployed, r))
    api, _, stage = ref.partition("/")
    rest = deployed.client("apigateway")
    wanted = image(deployed, ref)["accessLogSettings"]["format"]
    other = [{"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId"}]
    rest.update_stage(restApiId=api, stageName=stage, patchOperations=other)
    try:
        data = json.loads(deployed.cli("status", "--json").stdout)
        assert [s["ref"] for s in data["stages"] if not s["same"]] == [ref]
    finally:
        other[0]["value"] = wanted
        rest.update_stage(restApiId=api, stageName=stage, patchOperations=other)


def image(deployed: Deployed, ref: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = deployed.stage_images()[ref]
    return found


@pytest.mark.last
def test_what_a_killed_apply_left_in_the_network_is_taken_over(deployed: Deployed) -> None:
    deployed.forget(
        "aws_vpc.this[0]",
        "aws_eip.nat[0]",
        "aws_launch_template.node[0]",
        "aws_lb_target_group.node[0]",
        "aws_route.internet[0]",
        "aws_route_table_association.private[0]",
        'aws_vpc_security_group_ingress_rule.node_from_load_balancer["connector"]',
        "aws_vpc_security_group_egress_rule.node_out[0]",
        "aws_lb_listener.node[0]",
        "aws_autoscaling_group.node[0]",
        "aws_ecs_capacity_provider.node[0]",
        "aws_ecs_service.node[0]",
    )
    again = deployed.cli("install", "--yes", "--set", "proof=skip")
    assert again.returncode == 0, again.stderr[-4000:]
    assert "0 to add" in again.stderr
    assert len(deployed.client("ec2").describe_addresses()["Addresses"]) == 1


@pytest.mark.last
def test_uninstall_shows_first_and_changes_nothing_on_a_dry_run(deployed: Deployed) -> None:
    before = deployed.stage_images()
    dry = deployed.cli("uninstall", "--dry-run")
    assert dry.returncode == 0, dry.stderr[-3000:]
    assert deployed.stage_images() == before


@pytest.mark.last
def test_after_uninstall_every_stage_is_exactly_as_before_the_install(deployed: Deployed) -> None:
    gone = deployed.cli("uninstall", "--yes", "--delete-logs")
    assert gone.returncode == 0, gone.stderr[-4000:]
    assert deployed.stage_images() == deployed.images
    assert deployed.log_policies() == deployed.policies


@pytest.mark.last
def test_after_uninstall_nothing_of_it_is_left_but_what_was_said(deployed: Deployed) -> None:
    assert deployed.client("lambda").list_functions()["Functions"] == []
    assert deployed.client("ecs").list_clusters()["clusterArns"] == []
    assert deployed.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    buckets = [b["Name"] for b in deployed.client("s3").list_buckets()["Buckets"]]
    assert buckets == ["sandbox-audit-archive"]  # a sample stage's own
    ours = "/aws/apigateway/wallarm-api-discovery-"
    groups = deployed.client("logs").describe_log_groups(logGroupNamePrefix=ours)["logGroups"]
    assert groups == []
    names = deployed.client("ssm").describe_parameters()["Parameters"]
    assert [p["Name"] for p in names if "wallarm" in p["Name"].lower()] == []


@pytest.mark.last
def test_a_second_uninstall_finds_nothing_to_do(deployed: Deployed) -> None:
    again = deployed.cli("uninstall", "--yes")
    assert again.returncode == 0, again.stderr[-3000:]
