"""The deployment the doctor examines: really deployed, its instances and tasks played."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from tests.e2e.aws_override import Answer, AwsOverride
from tests.e2e.conftest import Deployed
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Report, Result, Verdict, selected
from wizard.core.secret import Secret
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context, Options
from wizard.flows.doctor import examine as diagnose
from wizard.flows.doctor import repair as mend
from wizard.services.checks.examination import JUDGE_VARIABLE, Examination

REGISTERED = "2026-08-01T00:00:00Z INFO node registration done"


@dataclass
class Patient:
    """A deployment whose local AWS seems to run instances, tasks and targets.

    What one breakage changes about the examination itself: `env`, `outputs_are`, `answers_are`,
    `token`.
    """

    deployed: Deployed
    aws: AwsOverride
    env: dict[str, str] = field(default_factory=dict)
    outputs_are: dict[str, str] = field(default_factory=dict)
    answers_are: dict[str, str] = field(default_factory=dict)
    token: str = ""

    @property
    def context(self) -> Context:
        """Looks at the deployment through the stand-in."""
        env = {**self.deployed.env, "AWS_ENDPOINT_URL": self.aws.url, JUDGE_VARIABLE: "1"}
        return Context(
            Options(workspace=self.deployed.workspace, env=env | self.env), lambda _: None
        )

    @cached_property
    def exam(self) -> Examination:
        """Terraform's outputs and the journal, read once; AWS is asked anew by every look."""
        return diagnose.open_examination(self.context, self.deployed.answers)

    @property
    def outputs(self) -> Outputs:
        """Terraform's outputs."""
        return self.exam.outputs

    def look(self) -> Report:
        """Every check, asked anew."""
        exam = self.exam.without_answers()
        exam.env = self.context.env
        exam.outputs = replace(exam.outputs, **self.outputs_are)
        exam.answers = self.deployed.answers.with_(**self.answers_are)
        exam.token = Secret(self.token or self.deployed.box.token)
        return diagnose.examine(selected(CHECKS, (), (), with_node=True), exam)

    def mend(self, found: Result) -> str:
        """Let the product repair it; what it said it would do."""
        with mend.Repairs(self.context, self.deployed.answers, self.exam) as repair:
            preview = repair.preview(found)
            repair.apply(found)
        return preview

    def client(self, service: str) -> Any:
        """A client of the local AWS itself."""
        return self.deployed.client(service)

    @contextmanager
    def answering(self, answers: Mapping[str, Answer]) -> Iterator[None]:
        """AWS answers so, for a while."""
        before = dict(self.aws.answers)
        self.aws.answers.update(answers)
        try:
            yield
        finally:
            self.aws.answers.clear()
            self.aws.answers.update(before)

    def send(self) -> None:
        """Traffic, until its log lines have arrived."""
        self.deployed.box.send_sample(self.deployed.box.sample_stages, count=4)
        self.deployed.box.deliveries()

    def write(self, group: str, *lines: str, stream: str = "doctor") -> None:
        """Put lines into a new stream of a log group; `erase` takes them out again."""
        logs = self.client("logs")
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def erase(self, group: str, stream: str = "doctor") -> None:
        """Take out what `write` put in."""
        self.client("logs").delete_log_stream(logGroupName=group, logStreamName=stream)


@contextmanager
def healthy(deployed: Deployed) -> Iterator[Patient]:
    """Traffic has arrived, the node registered, and what cannot run here seems to."""
    logs = deployed.client("logs")
    for group in (deployed.outputs.node_log_group, deployed.outputs.lambda_log_group):
        # What earlier tests made the forwarder log is not this deployment's illness.
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
            logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
    with AwsOverride(deployed.box.endpoint_url) as aws:
        patient = Patient(deployed, aws)
        patient.send()
        patient.write(deployed.outputs.node_log_group, REGISTERED, stream="node/node/1")
        aws.answers.update(running(patient))
        try:
            yield patient
        finally:
            patient.erase(deployed.outputs.node_log_group, stream="node/node/1")


def running(patient: Patient) -> dict[str, Answer]:
    """One instance, and one healthy target."""
    cluster = {
        "clusterName": patient.deployed.outputs.ecs_cluster,
        "status": "ACTIVE",
        "registeredContainerInstancesCount": 1,
    }
    return {
        "ecs.DescribeClusters": {"clusters": [cluster]},
        "elbv2.DescribeTargetHealth": targets("healthy"),
    }


def targets(state: str, reason: str = "", description: str = "") -> dict[str, Any]:
    """What DescribeTargetHealth answers about one target."""
    health = {"State": state, "Reason": reason, "Description": description}
    target = {"Id": "i-0123456789abcdef0", "Port": 5050}
    return {"TargetHealthDescriptions": [{"Target": target, "TargetHealth": health}]}


def not_well(report: Report) -> list[tuple[str, str, str]]:
    """Everything that failed or is a warning."""
    return [
        (r.check.check_id, r.verdict.value, r.finding.evidence)
        for r in report.results
        if r.verdict in (Verdict.FAIL, Verdict.WARN)
    ]
