"""Each check leads to the console page it is about, whatever things are called."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.console_links import check_link, log_link, wallarm_console
from wizard.core.tfvars import Outputs

ANSWERS = Answers(region="eu-west-1", wallarm_api_host="api.wallarm.com")
OUTPUTS = Outputs(
    "/aws/apigateway/wallarm-x", "", "wallarm-cw-resend-x", "/aws/lambda/wallarm-cw-resend-x",
    "node.internal", node_log_group="/ecs/node-x", ecs_cluster="shop-x", ecs_service="shop-node",
    undelivered_bucket="shop-undelivered-x",
)  # fmt: skip
# About this machine alone.
NOWHERE = {f"WAG-LOC-00{n}" for n in (1, 2, 3, 4, 5, 7)}


@pytest.mark.parametrize("check_id", [c.check_id for c in CHECKS])
def test_every_check_about_the_account_has_a_page_in_its_region(check_id: str) -> None:
    link = check_link(check_id, ANSWERS, OUTPUTS)
    if check_id in NOWHERE:
        assert link == ""
        return
    host = urlsplit(link).hostname
    assert host in ("eu-west-1.console.aws.amazon.com", "my.wallarm.com"), link


def test_a_log_group_is_encoded_as_the_console_wants_it() -> None:
    assert log_link("eu-west-1", "/aws/x y").endswith(
        "#logsV2:log-groups/log-group/$252Faws$252Fx$2520y"
    )


def test_the_page_is_that_of_what_was_found_at_fault() -> None:
    stage = check_link("WAG-LOG-008", ANSWERS, OUTPUTS, subject="abc123/prod")
    assert "/apis/abc123/stages" in stage
    group = check_link("WAG-LOG-005", ANSWERS, OUTPUTS, subject="/company/log")
    assert group.endswith("$252Fcompany$252Flog")


@pytest.mark.parametrize(
    ("partition", "domain"),
    [("aws", "amazon.com"), ("aws-cn", "amazonaws.cn"), ("aws-us-gov", "amazonaws-us-gov.com")],
)
def test_every_partition_has_a_console_of_its_own(partition: str, domain: str) -> None:
    assert urlsplit(check_link("WAG-NOD-002", ANSWERS, OUTPUTS, partition)).netloc.endswith(domain)


def test_an_unknown_wallarm_host_leads_to_itself() -> None:
    assert wallarm_console("wallarm.example.org") == "https://wallarm.example.org"


@given(st.text())
def test_foreign_names_stay_inside_the_address(subject: str) -> None:
    for check in CHECKS:
        link = check_link(check.check_id, ANSWERS, OUTPUTS, subject=subject)
        assert not link or urlsplit(link).hostname in (
            "eu-west-1.console.aws.amazon.com",
            "my.wallarm.com",
        )
        assert link.isascii()
        assert " " not in link
