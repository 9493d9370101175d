"""A role of another account is assumed with the keys at hand, and Terraform gets its keys."""

from __future__ import annotations

import contextlib
import json

import boto3

from tests.services.aws.conftest import unlimited
from wizard.services.aws.session import Session

OTHER = "210987654321"


def role_of(account: str, url: str, name: str = "wallarm-deployer") -> str:
    """A role of that account; the local AWS takes the account from the key's id."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    iam = boto3.client(
        "iam", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id=account, aws_secret_access_key="testing",
    )  # fmt: skip
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return f"arn:aws:iam::{account}:role/{name}"


def test_who_assumes_a_role_is_that_role_and_hands_its_keys_on(env: dict[str, str]) -> None:
    arn = role_of(OTHER, env["AWS_ENDPOINT_URL"])
    before = Session(region="us-east-1", env=env, bucket=unlimited()).identity()
    session = Session(region="us-east-1", env=env, bucket=unlimited(), role_arn=arn)
    found = session.identity()
    assert found.account_id == OTHER != before.account_id
    assert found.principal == "wallarm-deployer"
    child = session.environment()
    assert child["AWS_PROFILE"] is None
    assert child["AWS_ACCESS_KEY_ID"] not in (None, env["AWS_ACCESS_KEY_ID"])
    assert child["AWS_SESSION_TOKEN"]
    assert session.expires_at() is None  # they renew themselves, for Terraform too


def test_what_a_role_sees_is_its_own_account_s(env: dict[str, str]) -> None:
    arn = role_of("345678901234", env["AWS_ENDPOINT_URL"])
    own = Session(region="us-west-2", env=env, bucket=unlimited())
    role = Session(region="us-west-2", env=env, bucket=unlimited(), role_arn=arn)
    own.client("apigateway").create_rest_api(name="mine")
    role.client("apigateway").create_rest_api(name="theirs")
    assert [a["name"] for a in role.client("apigateway").get_rest_apis()["items"]] == ["theirs"]
    role.renew(refused=True)
    assert role.identity().account_id == "345678901234"
