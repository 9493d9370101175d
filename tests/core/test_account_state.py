"""What an account has already is judged before anything is planned."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.account_state import (
    GATEWAY,
    DefaultKey,
    RoleState,
    hiding_zone,
    is_own_key,
    judge_ebs_key,
    judge_role,
    record_hidden,
    subnets_unfit,
    trusts,
)
from wizard.core.facts import HostedZone, Network, Subnet

ACCOUNT = "123456789012"


def subnet(name: str, zone: str, public: bool) -> Subnet:
    return Subnet(name, "", "10.0.0.0/24", zone, public)


VPC = Network(
    "vpc-1", "", "10.0.0.0/16",
    (subnet("pub-a", "us-east-1a", True), subnet("pub-a2", "us-east-1a", True),
     subnet("pub-b", "us-east-1b", True), subnet("priv-a", "us-east-1a", False),
     subnet("priv-b", "us-east-1b", False), subnet("priv-c", "us-east-1c", False)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("public", "private", "said"),
    [
        (("pub-a", "pub-b"), ("priv-a",), ""),
        (("pub-a", "pub-b"), ("priv-a", "priv-b"), ""),
        (("pub-a", "pub-a2"), ("priv-a",), "two Availability Zones; pub-a, pub-a2 are in us-east"),
        (("pub-a",), ("priv-a",), "two Availability Zones; pub-a is in us-east-1a"),
        (("pub-a", "pub-b"), ("priv-c",), "priv-c is in us-east-1c, the public subnets are in"),
        (("pub-a", "pub-b"), ("priv-a", "priv-c"), "priv-c is in us-east-1c"),
        (("pub-a", "pub-x"), ("priv-a",), "pub-x: not in vpc-1"),
        (("pub-a", "pub-b"), ("priv-x",), "priv-x: not in vpc-1"),
        ((), ("priv-a",), "two Availability Zones"),
    ],
)
def test_a_load_balancer_wants_two_zones_and_every_nodes_zone_among_them(
    public: tuple[str, ...], private: tuple[str, ...], said: str
) -> None:
    text = ". ".join(subnets_unfit(VPC, public, private))
    assert (said in text) if said else (text == "")


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("", False),
        ("alias/aws/ebs", False),
        ("arn:aws:kms:eu-central-1:123456789012:alias/aws/ebs", False),
        ("arn:aws:kms:eu-central-1:123456789012:key/1234abcd", True),
        ("alias/company", True),
        ("alias/aws/ebs-of-the-company", True),
    ],
)
def test_a_default_key_of_the_accounts_own_is_told_from_aws(key: str, told: bool) -> None:
    assert is_own_key(key) is told


SCALING = (
    f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/"
    "AWSServiceRoleForAutoScaling"
)
USE = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*", "Resource": "*"}  # fmt: skip


def lets(*actions: str, to: object = SCALING, **more: object) -> dict[str, object]:
    principal = to if to == "*" else {"AWS": to}
    return {"Effect": "Allow", "Principal": principal, "Action": list(actions), "Resource": "*",
            **more}  # fmt: skip


GRANTS_TO_AWS = {"Bool": {"kms:GrantIsForAWSResource": "true"}}


@pytest.mark.parametrize(
    ("statements", "lacking"),
    [
        # As the EC2 Auto Scaling User Guide has it: two statements.
        ([ROOT, lets(*USE), lets("kms:CreateGrant", Condition=GRANTS_TO_AWS)], ""),
        ([lets("kms:*")], ""),
        ([lets("kms:*", to=[SCALING, f"arn:aws:iam::{ACCOUNT}:role/x"])], ""),
        # Whoever is of this account, as AWS's own key has it.
        ([lets("kms:*", to="*", Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}})], ""),
        ([lets("kms:*", to="*", Condition={"StringEquals": {"kms:CallerAccount": "999999999999"}})],
         "kms:CreateGrant, kms:Decrypt, kms:DescribeKey"),
        # What is left to IAM policies does not let in a role that has none.
        ([ROOT], "kms:CreateGrant, kms:Decrypt"),
        ([ROOT, lets(*USE)], "do kms:CreateGrant:"),
        ([ROOT, lets("kms:CreateGrant")], "kms:Decrypt"),
        ([lets("kms:*", to=f"arn:aws:iam::{ACCOUNT}:role/other")], "kms:CreateGrant"),
        ([lets("kms:*"), {**lets("kms:CreateGrant"), "Effect": "Deny"}], "do kms:CreateGrant:"),
        ([lets("kms:*"), {**lets("kms:CreateGrant", Condition=GRANTS_TO_AWS), "Effect": "Deny"}],
         ""),
        ([], "kms:CreateGrant"),
        (["broken"], "kms:CreateGrant"),
    ],
)  # fmt: skip
def test_whether_the_default_key_lets_auto_scaling_in_is_read_in_its_policy(
    statements: list[object], lacking: str
) -> None:
    key = DefaultKey("alias/company", "Enabled", {"Statement": statements})
    text = judge_ebs_key(key, ACCOUNT)
    assert bool(text) is bool(lacking)
    assert lacking in text
    assert not lacking or ("alias/company" in text and "AWSServiceRoleForAutoScaling" in text)


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_default_key_that_is_not_enabled_is_told_as_such(state: str) -> None:
    text = judge_ebs_key(DefaultKey("key", state, {"Statement": [lets("kms:*")]}), ACCOUNT)
    assert f"which is {state}" in text


def test_a_key_whose_policy_may_not_be_read_is_not_checked_and_says_so() -> None:
    text = judge_ebs_key(DefaultKey("key", "Enabled", problem="AccessDenied: no"), ACCOUNT)
    assert "was not checked (AccessDenied: no)" in text
    assert "kms:CreateGrant" in text


def zone(name: str, private: bool = True) -> HostedZone:
    return HostedZone(f"Z-{name}", name, private)


@pytest.mark.parametrize(
    ("zones", "host", "hidden"),
    [
        (("example.com",), "node.example.com", "example.com"),
        (("Example.com",), "node.example.COM", "Example.com"),
        (("example.com", "apps.example.com"), "node.apps.example.com", "apps.example.com"),
        (("apps.example.com",), "node.example.com", ""),
        (("ample.com",), "node.example.com", ""),
        (("node.example.com",), "node.example.com", "node.example.com"),
        ((), "node.example.com", ""),
    ],
)
def test_the_most_specific_private_zone_answers(
    zones: tuple[str, ...], host: str, hidden: str
) -> None:
    found = hiding_zone([zone(name) for name in zones], host)
    assert (found.name if found else "") == hidden


def test_a_public_zone_hides_nothing() -> None:
    assert hiding_zone([zone("example.com", private=False)], "node.example.com") is None


@pytest.mark.parametrize(
    ("names", "hidden"),
    [
        ((), True),
        (("example.com.", "other.example.com."), True),
        (("node.example.com.",), False),
        (("NODE.example.com.",), False),
        (("\\052.example.com.",), False),
        (("\\052.apps.example.com.",), True),
    ],
)
def test_a_private_zone_that_has_the_name_hides_nothing(
    names: tuple[str, ...], hidden: bool
) -> None:
    text = record_hidden(zone("example.com"), names, "node.example.com")
    assert bool(text) is hidden
    assert not hidden or "node.example.com" in text


def trust(**changes: Any) -> dict[str, Any]:
    return {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": GATEWAY}, "Action": "sts:AssumeRole"}
            | changes
        ]
    }


@pytest.mark.parametrize(
    ("document", "trusting"),
    [
        (trust(), True),
        (trust(Principal={"Service": [GATEWAY, "lambda.amazonaws.com"]}), True),
        (trust(Principal="*"), True),
        (trust(Action=["sts:TagSession", "sts:AssumeRole"]), True),
        (trust(Action="sts:*"), True),
        ({"Statement": trust()["Statement"][0]}, True),
        (trust(Principal={"Service": "lambda.amazonaws.com"}), False),
        (trust(Principal={"AWS": "arn:aws:iam::123456789012:root"}), False),
        (trust(Effect="Deny"), False),
        (trust(Action="sts:TagSession"), False),
        (trust(Action=[]), False),
        ({}, False),
        ({"Statement": ["nonsense"]}, False),
    ],
)
def test_whom_a_role_trusts(document: dict[str, Any], trusting: bool) -> None:
    assert trusts(document, GATEWAY) is trusting


ROLE = f"arn:aws:iam::{ACCOUNT}:role/logging"


@pytest.mark.parametrize(
    ("arn", "document", "state", "broken"),
    [
        ("", None, RoleState.UNSET, False),
        (ROLE, trust(), RoleState.USABLE, False),
        (ROLE, None, RoleState.GONE, True),
        (ROLE, trust(Effect="Deny"), RoleState.DISTRUSTS, True),
        ("arn:aws:iam::999999999999:role/logging", trust(), RoleState.FOREIGN, True),
        ("nonsense", trust(), RoleState.FOREIGN, True),
    ],
)
def test_the_accounts_cloudwatch_role(
    arn: str, document: dict[str, Any] | None, state: RoleState, broken: bool
) -> None:
    found = judge_role(arn, ACCOUNT, document)
    assert (found.state, found.broken, found.arn) == (state, broken, arn)
    assert bool(found.problem) is broken
