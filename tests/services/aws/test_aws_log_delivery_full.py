"""Where there is no room for log delivery's statement; and everybody else's statements stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.services.aws import log_delivery
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session

ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/g"
OURS = log_delivery.delivery_statement(ARN, "123456789012", "us-east-1", "aws")


def theirs(number: int, service: str = "route53.amazonaws.com") -> dict[str, Any]:
    """A statement of another product."""
    return {
        "Sid": f"Theirs{number}",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:123456789012:log-group:/theirs/{number}:*",
    }


def policy(*statements: dict[str, Any]) -> str:
    document = {"Version": "2012-10-17", "Id": "theirs", "Statement": [*statements]}
    return json.dumps(document, separators=(",", ":"))


def almost_full(service: str = "route53.amazonaws.com") -> str:
    """As many statements as the quota takes, so that not one more fits."""
    held: list[dict[str, Any]] = []
    while log_delivery.fits(policy(*held, theirs(len(held), service))):
        held.append(theirs(len(held), service))
    document = policy(*held)
    assert log_delivery.fits(document)
    assert not log_delivery.fits(log_delivery.with_statement(document, OURS))
    return document


def statements(document: str) -> list[dict[str, Any]]:
    found = json.loads(document)["Statement"]
    return found if isinstance(found, list) else [found]


class Place:
    """A Region of its own on the local AWS, so that its ten policies are nobody else's."""

    def __init__(self, env: dict[str, str], identity: Identity, region: str) -> None:
        self.session = Session(region=region, env=env, bucket=TokenBucket(10_000, 10_000))
        self.identity = replace(identity, region=region)
        self.logs: Any = self.session.client("logs")
        self.put: list[str] = []

    def policies(self) -> dict[str, str]:
        """What is on the account, by name."""
        found = self.logs.describe_resource_policies()["resourcePolicies"]
        return {one["policyName"]: one["policyDocument"] for one in found}

    def on_group(self, group: str) -> str:
        """What is on the group itself."""
        arn = log_delivery.group_arn(self.identity, group)
        found = self.logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
        return str(found[0]["policyDocument"]) if found else ""

    def give(self, group: str, document: str) -> None:
        """Somebody's policy on the group."""
        arn = log_delivery.group_arn(self.identity, group)
        self.logs.put_resource_policy(resourceArn=arn, policyDocument=document)

    def ensure(self, group: str) -> log_delivery.PolicyOutcome:
        return log_delivery.ensure_delivery(self.session, self.identity, group)

    def with_one_more(self, group: str) -> str:
        """Our policy of the account as it would be with this group, too."""
        who = self.identity
        arn = log_delivery.group_arn(who, group)
        ours = log_delivery.delivery_statement(arn, who.account_id, who.region, who.partition)
        return log_delivery.with_statement(
            self.policies().get(log_delivery.ACCOUNT_POLICY, ""), ours
        )

    def allowed(self, document: str, group: str) -> bool:
        arn = log_delivery.group_arn(self.identity, group)
        return log_delivery.allows(document, arn, self.identity.account_id)


@contextmanager
def region(env: dict[str, str], identity: Identity, name: str, *groups: str) -> Iterator[Place]:
    place = Place(env, identity, name)
    for group in groups:
        place.logs.create_log_group(logGroupName=group)
    yield place
    for policy_name in place.policies():
        place.logs.delete_resource_policy(policyName=policy_name)
    for group in groups:
        place.logs.delete_log_group(logGroupName=group)


def test_a_full_policy_on_the_group_is_left_alone_and_one_of_the_account_is_made(
    env: dict[str, str], identity: Identity
) -> None:
    full = almost_full()
    with region(env, identity, "eu-west-2", "/full") as place:
        place.give("/full", full)
        outcome = place.ensure("/full")
        assert outcome.after["scope"] == log_delivery.ACCOUNT
        assert place.on_group("/full") == full, "not a byte of theirs was touched"
        assert list(place.policies()) == [log_delivery.ACCOUNT_POLICY]
        assert place.allowed(place.policies()[log_delivery.ACCOUNT_POLICY], "/full")
        assert not place.ensure("/full").changed, "asked again it finds it allowed"
        assert log_delivery.restore_policy(place.session, place.identity, "/full", outcome.before)
        assert place.policies() == {}
        assert place.on_group("/full") == full


def test_with_the_group_full_and_all_ten_taken_a_policy_of_log_delivery_is_extended_whole(
    env: dict[str, str], identity: Identity
) -> None:
    """Every statement of the policy that is extended is there afterwards, in its order."""
    delivery = [theirs(n, log_delivery.PRINCIPAL) for n in range(4)]
    with region(env, identity, "eu-west-3", "/full") as place:
        place.give("/full", almost_full())
        for number in range(9):
            place.logs.put_resource_policy(
                policyName=f"others-{number}", policyDocument=policy(theirs(number))
            )
        place.logs.put_resource_policy(policyName="delivery", policyDocument=policy(*delivery))
        before = place.policies()
        assert len(before) == 10
        outcome = place.ensure("/full")
        after = place.policies()
        assert outcome.after["name"] == "delivery"
        assert statements(after["delivery"])[:-1] == delivery
        assert place.allowed(after["delivery"], "/full")
        assert json.loads(after["delivery"])["Id"] == "theirs"
        assert {**after, "delivery": ""} == {**before, "delivery": ""}
        assert log_delivery.restore_policy(place.session, place.identity, "/full", outcome.before)
        assert place.policies() == before, "in its owner's own spelling"


def test_a_full_policy_of_log_delivery_is_passed_over_for_one_with_room(
    env: dict[str, str], identity: Identity
) -> None:
    with region(env, identity, "eu-north-1", "/full") as place:
        place.give("/full", almost_full())
        for number in range(8):
            place.logs.put_resource_policy(
                policyName=f"others-{number}", policyDocument=policy(theirs(number))
            )
        full = almost_full(log_delivery.PRINCIPAL)
        room = policy(theirs(1, log_delivery.PRINCIPAL))
        place.logs.put_resource_policy(policyName="a-full", policyDocument=full)
        place.logs.put_resource_policy(policyName="b-room", policyDocument=room)
        assert place.ensure("/full").after["name"] == "b-room"
        assert place.policies()["a-full"] == full


def test_where_there_is_no_room_at_all_nothing_is_changed_and_the_ways_out_are_said(
    env: dict[str, str], identity: Identity
) -> None:
    full = almost_full(log_delivery.PRINCIPAL)
    with region(env, identity, "sa-east-1", "/full") as place:
        place.give("/full", almost_full())
        for number in range(10):
            place.logs.put_resource_policy(policyName=f"p{number}", policyDocument=full)
        before = place.policies()
        with pytest.raises(WizardError) as refused:
            place.ensure("/full")
        assert refused.value.code == "WAG-E-LOGS-003"
        assert "/aws/vendedlogs/" in refused.value.next_step
        assert place.policies() == before
        assert place.on_group("/full") == almost_full()


def test_our_own_policy_of_the_account_takes_group_after_group_until_it_is_full(
    env: dict[str, str], identity: Identity
) -> None:
    groups = [f"/full/{n:02}/{'x' * 200}" for n in range(12)]
    with region(env, identity, "ca-central-1", *groups) as place:
        for group in groups:
            place.give(group, almost_full())
        taken: list[str] = []
        while log_delivery.fits(place.with_one_more(groups[len(taken)])):
            place.ensure(groups[len(taken)])
            taken.append(groups[len(taken)])
            document = place.policies()[log_delivery.ACCOUNT_POLICY]
            assert len(statements(document)) == len(taken)
            assert all(place.allowed(document, one) for one in taken), "none is lost"
        with pytest.raises(WizardError) as refused:
            place.ensure(groups[len(taken)])
        assert refused.value.code == "WAG-E-LOGS-003"
        assert "would exceed 5,120 bytes" in refused.value.why
        assert len(taken) > 4


_STATEMENTS = st.lists(
    st.builds(
        lambda sid, service, number: {**theirs(number, service), "Sid": sid},
        st.text(st.sampled_from("abcXYZ019"), max_size=8),
        st.sampled_from(("route53.amazonaws.com", log_delivery.PRINCIPAL, "es.amazonaws.com")),
        st.integers(0, 99),
    ),
    max_size=8,
)


@given(_STATEMENTS, st.booleans())
def test_whatever_is_in_a_policy_stays_in_it_and_ours_comes_and_goes_alone(
    held: list[dict[str, Any]], alone: bool
) -> None:
    """One statement may also be written without a list."""
    document = policy(*held) if not alone or len(held) != 1 else json.dumps(
        {"Version": "2012-10-17", "Statement": held[0]}
    )  # fmt: skip
    merged = log_delivery.with_statement(document, OURS)
    assert statements(merged) == [*held, OURS]
    assert statements(log_delivery.with_statement(merged, OURS)) == [*held, OURS]
    rest = log_delivery.without_statement(merged, ARN)
    assert (statements(rest) if rest else []) == held


BYTES, LATER = log_delivery.MAX_BYTES, log_delivery.LATER_MAX_BYTES


@pytest.mark.parametrize(("size", "fits"), [(BYTES - 1, True), (BYTES, True), (BYTES + 1, False)])
def test_a_document_may_fill_the_quota_to_its_last_byte(size: int, fits: bool) -> None:
    assert log_delivery.fits("x" * size) is fits
    assert log_delivery.fits("é" * (size // 2) + "x" * (size % 2)) is fits, "bytes are counted"


@pytest.mark.parametrize(
    ("sizes", "full"),
    [
        ([], False),
        ([10] * 9, False),
        ([10] * 10, True),
        ([BYTES - 400], False),
        ([BYTES - 399], True),
        ([BYTES], True),
        ([BYTES + 1], False),  # more than the older quota: the later one holds here
        ([LATER - 400], False),
        ([LATER - 399], True),
        ([10, LATER], True),
    ],
)
def test_there_is_no_room_with_ten_policies_or_one_that_is_nearly_full(
    sizes: list[int], full: bool
) -> None:
    named = {f"policy-{number}": size for number, size in enumerate(sizes)}
    assert log_delivery.no_room(named) is full


class Paged:
    """CloudWatch Logs with its policies on two pages."""

    def describe_resource_policies(self, **more: str) -> dict[str, Any]:
        if more.get("nextToken") == "second":
            return {"resourcePolicies": [{"policyName": "b", "policyDocument": "{}"}]}
        assert more == {}
        first = {"policyName": "a", "policyDocument": "{}"}
        return {"resourcePolicies": [first], "nextToken": "second"}


def test_policies_of_every_page_are_read() -> None:
    client: Any = Paged()
    assert [held.name for held in log_delivery._account_policies(client)] == ["a", "b"]
