"""The most that roles made by a deployment may ever do: a permissions boundary for an admin.

With it in `permissions_boundary`, the policy for deploying only allows roles that carry it, so
whoever holds that policy cannot make a role that may do more.
"""

from __future__ import annotations

from typing import Any

from wizard.core.permissions.grants import Scope
from wizard.core.tfvars import token_parameter_name

_CLUSTER = "arn:{p}:ecs:{r}:{a}:cluster/{n}-*"


def boundary_document(scope: Scope) -> dict[str, Any]:
    """The document. It covers the roles of forwarder, task execution, task, instance, and API
    Gateway's CloudWatch role."""
    logs = "arn:{p}:logs:{r}:{a}:log-group:"
    statements: list[dict[str, Any]] = [
        {
            "Sid": "WriteOwnLogs",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [logs + "/aws/lambda/wallarm-cw-resend-*", logs + "/ecs/{n}-node-*"],
        },
        {
            "Sid": "KeepUndelivered",
            "Action": ["s3:ListBucket", "s3:PutObject"],
            "Resource": ["arn:{p}:s3:::{n}-undelivered-*", "arn:{p}:s3:::{n}-undelivered-*/*"],
            **_in_this_account(scope),
        },
        {
            "Sid": "GatewayWritesLogs",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:FilterLogEvents",
                "logs:GetLogEvents",
                "logs:PutLogEvents",
            ],
            "Resource": ["*"],
            "Condition": {
                "ArnLike": {
                    "aws:PrincipalArn": "arn:{p}:iam::{a}:role/wallarm-apigw-cloudwatch-{r}"
                }
            },
        },
        {
            "Sid": "JoinVpc",
            "Action": [
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": ["*"],
        },
    ]
    if scope.answers.deploys_node:
        statements += [
            {
                "Sid": "ReadToken",
                "Action": ["ssm:GetParameters"],
                "Resource": ["arn:{p}:ssm:{r}:{a}:parameter" + token_parameter_name(scope.answers)],
            },
            {
                "Sid": "PullImage",
                "Action": [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetAuthorizationToken",
                    "ecr:GetDownloadUrlForLayer",
                ],
                "Resource": ["*"],
            },
            {
                "Sid": "JoinCluster",
                "Action": [
                    "ecs:RegisterContainerInstance",
                    "ecs:SubmitAttachmentStateChanges",
                    "ecs:SubmitContainerStateChange",
                    "ecs:SubmitTaskStateChange",
                ],
                "Resource": [_CLUSTER],
            },
            {
                "Sid": "HearFromCluster",
                "Action": ["ecs:Poll", "ecs:StartTelemetrySession"],
                "Resource": ["*"],
                "Condition": {"ArnLike": {"ecs:cluster": _CLUSTER}},
            },
            {"Sid": "FindEcs", "Action": ["ecs:DiscoverPollEndpoint"], "Resource": ["*"]},
        ]
    if scope.answers.deploys_node and scope.answers.wallarm_api_token_kms_key_arn:
        statements.append({"Sid": "DecryptToken", "Action": ["kms:Decrypt"], "Resource": ["{key}"]})
    filled = [
        {
            "Sid": statement["Sid"],
            "Effect": "Allow",
            **{k: _filled(scope, v) for k, v in statement.items() if k != "Sid"},
        }
        for statement in statements
    ]
    return {"Version": "2012-10-17", "Statement": filled}


def _in_this_account(scope: Scope) -> dict[str, Any]:
    """A bucket of that name in another account is not ours, whoever made it after ours was gone."""
    if scope.account_id == "*":
        return {}
    return {"Condition": {"StringEquals": {"s3:ResourceAccount": "{a}"}}}


def _filled(scope: Scope, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(scope, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(scope, item) for item in value]
    return scope.fill(value)
