"""What AWS and Terraform ask for that no recording on the local AWS shows, as data with sources.

Five kinds: what AWS asks *as the caller* when another action is used (`by` names that action); what
the provider calls only on an update, only on a removal, or only from version 6 on (5.100.0 is the
one that runs here); and what only some circumstance of an account makes the product call. Read in
AWS's documentation and the provider's source, not seen on AWS. The policy test joins this table
with what was recorded: printed policies hold all of both, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wizard.core.answers.model import Answers
from wizard.core.permissions import grants

CALLER, UPDATE, REMOVAL, PROVIDER_6 = "caller", "update", "removal", "provider 6"
CIRCUMSTANCE = "circumstance"
DEPLOY, UNINSTALL = ("deploy",), ("uninstall",)
BOTH = ("deploy", "uninstall")


def always(_answers: Answers) -> bool:
    """In every mode."""
    return True


class Row(NamedTuple):
    """Some actions, when they are asked for, in which policies, and who says so.

    Args:
        by: the action whose use makes AWS ask as the caller (`<service>:<operation>`); empty where
            the provider or the product makes the call itself.
        on: an ARN as AWS would check it, for answers with the default name prefix; "*" for any.
        what: what it is for, or what has to happen before it is called.
    """

    kind: str
    by: str
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    mode: Callable[[Answers], bool]
    what: str
    source: str
    on: str = "*"


_ELB = "Elastic Load Balancing User Guide, API permissions"
_MAP = "Cloud Map Developer Guide, identity-based policies"
_LAMBDA = "Lambda Developer Guide, giving functions access to a VPC"
_SCALING = "EC2 Auto Scaling User Guide, launch template permissions"
_ECS = "ECS Developer Guide, service-linked roles and capacity providers"
_GATEWAY = "API Gateway Developer Guide, logging for HTTP APIs: permissions"
_PROVIDER = "provider hashicorp/aws, "
_EC2_ARN = "arn:aws:ec2:us-east-1:123456789012:"
_OWN_ECS = "arn:aws:ecs:us-east-1:123456789012:"
_OWN_BUCKET = "arn:aws:s3:::api-gw-discovery-undelivered-0"
_CLAIM = "arn:aws:ssm:us-east-1:123456789012:parameter/wallarm-apigw/api-gw-discovery/installation"
_RULE = "arn:aws:events:us-east-1:123456789012:rule/api-gw-discovery-replay-0"
_OWN_GATEWAY_ROLE = "arn:aws:iam::123456789012:role/wallarm-apigw-cloudwatch-us-east-1"

ROWS: tuple[Row, ...] = (
    # --- asked as the caller ---
    Row(CALLER, "elasticloadbalancing:CreateLoadBalancer",
        ("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways",
         "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
         "iam:CreateServiceLinkedRole"), DEPLOY, grants.own_node, "the network it is put into",
        _ELB),
    Row(CALLER, "elasticloadbalancing:CreateTargetGroup",
        ("ec2:DescribeInternetGateways", "ec2:DescribeVpcs", "iam:CreateServiceLinkedRole"),
        DEPLOY, grants.own_node, "the VPC of the targets", _ELB),
    Row(CALLER, "elasticloadbalancing:SetSubnets", ("ec2:DescribeSubnets",), DEPLOY,
        grants.own_node, "the new subnets", _ELB),
    Row(CALLER, "lambda:CreateFunction",
        ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"), DEPLOY,
        grants.forwarder_in_vpc, "the network it is put into", _LAMBDA),
    Row(CALLER, "lambda:UpdateFunctionConfiguration",
        ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"), DEPLOY,
        grants.forwarder_in_vpc, "the network it is put into", _LAMBDA),
    Row(CALLER, "autoscaling:CreateAutoScalingGroup",
        ("ec2:RunInstances", "ec2:CreateTags", "ssm:GetParameters", "iam:CreateServiceLinkedRole"),
        DEPLOY, grants.own_node, "whether the caller could start the instance", _SCALING),
    Row(CALLER, "autoscaling:UpdateAutoScalingGroup",
        ("ec2:RunInstances", "ec2:CreateTags", "ssm:GetParameters"), DEPLOY, grants.own_node,
        "whether the caller could start the instance", _SCALING),
    Row(CALLER, "ecs:CreateCluster", ("iam:CreateServiceLinkedRole",), DEPLOY, grants.own_node,
        "ECS's own role, made with the account's first cluster", _ECS),
    Row(CALLER, "ecs:CreateCapacityProvider", ("autoscaling:CreateOrUpdateTags",), DEPLOY,
        grants.own_node, "its tag AmazonECSManaged on the group", _ECS),
    Row(CALLER, "servicediscovery:CreatePrivateDnsNamespace",
        ("route53:CreateHostedZone", "route53:GetHostedZone", "route53:ListHostedZonesByName",
         "ec2:DescribeVpcs", "ec2:DescribeRegions"), DEPLOY, grants.own_node,
        "the zone that Cloud Map keeps", _MAP),
    Row(CALLER, "servicediscovery:DeleteNamespace", ("route53:DeleteHostedZone",), BOTH,
        grants.own_node, "that zone's end", _MAP),
    Row(CALLER, "servicediscovery:DeregisterInstance", ("route53:ChangeResourceRecordSets",), BOTH,
        grants.own_node, "the name of a task that is still leaving; health checks it has none",
        _MAP),
    Row(CALLER, "apigatewayv2:UpdateStage",
        ("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
         "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
         "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"), BOTH, always,
        "log delivery of an HTTP API", _GATEWAY),
    Row(CALLER, "apigatewayv2:DeleteAccessLogSettings",
        ("logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries"), BOTH, always,
        "log delivery of an HTTP API", _GATEWAY),
    # --- only on an update ---
    Row(UPDATE, "", ("autoscaling:CancelInstanceRefresh", "autoscaling:DescribeInstanceRefreshes"),
        DEPLOY, grants.own_node, "a rolling update that is under way",
        _PROVIDER + "internal/service/autoscaling/group.go"),
    # --- only on a removal ---
    Row(REMOVAL, "",
        ("ec2:DescribeNetworkInterfaces", "ec2:DetachNetworkInterface",
         "ec2:DeleteNetworkInterface"), BOTH, grants.forwarder_in_vpc,
        "interfaces that Lambda left in a security group or subnet",
        _PROVIDER + "internal/service/ec2/vpc_security_group.go, deleteLingeringLambdaENI",
        _EC2_ARN + "network-interface/eni-0"),
    Row(REMOVAL, "", ("servicediscovery:DeregisterInstance",), BOTH, grants.own_node,
        "a task that is still leaving", _PROVIDER + "internal/service/servicediscovery/service.go"),
    Row(REMOVAL, "", ("ecs:ListContainerInstances", "ecs:DeregisterContainerInstance"), BOTH,
        grants.own_node, "an instance that stayed registered when it died",
        "ECS Developer Guide, deregistering container instances",
        _OWN_ECS + "cluster/api-gw-discovery-0"),
    Row(REMOVAL, "", ("ec2:DisassociateAddress",), BOTH, grants.own_vpc,
        "a NAT gateway that was removed by hand", _PROVIDER + "internal/service/ec2/ec2_eip.go"),
    Row(REMOVAL, "", ("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"), BOTH,
        always, "events that still wait", _PROVIDER + "internal/service/s3/bucket.go"),
    # --- only from provider 6 on ---
    Row(PROVIDER_6, "", ("ecs:ListServiceDeployments",), DEPLOY, grants.own_node,
        "wait_for_steady_state; any error fails the apply after the service was made",
        _PROVIDER + "6.x internal/service/ecs/service.go",
        _OWN_ECS + "service/api-gw-discovery-0/api-gw-discovery-node"),
    Row(PROVIDER_6, "", ("ecs:DescribeServiceDeployments",), DEPLOY, grants.own_node,
        "the same", _PROVIDER + "6.x internal/service/ecs/service.go",
        _OWN_ECS + "service-deployment/api-gw-discovery-0/api-gw-discovery-node/0"),
    Row(PROVIDER_6, "", ("s3:TagResource", "s3:UntagResource"), DEPLOY, always,
        "tags of a bucket by S3 Control, from 6.23.0 on; denied, it falls back",
        _PROVIDER + "pull request 45251", _OWN_BUCKET),
    Row(PROVIDER_6, "", ("s3:ListTagsForResource",), BOTH, always,
        "tags of a bucket by S3 Control, from 6.23.0 on; denied, it falls back",
        _PROVIDER + "pull request 45251", _OWN_BUCKET),
    # --- only in some accounts ---
    Row(CIRCUMSTANCE, "", ("iam:SimulatePrincipalPolicy",), (*BOTH, "doctor"), always,
        "optional: without it missing permissions show on the way", "this product"),
    Row(CIRCUMSTANCE, "", ("iam:ListRolePolicies",), ("deploy", "doctor"), always,
        "a CloudWatch role without an attached policy", "this product", _OWN_GATEWAY_ROLE),
    Row(CIRCUMSTANCE, "", ("iam:GetRole",), ("deploy", "doctor"), always,
        "the CloudWatch role that is set, whatever its name", "this product",
        "arn:aws:iam::123456789012:role/teams/logging-of-our-apis"),
    Row(CIRCUMSTANCE, "", ("kms:DescribeKey", "kms:GetKeyPolicy"), DEPLOY, grants.own_node,
        "the key for volumes, where it is the account's own", "this product",
        "arn:aws:kms:us-east-1:123456789012:key/1234"),
    Row(CIRCUMSTANCE, "", ("route53:ListHostedZonesByVPC",), DEPLOY, grants.https_in_given_vpc,
        "a private zone that hides the node's name", "this product"),
    Row(CIRCUMSTANCE, "", ("iam:DetachRolePolicy", "iam:DeleteRole"), DEPLOY, always,
        "API Gateway refused the new role until the end", "this product", _OWN_GATEWAY_ROLE),
    Row(CIRCUMSTANCE, "", ("logs:DeleteResourcePolicy",), DEPLOY, always,
        "log delivery's policy taken back when answers change", "this product"),
    Row(CIRCUMSTANCE, "", ("ssm:GetParameter",), ("doctor",), always,
        "whose deployment of this name it is, without its files", "this product", _CLAIM),
    Row(CIRCUMSTANCE, "", ("servicequotas:ListServiceQuotas",), DEPLOY, always,
        "how many filters a log group may have, where it has two and more", "this product"),
    Row(CIRCUMSTANCE, "", ("events:UntagResource",), DEPLOY, grants.replays,
        "tags that are given up while replays are scheduled",
        f"{_PROVIDER}aws_cloudwatch_event_rule", _RULE),
    Row(CIRCUMSTANCE, "", ("events:DescribeRule", "events:ListTagsForResource", "events:DeleteRule",
                           "events:ListTargetsByRule", "events:RemoveTargets"), UNINSTALL,
        grants.replays, "a removal while replays are scheduled",
        f"{_PROVIDER}aws_cloudwatch_event_rule and _target", _RULE),
    Row(CIRCUMSTANCE, "", ("ec2:DescribeRegions",), UNINSTALL, grants.makes_certificate,
        "who else renews by the validation record, in other Regions", "this product"),
    Row(CIRCUMSTANCE, "", ("acm:DescribeCertificate",), ("doctor",),
        grants.given_certificate, "a certificate of the user's", "this product"),
    Row(CIRCUMSTANCE, "", ("ecs:DescribeTasks", "ecs:ListTasks"), ("doctor",),
        grants.own_node, "tasks that stopped", "this product"),
    Row(CIRCUMSTANCE, "", ("organizations:ListAccounts",), ("fleet",), always,
        "a fleet of an organization's accounts", "this product"),
    Row(CIRCUMSTANCE, "", ("sts:AssumeRole",), ("fleet",), always,
        "a target in another account", "this product",
        "arn:aws:iam::210987654321:role/wallarm-deployer"),
    Row(CIRCUMSTANCE, "", ("ec2:DescribeRegions",), ("fleet", "discover"), always,
        "more than one Region is looked at", "this product"),
)  # fmt: skip

_OF_OTHER_SERVICES = (
    "autoscaling:DescribeAccountLimits",
    "cloudformation:DescribeAccountLimits",
    "dynamodb:DescribeLimits",
    "elasticloadbalancing:DescribeAccountLimits",
    "iam:GetAccountSummary",
    "kinesis:DescribeLimits",
    "rds:DescribeAccountAttributes",
    "route53:GetAccountLimit",
)

# Dependent actions in the Service Authorization Reference that this product does not bring about.
NOT_ASKED: dict[tuple[str, str], str] = {
    ("ec2:CreateVpcEndpoint", "route53:AssociateVPCWithHostedZone"): "Only interface endpoints "
    "have private names; ours is a gateway.",
    ("lambda:CreateFunction", "lambda:PassCapacityProvider"): "Only for a function on instances of "
    "one's own.",
    ("logs:PutSubscriptionFilter", "iam:PassRole"): "Only a stream as destination needs a role.",
    **{
        ("servicequotas:ListServiceQuotas", further): "For the quotas of that service; ours are of "
        "CloudWatch Logs."
        for further in _OF_OTHER_SERVICES
    },
    ("ec2:DescribeLaunchTemplateVersions", "ssm:GetParameters"): "Only where it is asked to "
    "resolve the parameter; the provider does not ask.",
}


def asked_as_caller(action: str, answers: Answers | None = None) -> tuple[str, ...]:
    """What AWS asks the caller for when it uses an action, with these answers (all: None)."""
    return tuple(
        further
        for row in ROWS
        if row.by == action and (answers is None or row.mode(answers))
        for further in row.actions
    )
