"""Whether something really is there: AWS's tagging service names what was deleted for a while."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, is_not_found

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
