"""A fleet's file is made from the accounts of the organization and the Regions that have APIs."""

from __future__ import annotations

import json
from typing import Any

from tests.services.aws.conftest import unlimited
from tests.services.aws.test_aws_assumed import role_of
from wizard.core.answers.model import Answers
from wizard.core.events import FlowEvent, Note
from wizard.core.fleet import as_text, parse_fleet
from wizard.flows.context import Context, Options
from wizard.flows.fleet import discover_fleet
from wizard.services.aws.session import Session


def test_each_account_and_region_with_apis_is_a_target(env: dict[str, str]) -> None:
    mine = Session(region="ap-south-1", env=env, bucket=unlimited())
    mine.client("apigateway").create_rest_api(name="mine")
    organization: Any = mine.client("organizations")
    status = organization.create_account(Email="pay@example.com", AccountName="Pay & Co")
    account = status["CreateAccountStatus"]["AccountId"]
    arn = role_of(account, env["AWS_ENDPOINT_URL"])
    theirs = Session(region="sa-east-1", env=env, bucket=unlimited(), role_arn=arn)
    theirs.client("apigatewayv2").create_api(Name="theirs", ProtocolType="HTTP")
    told: list[FlowEvent] = []
    context = Context(Options(env=env), told.append)
    targets = discover_fleet(context, Answers(region="us-east-1"), "wallarm-deployer")
    found = {(t.account_id, t.answers.region): t for t in targets}
    assert (mine.identity().account_id, "ap-south-1") in found
    pay = found[(account, "sa-east-1")]
    assert pay.name == "Pay-Co-sa-east-1"
    assert pay.answers.role_arn == arn
    # Accounts whose role cannot be assumed are told, and cost no other account its targets.
    assert all(isinstance(event.text, str) for event in told if isinstance(event, Note))
    again = parse_fleet(as_text(targets, {}), "fleet.json")
    assert [t.place for t in again.targets] == [t.place for t in targets]
    assert json.loads(as_text(targets, {}))["targets"]


def test_without_a_role_only_this_account_is_looked_at(env: dict[str, str]) -> None:
    here = Session(region="ca-central-1", env=env, bucket=unlimited())
    here.client("apigatewayv2").create_api(Name="here", ProtocolType="HTTP")
    context = Context(Options(env=env), lambda _: None)
    targets = discover_fleet(context, Answers(region="us-east-1"))
    assert {t.account_id for t in targets} == {here.identity().account_id}
    assert "ca-central-1" in {t.answers.region for t in targets}
    assert not any(t.answers.role_arn for t in targets)
