"""Breaks a healthy deployment in one way at a time; the doctor must name that cause, first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.aws_override import AwsOverride
from tests.e2e.conftest import Deployed
from wizard.core.checks import Report, Verdict
from wizard.flows import diagnose
from wizard.flows.context import Context, Options
from wizard.services.evidence.scene import JUDGE_VARIABLE

pytestmark = pytest.mark.e2e

REGISTERED = "2026-08-01T00:00:00Z INFO node registration done"


@dataclass
class Patient:
    """A deployment whose local AWS seems to run instances, tasks and targets."""

    deployed: Deployed
    aws: AwsOverride

    @property
    def context(self) -> Context:
        """Looks at the deployment through the stand-in."""
        env = {**self.deployed.env, "AWS_ENDPOINT_URL": self.aws.url, JUDGE_VARIABLE: "1"}
        return Context(Options(workspace=self.deployed.workspace, env=env), lambda _: None)

    def examine(self, **options: object) -> Report:
        """Run the whole checklist."""
        return diagnose.run(self.context, self.deployed.answers, **options)  # type: ignore[arg-type]

    def node_says(self, *lines: str) -> None:
        """Let the node's log hold exactly these lines."""
        logs, group = self.deployed.client("logs"), self.deployed.outputs.node_log_group
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
            logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
        logs.create_log_stream(logGroupName=group, logStreamName="node/node/1")
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName=group,
            logStreamName="node/node/1",
            logEvents=[{"timestamp": now + n, "message": line} for n, line in enumerate(lines)],
        )


@pytest.fixture(scope="module")
def patient(deployed: Deployed) -> Iterator[Patient]:
    """Healthy: traffic has arrived, the node registered, and what cannot run here seems to."""
    deployed.box.send_sample(deployed.box.sample_stages, count=4)
    deployed.box.deliveries()
    with AwsOverride(deployed.box.endpoint_url) as aws:
        it = Patient(deployed, aws)
        it.node_says(REGISTERED)
        cluster = {"clusterName": deployed.outputs.ecs_cluster, "status": "ACTIVE",
                   "registeredContainerInstancesCount": 1}  # fmt: skip
        aws.answers["ecs.DescribeClusters"] = {"clusters": [cluster]}
        target = {"Target": {"Id": "i-0123456789abcdef0", "Port": 5050},
                  "TargetHealth": {"State": "healthy"}}  # fmt: skip
        aws.answers["elbv2.DescribeTargetHealth"] = {"TargetHealthDescriptions": [target]}
        yield it


def test_a_healthy_deployment_shows_no_failure_and_no_warning_within_seconds(
    patient: Patient,
) -> None:
    began = time.monotonic()
    report = patient.examine()
    seconds = time.monotonic() - began
    print(f"{len(report.results)} checks in {seconds:.1f} s")
    wrong = [
        (r.check.check_id, r.verdict.value, r.finding.evidence)
        for r in report.results
        if r.verdict not in (Verdict.PASS, Verdict.UNCHECKED)
    ]
    assert wrong == []
    not_looked_at = {r.check.check_id for r in report.results if r.verdict is Verdict.UNCHECKED}
    assert not_looked_at == {"WAG-API-004"}  # no token was handed in
    assert seconds < 15
