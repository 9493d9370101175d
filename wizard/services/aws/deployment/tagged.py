"""What carries a deployment's tag, whoever knows of it: listed, really there, seen from outside.

AWS's tagging service names what was deleted for a while, so things are asked about one by one.
Where a deployment's state is not at hand it is read from AWS alone: the forwarder carries the tag,
its settings name the node, its policy the log groups it may be called for; the rest is told by the
ARNs of what carries the tag.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.facts import Identity
from wizard.core.installation import Marks
from wizard.core.tfvars import DEPLOYMENT_TAG, Outputs
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, explained, is_not_found
from wizard.services.aws.log_delivery import group_arn


def tagged_resources(clients: Clients, deployment_id: str) -> tuple[str, ...]:
    """ARNs of what carries the tag of this name, whose installation it ever was, in order.

    Auto Scaling groups and most of IAM are not known to AWS's tagging service. Raises WizardError.
    """
    return tuple(arn for arn, _ in _tagged(clients, deployment_id))


def marked_resources(clients: Clients, marks: Marks) -> tuple[str, ...]:
    """The same, of what carries the marks of one installation."""
    return tuple(arn for arn, tags in _tagged(clients, marks.deployment) if marks.cover(tags))


def _tagged(clients: Clients, deployment_id: str) -> list[tuple[str, dict[str, str]]]:
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for what this deployment made"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG, "Values": [deployment_id]}]
        )
        found = [
            (str(m["ResourceARN"]), {str(t["Key"]): str(t["Value"]) for t in m["Tags"]})
            for page in pages
            for m in page["ResourceTagMappingList"]
        ]
    return sorted(found, key=lambda one: one[0])


def tagged_deployments(clients: Clients) -> dict[str, str]:
    """Every deployment of the Region, `<account>-<Region>-<name prefix>`, with its forwarder.

    Each has one, and a removal takes it away; log groups may stay behind. Raises WizardError.
    """
    tagging = clients.client("resourcegroupstaggingapi")
    found: dict[str, str] = {}
    with explained("Looking for deployments by their tag"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG}], ResourceTypeFilters=["lambda:function"]
        )
        for page in pages:
            for item in page["ResourceTagMappingList"]:
                tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
                name = str(item["ResourceARN"]).rpartition(":")[2]
                found.setdefault(tags.get(DEPLOYMENT_TAG, ""), name)
    found.pop("", None)
    return found


_GONE = frozenset(
    ("deleted", "deleting", "shutting-down", "terminated", "failed", "INACTIVE", "DRAINING")
)


def really_there(clients: Clients, arns: Iterable[str]) -> tuple[str, ...]:
    """The ARNs of what exists. What cannot be asked about counts, so that it is named."""
    return tuple(arn for arn in arns if is_there(clients, arn) is not False)


def is_there(clients: Clients, arn: str) -> bool | None:
    """Ask the service itself; None for an unknown kind, or one that may not be read."""
    for pattern, ask in _KINDS.items():
        match = re.fullmatch(pattern, arn)
        if match is None:
            continue
        try:
            return ask(clients, *match.groups())
        except ClientError as error:
            missing = is_not_found(error) or code_of(error).endswith((".NotFound", "NotFound"))
            gone = missing or code_of(error) in ("404", "NoSuchBucket")
            return False if gone else None
        except BotoCoreError:
            return None
    return None


def _function(clients: Clients, name: str) -> bool:
    clients.client("lambda").get_function_configuration(FunctionName=name)
    return True


def _schedule(clients: Clients, name: str) -> bool:
    clients.client("events").describe_rule(Name=name)
    return True


def _log_group(clients: Clients, name: str) -> bool:
    found = clients.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in found)


def _bucket(clients: Clients, name: str) -> bool:
    clients.client("s3").head_bucket(Bucket=name)
    return True


def _parameter(clients: Clients, name: str) -> bool:
    found = clients.client("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
    )
    return bool(found["Parameters"])


def _service(clients: Clients, cluster: str, name: str) -> bool:
    ecs: Any = clients.client("ecs")
    return _living(ecs.describe_services(cluster=cluster, services=[name])["services"])


def _cluster(clients: Clients, name: str) -> bool:
    ecs: Any = clients.client("ecs")
    return _living(ecs.describe_clusters(clusters=[name])["clusters"])


def _provider(clients: Clients, name: str) -> bool:
    ecs: Any = clients.client("ecs")
    return _living(ecs.describe_capacity_providers(capacityProviders=[name])["capacityProviders"])


def _task_definition(clients: Clients, name: str) -> bool:
    ecs: Any = clients.client("ecs")
    return _living([ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]])


def _load_balancer(clients: Clients, tail: str) -> bool:
    elb: Any = clients.client("elbv2")
    return bool(elb.describe_load_balancers(Names=[tail.split("/")[1]])["LoadBalancers"])


def _target_group(clients: Clients, name: str) -> bool:
    elb: Any = clients.client("elbv2")
    return bool(elb.describe_target_groups(Names=[name])["TargetGroups"])


_EC2: Mapping[str, tuple[str, str, str]] = {
    "elastic-ip": ("describe_addresses", "AllocationIds", "Addresses"),
    "internet-gateway": ("describe_internet_gateways", "InternetGatewayIds", "InternetGateways"),
    "launch-template": ("describe_launch_templates", "LaunchTemplateIds", "LaunchTemplates"),
    "natgateway": ("describe_nat_gateways", "NatGatewayIds", "NatGateways"),
    "route-table": ("describe_route_tables", "RouteTableIds", "RouteTables"),
    "security-group": ("describe_security_groups", "GroupIds", "SecurityGroups"),
    "security-group-rule": (
        "describe_security_group_rules",
        "SecurityGroupRuleIds",
        "SecurityGroupRules",
    ),
    "subnet": ("describe_subnets", "SubnetIds", "Subnets"),
    "vpc": ("describe_vpcs", "VpcIds", "Vpcs"),
    "vpc-endpoint": ("describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints"),
}


def _in_ec2(clients: Clients, kind: str, resource_id: str) -> bool | None:
    if kind not in _EC2:
        return None
    operation, parameter, listed = _EC2[kind]
    answer = getattr(clients.client("ec2"), operation)(**{parameter: [resource_id]})
    return _living(answer[listed], "State")


def _living(found: Iterable[Mapping[str, Any]], key: str = "status") -> bool:
    return any(str(one.get(key, "")) not in _GONE for one in found)


_KINDS: Mapping[str, Callable[..., bool | None]] = {
    r"arn:[^:]+:lambda:[^:]*:[^:]*:function:([^:]+)": _function,
    r"arn:[^:]+:events:[^:]*:[^:]*:rule/([^/]+)": _schedule,
    r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?": _log_group,
    r"arn:[^:]+:s3:::([^/]+)": _bucket,
    r"arn:[^:]+:ssm:[^:]*:[^:]*:parameter(/.+)": _parameter,
    r"arn:[^:]+:ecs:[^:]*:[^:]*:service/([^/]+)/(.+)": _service,
    r"arn:[^:]+:ecs:[^:]*:[^:]*:cluster/(.+)": _cluster,
    r"arn:[^:]+:ecs:[^:]*:[^:]*:capacity-provider/(.+)": _provider,
    r"arn:[^:]+:ecs:[^:]*:[^:]*:task-definition/(.+)": _task_definition,
    r"arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:loadbalancer/(.+)": _load_balancer,
    r"arn:[^:]+:elasticloadbalancing:[^:]*:[^:]*:targetgroup/([^/]+)/.+": _target_group,
    r"arn:[^:]+:ec2:[^:]*:[^:]*:([a-z-]+)/(.+)": _in_ec2,
}


_MAIN = "logs-" + hashlib.sha1(b"main", usedforsecurity=False).hexdigest()[:8]
"""Statement of the deployment's first log group in the forwarder's policy (`forwarder.tf`)."""
_ANY = "*"
"""In its place: every log group of the account may be subscribed."""


@dataclass(frozen=True)
class Pictured:
    """A deployment as AWS knows it.

    Attributes:
        outputs: what Terraform would put out; of log groups those that are really subscribed.
        permitted: log groups for which the forwarder may be called, subscribed or not. Of those
            that share the account's statement only the subscribed ones count.
        resources: how many things carry its tag. Auto Scaling and most of IAM are not counted.
        application_id: Wallarm's, as the forwarder sends it.
    """

    outputs: Outputs
    permitted: tuple[str, ...]
    resources: int
    application_id: str = ""


def read_deployment_from_tags(
    clients: Clients,
    identity: Identity,
    deployment_id: str,
    log_groups: Callable[[], Iterable[str]] = tuple,
) -> Pictured | None:
    """Look at a deployment; None where AWS knows none of that id. Raises WizardError.

    Args:
        log_groups: gives those that stages log to; asked where the forwarder may be called for any.
    """
    arns = tagged_resources(clients, deployment_id)
    functions = (arn.rpartition(":")[2] for arn in arns if ":lambda:" in arn)
    found = next(filter(None, (_configuration(clients, name) for name in functions)), None)
    if found is None:
        return None
    name = str(found["FunctionName"])
    variables = found.get("Environment", {}).get("Variables", {})
    statements = _permitted(clients, name)
    main = statements.get(_MAIN, "")
    named = {group for group in statements.values() if group != _ANY}
    asked = {*log_groups()} if _ANY in statements.values() else set()
    subscribed = {group for group in named | asked if _subscribed(clients, group, found)}
    permitted = tuple(sorted(named | subscribed))
    load_balancer = _first(arns, r".*:loadbalancer/app/.+")
    address, group_of_it = _node_balancer(clients, load_balancer)
    service = _first(arns, r".*:service/(.+/.+)")
    outputs = Outputs(
        api_gateway_log_group=main,
        api_gateway_log_group_arn=group_arn(identity, main) if main else "",
        lambda_function_name=name,
        lambda_log_group=f"/aws/lambda/{name}",
        node_url=variables.get("X_NODE_URL", ""),
        node_scheme=variables.get("X_NODE_SCHEME", "http"),
        node_log_group=_first(arns, r".*:log-group:(/ecs/[^:]+).*"),
        lambda_function_arn=str(found["FunctionArn"]),
        lambda_role_arn=str(found.get("Role", "")),
        subscription_filter_name=name,
        undelivered_bucket=_first(arns, r"arn:[^:]+:s3:::(.+-undelivered-.+)"),
        ecs_cluster=_first(arns, r".*:cluster/(.+)"),
        ecs_service=service.rpartition("/")[2],
        target_group_arn=_first(arns, r".*:targetgroup/.+"),
        load_balancer_arn=load_balancer,
        load_balancer_dns_name=address,
        load_balancer_security_group=group_of_it,
        vpc_id=found.get("VpcConfig", {}).get("VpcId", ""),
        suffix=name.rpartition("-")[2],
        api_gateway_log_groups=tuple(sorted(subscribed)),
    )
    return Pictured(
        outputs,
        permitted,
        len(arns),
        variables.get("X_WALLARM_APPLICATION_ID", ""),
    )


def _configuration(clients: Clients, name: str) -> dict[str, Any] | None:
    """None where the tagging service names what was deleted a moment ago."""
    with explained(f"Looking at the function {name}"):
        try:
            return dict(clients.client("lambda").get_function_configuration(FunctionName=name))
        except ClientError as error:
            if is_not_found(error):
                return None
            raise


def _permitted(clients: Clients, name: str) -> dict[str, str]:
    """Statement id → log group, or _ANY, of the forwarder's policy."""
    with explained(f"Looking at who may invoke {name}"):
        try:
            policy = json.loads(clients.client("lambda").get_policy(FunctionName=name)["Policy"])
        except ClientError as error:
            if is_not_found(error):
                return {}
            raise
    found = {}
    for statement in policy.get("Statement", []):
        for condition in statement.get("Condition", {}).values():
            for key, source in condition.items():
                group = str(source).partition(":log-group:")[2].removesuffix(":*")
                if key.lower() == "aws:sourcearn" and group:
                    found[str(statement.get("Sid", ""))] = group
    return found


def _subscribed(clients: Clients, group: str, function: dict[str, Any]) -> bool:
    with explained(f"Looking at the subscriptions of {group}"):
        try:
            answer = clients.client("logs").describe_subscription_filters(logGroupName=group)
        except ClientError as error:
            if is_not_found(error):
                return False
            raise
    arns = (one.get("destinationArn", "") for one in answer["subscriptionFilters"])
    return any(arn.startswith(function["FunctionArn"]) for arn in arns)


def _node_balancer(clients: Clients, arn: str) -> tuple[str, str]:
    """Its address and its security group; empty where there is none, or it is gone."""
    if not arn:
        return "", ""
    with explained("Looking at the node's load balancer"):
        try:
            answer = clients.client("elbv2").describe_load_balancers(LoadBalancerArns=[arn])
        except ClientError as error:
            if is_not_found(error):
                return "", ""
            raise
    one: dict[str, Any] = dict(next(iter(answer["LoadBalancers"]), {}))
    return str(one.get("DNSName", "")), str(next(iter(one.get("SecurityGroups", ())), ""))


def _first(arns: Iterable[str], pattern: str) -> str:
    """The first ARN of that form, or the part of it in brackets; empty where there is none."""
    for arn in arns:
        match = re.fullmatch(pattern, arn)
        if match is not None:
            return match.group(match.lastindex or 0)
    return ""
