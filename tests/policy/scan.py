"""Every printed policy and every role's own, judged by cloudsplaining and parliament.

`make policy-scan` runs it in an environment of its own and rewrites scanned.json. It prints each
finding once, with the reason where there is one, and fails for a finding without: those tools know
nothing of conditions (cloudsplaining) or of services newer than they are (parliament). What has to
be attached together is judged together, because a way up may need an action from each part.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.permissions.documents import documents
from wizard.core.permissions.grants import PURPOSES

ACCOUNT = "123456789012"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/wallarm-boundary"
RECORDED = Path(__file__).with_name("recorded.json")
SCANNED = Path(__file__).with_name("scanned.json")
TOOLS = ("cloudsplaining", "parliament")

_ABSENT = "The tool's copy of AWS's reference is older: it lacks this resource type."
_BUCKET = (
    "One bucket that this deployment makes and Terraform closes with a policy; whoever deploys it "
    "could open it and read the access-log lines in it, and nothing else."
)
_STATE = (
    "The bucket that the answers name for the state; whoever deploys may write the state in it "
    "anyway, and makes the bucket where it does not exist."
)
_OWN_ROLES = (
    "It can be handed this deployment's own role only, named in the statement, and only to that "
    "service. Without a boundary such a role can be given more rights by whoever deploys; with "
    "`permissions_boundary` it can not. The tool knows neither names nor conditions."
)
_BY_NAME = (
    "It lists them. Each is limited by name to this deployment's roles, profile, function and "
    "bucket; `logs:PutResourcePolicy`, which has no resource, is what HTTP APIs need."
)
_TWO = (
    "What is made and what it is put into are two statements, because their conditions differ: "
    "the one by the tag in the request, the other by the tag of the VPC. Together they name every "
    "resource type."
)
_NO_INSTANCE = (
    "Detaching from an instance needs a grant on that instance, which is left out on purpose: what "
    "is detached are Lambda's and the load balancer's own interfaces, which are on none."
)
_OTHER_BALANCERS = (
    "It asks for Network and Gateway Load Balancers too; ours is an Application Load Balancer."
)
_VPC = (
    "Lambda needs it in a VPC, AWS supports no resource for it, and a second statement denies it "
    "to the function's own code."
)
_SOURCE = (
    "The key is AWS Lambda's, for every call with the function's credentials; it stands in a Deny."
)
_CODE = (
    "On `wallarm-cw-resend-*` alone; such a function's role can write its own log and its own "
    "bucket, and the replay's take what is in that bucket and call the forwarder."
)
_WIDE_BUCKET = (
    "RESOURCE_POLICY_PRIVILEGE_ESCALATION: Possible resource policy privilege escalation on "
)
_CEILING = "A boundary grants nothing; "
# Purpose ("" for any), tool, what the finding begins with, and why it is no danger here.
REASONS: tuple[tuple[str, str, str, str], ...] = (
    ("fleet", "parliament", "CREDENTIALS_EXPOSURE: sts:assumerole",
     "Becoming the role that deploys in each account is what it is for; no other name is allowed."),
    ("boundary", "cloudsplaining", "credentials exposure: ecr:GetAuthorizationToken",
     _CEILING + "with this the node's image is pulled, and AWS supports no resource for it."),
    ("boundary", "parliament", "CREDENTIALS_EXPOSURE: ecr:getauthorizationtoken",
     _CEILING + "with this the node's image is pulled, and AWS supports no resource for it."),
    ("boundary", "cloudsplaining", "write without resource: ec2:",
     _CEILING + "Lambda needs it in a VPC, AWS supports no resource for it, and the role has it "
     "only for Lambda itself."),
    ("role fwd", "cloudsplaining", "write without resource: ec2:", _VPC),
    ("role fwd", "parliament",
     "UNKNOWN_CONDITION_FOR_ACTION: Unknown condition lambda:SourceFunctionArn", _SOURCE),
    ("deploy", "parliament", "PRIVILEGE_ESCALATION: ec2:runinstances, iam:passrole",
     _OWN_ROLES + " An instance only starts from a launch template."),
    ("deploy", "parliament",
     "PRIVILEGE_ESCALATION: iam:passrole, lambda:createfunction, lambda:invokefunction",
     _OWN_ROLES),
    ("deploy", "parliament", "PRIVILEGE_ESCALATION: lambda:updatefunctioncode", _CODE),
    ("", "parliament", "PERMISSIONS_MANAGEMENT_ACTIONS: iam:", _BY_NAME),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ec2:AuthorizeSecurityGroup", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ec2:Create", _TWO),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ec2:DetachNetworkInterface'", _NO_INSTANCE),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ecs:CreateCapacityProvider'", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'servicediscovery:ListInstances'", _ABSENT),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'elasticloadbalancing:DeleteListener'",
     _OTHER_BALANCERS),
    ("deploy", "parliament",
     "RESOURCE_MISMATCH: [{'action': 'elasticloadbalancing:ModifyListener'", _OTHER_BALANCERS),
    ("", "parliament", "RESOURCE_MISMATCH: [{'action': 'ssm:GetParameters'",
     "AWS's public parameters have no account in their ARN."),
    ("", "parliament", _WIDE_BUCKET + "arn:aws:s3:::team-terraform-state", _STATE),
    ("", "parliament", _WIDE_BUCKET, _BUCKET),
)  # fmt: skip


def policies() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Mode, purpose and policy of all that can be printed, and of the roles that are made.

    A role's purpose is `role` and the end of its name.
    """
    recorded: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    for mode, saved in sorted(recorded.items()):
        answers: Answers = build_answers(dict(saved["answers"]))
        for purpose in (*PURPOSES, "boundary"):
            yield mode, purpose, _whole(answers, purpose)
        for name, role in sorted(saved["roles"].items()):
            if "policy" in role:
                yield mode, f"role {name.rpartition('-')[2]}", role["policy"]
        if mode == "options":
            bounded = answers.with_(permissions_boundary=BOUNDARY)
            yield f"{mode} with a boundary", "deploy", _whole(bounded, "deploy")
            replaying = answers.with_(undelivered_replay_hours=6)
            for purpose in (*PURPOSES, "boundary"):
                yield f"{mode} with replays", purpose, _whole(replaying, purpose)


def _whole(answers: Answers, purpose: str) -> dict[str, Any]:
    statements = [s for d in documents(answers, purpose, ACCOUNT) for s in d["Statement"]]
    return {"Version": "2012-10-17", "Statement": statements}


def digest() -> str:
    """Changes when any of the policies does."""
    text = json.dumps([list(item) for item in policies()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


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
    """What is no valid IAM, or known to be bad; also by the checks of its community."""
    import parliament as tool
    from parliament import analyze_policy_string, enhance_finding, statement

    # The tool's table of types lacks one that AWS's reference has, for several ARNs.
    known = statement.translate_documentation_types
    statement.translate_documentation_types = lambda kind: known(kind.replace("ArrayOfARN", "ARN"))

    tool.override_config(
        str(Path(tool.__file__).parent / "community_auditors/config_override.yaml")
    )
    for finding in analyze_policy_string(
        json.dumps(document), include_community_auditors=True
    ).findings:
        finding = enhance_finding(finding)
        if finding.severity not in ("MUTED", "LOW"):
            place = finding.location or {}
            said = [str(finding.detail or ""), str(place.get("string") or "")]
            said += [", ".join(sorted(map(str, place.get("actions") or ())))]
            yield f"{finding.issue}: {' '.join(part for part in said if part)}"


def reason(purpose: str, tool: str, text: str) -> str:
    """Why a finding is no danger; empty when nobody has said."""
    return next(
        (why for p, t, start, why in REASONS
         if p in ("", purpose) and t == tool and text.startswith(start)),
        "",
    )  # fmt: skip


def saved() -> dict[str, Any]:
    """The last scan: `policies` (their digest), `count`, `tools`, `findings`."""
    data: dict[str, Any] = json.loads(SCANNED.read_text(encoding="utf-8"))
    return data


def main() -> int:
    """Scan, save, and print the findings; 1 if one is unexplained."""
    seen: dict[tuple[str, str, str], set[str]] = {}
    total = 0
    for mode, purpose, document in policies():
        total += 1
        for tool in (cloudsplaining, parliament):
            for text in tool(document):
                seen.setdefault((purpose, tool.__name__, text.strip()), set()).add(mode)
    findings = [
        {"purpose": purpose, "tool": tool, "text": text, "modes": sorted(modes)}
        for (purpose, tool, text), modes in sorted(seen.items())
    ]
    versions = {name: metadata.version(name) for name in TOOLS}
    data = {"policies": digest(), "count": total, "tools": versions, "findings": findings}
    SCANNED.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    unexplained = 0
    for found in findings:
        why = reason(found["purpose"], found["tool"], found["text"])
        unexplained += not why
        print(f"{found['purpose']} ({', '.join(found['modes'])}): {found['tool']}: {found['text']}")
        print(f"    {why or 'UNEXPLAINED'}")
    print(f"{total} policies, {len(findings)} findings, {unexplained} unexplained")
    return int(unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
