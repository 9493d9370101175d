"""What was recorded or is documented is granted, nothing else is, and none of it is wide.

`recorded.json` comes from `python -m tests.policy.record`: the product and Terraform, from the
first look to the removal, against the local AWS, in every mode. `callers` holds what no recording
on the local AWS shows, with where it is documented.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from tests.policy import callers, escalation, life, record, reference
from tests.policy.judge import allowed, carries_tags, matches
from tests.policy.mapping import needed
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers
from wizard.core.permissions.documents import GRANTS, documents
from wizard.core.permissions.grants import PURPOSES, Grant, Scope

ACCOUNT, REGION = "123456789012", "us-east-1"
RECORDED = record.load()
REFERENCE = reference.load()
MODES = tuple(mode for mode in record.MODES if mode in RECORDED)
WHOLE = tuple(mode for mode in MODES if mode not in record.SHORT)
# Resources of API Gateway's first version, which the reference leaves out.
REST_ARNS = ("/restapis", "/restapis/*/stages", "/restapis/*/stages/*", "/account")


class Use(NamedTuple):
    """One permission that a recorded call needs; `tagged`: the request carries tags; `update`: the
    change of answers in which it was made, 0 in every other step."""

    purpose: str
    update: int
    action: str
    arn: str
    passed_to: str
    operation: str
    tagged: bool


@functools.cache
def used(mode: str) -> tuple[Use, ...]:
    out = []
    for saved in RECORDED[mode]["calls"]:
        call = record.read_call(saved)
        purpose, tagged = record.PURPOSE[saved["phase"]], carries_tags(call)
        number = saved.get("update", 0)
        answers = updated(mode)[number - 1] if number else held(mode, purpose)
        for action, arn, passed_to in needed(call, ACCOUNT, REGION, answers):
            out.append(Use(purpose, number, action, arn, passed_to, call.operation, tagged))
    return tuple(dict.fromkeys(out))


def held(mode: str, purpose: str) -> Answers:
    """The answers that a step goes by: a short life ends with other ones than it began with."""
    ends = mode in record.SHORT and purpose == "uninstall"
    return updated(mode)[-1] if ends else answers_of(mode)


@functools.cache
def updated(mode: str) -> tuple[Answers, ...]:
    """The answers after each change of a recorded life."""
    return tuple(build_answers(dict(saved)) for saved in RECORDED[mode].get("updates", ()))


def statements_of(mode: str, use: Use) -> list[dict[str, Any]]:
    """What is printed for the step in which a call was made."""
    if not use.update:
        return statements(held(mode, use.purpose), use.purpose)
    groups = RECORDED[mode]["log_groups"][use.update - 1]
    before = updated(mode)[use.update - 2] if use.update > 1 else first(mode)
    return statements(
        updated(mode)[use.update - 1], "deploy",
        log_groups=None if groups is None else tuple(groups), before=before,
    )  # fmt: skip


def first(mode: str) -> Answers:
    """The answers before the first change."""
    return build_answers(dict(RECORDED[mode]["answers"]))


def answers_of(mode: str) -> Answers:
    saved = RECORDED[mode]
    answers = build_answers(dict(saved["answers"]))
    tags = {**answers.tags, "cost-centre": "4711"}  # the recorded life changes tags once
    added = [saved["added"]] if saved["added"] else []
    return answers.with_(stages=(*answers.stages, *added), tags=tags)


def statements(answers: Answers, purpose: str, **more: Any) -> list[dict[str, Any]]:
    return [s for d in documents(answers, purpose, ACCOUNT, **more) for s in d["Statement"]]


@pytest.mark.parametrize("mode", MODES)
def test_everything_that_was_used_is_granted(mode: str) -> None:
    granted: dict[tuple[str, int], list[dict[str, Any]]] = {}
    missing = set()
    for use in used(mode):
        step = use.purpose, use.update
        if step not in granted:
            granted[step] = statements_of(mode, use)
        if not allowed(granted[step], use.action, use.arn, use.passed_to, tagged=use.tagged):
            text = f"{use.action} on {use.arn} (for {use.operation}, tagged: {use.tagged})"
            missing.add(f"{step}: {text}")
    assert missing == set()


def seen_in(grant: Grant) -> set[str]:
    """The actions of a grant that some recorded mode used on its resources."""
    out = set()
    for mode in MODES:
        lived = [answers_of(mode), *updated(mode)]
        scopes = [Scope(answers, ACCOUNT) for answers in lived if grant.mode(answers)]
        arns = {arn for scope in scopes for arn in grant.arns(scope)}
        for use in used(mode) if scopes else ():
            # Deploying also takes back: what only the removal used counts for it too.
            if use.purpose not in grant.purposes and "deploy" not in grant.purposes:
                continue
            meant = use.arn == "*" or any(matches(p, use.arn) for p in arns)
            if use.action in grant.actions and meant:
                out.add(use.action)
    return out


def as_caller(grant: Grant) -> set[str]:
    """The actions of a grant that AWS asks the caller for, in a mode that was recorded."""
    return {
        action
        for row in callers.ROWS
        if row.by
        for action in row.actions
        if action in grant.actions and set(row.purposes) & set(grant.purposes)
    }


def documented(grant: Grant, answers: Answers) -> set[str]:
    """The actions of a grant that the table of what no recording shows names, for its resources."""
    arns = grant.arns(Scope(answers, ACCOUNT))
    return {
        action
        for row in callers.ROWS
        if grant.mode(answers) and row.mode(answers) and set(row.purposes) & set(grant.purposes)
        if row.on == "*" or any(matches(p, row.on) for p in arns)
        for action in row.actions
        if action in grant.actions
    }


@pytest.mark.parametrize("grant", [g for g in GRANTS if not g.unseen], ids=lambda g: g.sid)
def test_everything_that_is_granted_was_used(grant: Grant) -> None:
    assert set(grant.actions) - seen_in(grant) == set()


@pytest.mark.parametrize("grant", [g for g in GRANTS if g.unseen], ids=lambda g: g.sid)
def test_what_no_recording_shows_is_documented(grant: Grant) -> None:
    found = set[str]().union(*(documented(grant, answers) for answers in EVERY_MODE.values()))
    assert set(grant.actions) - found == set(), "add a row with its source to tests.policy.callers"


@pytest.mark.parametrize("grant", [g for g in GRANTS if g.unseen], ids=lambda g: g.sid)
def test_what_is_said_to_be_unseen_really_is(grant: Grant) -> None:
    everything = Answers()
    other = {
        action
        for g in GRANTS
        if not g.unseen and g.arns(Scope(everything)) == grant.arns(Scope(everything))
        for action in g.actions
    }
    assert seen_in(grant) <= other | as_caller(grant), "recorded by now: drop the explanation"


def _every_mode() -> dict[str, Answers]:
    modes = {mode: answers_of(mode) for mode in MODES}
    own = modes["https"]
    return {
        **modes,
        "https in a given VPC": modes["given-vpc"].with_(
            r53_domain_name="example.com", node_dns_name="node"
        ),
        "replays": own.with_(undelivered_replay_hours=6),
        "bounded": own.with_(permissions_boundary="arn:aws:iam::123456789012:policy/boundary"),
        "given certificate": own.with_(
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/1"
        ),
    }


EVERY_MODE = _every_mode()


ASKED = [
    pytest.param(row, answers, id=f"{mode}: {row.kind}: {row.by or row.actions[0]}")
    for mode, answers in EVERY_MODE.items()
    for row in callers.ROWS
    if row.mode(answers)
]


@pytest.mark.parametrize(("row", "answers"), ASKED)
def test_what_is_documented_is_granted_in_every_mode_that_needs_it(
    row: callers.Row, answers: Answers
) -> None:
    missing = {
        f"{purpose}: {action}"
        for purpose in row.purposes
        for action in row.actions
        if not allowed(statements(answers, purpose), action, row.on)
    }
    assert missing == set(), row.source


@pytest.mark.parametrize("action", sorted(a for a, r in REFERENCE.items() if r["dependent"]))
def test_what_aws_lists_as_dependent_is_granted_or_not_brought_about(action: str) -> None:
    """Wherever an action is granted, what AWS's reference says it depends on is too."""
    for mode, answers in EVERY_MODE.items():
        for purpose in PURPOSES:
            granted = statements(answers, purpose)
            if not allowed(granted, action, "*"):
                continue
            for further in REFERENCE[action]["dependent"]:
                if (action, further) not in callers.NOT_ASKED:
                    # A role that is passed is named with the service it is passed to.
                    held = [s for s in granted if further in s["Action"]]
                    assert held, f"{mode}, {purpose}: {action} depends on {further}"


def test_nothing_is_said_of_a_dependence_that_aws_does_not_list() -> None:
    for action, further in callers.NOT_ASKED:
        assert further in REFERENCE[action]["dependent"]


@pytest.mark.parametrize("row", callers.ROWS, ids=lambda r: f"{r.kind}: {r.by or r.actions[0]}")
def test_every_row_says_who_says_so_and_names_known_actions(row: callers.Row) -> None:
    assert row.what
    assert row.source
    assert set(row.purposes) <= set(PURPOSES)
    assert set(row.actions) <= set(REFERENCE), "run `python -m tests.policy.reference`"
    by = row.by.replace("apigatewayv2", "apigateway")
    known = {f"apigateway:{name}" for name in ("UpdateStage", "DeleteAccessLogSettings")}
    assert not by or by in REFERENCE or by in known


def test_a_forwarder_in_a_vpc_with_a_node_elsewhere_may_make_its_security_group() -> None:
    answers = Answers(
        node_url="10.0.0.1:5050", vpc_id="vpc-00000000", private_subnet_ids=("subnet-1",)
    )
    granted = statements(answers, "deploy")
    group = f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-1"
    for action in ("ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupEgress",
                   "ec2:RevokeSecurityGroupEgress", "ec2:DeleteSecurityGroup"):  # fmt: skip
        assert allowed(granted, action, group), action
    assert allowed(
        granted, "ec2:CreateSecurityGroup", f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-00000000"
    )
    assert allowed(statements(answers, "uninstall"), "ec2:DeleteSecurityGroup", group)
    nodes = [a for s in granted for a in s["Action"] if a.startswith(("ecs:", "autoscaling:"))]
    assert nodes == []


def test_a_forwarder_outside_any_vpc_gets_no_right_on_networks() -> None:
    granted = statements(Answers(node_url="node.example.com"), "deploy")
    changing = {
        a
        for s in granted
        for a in s["Action"]
        if a.startswith("ec2:") and not a.startswith("ec2:Describe")
    }
    assert changing == set()


@pytest.mark.parametrize("mode", MODES)
def test_the_recording_is_of_a_whole_life(mode: str) -> None:
    phases = {saved["phase"] for saved in RECORDED[mode]["calls"]}
    if mode in record.SHORT:
        assert phases == {"install", "rerun", "update", "uninstall"}
        return
    without_token = ("node", "shared", "vpc-forwarder")
    expected = set(record.PURPOSE) - ({"rotate"} if mode in without_token else set())
    assert phases == expected
    assert len({saved["by"] for saved in RECORDED[mode]["calls"]}) == 2


def changed(mode: str) -> set[str]:
    """The answers that the recorded updates of a life changed."""
    return {
        field.name
        for field in dataclasses.fields(Answers)
        for before, after in pairwise((first(mode), *updated(mode)))
        if getattr(before, field.name) != getattr(after, field.name)
    }


def test_every_answer_that_a_deployment_can_change_was_changed_in_a_recorded_life() -> None:
    every = {field.name for field in dataclasses.fields(Answers)}
    lived = {"stages", *life.CHANGES}.union(*(changed(mode) for mode in MODES))
    assert every - lived == set(record.NOT_UPDATED)


@pytest.mark.parametrize("mode", MODES)
def test_each_recorded_update_changed_something_and_was_made(mode: str) -> None:
    steps = (first(mode), *updated(mode))
    assert len(steps) > 1
    assert all(before != after for before, after in pairwise(steps))
    made = {saved["update"] for saved in RECORDED[mode]["calls"] if saved["phase"] == "update"}
    assert made == set(range(1, len(steps)))


EMPTY = "0 to add, 0 to change, 0 to remove"


@pytest.mark.parametrize("mode", MODES)
def test_nothing_was_left_to_change_after_the_installation_and_after_the_last_update(
    mode: str,
) -> None:
    assert RECORDED[mode]["second_plans"] == [EMPTY, EMPTY]


def test_every_mode_was_recorded() -> None:
    assert set(RECORDED) == set(record.MODES)


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_actions_exist_and_resources_have_a_form_that_they_support(grant: Grant) -> None:
    arns = grant.arns(
        Scope(
            Answers(
                r53_domain_name="example.com", vpc_id="vpc-1", state_bucket="state-of-the-team",
                wallarm_api_token_kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
                certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/1",
            ),
            ACCOUNT,
        )
    )  # fmt: skip
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
            general = re.sub(r"^(kms:EncryptionContext):.*", r"\1:${EncryptionContextKey}", general)
            for action in grant.actions:
                if (action, key) == ("iam:PassRole", "iam:PassedToService"):
                    continue  # documented with PassRole, not in the reference's table
                assert general in REFERENCE[action]["keys"], f"{action} does not know {key}"


@pytest.mark.parametrize("grant", GRANTS, ids=lambda g: g.sid)
def test_what_could_reach_others_resources_says_why(grant: Grant) -> None:
    ours = ("ours", "wallarm", "abc", "aws-service-role", "optimized-ami", "/account")
    scope = Scope(
        Answers(
            stages=("abc/prod",), name_prefix="ours", vpc_id="vpc-ours", state_bucket="ours-state",
            wallarm_api_token_kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/ours",
            certificate_arn="arn:aws:acm:us-east-1:123456789012:certificate/ours",
        ),
        ACCOUNT,
    )  # fmt: skip
    conditions = str(grant.conditions(scope))
    fenced = "aws:ResourceTag/" in conditions or "aws:RequestTag/" in conditions
    foreign = [arn for arn in grant.arns(scope) if not any(name in arn for name in ours)]
    assert not foreign or fenced or grant.wide, foreign


@pytest.mark.parametrize("mode", [m for m in WHOLE if answers_of(m).deploys_node])
def test_a_new_token_changes_its_parameter_and_restarts_the_task_and_nothing_else(
    mode: str,
) -> None:
    calls = [record.read_call(c) for c in RECORDED[mode]["calls"] if c["phase"] == "rotate"]
    actions = {action for call in calls for action, _arn, _to in needed(call, ACCOUNT, REGION)}
    changing = {a for a in actions if REFERENCE[a]["level"] not in ("List", "Read")}
    asked = {"ssm:PutParameter", "ecs:UpdateService"}
    tags = {"ssm:AddTagsToResource"} if answers_of(mode).tags else set()
    key = {"kms:Encrypt"} if answers_of(mode).wallarm_api_token_kms_key_arn else set()
    assert asked <= changing <= asked | tags | key
    assert key <= changing


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
            assert not [a for a in statement["Action"] if "PolicyVersion" in a]
            if any("Boundary" in action for action in statement["Action"]):
                assert "iam:DeleteRolePermissionsBoundary" not in statement["Action"]
                wanted = statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"]
                assert wanted == BOUNDED.permissions_boundary, "no other one can be put on a role"
                assert all("role/api-gw-discovery-" in arn for arn in statement["Resource"])


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
