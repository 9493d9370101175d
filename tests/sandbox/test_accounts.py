"""The local AWS holds several accounts; their roles and Regions are closed where AWS's would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from wizard.sandbox import Sandbox

OTHER = "222222222222"  # an account's id is a key of that account
CLOSED, OPEN = "me-south-1", "eu-west-1"


@pytest.fixture
def of(sandbox: Sandbox) -> Callable[..., Any]:
    def client(service: str, region: str = "us-east-1", key: str = OTHER, token: str = "") -> Any:
        return boto3.client(
            service, endpoint_url=sandbox.endpoint_url, region_name=region,
            aws_access_key_id=key, aws_secret_access_key="sandbox",
            aws_session_token=token or None,
        )  # fmt: skip

    return client


def test_a_region_with_opt_in_is_not_told_and_takes_no_request(of: Callable[..., Any]) -> None:
    names = {r["RegionName"] for r in of("ec2").describe_regions()["Regions"]}
    assert OPEN in names
    assert CLOSED not in names
    every = of("ec2").describe_regions(AllRegions=True)["Regions"]
    assert {r["RegionName"]: r["OptInStatus"] for r in every}[CLOSED] == "not-opted-in"
    of("apigateway", OPEN).get_rest_apis()
    for service, call, code in (
        ("apigateway", "get_rest_apis", "UnrecognizedClientException"),
        ("apigatewayv2", "get_apis", "UnrecognizedClientException"),
        ("logs", "describe_log_groups", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(of(service, CLOSED), call)()
        assert refused.value.response["Error"]["Code"] == code


def test_only_a_role_that_an_account_has_can_be_assumed(of: Callable[..., Any]) -> None:
    arn = f"arn:aws:iam::{OTHER}:role/deployer"
    sts = of("sts", key="sandbox")
    with pytest.raises(ClientError) as refused:
        sts.assume_role(RoleArn=arn, RoleSessionName="ours")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert arn in str(refused.value)
    of("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument="{}")
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="ours")["Credentials"]
    inside = of("sts", key=keys["AccessKeyId"], token=keys["SessionToken"])
    assert inside.get_caller_identity()["Account"] == OTHER
