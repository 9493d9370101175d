"""The CloudWatch role of API Gateway: set where none is, waited for, never taken over."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.services.aws import account_role
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session


def test_the_account_role_is_created_and_set_only_where_none_is(
    env: dict[str, str], session: Session, identity: Identity
) -> None:
    elsewhere = replace(identity, region="ap-southeast-2")
    other = Session(region=elsewhere.region, env=env, bucket=TokenBucket(10_000, 10_000))
    assert account_role.read_role_arn(other) == ""
    role, created = account_role.create_role(other, elsewhere, tags={"team": "a"})
    assert created
    assert account_role.create_role(other, elsewhere) == (role, False)
    account_role.set_role_arn(other, role)
    assert account_role.read_role_arn(other) == role
    account_role.set_role_arn(other, role)
    with pytest.raises(WizardError) as caught:
        account_role.set_role_arn(other, role + "-mine")
    assert caught.value.code == "WAG-E-ROLE-001"
    assert account_role.read_role_arn(other) == role
    assert not account_role.delete_role(other, elsewhere), "in use, so it stays"
    attached: Any = session.client("iam").list_attached_role_policies(
        RoleName=account_role.role_name(elsewhere.region)
    )
    assert [p["PolicyName"] for p in attached["AttachedPolicies"]] == [
        "AmazonAPIGatewayPushToCloudWatchLogs"
    ]


def test_a_role_of_that_name_that_is_not_ours_is_left_alone(
    session: Session, identity: Identity
) -> None:
    elsewhere = replace(identity, region="sa-east-1")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}}]}
    session.client("iam").create_role(
        RoleName=account_role.role_name(elsewhere.region),
        AssumeRolePolicyDocument=json.dumps(trust),
    )
    with pytest.raises(WizardError) as caught:
        account_role.create_role(session, elsewhere)
    assert caught.value.code == "WAG-E-ROLE-004"


class Slow(Session):
    """A session where IAM needs a while until API Gateway may assume a new role."""

    refusals = 2
    sent = 0

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service == "apigateway" and not hasattr(client, "_slow"):
            client._slow = True

            def refuse(model: Any, **_: Any) -> None:
                from botocore.exceptions import ClientError

                self.sent += 1
                if self.sent <= self.refusals:
                    words = "The role ARN does not have required permissions configured"
                    raise ClientError(
                        {"Error": {"Code": "BadRequestException", "Message": words}}, model.name
                    )

            client.meta.events.register("before-call.api-gateway.UpdateAccount", refuse)
        return client


def test_a_new_role_is_waited_for_at_the_pace_aws_allows(env: dict[str, str]) -> None:
    session = Slow(region="eu-north-1", env=env, bucket=TokenBucket(10_000, 10_000))
    now = [0.0]
    waits: list[float] = []
    account_role.set_role_arn(
        session,
        "arn:aws:iam::123456789012:role/new",
        on_wait=lambda seconds, _: waits.append(seconds),
        clock=lambda: now[0],
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
    )
    assert waits == [20.0, 20.0]
    assert account_role.read_role_arn(session).endswith("role/new")


def test_a_role_that_never_comes_right_is_given_up_and_waiting_can_be_cancelled(
    env: dict[str, str],
) -> None:
    session = Slow(region="eu-west-3", env=env, bucket=TokenBucket(10_000, 10_000))
    session.refusals = 10**6
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(WizardError) as caught:
        account_role.set_role_arn(session, "arn:x", clock=lambda: now[0], sleep=sleep)
    assert caught.value.code == "WAG-E-ROLE-002"
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WizardError) as caught:
        account_role.set_role_arn(
            session, "arn:x", cancel=cancel, clock=lambda: now[0], sleep=sleep
        )
    assert caught.value.code == "WAG-E-ROLE-003"
    assert account_role.read_role_arn(session) == ""
