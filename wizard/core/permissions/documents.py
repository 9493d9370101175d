"""The least IAM policy for one set of answers, in three spellings; and a permissions boundary.

The boundary is the most that roles made by a deployment may ever do, for an admin: with it in
`permissions_boundary`, the policy for deploying only allows roles that carry it, so whoever holds
that policy cannot make a role that may do more.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.permissions.commands import FLOWS
from wizard.core.permissions.connector import FLEETS, FORWARDER, LOOK, STAGES, STATE
from wizard.core.permissions.grants import DEPLOY, PURPOSES, UNINSTALL, Grant, Need, Scope
from wizard.core.permissions.node import NETWORK, NODE, OPERATIONS
from wizard.core.tfvars import token_parameter_name

GRANTS: tuple[Grant, ...] = (
    *LOOK,
    *FLEETS,
    *STAGES,
    *FORWARDER,
    *NODE,
    *NETWORK,
    *OPERATIONS,
    *STATE,
)
BOUNDARY = "boundary"  # not what this product may do, but the most that roles it makes may do
MOST_CHARACTERS = 6144  # AWS: a managed policy without its white space
FORMATS = ("json", "terraform", "cloudformation")


def grants(answers: Answers, purpose: str) -> tuple[Grant, ...]:
    """What these answers need for one purpose: discover, deploy, uninstall, doctor or fleet."""
    if purpose not in PURPOSES:
        raise UsageError(
            "WAG-E-POLICY-001",
            f"There is no policy for {purpose!r}",
            next_step=f"Choose one of: {', '.join((*PURPOSES, BOUNDARY))}.",
        )
    return tuple(g for g in GRANTS if purpose in g.purposes and g.mode(answers))


def documents(
    answers: Answers,
    purpose: str,
    account_id: str = "",
    partition: str = "aws",
    log_groups: tuple[str, ...] | None = None,
    before: Answers | None = None,
) -> tuple[dict[str, Any], ...]:
    """The policy documents, as many as AWS's size limit makes necessary; attach all of them.

    Args:
        purpose: discover, deploy, uninstall, doctor, fleet, or boundary.
        account_id: empty allows any account's resources of these names.
        log_groups: the log groups that chosen stages keep; None allows any while not known.
        before: what is deployed by now: deploying takes back what other answers do not want.
    """
    scope = Scope(answers, account_id or "*", partition, log_groups)
    if purpose == BOUNDARY:
        return (boundary_document(scope),)
    wanted = [_statement(g, scope) for g in grants(answers, purpose)]
    statements = _joined(wanted + _taken_back(wanted, scope, purpose, before))
    return tuple(_document(part) for part in _packed(statements))


def needs(
    answers: Answers,
    purpose: str,
    account_id: str,
    partition: str = "aws",
    log_groups: tuple[str, ...] | None = None,
    before: Answers | None = None,
) -> tuple[Need, ...]:
    """The same as questions for IAM (see `services.aws.permissions`): one for each statement.

    Those that every run needs and those that only some do are asked about apart.

    Args:
        purpose: as in `documents`, or one of the shorter commands of `policy_flows.FLOWS`.
        before: as in `documents`.
    """
    scope = Scope(answers, account_id or "*", partition, log_groups)
    short = FLOWS.get(purpose)
    every = (
        grants(answers, purpose) if short is None else tuple(g for g in short if g.mode(answers))
    )
    out: list[Need] = []
    for required in (True, False):
        asked = [g for g in every if required is not bool(g.sometimes or g.unseen)]
        out += [_need(s, required) for s in _joined([_statement(g, scope) for g in asked])]
    if short is None:
        wanted = [_statement(g, scope) for g in every]
        out += [_need(s, True) for s in _joined(_taken_back(wanted, scope, purpose, before))]
    return tuple(out)


def _taken_back(
    wanted: list[dict[str, Any]], scope: Scope, purpose: str, before: Answers | None
) -> list[dict[str, Any]]:
    """What reading and removing takes that these answers do not want any more, as statements.

    The stages are left out: they are put back by commands of their own.
    """
    if before is None or purpose != DEPLOY:
        return []
    same = {name: getattr(scope.answers, name) for name in ("stages", "stage_rules", "tags")}
    earlier = replace(scope, answers=before.with_(**same))
    allowed = {(a, *_place(s)) for s in wanted for a in s["Action"]}
    out = []
    for grant in grants(earlier.answers, UNINSTALL):
        statement = _statement(grant, earlier)
        more = [a for a in statement["Action"] if (a, *_place(statement)) not in allowed]
        if DEPLOY in grant.purposes and more:
            out.append({**statement, "Sid": f"{grant.sid}Before", "Action": more})
    return out


def _place(statement: dict[str, Any]) -> tuple[str, str]:
    """What a statement's actions are allowed on, to compare."""
    return json.dumps(statement["Resource"]), json.dumps(statement.get("Condition"), sort_keys=True)


def render(
    answers: Answers,
    purpose: str,
    fmt: str,
    account_id: str = "",
    partition: str = "aws",
    log_groups: tuple[str, ...] | None = None,
    before: Answers | None = None,
) -> str:
    """The policies as text. More than one document in JSON becomes a JSON list."""
    if fmt == "cloudformation" and not account_id:
        account_id = "${AWS::AccountId}"
    found = documents(answers, purpose, account_id, partition, log_groups, before)
    if fmt == "json":
        return json.dumps(found[0] if len(found) == 1 else list(found), indent=2)
    names = [_name(answers, purpose, number, len(found)) for number in range(1, len(found) + 1)]
    if fmt == "terraform":
        return "\n\n".join(_terraform(n, d) for n, d in zip(names, found, strict=True))
    if fmt == "cloudformation":
        return _cloudformation(names, found)
    raise UsageError(
        "WAG-E-POLICY-002",
        f"A policy cannot be written as {fmt!r}",
        next_step=f"Choose one of: {', '.join(FORMATS)}.",
    )


def size(document: dict[str, Any]) -> int:
    """Characters as AWS counts them for a managed policy: white space left out."""
    return len(json.dumps(document, separators=(",", ":")))


def _statement(grant: Grant, scope: Scope) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(set(grant.actions)),
        "Resource": sorted(grant.arns(scope)),
    }
    conditions = grant.conditions(scope)
    if conditions:
        statement["Condition"] = conditions
    return statement


def _joined(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Statements that differ only in their actions become one: fewer characters, same meaning."""
    out: dict[str, dict[str, Any]] = {}
    for statement in statements:
        key = json.dumps([statement["Resource"], statement.get("Condition")], sort_keys=True)
        if key in out:
            actions = {*out[key]["Action"], *statement["Action"]}
            out[key] = {**out[key], "Action": sorted(actions)}
        else:
            out[key] = statement
    return list(out.values())


def _packed(statements: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Each into the first policy with room for it: few policies, in about the order of the data."""
    parts: list[list[dict[str, Any]]] = [[]]
    for statement in statements:
        for part in parts:
            if not part or _size([*part, statement]) <= MOST_CHARACTERS:
                part.append(statement)
                break
        else:
            parts.append([statement])
    return parts


def _need(statement: dict[str, Any], required: bool) -> Need:
    context: dict[str, tuple[str, ...]] = {}
    for keys in statement.get("Condition", {}).values():
        for key, value in keys.items():
            values = (value,) if isinstance(value, str) else tuple(value)
            # One request has one action, one receiving service, one name at a time.
            context[key] = values if key == "aws:TagKeys" else values[:1]
    return Need(
        tuple(statement["Action"]),
        tuple(statement["Resource"]),
        context,
        required,
        statement.get("Condition", {}),
    )


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _size(statements: list[dict[str, Any]]) -> int:
    return size(_document(statements))


def _name(answers: Answers, purpose: str, number: int, of: int) -> str:
    tail = f"-{number}" if of > 1 else ""
    return f"wallarm-apigw-{purpose}-{answers.name_prefix}{tail}"


def _terraform(name: str, document: dict[str, Any]) -> str:
    # In a heredoc `${` and `%{` would be Terraform's own; a stage's name could hold neither.
    label = name.replace("-", "_")
    text = json.dumps(document, indent=2).replace("${", "$${").replace("%{", "%%{")
    return (
        f'resource "aws_iam_policy" "{label}" {{\n'
        f'  name   = "{name}"\n'
        f"  policy = <<-JSON\n{text}\n  JSON\n}}"
    )


def _cloudformation(names: list[str], found: tuple[dict[str, Any], ...]) -> str:
    resources = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": name, "PolicyDocument": _substituted(document)},
        }
        for number, (name, document) in enumerate(zip(names, found, strict=True), 1)
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    return json.dumps(template, indent=2)


def _substituted(value: Any) -> Any:
    """Texts with a pseudo parameter become `Fn::Sub`."""
    if isinstance(value, dict):
        return {key: _substituted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item) for item in value]
    if isinstance(value, str) and "${AWS::" in value:
        return {"Fn::Sub": value}
    return value


_CLUSTER = "arn:{p}:ecs:{r}:{a}:cluster/{n}-*"

_REPLAYERS = {"ArnLike": {"aws:PrincipalArn": "arn:{p}:iam::{a}:role/{n}-{r}-rpl"}}
_REPLAY: tuple[dict[str, Any], ...] = (
    {
        "Sid": "TakeUndelivered",
        "Action": ["s3:DeleteObject", "s3:GetObject"],
        "Resource": ["arn:{p}:s3:::{n}-undelivered-*/*"],
        "Condition": _REPLAYERS,
    },
    {
        "Sid": "ReplayThroughForwarder",
        "Action": ["lambda:InvokeFunction"],
        "Resource": ["arn:{p}:lambda:{r}:{a}:function:wallarm-cw-resend-*"],
        "Condition": _REPLAYERS,
    },
)


def boundary_document(scope: Scope) -> dict[str, Any]:
    """The document. It covers the roles of forwarder, its replay, task execution, task, instance,
    and API Gateway's CloudWatch role."""
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
        *(_REPLAY if scope.answers.undelivered_replay_hours else ()),
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
