"""A scripted run: review, deploy, stages, proof."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection

from tests.ui.script import EPOCH, Script
from tests.ui.scripted_account import ACCOUNT, ScriptedAccount, certificates, stages
from wizard.core.answers.model import Answers
from wizard.core.certificates import in_use
from wizard.core.errors import WizardError
from wizard.core.events import (  # fmt: skip
    Hop,
    HopChanged,
    Note,
    Phase,
    PhaseChanged,
    StageReport,
    State,
    TerraformChanged,
)
from wizard.core.facts import StageRef
from wizard.core.proof import HOPS, Proof
from wizard.core.secret import Secret
from wizard.core.stages.change import Mode, plan_change
from wizard.core.terraform.events import (  # fmt: skip
    ApplyComplete,
    ApplyErrored,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    PlannedChange,
    describe,
)
from wizard.core.terraform.groups import group_of
from wizard.core.terraform.progress import ProgressReducer
from wizard.ui.screens.stages_text import view_of
from wizard.ui.views import Link, PlannedResource, ReviewView

RESOURCES = (
    "aws_vpc.this", "aws_internet_gateway.this", "aws_subnet.public[0]", "aws_subnet.public[1]",
    "aws_subnet.private[0]", "aws_subnet.private[1]", "aws_eip.nat[0]", "aws_nat_gateway.this[0]",
    "aws_route_table.public", "aws_route_table.private[0]", "aws_route_table.private[1]",
    "aws_route.internet", "aws_security_group.lambda", "aws_security_group.node",
    "aws_security_group.alb", "aws_lb.node", "aws_lb_target_group.node", "aws_lb_listener.node",
    "aws_ecs_cluster.this", "aws_ecs_capacity_provider.this", "aws_ecs_task_definition.node",
    "aws_ecs_service.node", "aws_launch_template.node", "aws_autoscaling_group.node",
    "aws_service_discovery_private_dns_namespace.this", "aws_service_discovery_service.node",
    "aws_cloudwatch_log_group.node", "aws_cloudwatch_log_group.lambda",
    "aws_cloudwatch_log_group.api_gateway[0]", "aws_lambda_function.forwarder",
    "aws_lambda_permission.logs", "aws_lambda_function_event_invoke_config.forwarder",
    "aws_cloudwatch_log_subscription_filter.api_gateway[0]", "aws_s3_bucket.undelivered",
    "aws_iam_role.lambda", "aws_iam_role_policy.lambda", "aws_iam_role.instance",
    "aws_iam_instance_profile.node", "aws_iam_role.task_execution",
)  # fmt: skip


def kind_of(address: str) -> str:
    return address.split(".")[0]


class ScriptedRun(ScriptedAccount):
    """The steps that change something."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.cancelled = threading.Event()
        self.killed = threading.Event()
        self._reducer: ProgressReducer | None = None

    def review(self, answers: Answers, token: Secret | None) -> ReviewView:
        self.listener(PhaseChanged(Phase.PLAN, State.RUNNING, "Working out the changes"))
        self._enter("review")
        self._answers = answers
        for address in RESOURCES[:6]:
            self.listener(Note(f"{address}: reading its present state"))
            self._wait(0.3)
        resources = tuple(PlannedResource(a, "create", group_of(kind_of(a), a)) for a in RESOURCES)
        if self.script.destroys:
            resources += (
                PlannedResource("aws_launch_template.old", "delete", "Node"),
                PlannedResource("aws_lb_listener.node", "replace", "Load balancer",
                                "its certificate changed"),
            )  # fmt: skip
        by_ref = {str(s.ref): s for s in self._inventory or stages(self.script, answers.region)}
        chosen, skipped = [], []
        group = f"arn:aws:logs:{answers.region}:{ACCOUNT}:log-group:" + (
            answers.api_gateway_log_group_name or "/aws/apigateway/wallarm-api-discovery-f64911f6"
        )
        for ref in answers.stages:
            stage = by_ref[ref]
            change = plan_change(stage, group, answers.existing_logging)
            label = f"{stage.api.name} / {stage.name}"
            if change.mode is Mode.SKIP:
                skipped.append((label, change.reason))
            else:
                chosen.append((label, view_of(stage, change)))
        self.listener(PhaseChanged(Phase.PLAN, State.DONE, "Working out the changes"))
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["apigateway:GET", "apigateway:PATCH"], "Resource": "*"}
        ]}  # fmt: skip
        self._review = ReviewView(
            resources,
            tuple(chosen),
            tuple(skipped),
            (
                ("2 × t3.medium", 60.74, "730 h, on demand"),
                ("Load balancer", 16.43, "internal, without capacity units"),
                ("NAT gateway", 32.85, "one, without traffic"),
                ("Logs", 4.10, "8 GB a month, 0.5 KB a line"),
                ("Lambda", 0.35, "1 million requests a month"),
            ),
            114.47,
            "us-east-1 list prices of 2026-08",
            {"deploy": json.dumps(policy, indent=2)},
            "~/.local/share/wallarm-apigw/123456789012-us-east-1-api-gw-discovery/answers.json",
            used=tuple(
                in_use(c) for c in certificates(answers.region) if c.arn == answers.certificate_arn
            ),
        )
        return self._review

    def _tell(self, event: object, now: float) -> None:
        assert self._reducer is not None
        self._reducer.apply(event, now)  # type: ignore[arg-type]
        line = describe(event)  # type: ignore[arg-type]
        self.listener(TerraformChanged(self._reducer.snapshot(now), line))

    def deploy(self) -> None:
        self.calls.append("deploy")
        self.cancelled.clear()
        self._reducer = ProgressReducer()
        self.listener(PhaseChanged(Phase.DEPLOY, State.RUNNING, "Applying", "5m"))
        clock = self.script.clock
        for address in RESOURCES:
            self._tell(PlannedChange(address, kind_of(address), "create"), clock())
        failure = self.script.fail.pop("deploy", None)
        for number in range(0, len(RESOURCES), 3):
            batch = RESOURCES[number : number + 3]
            if self.cancelled.is_set():
                raise WizardError(
                    "WAG-E-TF-030", "Terraform was stopped", why="Interrupted on request.",
                    next_step="Retry goes on where it stopped.",
                )  # fmt: skip
            held = number == 15 and self.script.hold is not None
            begun = batch[:2] if held else batch  # a listener waits for its load balancer
            for address in begun:
                self._tell(ApplyStart(address, kind_of(address), "create"), clock())
            if held and self.script.hold is not None:
                self.script.tick(41.0)
                self.script.hold.wait(120)
                for address in batch[2:]:
                    self._tell(ApplyStart(address, kind_of(address), "create"), clock())
            self._wait(1.5)
            self.script.tick(7.0)
            for address in batch:
                if failure is not None and kind_of(address) == "aws_lb":
                    self._tell(ApplyErrored(address, kind_of(address), "create", 3.0), clock())
                    self._tell(
                        Diagnostic("error", "creating ELBv2 Load Balancer", failure.why, address,
                                   "load_balancer.tf", 12),
                        clock(),
                    )  # fmt: skip
                    self.listener(PhaseChanged(Phase.DEPLOY, State.FAILED, "Applying"))
                    raise failure
                self._tell(ApplyComplete(address, kind_of(address), "create", 2.0, "id"), clock())
        self._tell(ChangeSummary(len(RESOURCES), 0, 0, 0, "apply"), clock())
        self.listener(PhaseChanged(Phase.DEPLOY, State.DONE, "Applying"))

    def switch_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        first = not self.tried
        self.tried.append(tuple(only))
        self._enter("switch_stages")
        self.listener(PhaseChanged(Phase.STAGES, State.RUNNING, "Switching access logging on"))
        answers = self._answers
        reports = []
        for number, ref in enumerate(answers.stage_refs):
            if only and str(ref) not in only:
                continue
            self._wait()
            report = StageReport(ref, ref.api_id, State.DONE, "access log on, read back, recorded")
            if number == self.script.failing_stage and first:
                report = StageReport(
                    ref, ref.api_id, State.FAILED,
                    "ConflictException: Unable to complete operation due to concurrent "
                    "modification. Please try again later.",
                )  # fmt: skip
            self.listener(report)
            reports.append(report)
        self.listener(PhaseChanged(Phase.STAGES, State.DONE, "Switching access logging on"))
        return tuple(reports)

    def undo_stage(self, ref: str) -> StageReport:
        self._enter("undo_stage")
        report = StageReport(StageRef.parse(ref), "", State.DONE, "as before")
        self.listener(report)
        return report

    def prove(self, cancel: threading.Event) -> Proof | None:
        self._enter("prove")
        self.listener(PhaseChanged(Phase.PROOF, State.RUNNING, "Following one request"))
        marker = "5f0c1e2d3b4a59687786950413223191"
        request = "GET /prod/wallarm-apigw-proof"
        self.listener(Note(f"{request}  id {marker}", subject="Request"))
        hops = []
        at = EPOCH
        titles = dict(HOPS) | {"handled": "handled by wallarm-cw-resend-f64911f6"}
        for key, title in titles.items():
            self.listener(HopChanged(Hop(key, title, State.RUNNING)))
            self._wait()
            at += {
                "logged": 0.41, "delivered": 0.586, "handled": 0.304, "arrived": 0.021,
                "understood": 0.35,
            }.get(key, 0.0)  # fmt: skip
            hop = Hop(key, title, State.DONE, at)
            self.listener(HopChanged(hop))
            hops.append(hop)
        self.listener(PhaseChanged(Phase.PROOF, State.DONE, "Following one request"))
        summary = "A request travels from your API to the node in 1.3s, and is understood by it."
        return Proof(request, marker, tuple(hops), summary)

    def summary(self) -> tuple[Link, ...]:
        return (
            Link("Wallarm Console", "API Discovery", "https://my.wallarm.com/api-discovery"),
            Link("Access logs", "/aws/apigateway/wallarm-api-discovery-f64911f6"),
            Link("Forwarder", "/aws/lambda/wallarm-cw-resend-f64911f6"),
            Link("Node", "/ecs/api-gw-discovery-node-f64911f6"),
            Link("Answers file", "~/.local/share/wallarm-apigw/…/answers.json"),
        )

    def undo(self) -> None:
        self._enter("undo")
        self._wait(3)

    def cancel(self) -> None:
        self.calls.append("cancel")
        self.cancelled.set()
        if self.script.hold is not None and self.script.settles:
            self.script.hold.set()

    def harder(self) -> None:
        self.calls.append("harder")
        self.killed.set()
        if self.script.hold is not None:
            self.script.hold.set()
