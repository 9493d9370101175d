"""Malformed lines from a log group, through the real forwarder, to the check that tells of them."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest

from benchmarks.batches import line
from benchmarks.data_path import running
from wizard.core.answers.model import Answers
from wizard.core.checks.model import Verdict
from wizard.core.facts import AccessLog, Identity, StageRef, StageSettings
from wizard.core.journal.record import Record, StageRecord
from wizard.core.tfvars import Outputs
from wizard.sandbox import Sandbox
from wizard.services.checks import forwarder
from wizard.services.checks.examination import Examination

pytestmark = pytest.mark.xdist_group("sandbox-malformed")
PATIENCE = 60.0
REF = StageRef("a1b2c3d4e5", "prod")


class Clients:
    """boto3 clients of the sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self.session = boto3.Session("sandbox", "sandbox", region_name=box.region)
        self.endpoint = box.endpoint_url

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint)


def examination(box: Sandbox) -> Examination:
    log = AccessLog("arn:aws:logs:us-east-1:123456789012:log-group:bench", "")
    held = StageRecord(REF, "REST", StageSettings(), StageSettings(log))
    return Examination(
        clients=Clients(box),
        identity=Identity("123456789012", "", box.region),
        answers=Answers(region=box.region),
        outputs=Outputs("bench", "", "bench", "/aws/lambda/bench", "node"),
        record=Record(stages={REF: held}),
        env={},
    )


def test_doctor_tells_of_malformed_lines_with_a_shape_and_the_stage() -> None:
    with running() as (box, put):
        logs = Clients(box).client("logs")
        put(5)
        assert len(box.node.wait_for(5, PATIENCE)) == 5
        secret = line(7).replace('"path":"', '"path":"/a-secret","path":"')
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": secret}] * 20
        logs.put_log_events(logGroupName="bench", logStreamName="s", logEvents=events)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = forwarder.lines_read(examination(box))
            if found.evidence.startswith("20 of 25"):
                break
            box.node.wait_for(6, 0.5)  # none is to come; only a pause that ends early
    assert found.verdict is Verdict.FAIL
    assert "20 of 25 malformed (80 %); one of a1b2c3d4e5/prod: a key of ours twice" in (
        found.evidence
    )
    assert '"wallarm_log":…,"stage":…,"status":…' in found.evidence
    assert "a-secret" not in found.evidence
