"""How log delivery gets into a log group, through the group's own policy or one of the account."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.services.aws import log_delivery
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session

THEIR_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Route53",
                "Effect": "Allow",
                "Principal": {"Service": "route53.amazonaws.com"},
                "Action": "logs:*",
                "Resource": "*",
            }
        ],
    },
    indent=1,
)


def policies(world: Any) -> dict[str, str]:
    found = world.logs.describe_resource_policies()["resourcePolicies"]
    return {p["policyName"]: p["policyDocument"] for p in found}


def on_group(world: Any, arn: str) -> str:
    found = world.logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
    return str(found[0]["policyDocument"]) if found else ""


def test_log_delivery_gets_into_a_group_through_its_own_policy_and_out_again(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    arn = world.arn(name)
    before = policies(world)
    outcome = log_delivery.ensure_delivery(session, identity, name)
    assert outcome.changed
    assert log_delivery.allows(on_group(world, arn), arn, identity.account_id)
    assert policies(world) == before
    assert not log_delivery.ensure_delivery(session, identity, name).changed
    assert log_delivery.restore_policy(session, identity, name, outcome.before)
    assert on_group(world, arn) == ""
    assert not log_delivery.restore_policy(session, identity, name, outcome.before)


def test_a_policy_somebody_else_put_on_the_group_is_added_to_and_comes_back_in_its_spelling(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    arn = world.arn(name)
    world.logs.put_resource_policy(resourceArn=arn, policyDocument=THEIR_POLICY)
    outcome = log_delivery.ensure_delivery(session, identity, name)
    assert "route53.amazonaws.com" in on_group(world, arn)
    assert log_delivery.allows(on_group(world, arn), arn, identity.account_id)
    log_delivery.restore_policy(session, identity, name, outcome.before)
    assert on_group(world, arn) == THEIR_POLICY


def test_a_group_that_is_gone_is_nothing_to_restore_but_an_error_to_ensure(
    session: Session, identity: Identity, world: Any
) -> None:
    name = world.log_group()
    outcome = log_delivery.ensure_delivery(session, identity, name)
    world.logs.delete_log_group(logGroupName=name)
    assert not log_delivery.restore_policy(session, identity, name, outcome.before)
    with pytest.raises(WizardError) as caught:
        log_delivery.ensure_delivery(session, identity, name)
    assert caught.value.code == "WAG-E-LOGS-001"


class NoGroupPolicies(Session):
    """A session in a partition that knows only account-wide policies."""

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service == "logs" and not hasattr(client, "_old"):
            client._old = True
            original = client._make_api_call

            def call(operation: str, arguments: Any) -> Any:
                from botocore.exceptions import ClientError

                if "resourceArn" in arguments:
                    raise ClientError(
                        {"Error": {"Code": "InvalidParameterException", "Message": "resourceArn"}},
                        operation,
                    )
                return original(operation, arguments)

            client._make_api_call = call
        return client


def test_without_policies_on_groups_one_account_wide_policy_serves_every_group(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    session = NoGroupPolicies(region=identity.region, env=env, bucket=TokenBucket(10_000, 10_000))
    first, second = world.log_group(), world.log_group()
    before = policies(world)
    one = log_delivery.ensure_delivery(session, identity, first)
    two = log_delivery.ensure_delivery(session, identity, second)
    assert set(policies(world)) - set(before) == {log_delivery.ACCOUNT_POLICY}
    assert log_delivery.restore_policy(session, identity, first, one.before)
    document = policies(world)[log_delivery.ACCOUNT_POLICY]
    assert log_delivery.allows(document, world.arn(second), identity.account_id)
    assert not log_delivery.allows(document, world.arn(first), identity.account_id)
    assert log_delivery.restore_policy(session, identity, second, two.before)
    assert policies(world) == before


def test_with_every_account_wide_policy_taken_one_with_room_is_extended_or_it_says_so(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    region = "us-west-1"
    logs: Any = Session(region=region, env=env, bucket=TokenBucket(10_000, 10_000)).client("logs")
    session = NoGroupPolicies(region=region, env=env, bucket=TokenBucket(10_000, 10_000))
    there = replace(identity, region=region)
    logs.create_log_group(logGroupName="/g")
    for number in range(10):
        logs.put_resource_policy(policyName=f"p{number}", policyDocument=THEIR_POLICY)
    with pytest.raises(WizardError) as caught:
        log_delivery.ensure_delivery(session, there, "/g")
    assert caught.value.code == "WAG-E-LOGS-003"
    theirs = log_delivery.with_statement(
        "", log_delivery.delivery_statement("arn:other", identity.account_id, region, "aws")
    )
    logs.put_resource_policy(policyName="p3", policyDocument=theirs)
    outcome = log_delivery.ensure_delivery(session, there, "/g")
    assert outcome.after["name"] == "p3"
    log_delivery.restore_policy(session, there, "/g", outcome.before)
    kept = {p["policyName"]: p for p in logs.describe_resource_policies()["resourcePolicies"]}
    assert log_delivery.same_document(kept["p3"]["policyDocument"], theirs)
