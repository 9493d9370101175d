"""Known ways from some permission to more permission, as data, each with where it was described.

An entry is a set of actions that together let their holder act with more rights than given. The
names and groups follow Rhino Security Labs, "AWS IAM Privilege Escalation – Methods and
Mitigation", and the list that BishopFox's iam-vulnerable builds on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Path:
    """All of `actions`, on whatever resource, are one way up."""

    name: str
    actions: tuple[str, ...]


def _path(name: str, *actions: str) -> Path:
    return Path(name, actions)


PATHS: tuple[Path, ...] = (
    _path("new policy version", "iam:CreatePolicyVersion"),
    _path("older policy version", "iam:SetDefaultPolicyVersion"),
    _path("access key of another user", "iam:CreateAccessKey"),
    _path("console password of another user", "iam:CreateLoginProfile"),
    _path("changed console password", "iam:UpdateLoginProfile"),
    _path("policy attached to a user", "iam:AttachUserPolicy"),
    _path("policy attached to a group", "iam:AttachGroupPolicy"),
    _path("policy attached to a role", "iam:AttachRolePolicy"),
    _path("inline policy of a user", "iam:PutUserPolicy"),
    _path("inline policy of a group", "iam:PutGroupPolicy"),
    _path("inline policy of a role", "iam:PutRolePolicy"),
    _path("membership of a group", "iam:AddUserToGroup"),
    _path("who may assume a role", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole"),
    _path("a role's trust", "iam:UpdateAssumeRolePolicy"),
    _path("another role's session", "sts:AssumeRole"),
    _path("no boundary any more", "iam:DeleteRolePermissionsBoundary"),
    _path("another boundary", "iam:PutRolePermissionsBoundary"),
    _path("instance with a role", "iam:PassRole", "ec2:RunInstances"),
    _path("function with a role", "iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"),
    _path("function with a role, invoked by others", "iam:PassRole", "lambda:CreateFunction",
          "lambda:AddPermission"),
    _path("function with a role, invoked by a stream", "iam:PassRole", "lambda:CreateFunction",
          "lambda:CreateEventSourceMapping"),
    _path("code of an existing function", "lambda:UpdateFunctionCode"),
    _path("layer of an existing function", "lambda:UpdateFunctionConfiguration"),
    _path("task with a role", "iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"),
    _path("service with a role", "iam:PassRole", "ecs:RegisterTaskDefinition",
          "ecs:CreateService"),
    _path("service with another task", "iam:PassRole", "ecs:RegisterTaskDefinition",
          "ecs:UpdateService"),
    _path("shell in a task", "ecs:ExecuteCommand"),
    _path("launch configuration with a role", "iam:PassRole",
          "autoscaling:CreateLaunchConfiguration"),
    _path("launch template with a role", "iam:PassRole", "ec2:CreateLaunchTemplate"),
    _path("profile swapped on an instance", "ec2:ReplaceIamInstanceProfileAssociation"),
    _path("profile put on an instance", "ec2:AssociateIamInstanceProfile"),
    _path("role put into a profile", "iam:AddRoleToInstanceProfile"),
    _path("instance's user data", "ec2:ModifyInstanceAttribute"),
    _path("shell on an instance", "ssm:SendCommand"),
    _path("session on an instance", "ssm:StartSession"),
    _path("stack with a role", "iam:PassRole", "cloudformation:CreateStack"),
    _path("notebook with a role", "iam:PassRole", "sagemaker:CreateNotebookInstance"),
    _path("endpoint with a role", "iam:PassRole", "glue:CreateDevEndpoint"),
    _path("pipeline with a role", "iam:PassRole", "datapipeline:CreatePipeline"),
    _path("build with a role", "iam:PassRole", "codebuild:CreateProject"),
    _path("role of API Gateway", "iam:PassRole", "apigateway:PATCH"),
    _path("secrets read", "ssm:GetParameter"),
    _path("secrets read, several", "ssm:GetParameters"),
    _path("secrets read, by path", "ssm:GetParametersByPath"),
    _path("secrets of Secrets Manager", "secretsmanager:GetSecretValue"),
    _path("keys used", "kms:Decrypt"),
    _path("keys' policy", "kms:PutKeyPolicy"),
)  # fmt: skip
