"""The Regions of an account and the accounts of an organization, on a local AWS."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from tests.services.aws.conftest import unlimited
from wizard.core.errors import UsageError, WizardError
from wizard.services.aws.regions import RegionApis, accounts, count_apis, enabled_regions
from wizard.services.aws.session import Session


def elsewhere(env: dict[str, str], region: str) -> Session:
    return Session(region=region, env=env, bucket=unlimited())


def test_regions_that_are_open_to_the_account_are_listed(session: Session) -> None:
    found = enabled_regions(session)
    assert {"us-east-1", "eu-central-1"} <= set(found)
    assert set(found) <= set(session.regions())


def test_the_apis_of_each_region_are_counted_and_each_is_told_once(env: dict[str, str]) -> None:
    makers = {
        region: elsewhere(env, region)
        for region in ("ap-northeast-1", "ap-northeast-2", "ap-northeast-3")
    }
    made = makers["ap-northeast-1"]
    made.client("apigateway").create_rest_api(name="one")
    made.client("apigatewayv2").create_api(Name="two", ProtocolType="HTTP")
    makers["ap-northeast-2"].client("apigatewayv2").create_api(
        Name="three", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    told: list[RegionApis] = []
    found = count_apis(lambda region: makers[region], makers, on_region=told.append)
    assert [(one.region, one.apis) for one in found] == [
        ("ap-northeast-1", 2),
        ("ap-northeast-2", 1),
        ("ap-northeast-3", 0),
    ]
    assert sorted(told, key=lambda one: one.region) == list(found)


def test_a_region_that_cannot_be_read_is_its_own_problem(env: dict[str, str]) -> None:
    def session_of(region: str) -> Session:
        return Session("nobody" if region == "us-west-1" else "", region, env, bucket=unlimited())

    well, ill = count_apis(session_of, ["eu-west-3", "us-west-1"])
    assert (well.problem, ill.apis) == ("", 0)
    assert "nobody" in ill.problem


def test_connected_stages_are_counted_where_there_are_apis_and_what_aws_refuses_is_told(
    env: dict[str, str],
) -> None:
    regions = ("ca-central-1", "us-west-2", "us-east-2")
    alone = env | {"AWS_ACCESS_KEY_ID": "555566667777"}  # an account that no other test works in
    makers = {region: elsewhere(alone, region) for region in regions}
    for region in regions[1:]:
        makers[region].client("apigatewayv2").create_api(Name="one", ProtocolType="HTTP")

    def connected(session: Session) -> int:
        if session.region == "us-east-2":
            raise WizardError("WAG-E-TEST-001", "Looking for deployments failed", why="Denied.")
        return 4

    found = count_apis(lambda region: makers[region], regions, connected=connected)
    assert found == (
        RegionApis("ca-central-1", 0, connected=0),
        RegionApis("us-west-2", 1, connected=4),
        RegionApis("us-east-2", 1, "Looking for deployments failed. Denied"),
    )


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


def test_a_region_of_a_partition_that_is_not_supported_is_withheld_with_the_reason(
    env: dict[str, str],
) -> None:
    known = botocore.session.get_session()
    strange = known.get_available_regions("apigateway", partition_name="aws-iso")
    assert strange, "botocore knows Regions that nobody outside can try"
    offered = Session(region="us-east-1", env=env).regions()
    assert not {*strange} & {*offered}
    for partition in ("aws-cn", "aws-us-gov"):
        assert {*known.get_available_regions("apigateway", partition_name=partition)} <= {*offered}
    with pytest.raises(UsageError) as caught:
        Session(region=strange[0], env=env).check()
    assert caught.value.code == "WAG-E-AWS-033"
    assert "partition aws-iso" in caught.value.what
    assert "would rest on guesses" in caught.value.why
    assert "aws-us-gov" in caught.value.next_step
    with pytest.raises(UsageError, match="There is no AWS Region"):
        Session(region="eu-nowhere-1", env=env).check()
