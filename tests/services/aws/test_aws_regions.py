"""The Regions of an account and the accounts of an organization, on a local AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from tests.services.aws.conftest import unlimited
from wizard.core.errors import WizardError
from wizard.services.aws.regions import RegionApis, accounts, count_apis, enabled_regions
from wizard.services.aws.session import Session


def elsewhere(env: dict[str, str], region: str) -> Session:
    return Session(region=region, env=env, bucket=unlimited())


def test_regions_that_are_open_to_the_account_are_listed(session: Session) -> None:
    found = enabled_regions(session)
    assert {"us-east-1", "eu-central-1"} <= set(found)
    assert set(found) <= set(session.regions())


def test_the_apis_of_each_region_are_counted_and_each_is_told_once(env: dict[str, str]) -> None:
    makers = {region: elsewhere(env, region) for region in ("eu-west-1", "eu-west-2", "eu-west-3")}
    made = makers["eu-west-1"]
    made.client("apigateway").create_rest_api(name="one")
    made.client("apigatewayv2").create_api(Name="two", ProtocolType="HTTP")
    makers["eu-west-2"].client("apigatewayv2").create_api(
        Name="three", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    told: list[RegionApis] = []
    found = count_apis(lambda region: makers[region], makers, on_region=told.append)
    assert [(one.region, one.apis) for one in found] == [
        ("eu-west-1", 2),
        ("eu-west-2", 1),
        ("eu-west-3", 0),
    ]
    assert sorted(told, key=lambda one: one.region) == list(found)


def test_a_region_that_cannot_be_read_is_its_own_problem(env: dict[str, str]) -> None:
    def session_of(region: str) -> Session:
        return Session("nobody" if region == "us-west-1" else "", region, env, bucket=unlimited())

    well, ill = count_apis(session_of, ["eu-west-3", "us-west-1"])
    assert (well.problem, ill.apis) == ("", 0)
    assert "nobody" in ill.problem


def test_accounts_of_an_organization_are_those_in_use(env: dict[str, str]) -> None:
    management: Any = elsewhere(env, "us-east-1")
    client = management.client("organizations")
    for name in ("shop", "Pay"):
        client.create_account(Email=f"{name}@example.com", AccountName=name)
    found = accounts(management)
    names = [account.name for account in found]
    assert names == sorted(names, key=str.lower)
    assert {"shop", "Pay"} <= set(names)
    assert all(len(account.account_id) == 12 for account in found)


def test_an_account_without_an_organization_says_so_in_awss_words(env: dict[str, str]) -> None:
    alone = elsewhere(env, "us-east-1")
    with Stubber(alone.client("organizations")) as answers:
        answers.add_client_error(
            "list_accounts", "AWSOrganizationsNotInUseException", "Your account is not a member."
        )
        with pytest.raises(WizardError) as caught:
            accounts(alone)
    assert "organization" in caught.value.what
    assert "not a member" in caught.value.why
