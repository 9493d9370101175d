"""What a deployment looks like from outside: read from AWS alone, where its state is not at hand.

The forwarder carries the deployment's tag. Its settings name the node, its policy the log groups it
may be called for; the rest is told by the ARNs of what carries the tag.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.facts import Identity
from wizard.core.tfvars import Outputs
from wizard.services.aws.client_types import Clients
from wizard.services.aws.deployment import tagged
from wizard.services.aws.errors import explained, is_not_found
from wizard.services.aws.log_delivery import group_arn

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
    arns = tagged.tagged_resources(clients, deployment_id)
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
    address, group_of_it = _load_balancer(clients, load_balancer)
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


def _load_balancer(clients: Clients, arn: str) -> tuple[str, str]:
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
