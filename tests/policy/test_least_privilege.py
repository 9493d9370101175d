"""What was recorded is granted, what is granted was recorded or explained, and none of it is wide.

`recorded.json` comes from `python -m tests.policy.record`: the product and Terraform, from the
first look to the removal, against the local AWS, in every mode.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.policy import escalation, record, reference
from tests.policy.judge import allowed, matches
from tests.policy.mapping import needed
from wizard.core.answers import Answers
from wizard.core.answers_io import build
from wizard.core.policy import GRANTS, documents
from wizard.core.policy_grants import PURPOSES, Grant, Scope

ACCOUNT, REGION = "123456789012", "us-east-1"
RECORDED = record.load()
REFERENCE = reference.load()
# Resources of API Gateway's first version, which the reference leaves out.
REST_ARNS = ("/restapis", "/restapis/*/stages", "/restapis/*/stages/*", "/account")


@functools.cache
def used(mode: str) -> tuple[tuple[str, str, str, str, str], ...]:
    """`(purpose, action, resource, service a role is passed to, operation)` of each call."""
    return tuple(
        dict.fromkeys(
            (record.PURPOSE[saved["phase"]], action, arn, passed_to, saved["operation"])
            for saved in RECORDED[mode]["calls"]
            for action, arn, passed_to in needed(record.read_call(saved), ACCOUNT, REGION)
        )
    )


def answers_of(mode: str) -> Answers:
    saved = RECORDED[mode]
    answers = build(dict(saved["answers"]))
    tags = {**answers.tags, "cost-centre": "4711"}  # the recorded life changes tags once
    return answers.with_(stages=(*answers.stages, saved["added"]), tags=tags)


def statements(answers: Answers, purpose: str) -> list[dict[str, Any]]:
    return [s for d in documents(answers, purpose, ACCOUNT) for s in d["Statement"]]


@pytest.mark.parametrize("mode", record.MODES)
def test_everything_that_was_used_is_granted(mode: str) -> None:
    answers = answers_of(mode)
    granted = {purpose: statements(answers, purpose) for purpose in PURPOSES}
    missing = {
        f"{purpose}: {action} on {arn} (for {operation})"
        for purpose, action, arn, passed_to, operation in used(mode)
        if not allowed(granted[purpose], action, arn, passed_to)
    }
    assert missing == set()


def seen_in(grant: Grant) -> set[str]:
    """The actions of a grant that some recorded mode used on its resources."""
    out = set()
    for mode in record.MODES:
        answers = answers_of(mode)
        if not grant.mode(answers):
            continue
        arns = grant.arns(Scope(answers, ACCOUNT))
        for purpose, action, arn, _passed_to, _operation in used(mode):
            # Deploying also takes back: what only the removal used counts for it too.
            if purpose not in grant.purposes and "deploy" not in grant.purposes:
                continue
            if action in grant.actions and (arn == "*" or any(matches(p, arn) for p in arns)):
                out.add(action)
    return out


@pytest.mark.parametrize("grant", [g for g in GRANTS if not g.unseen], ids=lambda g: g.sid)
def test_everything_that_is_granted_was_used(grant: Grant) -> None:
    assert set(grant.actions) - seen_in(grant) == set()


@pytest.mark.parametrize("grant", [g for g in GRANTS if g.unseen], ids=lambda g: g.sid)
def test_what_is_said_to_be_unseen_really_is(grant: Grant) -> None:
    everything = Answers()
    other = {
        action
        for g in GRANTS
        if not g.unseen and g.arns(Scope(everything)) == grant.arns(Scope(everything))
        for action in g.actions
    }
    assert seen_in(grant) <= other, "recorded by now: drop the explanation"


@pytest.mark.parametrize("mode", record.MODES)
def test_the_recording_is_of_a_whole_life(mode: str) -> None:
    phases = {saved["phase"] for saved in RECORDED[mode]["calls"]}
    expected = set(record.PURPOSE) - ({"rotate"} if mode in ("node", "shared") else set())
    assert phases == expected
    assert len({saved["by"] for saved in RECORDED[mode]["calls"]}) == 2


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_actions_exist_and_resources_have_a_form_that_they_support(grant: Grant) -> None:
    arns = grant.arns(Scope(Answers(r53_domain_name="example.com"), ACCOUNT))
    fits = {(action, arn) for action in grant.actions for arn in arns if supports(action, arn)}
    assert {action for action, _arn in fits} == set(grant.actions)
    assert {arn for _action, arn in fits} == set(arns)


def supports(action: str, arn: str) -> bool:
    """Whether AWS checks the action against resources of this form."""
    if arn == "*":
        return True
    plain = arn.partition("::")[2].removesuffix("/accesslogsettings")
    if action.startswith("apigateway:") and any(
        matches(p, plain) or matches(plain, p) for p in REST_ARNS
    ):
        return True
    formats = [re.sub(r"\$\{[^}]+\}", "*", form) for form in REFERENCE[action]["arns"]]
    return any(overlap(arn, form) for form in formats)


def overlap(pattern: str, form: str) -> bool:
    """Whether some ARN fits both patterns; good enough for two that agree in their fixed parts."""
    if matches(form, pattern) or matches(pattern, form):
        return True
    ours, theirs = pattern.split(":", 5), form.split(":", 5)
    kind, of = re.split(r"[/:]", ours[-1])[0], re.split(r"[/:]", theirs[-1])[0]
    return ours[2] == theirs[2] and (kind == of or "*" in (kind, of))


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_conditions_use_keys_that_every_action_knows(grant: Grant) -> None:
    answers = Answers(permissions_boundary="arn:aws:iam::123456789012:policy/b", tags={"a": "b"})
    for keys in grant.conditions(Scope(answers, ACCOUNT)).values():
        for key in keys:
            if key == "aws:RequestedRegion":
                continue  # every request has it
            general = re.sub(r"^(aws:(?:Request|Resource)Tag)/.*", r"\1/${TagKey}", key)
            for action in grant.actions:
                if (action, key) == ("iam:PassRole", "iam:PassedToService"):
                    continue  # documented with PassRole, not in the reference's table
                assert general in REFERENCE[action]["keys"], f"{action} does not know {key}"


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_what_could_reach_others_resources_says_why(grant: Grant) -> None:
    scope = Scope(Answers(stages=("abc/prod",), name_prefix="ours"), ACCOUNT)
    fenced = "aws:ResourceTag" in str(grant.conditions(scope))
    ours = ("ours", "wallarm", "abc", "aws-service-role", "optimized-ami", "/account")
    foreign = [arn for arn in grant.arns(scope) if not any(name in arn for name in ours)]
    assert not foreign or fenced or grant.wide, foreign


def test_nothing_is_granted_by_a_wildcard_of_actions() -> None:
    assert not [a for g in GRANTS for a in g.actions if "*" in a or "?" in a]


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_what_changes_something_on_any_resource_has_a_condition(grant: Grant) -> None:
    changing = [a for a in grant.actions if REFERENCE[a]["level"] not in ("List", "Read")]
    free = {"route53:CreateHostedZone"}  # Route 53 is global and knows no condition for it
    if "*" in grant.arns(Scope(Answers(), ACCOUNT)) and set(changing) - free:
        assert grant.conditions(Scope(Answers(), ACCOUNT))


# --- more rights than given ---------------------------------------------------------------------

BOUNDED = Answers(
    r53_domain_name="example.com", node_dns_name="node", alarms=True, dashboard=True,
    permissions_boundary="arn:aws:iam::123456789012:policy/wallarm-boundary",
    stages=("abcdefghij/prod",),
)  # fmt: skip
# A role of somebody else, a function of somebody else, and so on: what a way up has to reach.
FOREIGN = {
    "iam": ("arn:aws:iam::123456789012:role/admin", "arn:aws:iam::123456789012:user/jane",
            "arn:aws:iam::123456789012:group/admins", "arn:aws:iam::123456789012:policy/p",
            "arn:aws:iam::123456789012:instance-profile/admin"),
    "sts": ("arn:aws:iam::123456789012:role/admin",),
    "lambda": ("arn:aws:lambda:us-east-1:123456789012:function:payments",),
    "ssm": ("arn:aws:ssm:us-east-1:123456789012:parameter/prod/password",
            "arn:aws:ec2:us-east-1:123456789012:instance/i-1"),
    "ecs": ("arn:aws:ecs:us-east-1:123456789012:service/prod/payments",
            "arn:aws:ecs:us-east-1:123456789012:task-definition/payments:1"),
    "kms": ("arn:aws:kms:us-east-1:123456789012:key/1",),
    "secretsmanager": ("arn:aws:secretsmanager:us-east-1:123456789012:secret:prod",),
    "apigateway": ("arn:aws:apigateway:us-east-1::/restapis/foreign000/stages/prod",),
}  # fmt: skip


def reaches(statement: dict[str, Any], action: str) -> bool:
    if not any(matches(a, action) for a in statement["Action"]):
        return False
    targets = FOREIGN.get(action.partition(":")[0], ("*",))
    return any(matches(p, t) for p in statement["Resource"] for t in targets)


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("path", escalation.PATHS, ids=lambda p: p.name)
def test_no_known_way_up_leads_past_our_own_roles(purpose: str, path: escalation.Path) -> None:
    granted = statements(BOUNDED, purpose)
    assert not all(any(reaches(s, action) for s in granted) for action in path.actions)


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"])
def test_with_a_boundary_no_role_without_it_can_be_made_or_widened(action: str) -> None:
    for statement in statements(BOUNDED, "deploy"):
        if action in statement["Action"]:
            wanted = statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"]
            assert wanted == BOUNDED.permissions_boundary


def test_the_boundary_itself_cannot_be_changed_by_whoever_deploys() -> None:
    target = "arn:aws:iam::123456789012:policy/wallarm-boundary"
    for purpose in PURPOSES:
        for statement in statements(BOUNDED, purpose):
            assert not any(matches(p, target) for p in statement["Resource"] if p != "*")
            assert not [a for a in statement["Action"] if "Boundary" in a or "PolicyVersion" in a]


def test_policies_are_only_attached_by_name() -> None:
    for statement in statements(BOUNDED, "deploy"):
        if "iam:AttachRolePolicy" in statement["Action"]:
            assert statement["Condition"]["ArnEquals"]["iam:PolicyARN"]


def test_every_role_is_passed_to_one_service_only() -> None:
    passing = [s for s in statements(BOUNDED, "deploy") if "iam:PassRole" in s["Action"]]
    assert len(passing) == 4
    for statement in passing:
        assert len(statement["Condition"]["StringEquals"]["iam:PassedToService"]) == 1
        assert all("role/*" not in arn for arn in statement["Resource"])


# --- roles that are made ------------------------------------------------------------------------

EXPECTED_ROLES = {
    "fwd": ("lambda.amazonaws.com", ()),
    "exe": ("ecs-tasks.amazonaws.com", ()),
    "tsk": ("ecs-tasks.amazonaws.com", ()),
    "ec2": ("ec2.amazonaws.com", ("AmazonEC2ContainerServiceforEC2Role",)),
    "wallarm-apigw-cloudwatch-us-east-1": (
        "apigateway.amazonaws.com", ("AmazonAPIGatewayPushToCloudWatchLogs",)),
}  # fmt: skip
# What AWS supports no resource for, or what the role is for on any resource.
ANYWHERE = {"JoinVpc", "NotFromTheFunctionItself"}


def roles(mode: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in RECORDED[mode]["roles"].items():
        yield next(k for k in EXPECTED_ROLES if name.endswith(k)), role


@pytest.mark.parametrize("mode", record.MODES)
def test_roles_trust_one_service_and_get_no_policy_but_the_expected(mode: str) -> None:
    for key, role in roles(mode):
        service, attached = EXPECTED_ROLES[key]
        trusted = [s["Principal"]["Service"] for s in role["trust"]["Statement"]]
        assert trusted in ([service], [[service]])
        assert tuple(arn.rpartition("/")[2] for arn in role["attached"]) == attached


@pytest.mark.parametrize("mode", record.MODES)
def test_roles_may_only_touch_what_is_theirs(mode: str) -> None:
    for key, role in roles(mode):
        if key == "tsk":
            assert "policy" not in role  # the node calls no AWS API
        for statement in role.get("policy", {}).get("Statement", []):
            resources = statement["Resource"]
            resources = [resources] if isinstance(resources, str) else resources
            assert statement["Sid"] in ANYWHERE or all(
                "api-gw-discovery" in arn or "wallarm" in arn for arn in resources
            ), statement


@pytest.mark.parametrize("mode", record.MODES)
def test_the_boundary_allows_what_the_roles_need_and_our_code_cannot_do_more(mode: str) -> None:
    answers = answers_of(mode)
    (boundary,) = documents(answers, "boundary", ACCOUNT)
    for _key, role in roles(mode):
        for statement in role.get("policy", {}).get("Statement", []):
            if statement["Effect"] != "Allow":
                continue
            actions, arns = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                for arn in [arns] if isinstance(arns, str) else arns:
                    assert allowed(boundary["Statement"], action, arn), f"{action} on {arn}"
    for statement in boundary["Statement"]:
        assert not [a for a in statement["Action"] if a.startswith(("iam:", "sts:", "kms:"))]
