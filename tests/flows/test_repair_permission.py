"""Which statement of the forwarder's policy a repair puts back, and what AWS then says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Verdict
from wizard.core.facts import AccessLog, Identity, StageRef, StageSettings
from wizard.core.journal.record import Record, StageRecord
from wizard.core.tfvars import Outputs
from wizard.flows.doctor import repair
from wizard.services.checks import forwarder
from wizard.services.checks.examination import Examination

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:resend"
MODULE = Path(__file__).resolve().parents[2] / "terraform" / "forwarder.tf"


class Lambda:
    """The policy of one function, as Lambda keeps it."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[str, Any]] = {}

    def client(self, _service: str) -> Lambda:
        return self

    def get_policy(self, **_: Any) -> dict[str, Any]:
        return {"Policy": json.dumps({"Statement": list(self.statements.values())})}

    def remove_permission(self, StatementId: str, **_: Any) -> None:  # noqa: N803
        self.statements.pop(StatementId, None)

    def add_permission(self, **asked: Any) -> None:
        self.statements[asked["StatementId"]] = {
            "Sid": asked["StatementId"],
            "Effect": "Allow",
            "Principal": {"Service": asked["Principal"]},
            "Action": asked["Action"],
            "Condition": {
                "StringEquals": {"AWS:SourceAccount": asked["SourceAccount"]},
                "ArnLike": {"AWS:SourceArn": asked["SourceArn"]},
            },
        }


def keeping(group: str) -> StageRecord:
    """A stage that keeps its own log group."""
    image = StageSettings(AccessLog("", ""))
    ref = StageRef(group.strip("/"), "prod")
    return StageRecord(ref, "HTTP", image, image, "keep", group, connected=True)


def examined(
    aws: Lambda, *further: str, partition: str = "aws", region: str = "us-east-1"
) -> Examination:
    return Examination(
        clients=aws,
        identity=Identity("123456789012", "", region, partition=partition),
        answers=Answers(region=region),
        outputs=Outputs("/api", "", "resend", "/aws/lambda/resend", "node",
                        api_gateway_log_groups=("/api", *further)),
        record=Record(stages={one.ref: one for one in map(keeping, further)}),
        env={},
    )  # fmt: skip


def verdict(of: Examination) -> Verdict:
    return forwarder.invoke_permission(of).verdict


@pytest.mark.parametrize(
    ("group", "statement", "source"),
    [
        ("/api", "logs-b28b7af6", "arn:aws:logs:us-east-1:123456789012:log-group:/api:*"),
        ("/own", "logs-of-this-account", "arn:aws:logs:us-east-1:123456789012:log-group:*:*"),
        ("main", "logs-of-this-account", "arn:aws:logs:us-east-1:123456789012:log-group:*:*"),
    ],
)
def test_a_repair_writes_the_statement_that_terraform_would(
    group: str, statement: str, source: str
) -> None:
    written = repair.invoke_permission(examined(Lambda(), "/own", "main"), group)
    assert (written["StatementId"], written["SourceArn"]) == (statement, source)
    assert written["SourceAccount"] == "123456789012"
    text = MODULE.read_text(encoding="utf-8")
    assert 'statement_id   = "logs-of-this-account"' in text
    assert "log_groups}:*:*" in text


def test_one_statement_more_serves_every_log_group_that_a_stage_keeps() -> None:
    aws = Lambda()
    broken = examined(aws, *(f"/own/{number}" for number in range(200)))
    assert verdict(broken) is Verdict.FAIL
    repair.invoke_permission(broken, "/api")
    assert verdict(broken) is Verdict.FAIL
    repair.invoke_permission(broken, "/own/7")
    assert verdict(broken) is Verdict.PASS
    assert len(aws.statements) == 2


def test_in_china_cloudwatch_logs_calls_under_another_name() -> None:
    aws = Lambda()
    there = examined(aws, partition="aws-cn", region="cn-north-1")
    repair.invoke_permission(there, "/api")
    assert verdict(there) is Verdict.PASS
    (held,) = aws.statements.values()
    assert held["Principal"]["Service"] == "logs.cn-north-1.amazonaws.com.cn"
