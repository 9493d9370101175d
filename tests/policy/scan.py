"""Every printed policy, judged by cloudsplaining and parliament.

`make policy-scan` runs it in an environment of its own. It prints each finding once, with the
reason where there is one, and fails for a finding without: those tools know nothing of conditions
(cloudsplaining) or of services newer than they are (parliament).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wizard.core.answers import Answers
from wizard.core.answers_io import build
from wizard.core.policy import documents
from wizard.core.policy_grants import PURPOSES

ACCOUNT = "123456789012"
RECORDED = Path(__file__).with_name("recorded.json")

_ABSENT = "The tool's copy of AWS's reference is older: it lacks this resource type."
_BUCKET = (
    "One bucket that this deployment makes and Terraform closes with a policy; whoever deploys it "
    "could open it and read the access-log lines in it, and nothing else."
)
_CEILING = "A boundary grants nothing; "
# Purpose ("" for any), tool, what the finding begins with, and why it is no danger here.
REASONS: tuple[tuple[str, str, str, str], ...] = (
    ("boundary", "cloudsplaining", "credentials exposure: ecr:GetAuthorizationToken",
     _CEILING + "with this the node's image is pulled, and AWS supports no resource for it."),
    ("boundary", "cloudsplaining", "write without resource: ec2:",
     _CEILING + "Lambda needs it in a VPC, AWS supports no resource for it, and the role has it "
     "only for Lambda itself."),
    ("boundary", "cloudsplaining", "write without resource: ecs:",
     _CEILING + "AWS's own policy for ECS instances has it in this form."),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ec2:AuthorizeSecurityGroup", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ecs:CreateCapacityProvider'", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'servicediscovery:ListInstances'", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'elasticloadbalancing:DeleteListener'",
     "It asks for Network and Gateway Load Balancers too; ours is an Application Load Balancer."),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ssm:GetParameters'",
     "AWS's public parameters have no account in their ARN."),
    ("", "parliament", "RESOURCE_POLICY_PRIVILEGE_ESCALATION: ", _BUCKET),
)  # fmt: skip


def policies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Mode, purpose and document of every policy that can be printed."""
    recorded: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    for mode, saved in sorted(recorded.items()):
        answers: Answers = build(dict(saved["answers"]))
        for purpose in (*PURPOSES, "boundary"):
            for document in documents(answers, purpose, ACCOUNT):
                yield mode, purpose, document


def cloudsplaining(document: dict[str, Any]) -> Iterator[str]:
    """Escalation, exposed credentials, data that can be carried off, wide writing."""
    from cloudsplaining.scan.policy_document import PolicyDocument

    judged = PolicyDocument(document)
    for found in judged.allows_privilege_escalation:
        yield f"privilege escalation: {found['type']} ({', '.join(sorted(found['actions']))})"
    for action in judged.credentials_exposure:
        yield f"credentials exposure: {action}"
    for action in judged.allows_data_exfiltration_actions:
        yield f"data exfiltration: {action}"
    for action in judged.permissions_management_without_constraints:
        yield f"permissions without resource: {action}"
    for action in judged.write_actions_without_constraints:
        yield f"write without resource: {action}"
    for service in judged.service_wildcard:
        yield f"service wildcard: {service}"


def parliament(document: dict[str, Any]) -> Iterator[str]:
    """What is no valid IAM, or known to be bad."""
    from parliament import analyze_policy_string, enhance_finding

    for finding in analyze_policy_string(json.dumps(document)).findings:
        finding = enhance_finding(finding)
        if finding.severity not in ("MUTED", "LOW"):
            yield f"{finding.issue}: {finding.detail or ''} {finding.location.get('string') or ''}"


def reason(purpose: str, tool: str, text: str) -> str:
    """Why a finding is no danger; empty when nobody has said."""
    return next(
        (why for p, t, start, why in REASONS
         if p in ("", purpose) and t == tool and text.startswith(start)),
        "",
    )  # fmt: skip


def main() -> int:
    """Print the findings; 1 if one is unexplained."""
    seen: dict[tuple[str, str, str], set[str]] = {}
    total = 0
    for mode, purpose, document in policies():
        total += 1
        for tool in (cloudsplaining, parliament):
            for text in tool(document):
                seen.setdefault((purpose, tool.__name__, text.strip()), set()).add(mode)
    unexplained = 0
    for (purpose, name, text), modes in sorted(seen.items()):
        why = reason(purpose, name, text)
        unexplained += not why
        print(f"{purpose} ({', '.join(sorted(modes))}): {name}: {text}")
        print(f"    {why or 'UNEXPLAINED'}")
    print(f"{total} policies, {len(seen)} findings, {unexplained} unexplained")
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
