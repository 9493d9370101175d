"""Every role that is made trusts one service, and may do what its component does and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.policy.judge import allowed
from tests.policy.test_least_privilege import ACCOUNT, MODES, RECORDED, answers_of
from wizard.core.permissions.documents import documents

EXPECTED_ROLES = {
    "fwd": ("lambda.amazonaws.com", ()),
    "rpl": ("lambda.amazonaws.com", ()),
    "exe": ("ecs-tasks.amazonaws.com", ()),
    "tsk": ("ecs-tasks.amazonaws.com", ()),
    "ec2": ("ec2.amazonaws.com", ()),
    "wallarm-apigw-cloudwatch-us-east-1": (
        "apigateway.amazonaws.com", ("AmazonAPIGatewayPushToCloudWatchLogs",)),
}  # fmt: skip
# What AWS supports no resource for, or what the role is for on any resource.
ANYWHERE = {"JoinVpc", "NotFromTheFunctionItself", "FindEcs"}


def roles(mode: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in RECORDED[mode]["roles"].items():
        yield next(k for k in EXPECTED_ROLES if name.endswith(k)), role


@pytest.mark.parametrize("mode", MODES)
def test_roles_trust_one_service_and_get_no_policy_but_the_expected(mode: str) -> None:
    for key, role in roles(mode):
        service, attached = EXPECTED_ROLES[key]
        trusted = [s["Principal"]["Service"] for s in role["trust"]["Statement"]]
        assert trusted in ([service], [[service]])
        assert tuple(arn.rpartition("/")[2] for arn in role["attached"]) == attached


@pytest.mark.parametrize("mode", MODES)
def test_roles_may_only_touch_what_is_theirs(mode: str) -> None:
    for key, role in roles(mode):
        if key == "tsk":
            assert "policy" not in role  # the node calls no AWS API
        for statement in role.get("policy", {}).get("Statement", []):
            resources = statement["Resource"]
            resources = [resources] if isinstance(resources, str) else resources
            if statement["Sid"] == "HearFromCluster":  # instances have no name before they join
                resources = [statement["Condition"]["ArnEquals"]["ecs:cluster"]]
            key = answers_of(mode).wallarm_api_token_kms_key_arn
            assert statement["Sid"] in ANYWHERE or all(
                "api-gw-discovery" in arn or "wallarm" in arn or arn == key for arn in resources
            ), statement


@pytest.mark.parametrize("mode", MODES)
def test_the_boundary_allows_what_the_roles_need_and_our_code_cannot_do_more(mode: str) -> None:
    replaying = any(key == "rpl" for key, _role in roles(mode))  # from one update to the next
    answers = answers_of(mode).with_(undelivered_replay_hours=6 if replaying else 0)
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
        assert not [a for a in statement["Action"] if a.startswith(("iam:", "sts:"))]
        for action in statement["Action"]:
            if action.startswith("kms:"):
                own_key = [answers.wallarm_api_token_kms_key_arn]
                assert (action, statement["Resource"]) == ("kms:Decrypt", own_key)
