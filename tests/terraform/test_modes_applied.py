"""Modes of the module from empty account to empty account, with everything changed in one apply.

The end-to-end tests' shared deployment is the third: own VPC, HTTP, a log group that is made. `make
modes` takes many more, and changes one thing after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.terraform import modes
from tests.terraform.account import (
    Variables,
    key,
    log_groups,
    network,
    other_certificate,
    other_subnet,
    other_vpc,
    package,
    parameter,
    swapped,
)
from tests.terraform.local_aws import LocalAws
from tests.terraform.modes import (
    CA,
    EACH_FORWARDER_VARIABLE,
    GIVEN_NODE,
    MODES,
    NODE_VARIABLES,
    OWN_NODE,
    Mode,
    run,
)
from tests.terraform.stack import Stack
from tests.terraform.tool import one_provider

# Each of these needs a life of its own.
ALONE = {
    "name_prefix": "everything is made anew under another name, and nothing is changed",
    "nat_gateway_per_az": "only where the VPC is made",
}


def merged(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """Many changes as one; the last word on each counts."""
    return {name: value for change in changes for name, value in change.items()}


def a_network_zones_and_log_groups(aws: LocalAws) -> dict[str, Any]:
    """A VPC, two hosted zones, and log groups, of which one is the first to be used."""
    for number, name in enumerate(("example.com", "example.org")):
        aws.client("route53").create_hosted_zone(Name=name, CallerReference=str(number))
    mine = log_groups("/aws/apigateway/mine", "/aws/apigateway/other")(aws)
    return {
        **network(aws),
        "r53_domain_name": "example.com",
        "node_dns_name": "wallarm-node",
        **mine,
        "api_gateway_log_group_names": [],
    }


def two_hundred_log_groups(aws: LocalAws) -> dict[str, Any]:
    """Log groups that stages keep: four times as many as a statement for each would allow."""
    names = [f"/aws/vendedlogs/the-orders-of-department-{number:03}" for number in range(200)]
    log_groups(*names)(aws)
    return {"api_gateway_log_group_names": names, "log_group_permissions": names[:2]}


def one_of_them(_aws: LocalAws, before: Variables) -> list[str]:
    """All but one of the stages have been let go."""
    return [before["api_gateway_log_group_names"][0]]


TOGETHER: dict[str, Mode] = {
    "given VPC, HTTPS, log group reused": Mode(
        "Given VPC, HTTPS, log group reused",
        a_network_zones_and_log_groups,
        OWN_NODE,
        (
            merged(
                *NODE_VARIABLES,
                {
                    "node_count": 2,
                    "node_image": "public.ecr.aws/example/node",
                    "node_image_id": "ami-0123456789abcdef0",
                    "wallarm_api_host": "wallarm.example.com",
                    "allow_other_wallarm_api_host": True,
                    "wallarm_api_token": "",
                    "wallarm_api_token_ssm_parameter": parameter,
                    "wallarm_api_token_kms_key_arn": key,
                    "private_subnet_ids": swapped("private_subnet_ids"),
                    "public_subnet_ids": swapped("public_subnet_ids"),
                    "r53_domain_name": "example.org",
                    "node_dns_name": "other",
                    "certificate_arn": other_certificate,
                    "certificate_validation_record": False,
                    "api_gateway_log_group_name": "/aws/apigateway/other",
                },
            ),
        ),
    ),
    "given node, log group created": Mode(
        "Given node, log group created, 200 more kept",
        two_hundred_log_groups,
        {**GIVEN_NODE, "undelivered_force_destroy": False},
        (
            merged(
                *EACH_FORWARDER_VARIABLE,
                {
                    "alarms": True,
                    "dashboard": True,
                    "node_scheme": "https",
                    "node_ca_certificate": CA,
                    "kms_key_arn": key,
                    "lambda_package": package,
                    "lambda_handler": "other.handle",
                    "forwarder_architecture": "arm64",
                    "vpc_id": other_vpc,
                    "private_subnet_ids": other_subnet,
                    "api_gateway_log_group_names": one_of_them,
                    "log_group_permissions": [],
                    "vended_log_group": True,
                },
            ),
        ),
    ),
}  # fmt: skip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A stack whose commands share one provider, which is most of their work."""
    with ExitStack() as held:

        class Quick(Stack):
            def __init__(self, aws: LocalAws, folder: Path) -> None:
                super().__init__(aws, folder)
                words = tmp_path / "provider.txt"
                held.enter_context(one_provider(self.folder, words, aws.env))

        monkeypatch.setattr(modes, "Stack", Quick)
        yield


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.parametrize("name", TOGETHER)
def test_everything_can_be_changed_at_once_and_nothing_is_left(
    quick: None, tmp_path: Path, name: str
) -> None:
    result = run(TOGETHER[name], tmp_path)
    assert result.problems == []
    assert result.resources > 10


def test_all_that_can_be_changed_is_changed_in_one_of_the_two() -> None:
    one_by_one = {name for mode in MODES.values() for update in mode.updates for name in update}
    at_once = {name for mode in TOGETHER.values() for update in mode.updates for name in update}
    assert one_by_one - at_once == set(ALONE)
