"""Sorts Terraform's resources into the few groups a reader thinks in."""

from __future__ import annotations

from collections.abc import Mapping

NETWORK = "Network"
LOAD_BALANCER = "Load balancer"
NODE = "Node"
FORWARDER = "Forwarder"
LOGS = "Logs"
ACCESS = "Access"
OTHER = "Other"

ORDER = (NETWORK, LOAD_BALANCER, NODE, FORWARDER, LOGS, ACCESS, OTHER)

# The longest prefix that fits a resource type decides.
_BY_TYPE: Mapping[str, str] = {
    "aws_acm_": LOAD_BALANCER,
    "aws_alb": LOAD_BALANCER,
    "aws_appautoscaling_": NODE,
    "aws_autoscaling_": NODE,
    "aws_cloudwatch_": LOGS,
    "aws_cloudwatch_log_subscription_filter": FORWARDER,
    "aws_ecs_": NODE,
    "aws_eip": NETWORK,
    "aws_flow_log": NETWORK,
    "aws_iam_": ACCESS,
    "aws_internet_gateway": NETWORK,
    "aws_kms_": ACCESS,
    "aws_lambda_": FORWARDER,
    "aws_launch_template": NODE,
    "aws_lb": LOAD_BALANCER,
    "aws_nat_gateway": NETWORK,
    "aws_network_": NETWORK,
    "aws_route": NETWORK,
    "aws_route53_": LOAD_BALANCER,
    "aws_s3_": FORWARDER,
    "aws_default_": NETWORK,
    "aws_security_group": NETWORK,
    "aws_service_discovery_": NODE,
    "aws_sqs_": FORWARDER,
    "aws_ssm_": ACCESS,
    "aws_subnet": NETWORK,
    "aws_vpc": NETWORK,
}


def group_of(resource_type: str, address: str = "") -> str:
    """The group of a resource; the name in its address decides for log groups and dashboards."""
    best = max((p for p in _BY_TYPE if resource_type.startswith(p)), key=len, default="")
    group = _BY_TYPE.get(best, OTHER)
    if resource_type == "aws_cloudwatch_log_group" and ".node" in address:
        return NODE
    if resource_type == "aws_cloudwatch_log_group" and (
        ".lambda" in address or "forwarder" in address
    ):
        return FORWARDER
    return group


def group_order(name: str) -> int:
    """Where a group stands in a list."""
    return ORDER.index(name) if name in ORDER else len(ORDER)
