"""For whom a grant is, on what, and under which condition: one table for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.permissions import grants
from wizard.core.permissions.grants import MOST_STAGES, Scope
from wizard.core.tfvars import DEPLOYMENT_TAG

ACCOUNT, ANY = "123456789012", "*"
HERE = Answers()
ELSEWHERE = Answers(node_url="node.example.net:5050")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
NAMED = {"r53_domain_name": "example.com", "node_dns_name": "node"}
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1"


def scope(answers: Answers = HERE, account: str = ACCOUNT, **more: Any) -> Scope:
    return Scope(answers, account, more.pop("partition", "aws"), more.pop("log_groups", None))


@pytest.mark.parametrize(
    ("mode", "answers", "held"),
    [
        (grants.own_key, HERE, False),
        (grants.own_key, HERE.with_(wallarm_api_token_kms_key_arn=KEY), True),
        (grants.own_key, ELSEWHERE.with_(wallarm_api_token_kms_key_arn=KEY), False),
        (grants.https, HERE, False),
        (grants.https, HERE.with_(**NAMED), True),
        (grants.https, ELSEWHERE.with_(**NAMED), False),
        (grants.https_in_given_vpc, HERE.with_(**NAMED), False),
        (grants.https_in_given_vpc, HERE.with_(vpc_id="vpc-1", **NAMED), True),
        (grants.https_in_given_vpc, HERE.with_(vpc_id="vpc-1"), False),
        (grants.makes_certificate, HERE.with_(**NAMED), True),
        (grants.makes_certificate, HERE.with_(certificate_arn=CERTIFICATE, **NAMED), False),
        (grants.makes_certificate, HERE, False),
        (grants.given_certificate, HERE.with_(certificate_arn=CERTIFICATE, **NAMED), True),
        (grants.given_certificate, HERE.with_(certificate_arn=CERTIFICATE), False),
        (grants.given_certificate, HERE.with_(**NAMED), False),
        (grants.chosen_boundary, HERE, False),
        (grants.no_boundary, HERE, True),
        (grants.chosen_boundary, HERE.with_(permissions_boundary="arn:x"), True),
        (grants.no_boundary, HERE.with_(permissions_boundary="arn:x"), False),
    ],
)
def test_a_grant_is_for_those_answers_that_need_it(
    mode: Callable[[Answers], bool], answers: Answers, held: bool
) -> None:
    assert mode(answers) is held


REGION = {"StringEquals": {"aws:RequestedRegion": HERE.region}}
IN_VPC = {"ArnEquals": {"ec2:Vpc": f"arn:aws:ec2:us-east-1:{ACCOUNT}:vpc/vpc-1"}}
EC2, CHINAS = "ec2.amazonaws.com", "ec2.amazonaws.com.cn"


def handed_to(service: str) -> dict[str, Any]:
    return {"StringEquals": {"iam:PassedToService": [service]}}


@pytest.mark.parametrize(
    ("conditions", "where", "expected"),
    [
        (grants.in_given_vpc, scope(), REGION),
        (grants.in_given_vpc, scope(HERE.with_(vpc_id="vpc-1")), IN_VPC),
        (grants.passed_to(EC2), scope(), handed_to(EC2)),
        (grants.passed_to(EC2), scope(partition="aws-cn"), handed_to(CHINAS)),
        (grants.passed_to(EC2), scope(partition="aws-us-gov"), handed_to(EC2)),
        (grants.passed_to("ecs.x"), scope(partition="aws-cn"), handed_to("ecs.x")),
        (grants.bounded, scope(), {}),
        (
            grants.bounded,
            scope(HERE.with_(permissions_boundary="arn:x")),
            {"StringEquals": {"iam:PermissionsBoundary": "arn:x"}},
        ),
    ],
)
def test_a_condition_is_as_narrow_as_what_is_known(
    conditions: Callable[[Scope], dict[str, Any]], where: Scope, expected: dict[str, Any]
) -> None:
    assert conditions(where) == expected


@pytest.mark.parametrize(
    ("conditions", "key"),
    [
        (grants.by_tag, f"aws:ResourceTag/{DEPLOYMENT_TAG}"),
        (grants.with_our_tag, f"aws:RequestTag/{DEPLOYMENT_TAG}"),
        (grants.made_with_our_tag, f"aws:RequestTag/{DEPLOYMENT_TAG}"),
    ],
)
@pytest.mark.parametrize(("account", "operator"), [(ACCOUNT, "StringEquals"), (ANY, "StringLike")])
def test_a_tag_is_compared_by_pattern_only_while_the_account_is_not_known(
    conditions: Callable[[Scope], dict[str, Any]], key: str, account: str, operator: str
) -> None:
    where = scope(account=account)
    assert conditions(where)[operator] == {key: where.deployment}


GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:"


@pytest.mark.parametrize(
    ("where", "any_group"),
    [
        (scope(HERE.with_(existing_logging="switch")), False),
        (scope(HERE.with_(existing_logging="keep")), True),
        (scope(HERE.with_(existing_logging="keep"), log_groups=("/theirs",)), False),
        (scope(log_groups=("/theirs",)), False),
    ],
)
def test_any_log_group_may_be_read_only_while_those_that_stages_keep_are_not_known(
    where: Scope, any_group: bool
) -> None:
    found = [where.fill(arn) for arn in grants.readable_log_groups(where)]
    assert (found == [f"{GROUP}*"]) is any_group
    if not any_group:
        assert f"{GROUP}/aws/lambda/wallarm-cw-resend-*" in found
        assert (f"{GROUP}/theirs" in found) is (where.log_groups is not None)
        assert (f"{GROUP}/theirs:*" in found) is (where.log_groups is not None)


def test_what_fits_into_a_load_balancers_name_are_22_characters_of_the_prefix() -> None:
    assert scope(HERE.with_(name_prefix="a" * 30)).fill("{s}") == "a" * 22


@pytest.mark.parametrize(
    ("stages", "apis", "named"),
    [
        (0, 1, ["*/stages/*"]),
        (1, 1, ["a0/stages/s0"]),
        (MOST_STAGES, MOST_STAGES, None),  # each by its own name
        (MOST_STAGES + 1, 2, ["a0/stages/*", "a1/stages/*"]),
        (MOST_STAGES + 1, MOST_STAGES, "apis"),
        (MOST_STAGES + 1, MOST_STAGES + 1, ["*/stages/*"]),
    ],
)
def test_stages_are_named_as_closely_as_there_is_room(
    stages: int, apis: int, named: list[str] | str | None
) -> None:
    refs = tuple(f"a{n % apis}/s{n}" for n in range(stages))
    made = grants.stages(kinds=("restapis",))(scope(HERE.with_(stages=refs)))
    found = [arn.partition("/restapis/")[2] for arn in made]
    if named is None:
        named = [ref.replace("/", "/stages/") for ref in refs]
    elif named == "apis":
        named = [f"a{n}/stages/*" for n in range(apis)]
    assert found == named
