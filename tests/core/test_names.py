"""The names shown before anything is made are those the module makes, within AWS's limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizard.core.answers.model import Answers
from wizard.core.permissions.grants import Scope, own_log_groups
from wizard.core.tfvars import (
    OUR_LOG_GROUPS,
    SUFFIX,
    log_group_start,
    names,
    permissions_to_keep,
    variables,
)

MODULE = Path(__file__).parents[2] / "terraform"
FORMS = {
    "Load balancer": (
        "main.tf",
        "${substr(var.name_prefix, 0, min(length(var.name_prefix), 22))}-${local.suffix}",
    ),
    "Role": ("roles.tf", '"${local.role_base}-exe"'),
    "S3 bucket": ("forwarder.tf", '"${var.name_prefix}-undelivered-${local.suffix}"'),
}


@pytest.mark.parametrize("prefix", ["ab", "api-gw-discovery", "x" * 22, "x" * 23, "x" * 38])
@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-2", "us-gov-east-1"])
def test_every_possible_prefix_makes_names_that_aws_takes(prefix: str, region: str) -> None:
    for name in names(prefix, region):
        assert len(name.name) <= name.limit, name


def test_the_longest_prefix_is_cut_where_the_module_cuts_it() -> None:
    found = {n.kind: n.name for n in names("p" * 38, "us-east-1")}
    assert found["Load balancer"] == "p" * 22 + "-" + SUFFIX
    assert found["S3 bucket"] == "p" * 38 + "-undelivered-" + SUFFIX
    assert found["Role"] == "p" * 38 + "-us-east-1-exe"


@pytest.mark.parametrize("kind", FORMS)
def test_the_forms_stand_in_the_module(kind: str) -> None:
    file, form = FORMS[kind]
    assert form in (MODULE / file).read_text(encoding="utf-8")
    assert kind in {n.kind for n in names("ab", "us-east-1")}


@pytest.mark.parametrize("vended", [True, False])
def test_the_log_group_of_the_stages_is_named_as_the_module_names_it(vended: bool) -> None:
    text = (MODULE / "forwarder.tf").read_text(encoding="utf-8")
    expression = (
        '${var.vended_log_group ? "/aws/vendedlogs/apigateway" : "/aws/apigateway"}'
        "/wallarm-api-discovery-${local.suffix}"
    )
    assert expression in text
    answers = Answers(vended_log_group=vended)
    start = log_group_start(answers)
    assert start == f"/aws/{'vendedlogs/' if vended else ''}apigateway/wallarm-api-discovery-"
    assert start in OUR_LOG_GROUPS
    granted = own_log_groups(Scope(answers))[0]
    assert granted.endswith(f":log-group:{start}*")


# --- From a permission for each log group to one for all ------------------------------------------

MAIN = 'aws_lambda_permission.logs["main"]'
MINE = 'aws_lambda_permission.logs["/aws/apigateway/mine"]'
SHARED = "aws_lambda_permission.further_logs[0]"


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        ((), ()),
        ((MAIN,), ()),
        ((MAIN, MINE), ("/aws/apigateway/mine",)),
        ((MAIN, MINE, SHARED), ()),  # the shared one is there: the others may go
        ((MAIN, SHARED), ()),
        ((f"module.connector.{MAIN}", f"module.connector.{MINE}"), ("/aws/apigateway/mine",)),
        ((f"module.connector.{MINE}", f"module.connector.{SHARED}"), ()),
        ((MAIN, 'aws_lambda_permission.logs["named main"]'), ("main",)),
        (('aws_cloudwatch_log_subscription_filter.forwarder["/aws/apigateway/mine"]',), ()),
        (('aws_lambda_permission.other["/aws/apigateway/mine"]',), ()),
    ],
)
def test_no_log_group_is_without_a_permission_while_one_takes_the_place_of_many(
    state: tuple[str, ...], kept: tuple[str, ...]
) -> None:
    assert permissions_to_keep(state) == kept
    given = variables(
        Answers(), token_parameter="", further_log_groups=kept, log_group_permissions=kept
    )
    assert given["log_group_permissions"] == list(kept)
