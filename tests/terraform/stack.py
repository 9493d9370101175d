"""One copy of the module applied to a local AWS, and a look at what is left there afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.terraform.local_aws import LocalAws
from tests.terraform.tool import prepared, terraform, write_variables

TOKEN_PARAMETER = "/wallarm-apigw/token"


class Stack:
    """The module in a folder of its own against `aws`; every command raises on failure."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws = aws
        self.folder = prepared(folder)
        self.env = aws.env
        self.variables: dict[str, Any] = {}
        self.order: list[str] = []

    def apply(self, variables: Mapping[str, Any]) -> dict[str, int]:
        """Apply with these variables; returns the numbers of added, changed and destroyed.

        `order` then holds what began and ended, such as `start delete aws_vpc.this[0]`.
        """
        self.variables = {"region": self.aws.region, **variables}
        write_variables(self.folder, self.variables)
        return self._carry_out("apply")

    def changes(self) -> list[str]:
        """What a further plan would change; empty is what everybody wants."""
        done = self._run(["plan", "-json", "-detailed-exitcode"], accept=(0, 2))
        return [
            f"{event['change']['action']} {event['change']['resource']['addr']}"
            for event in _events(done)
            if event["type"] == "planned_change"
        ]

    def destroy(self) -> dict[str, int]:
        """Destroy everything; `order` is what it was then."""
        return self._carry_out("destroy")

    def state(self) -> list[str]:
        """Addresses in the state, data sources left out."""
        lines = self._run(["state", "list"]).splitlines()
        return [line for line in lines if line and not line.startswith("data.")]

    def untagged(self, wanted: Mapping[str, str]) -> list[str]:
        """Addresses of what could carry these tags and does not, by the state."""
        root = json.loads(self._run(["show", "-json"]))["values"]["root_module"]
        return [
            item["address"]
            for item in root["resources"]
            if item["mode"] == "managed"
            and "tags_all" in item["values"]
            and not wanted.items() <= (item["values"]["tags_all"] or {}).items()
        ]

    def outputs(self) -> dict[str, Any]:
        """Output values by name."""
        raw = json.loads(self._run(["output", "-json"]))
        return {name: item["value"] for name, item in raw.items()}

    def _carry_out(self, command: str) -> dict[str, int]:
        done = self._run([command, "-auto-approve", "-json", "-no-color"])
        self.order = [
            f"{event['type'][6:]} {event['hook']['action']} {event['hook']['resource']['addr']}"
            for event in _events(done)
            if event["type"] in ("apply_start", "apply_complete")
        ]
        return _summary(done)

    def _run(self, arguments: list[str], accept: tuple[int, ...] = (0,)) -> str:
        return terraform(arguments, self.folder, self.env, accept=accept).stdout


def existing(aws: LocalAws) -> set[str]:
    """Everything of the kinds this module makes that exists now, as `kind name`."""
    found: set[str] = set()
    for kind, names in _LISTINGS.items():
        found |= {f"{kind} {name}" for name in names(aws.client)}
    return found


Make = Callable[[str], Any]


def _pages(api: Any, operation: str, key: str, field: str = "", **arguments: Any) -> Iterator[str]:
    for page in api.get_paginator(operation).paginate(**arguments):
        for item in page.get(key, []):
            yield str(item[field] if field else item)


def _records(make: Make) -> Iterator[str]:
    route53 = make("route53")
    for zone in _pages(route53, "list_hosted_zones", "HostedZones", "Id"):
        yield zone
        sets = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        yield from (f"{zone} {item['Name']} {item['Type']}" for item in sets)


def _addresses(make: Make) -> Iterator[str]:
    return (item["AllocationId"] for item in make("ec2").describe_addresses()["Addresses"])


def _nat_gateways(make: Make) -> Iterator[str]:
    for item in make("ec2").describe_nat_gateways()["NatGateways"]:
        if item["State"] != "deleted":
            yield item["NatGatewayId"]


def _ec2(operation: str, key: str, field: str) -> Callable[[Make], Iterator[str]]:
    return lambda make: _pages(make("ec2"), operation, key, field)


def _iam(operation: str, key: str, field: str) -> Callable[[Make], Iterator[str]]:
    return lambda make: _pages(make("iam"), operation, key, field)


_LISTINGS: dict[str, Callable[[Make], Iterator[str]]] = {
    "vpc": _ec2("describe_vpcs", "Vpcs", "VpcId"),
    "subnet": _ec2("describe_subnets", "Subnets", "SubnetId"),
    "security group": _ec2("describe_security_groups", "SecurityGroups", "GroupId"),
    "route table": _ec2("describe_route_tables", "RouteTables", "RouteTableId"),
    "internet gateway": _ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    "endpoint": _ec2("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    "network interface": _ec2(
        "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"
    ),
    "launch template": _ec2("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    "address": _addresses,
    "NAT gateway": _nat_gateways,
    "role": _iam("list_roles", "Roles", "RoleName"),
    "instance profile": _iam("list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    "log group": lambda make: _pages(
        make("logs"), "describe_log_groups", "logGroups", "logGroupName"
    ),
    "function": lambda make: _pages(make("lambda"), "list_functions", "Functions", "FunctionName"),
    "bucket": lambda make: (item["Name"] for item in make("s3").list_buckets()["Buckets"]),
    "parameter": lambda make: _pages(make("ssm"), "describe_parameters", "Parameters", "Name"),
    "load balancer": lambda make: _pages(
        make("elbv2"), "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "target group": lambda make: _pages(
        make("elbv2"), "describe_target_groups", "TargetGroups", "TargetGroupArn"
    ),
    "cluster": lambda make: _pages(make("ecs"), "list_clusters", "clusterArns"),
    "task definition": lambda make: _pages(
        make("ecs"), "list_task_definitions", "taskDefinitionArns", status="ACTIVE"
    ),
    "capacity provider": lambda make: (
        item["name"]
        for item in make("ecs").describe_capacity_providers()["capacityProviders"]
        if item["status"] == "ACTIVE"
    ),
    "auto scaling group": lambda make: _pages(
        make("autoscaling"),
        "describe_auto_scaling_groups",
        "AutoScalingGroups",
        "AutoScalingGroupName",
    ),
    "namespace": lambda make: _pages(
        make("servicediscovery"), "list_namespaces", "Namespaces", "Name"
    ),
    "certificate": lambda make: _pages(
        make("acm"), "list_certificates", "CertificateSummaryList", "CertificateArn"
    ),
    "record": _records,
    "alarm": lambda make: _pages(
        make("cloudwatch"), "describe_alarms", "MetricAlarms", "AlarmName"
    ),
    "dashboard": lambda make: _pages(
        make("cloudwatch"), "list_dashboards", "DashboardEntries", "DashboardName"
    ),
}


def _events(output: str) -> Iterator[dict[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _summary(output: str) -> dict[str, int]:
    for event in _events(output):
        if event["type"] == "change_summary" and event["changes"]["operation"] != "plan":
            return {key: event["changes"][key] for key in ("add", "change", "remove")}
    raise AssertionError(f"Terraform ended without a summary: {os.linesep}{output[-2000:]}")
