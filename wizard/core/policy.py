"""The least IAM policy for one set of answers, as JSON, Terraform or CloudFormation."""

from __future__ import annotations

import json
from typing import Any

from wizard.core.answers import Answers
from wizard.core.errors import UsageError
from wizard.core.policy_grants import ALL, GRANTS, Grant
from wizard.core.tfvars import DEPLOYMENT_TAG

MOST_CHARACTERS = 6144  # AWS: a managed policy without its white space
FORMATS = ("json", "terraform", "cloudformation")


def grants(answers: Answers, purpose: str) -> tuple[Grant, ...]:
    """What these answers need for one purpose: discover, deploy, uninstall or doctor."""
    if purpose not in ALL:
        raise UsageError(
            "WAG-E-POLICY-001",
            f"There is no policy for {purpose!r}",
            next_step=f"Choose one of: {', '.join(ALL)}.",
        )
    return tuple(g for g in GRANTS if purpose in g.purposes and g.mode(answers))


def documents(
    answers: Answers, purpose: str, account_id: str = "", partition: str = "aws"
) -> tuple[dict[str, Any], ...]:
    """The policy documents, as many as AWS's size limit makes necessary."""
    statements = [
        _statement(g, answers, account_id or "*", partition) for g in grants(answers, purpose)
    ]
    parts: list[list[dict[str, Any]]] = [[]]
    for statement in statements:
        if parts[-1] and _size([*parts[-1], statement]) > MOST_CHARACTERS:
            parts.append([])
        parts[-1].append(statement)
    return tuple(_document(part) for part in parts)


def render(
    answers: Answers, purpose: str, fmt: str, account_id: str = "", partition: str = "aws"
) -> str:
    """The policies as text. More than one document in JSON becomes a JSON list."""
    found = documents(answers, purpose, account_id, partition)
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


def _statement(grant: Grant, answers: Answers, account_id: str, partition: str) -> dict[str, Any]:
    fill = {"p": partition, "a": account_id, "r": answers.region, "n": answers.name_prefix}
    statement: dict[str, Any] = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(set(grant.actions)),
        "Resource": [text.format_map(fill) for text in grant.resources],
    }
    equals: dict[str, Any] = {}
    if grant.passed_to:
        equals["iam:PassedToService"] = list(grant.passed_to)
    if grant.in_region or grant.by_tag:
        equals["aws:RequestedRegion"] = answers.region
    condition: dict[str, Any] = {"StringEquals": equals} if equals else {}
    if grant.by_tag:
        tag = f"{account_id}-{answers.region}-{answers.name_prefix}"
        condition["StringLike"] = {f"aws:ResourceTag/{DEPLOYMENT_TAG}": tag}
    if condition:
        statement["Condition"] = condition
    return statement


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _size(statements: list[dict[str, Any]]) -> int:
    return len(json.dumps(_document(statements), separators=(",", ":")))


def _name(answers: Answers, purpose: str, number: int, of: int) -> str:
    tail = f"-{number}" if of > 1 else ""
    return f"wallarm-apigw-{purpose}-{answers.name_prefix}{tail}"


def _terraform(name: str, document: dict[str, Any]) -> str:
    # A heredoc would read `${` and `%{` as its own; no ARN pattern of ours holds either.
    label = name.replace("-", "_")
    return (
        f'resource "aws_iam_policy" "{label}" {{\n'
        f'  name   = "{name}"\n'
        f"  policy = <<-JSON\n{json.dumps(document, indent=2)}\n  JSON\n}}"
    )


def _cloudformation(names: list[str], found: tuple[dict[str, Any], ...]) -> str:
    resources = {
        f"Policy{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": name, "PolicyDocument": document},
        }
        for number, (name, document) in enumerate(zip(names, found, strict=True), 1)
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    return json.dumps(template, indent=2)
