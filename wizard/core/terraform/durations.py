"""How long each kind of resource usually takes: shipped defaults, until this machine knows better.

The defaults are typical times on AWS, in seconds, from the timeouts and waiters of the provider and
from general experience: unverified on a particular account, and replaced by what was measured here
as soon as there is a measurement (`services.terraform.history`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

DEFAULT_SECONDS = 3.0
# What a first deployment with a node takes, the same on every page: inferred from the parts below
# and public reports, unverified on a live account. Without a node there is no load balancer to wait
# for.
FIRST_WITH_NODE, WITHOUT_NODE, UPDATE = "7m – 12m", "1m – 3m", "1m – 8m"
# Terraform works on ten things at a time; dependencies leave about this many at once in practice.
PARALLELISM = 3.0

# (create, update, delete)
_USUAL: Mapping[str, tuple[float, float, float]] = {
    "aws_acm_certificate": (8, 5, 3),
    "aws_acm_certificate_validation": (60, 5, 1),
    "aws_autoscaling_group": (40, 15, 120),
    "aws_cloudwatch_dashboard": (2, 2, 2),
    "aws_cloudwatch_event_rule": (2, 2, 2),
    "aws_cloudwatch_event_target": (2, 2, 2),
    "aws_cloudwatch_log_group": (2, 2, 2),
    "aws_cloudwatch_log_subscription_filter": (5, 3, 2),
    "aws_cloudwatch_metric_alarm": (2, 2, 2),
    "aws_ecs_capacity_provider": (12, 12, 12),
    "aws_ecs_cluster": (11, 5, 3),
    "aws_ecs_cluster_capacity_providers": (11, 11, 11),
    "aws_ecs_service": (120, 60, 180),
    "aws_ecs_task_definition": (2, 2, 2),
    "aws_eip": (2, 2, 3),
    "aws_iam_instance_profile": (8, 3, 2),
    "aws_iam_role": (2, 2, 2),
    "aws_iam_role_policy": (2, 2, 2),
    "aws_internet_gateway": (2, 2, 12),
    "aws_lambda_event_invoke_config": (2, 2, 2),
    "aws_lambda_function": (20, 15, 2),
    "aws_lambda_permission": (2, 2, 2),
    "aws_launch_template": (6, 3, 2),
    "aws_lb": (160, 15, 15),
    "aws_lb_listener": (2, 2, 2),
    "aws_lb_target_group": (3, 2, 2),
    "aws_nat_gateway": (105, 5, 55),
    "aws_route": (2, 2, 2),
    "aws_route53_record": (35, 35, 35),
    "aws_route53_zone": (40, 5, 5),
    "aws_s3_bucket": (4, 3, 3),
    "aws_security_group": (4, 3, 30),
    "aws_service_discovery_private_dns_namespace": (40, 10, 40),
    "aws_service_discovery_service": (3, 3, 3),
    "aws_sqs_queue": (27, 10, 5),
    "aws_sqs_queue_policy": (26, 26, 26),
    "aws_subnet": (12, 2, 3),
    "aws_vpc": (12, 5, 2),
}
# A function inside a VPC leaves network interfaces behind that AWS takes back in its own time:
# documented as up to 20 minutes and more; they hold the security group and the subnets.
_ORDER = {"create": 0, "update": 1, "delete": 2}


def usual_apply(*, deploys_node: bool, first: bool) -> str:
    """How long an apply usually takes, in words."""
    if not deploys_node:
        return WITHOUT_NODE
    return FIRST_WITH_NODE if first else UPDATE


def usual_seconds(
    resource_type: str, action: str, learned: Mapping[str, float] | None = None
) -> float:
    """Seconds this usually takes, never below 0.5.

    Args:
        action: create, update or delete; others count as create.
        learned: medians measured on this machine, by `key(resource_type, action)`.
    """
    if learned and (seconds := learned.get(key(resource_type, action), 0.0)) > 0:
        return max(0.5, float(seconds))
    times = _USUAL.get(resource_type)
    return float(times[_ORDER.get(action, 0)]) if times else DEFAULT_SECONDS


def expected_seconds(
    work: Iterable[tuple[str, str]], learned: Mapping[str, float] | None = None
) -> float:
    """Seconds an apply of this work usually takes: (resource type, action) pairs.

    As long as its longest piece, or as all of it with what usually runs at the same time.
    """
    times = [
        sum(usual_seconds(kind, a, learned) for a in _parts(action))
        for kind, action in work
        if action in _ORDER or action == "replace"
    ]
    return max(max(times), sum(times) / PARALLELISM) if times else 0.0


def _parts(action: str) -> tuple[str, ...]:
    return ("delete", "create") if action == "replace" else (action,)


def key(resource_type: str, action: str) -> str:
    """The name under which a median is stored: `aws_lb:create`."""
    return f"{resource_type}:{action}"
