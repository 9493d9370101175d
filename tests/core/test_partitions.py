"""What a partition needs: host names, consoles, the Region of global services, EC2's principal."""

from __future__ import annotations

import json
import re

import pytest

from wizard.core.answers.model import REGION_PATTERN, Answers
from wizard.core.checks.console_links import aws_console
from wizard.core.facts import Api, ApiType, Identity
from wizard.core.partitions import partition_of
from wizard.core.permissions.documents import documents
from wizard.core.permissions.grants import PURPOSES
from wizard.services.aws.items import invoke_url

PLACES = (
    ("aws", "eu-central-1", "amazonaws.com", "aws.amazon.com", "us-east-1"),
    ("aws-cn", "cn-north-1", "amazonaws.com.cn", "amazonaws.cn", "cn-northwest-1"),
    ("aws-us-gov", "us-gov-east-1", "amazonaws.com", "amazonaws-us-gov.com", "us-gov-west-1"),
    ("aws-eusc", "eusc-de-east-1", "amazonaws.eu", "amazonaws-eusc.eu", "eusc-de-east-1"),
)
KEY = "arn:PARTITION:kms:REGION:123456789012:key/1"


@pytest.mark.parametrize(("name", "region", "suffix", "console", "home"), PLACES)
def test_each_partition_has_its_names(
    name: str, region: str, suffix: str, console: str, home: str
) -> None:
    found = partition_of(name)
    assert (found.suffix, found.console, found.home) == (suffix, console, home)
    assert re.match(REGION_PATTERN, region)
    assert aws_console(region, name) == f"https://{region}.console.{console}"
    identity = Identity("123456789012", f"arn:{name}:iam::123456789012:user/j", region,
                        partition=name)  # fmt: skip
    url = invoke_url(identity, Api("a1b2c3", "orders", ApiType.REST), "prod")
    assert url == f"https://a1b2c3.execute-api.{region}.{suffix}/prod"


@pytest.mark.parametrize(("name", "region", "suffix", "console", "home"), PLACES)
def test_a_printed_policy_is_of_its_partition_whole(
    name: str, region: str, suffix: str, console: str, home: str
) -> None:
    answers = Answers(
        region=region, r53_domain_name="example.com", node_dns_name="node", alarms=True,
        dashboard=True, state_bucket="state-of-the-team",
        wallarm_api_token_kms_key_arn=KEY.replace("PARTITION", name).replace("REGION", region),
    )  # fmt: skip
    for purpose in (*PURPOSES, "boundary"):
        text = json.dumps(documents(answers, purpose, "123456789012", name))
        assert set(re.findall(r"arn:(aws[a-z-]*):", text)) == {name}
        for principal in re.findall(r'"kms:ViaService": "([^"]+)"', text):
            assert principal == f"ssm.{region}.{suffix}"
    deploy = json.dumps(documents(answers, "deploy", "123456789012", name))
    assert f'"{partition_of(name).ec2_principal}"' in deploy


def test_a_partition_that_nobody_knows_is_taken_to_be_like_the_first() -> None:
    assert partition_of("aws-iso-x").suffix == "amazonaws.com"
