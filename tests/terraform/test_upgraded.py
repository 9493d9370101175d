"""What an earlier version deployed, planned by this one: nothing that carries data is replaced.

`older_state.json` is Terraform's state after an apply of the module as it was on 2026-11-27 (with a
node, alarms, a dashboard and two log groups that stages kept) on a local AWS. That it could be
applied was tried by hand; here it is planned, against the state alone, as its resources are gone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.local_aws import LocalAws
from tests.terraform.tool import need_terraform, prepared, terraform, write_variables
from wizard.core.answers.model import Answers
from wizard.core.installation import Installation
from wizard.core.terraform.outcome import state_addresses
from wizard.core.terraform.plans import Attribute, planned_attributes
from wizard.core.tfvars import permissions_to_keep, variables

OLDER = Path(__file__).with_name("older_state.json")
ANSWERS = Answers(node_tag="0.25.5", tags={"team": "platform"}, alarms=True, dashboard=True)
KEPT = ("/theirs/orders", "/theirs/payments")
MADE = Installation("0198f3c2", "jane on desk", "2026-12-01T06:40:00Z")
DATA = frozenset(
    (
        "aws_s3_bucket",
        "aws_cloudwatch_log_group",
        "aws_cloudwatch_log_subscription_filter",
        "aws_lambda_function",
        "aws_lb",
        "aws_vpc",
        "aws_nat_gateway",
        "aws_autoscaling_group",
        "aws_ecs_service",
    )
)

TASK = "aws_ecs_task_definition.node[0]"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The plan as Terraform shows it, with the variables that the product writes for an update."""
    need_terraform()
    root = tmp_path_factory.mktemp("upgraded")
    with LocalAws(root / "aws") as aws:
        folder = prepared(root)
        shutil.copy(OLDER, folder / "terraform.tfstate")
        values = variables(
            ANSWERS, token_parameter="/wallarm-apigw/token", further_log_groups=KEPT,
            deployment_id="123456789012-us-east-1-api-gw-discovery", installation_id=MADE.id,
            made_by=MADE.by, made_at=MADE.at,
            log_group_permissions=permissions_to_keep(state_addresses(OLDER.read_bytes())),
        )  # fmt: skip
        write_variables(folder, {"region": aws.region, **values})
        terraform(["plan", "-refresh=false", "-out=plan", "-no-color"], folder, aws.env)
        yield json.loads(terraform(["show", "-json", "plan"], folder, aws.env).stdout)


def changes(planned: dict[str, Any], *actions: str) -> set[str]:
    return {
        one["address"]
        for one in planned["resource_changes"]
        if one["mode"] == "managed" and one["change"]["actions"] == list(actions)
    }


def test_nothing_is_replaced_and_nothing_that_carries_data_is_removed(
    planned: dict[str, Any],
) -> None:
    removed = {
        one["address"]
        for one in planned["resource_changes"]
        if one["mode"] == "managed" and "delete" in one["change"]["actions"]
    }
    # The instance's rights are a policy of its own now: the managed one is taken off its role.
    # Each change of a task definition is a new revision.
    assert removed == {"aws_iam_role_policy_attachment.instance[0]", TASK}
    assert TASK in changes(planned, "delete", "create") | changes(planned, "create", "delete")
    held = state_addresses(OLDER.read_bytes())
    carrying = {address for address in held if address.split(".")[0] in DATA}
    assert {address.split(".")[0] for address in carrying} == DATA
    assert carrying <= changes(planned, "no-op") | changes(planned, "update")


def test_what_is_new_is_made_beside_it(planned: dict[str, Any]) -> None:
    made = changes(planned, "create")
    assert made >= {
        "aws_iam_role_policy.instance[0]",
        "aws_cloudwatch_metric_alarm.malformed[0]",
        "aws_lambda_permission.further_logs[0]",
    }
    assert not made & set(state_addresses(OLDER.read_bytes()))
    kinds = {address.split(".")[0] for address in made}
    assert not kinds & DATA, "no second bucket, function or network"


def test_the_review_tells_what_changes_of_each(planned: dict[str, Any]) -> None:
    told: dict[str, tuple[Attribute, ...]] = planned_attributes(planned)
    acting = changes(planned, "update") | changes(planned, "create") | changes(planned, "delete")
    assert acting <= set(told), "nothing is changed that a reader cannot open"
    function = {one.name for one in told["aws_lambda_function.forwarder"] if one.changes}
    assert "source_code_hash" in function, "the forwarder is the one of this version"
    bucket = [one.name for one in told["aws_s3_bucket.undelivered"] if one.changes]
    assert bucket
    assert all(name.startswith("tags") for name in bucket), bucket
