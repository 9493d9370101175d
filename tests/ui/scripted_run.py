"""The scripted flows that change something: install, stages, uninstall."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ui.script import EPOCH, Player
from tests.ui.scripted_account import ACCOUNT, HOSTILE, OUR_GROUP, certificates, stages
from wizard.core.answers.model import Answers
from wizard.core.certificates import in_use
from wizard.core.cost import CostLine, Estimate
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
from wizard.core.facts import AccessLog, ApiType, Identity, Inventory, StageRef, StageSettings
from wizard.core.journal.record import StageRecord
from wizard.core.proof import HOPS, Proof
from wizard.core.stages.change import Mode, plan_change, undo
from wizard.core.stages.log_format import render_format
from wizard.core.terraform.events import (  # fmt: skip
    ApplyComplete,
    ApplyErrored,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    PlannedChange,
    describe,
)
from wizard.core.terraform.plans import Attribute
from wizard.core.terraform.progress import ProgressReducer
from wizard.core.tfvars import Outputs
from wizard.flows.install import Review
from wizard.flows.log_data import LogData
from wizard.flows.stages.connect import Addition, Withdrawal
from wizard.flows.stages.switch import StageUndo
from wizard.flows.uninstall import Removal, Removed
from wizard.services.aws.permissions import Decision, Permissions
from wizard.services.terraform.client import PlanResult

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


FORMAT = render_format(ApiType.REST)
LOG_GROUPS = (
    "/aws/apigateway/wallarm-api-discovery-1a2b3c4d",
    "/aws/lambda/wallarm-cw-resend-1a2b3c4d",
)
CONNECTED = ("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging")
OUTPUTS = Outputs(
    OUR_GROUP.rpartition(":")[2], OUR_GROUP, "wallarm-cw-resend-f64911f6",
    "/aws/lambda/wallarm-cw-resend-f64911f6", "node.acme.com:5050",
    node_log_group="/ecs/api-gw-discovery-node-f64911f6",
)  # fmt: skip
ROLE = "API Gateway's CloudWatch role; other APIs may rely on it (no cost)"


def planned(*changes: PlannedChange) -> PlanResult:
    summary = ChangeSummary(len(changes), 0, 0)
    return PlanResult(Path("/nowhere/plan"), "", False, bool(changes), summary, changes, ())


@dataclass(frozen=True)
class Workspace:
    answers_file: str = (
        "~/.local/share/wallarm-apigw/123456789012-us-east-1-api-gw-discovery/answers.json"
    )


@dataclass(frozen=True)
class Opened:
    workspace: Workspace = Workspace()


class ScriptedJob:
    """What the flows that hold a deployment have in common."""

    deployment = Opened()

    def __init__(self, player: Player, answers: Answers) -> None:
        self.p, self.answers = player, answers
        self.session: Any = None
        self.inventory: Inventory | None = None
        self.reducer = ProgressReducer()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.p.calls.append("close")

    def told(self, event: Any) -> None:
        self.reducer.apply(event, self.p.script.clock())
        snapshot = self.reducer.snapshot(self.p.script.clock())
        self.p.tell(TerraformChanged(snapshot, describe(event)))

    def phase(self, phase: Phase, state: State, title: str, usual: str = "") -> None:
        self.p.tell(PhaseChanged(phase, state, title, usual))

    def cancel(self) -> None:
        self.p.calls.append("cancel")
        self.p.cancelled.set()
        if self.p.script.hold is not None and self.p.script.settles:
            self.p.script.hold.set()

    def harder(self) -> None:
        self.p.calls.append("harder")
        self.p.killed.set()
        if self.p.script.hold is not None:
            self.p.script.hold.set()

    def undo_stage(self, ref: str) -> StageReport:
        self.p.enter("undo_stage")
        report = StageReport(StageRef.parse(ref), "", State.DONE, "as before")
        self.p.tell(report)
        return report

    def read_attributes(self, reviewed: Any) -> dict[str, tuple[Attribute, ...]]:
        self.p.enter("read_attributes")
        hostile = HOSTILE[0] if self.p.script.hostile else "api-gw-discovery"
        found = (
            Attribute("name", "", hostile),
            Attribute("internal", "", "true"),
            Attribute("subnets[0]", "", "(known after apply)"),
            Attribute("tags.owner", "platform", "platform"),
        )
        return {change.address: found for change in reviewed.plan.changes}

    def changes(self, refs: Collection[str]) -> tuple[Any, Any]:
        answers, chosen, skipped = self.answers, [], []
        by_ref = {str(s.ref): s for s in stages(self.p.script, answers.region)}
        group = f"arn:aws:logs:{answers.region}:{ACCOUNT}:log-group:" + (
            answers.api_gateway_log_group_name or OUTPUTS.api_gateway_log_group
        )
        for ref in refs:
            change = plan_change(by_ref[ref], group, answers.existing_logging)
            if change.mode is Mode.SKIP:
                skipped.append((by_ref[ref], change.reason))
            else:
                chosen.append(change)
        return tuple(chosen), tuple(skipped)

    def switch(self, refs: Collection[str], only: Collection[str]) -> tuple[StageReport, ...]:
        first = not self.p.tried
        self.p.tried.append(tuple(only))
        self.p.enter("switch_stages")
        self.phase(Phase.STAGES, State.RUNNING, "Switching access logging on")
        reports = []
        for number, ref in enumerate(map(StageRef.parse, refs)):
            if only and str(ref) not in only:
                continue
            self.p.wait()
            report = StageReport(ref, ref.api_id, State.DONE, "access log on, read back, recorded")
            if number == self.p.script.failing_stage and first:
                report = StageReport(
                    ref, ref.api_id, State.FAILED,
                    "ConflictException: Unable to complete operation due to concurrent "
                    "modification. Please try again later.",
                )  # fmt: skip
            self.p.tell(report)
            reports.append(report)
        self.phase(Phase.STAGES, State.DONE, "Switching access logging on")
        return tuple(reports)

    def put_back(
        self, refs: tuple[str, ...], ask: Callable[[StageRecord, str], bool] | None
    ) -> tuple[StageReport, ...]:
        self.phase(Phase.STAGES, State.RUNNING, "Putting the logging back")
        reports = []
        for held in map(record_of, refs):
            self.p.wait()
            state, text = State.DONE, "as before"
            changed = str(held.ref) == CONNECTED[2]
            if changed and not (ask and ask(held, "its log group is now /ops/logs")):
                state, text = State.WARNING, "changed by somebody else: left as it is"
            reports.append(StageReport(held.ref, "", state, text))
            self.p.tell(reports[-1])
        self.phase(Phase.STAGES, State.DONE, "Putting the logging back")
        return tuple(reports)

    def follow(self) -> Proof:
        self.p.enter("prove")
        self.phase(Phase.PROOF, State.RUNNING, "Following one request")
        marker = "5f0c1e2d3b4a59687786950413223191"
        request = "GET /prod/wallarm-apigw-proof"
        self.p.tell(Note(f"{request}  id {marker}", subject="Request"))
        hops = []
        at = EPOCH
        titles = dict(HOPS) | {"handled": "handled by wallarm-cw-resend-f64911f6"}
        for key, title in titles.items():
            self.p.tell(HopChanged(Hop(key, title, State.RUNNING)))
            self.p.wait()
            at += {
                "logged": 0.41, "delivered": 0.586, "handled": 0.304, "arrived": 0.021,
                "understood": 0.35,
            }.get(key, 0.0)  # fmt: skip
            hop = Hop(key, title, State.DONE, at)
            self.p.tell(HopChanged(hop))
            hops.append(hop)
        self.phase(Phase.PROOF, State.DONE, "Following one request")
        summary = "A request travels from your API to the node in 1.3s, and is understood by it."
        return Proof(request, marker, tuple(hops), summary)


def record_of(ref: str) -> StageRecord:
    return StageRecord(StageRef.parse(ref), "REST", StageSettings(), StageSettings())


def undo_of(held: StageRecord) -> StageUndo:
    """The first was off before, the second is unreadable, the third was changed since."""
    ours = StageSettings(AccessLog(OUTPUTS.api_gateway_log_group_arn, FORMAT), "INFO")
    number = CONNECTED.index(str(held.ref)) if str(held.ref) in CONNECTED else 0
    if number == 1:
        return StageUndo(held, problem="Reading the stage failed. AccessDenied: [/red]")
    theirs = StageSettings(AccessLog("arn:aws:logs:us-east-1:1:log-group:/ops/logs", FORMAT))
    live = ours if number == 0 else theirs
    return StageUndo(held, live, undo(held.before, ours, live))


class ScriptedInstall(ScriptedJob):
    """Review, deploy, stages, proof."""

    def review(self) -> Review:
        self.phase(Phase.PLAN, State.RUNNING, "Working out the changes")
        self.p.enter("review")
        answers = self.answers
        for address in RESOURCES[:6]:
            self.p.tell(Note(f"{address}: reading its present state"))
            self.p.wait(0.3)
        resources = [PlannedChange(a, kind_of(a), "create") for a in RESOURCES]
        if self.p.script.destroys:
            resources += [
                PlannedChange("aws_launch_template.old", "aws_launch_template", "delete"),
                PlannedChange("aws_lb_listener.node", "aws_lb_listener", "replace",
                              "its certificate changed"),
            ]  # fmt: skip
        changes, skipped = self.changes(answers.stages)
        self.phase(Phase.PLAN, State.DONE, "Working out the changes")
        identity = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/jane", answers.region)
        cost = Estimate(
            (
                CostLine("2 × t3.medium", 60.74, "730 h, on demand"),
                CostLine("Load balancer", 16.43, "internal, without capacity units"),
                CostLine("NAT gateway", 32.85, "one, without traffic"),
                CostLine("Logs", 4.10, "8 GB a month, 0.5 KB a line"),
                CostLine("Lambda", 0.35, "1 million requests a month"),
            ),
            "us-east-1 list prices of 2026-08",
        )
        return Review(
            answers, identity, Inventory(identity, stages(self.p.script, answers.region)),
            changes, skipped, planned(*resources), cost,
            used=tuple(
                in_use(c) for c in certificates(answers.region) if c.arn == answers.certificate_arn
            ),
        )  # fmt: skip

    def retry(self, seen: Review) -> Review:
        return seen

    def deploy(self, review: Review) -> Outputs:
        self.p.calls.append("deploy")
        self.p.cancelled.clear()
        self.reducer = ProgressReducer()
        self.phase(Phase.DEPLOY, State.RUNNING, "Applying", "5m")
        for address in RESOURCES:
            self.told(PlannedChange(address, kind_of(address), "create"))
        failure = self.p.script.fail.pop("deploy", None)
        for number in range(0, len(RESOURCES), 3):
            batch = RESOURCES[number : number + 3]
            if self.p.cancelled.is_set():
                raise WizardError(
                    "WAG-E-TF-030", "Terraform was stopped", why="Interrupted on request.",
                    next_step="Retry goes on where it stopped.",
                )  # fmt: skip
            held = number == 15 and self.p.script.hold is not None
            begun = batch[:2] if held else batch  # a listener waits for its load balancer
            for address in begun:
                self.told(ApplyStart(address, kind_of(address), "create"))
            if held and self.p.script.hold is not None:
                self.p.script.tick(41.0)
                self.p.script.hold.wait(120)
                for address in batch[2:]:
                    self.told(ApplyStart(address, kind_of(address), "create"))
            self.p.wait(1.5)
            self.p.script.tick(7.0)
            for address in batch:
                if failure is not None and kind_of(address) == "aws_lb":
                    self.told(ApplyErrored(address, kind_of(address), "create", 3.0))
                    self.told(
                        Diagnostic("error", "creating ELBv2 Load Balancer", failure.why, address,
                                   "load_balancer.tf", 12)
                    )  # fmt: skip
                    self.phase(Phase.DEPLOY, State.FAILED, "Applying")
                    raise failure
                self.told(ApplyComplete(address, kind_of(address), "create", 2.0, "id"))
        self.told(ChangeSummary(len(RESOURCES), 0, 0, 0, "apply"))
        self.phase(Phase.DEPLOY, State.DONE, "Applying")
        return OUTPUTS

    def switch_stages(
        self, review: Review, outputs: Outputs, only: Collection[str] = ()
    ) -> tuple[StageReport, ...]:
        return self.switch(self.answers.stages, only)

    def prove(self, review: Review, outputs: Outputs, cancel: threading.Event) -> Proof | None:
        return self.follow()


class ScriptedStages(ScriptedJob):
    """Further stages, and fewer."""

    def review_add(self, refs: tuple[str, ...]) -> Addition:
        self.p.enter("review_add")
        changes, skipped = self.changes(refs)
        return Addition(changes, skipped, OUTPUTS, None, (), Permissions(Decision.ALLOWED))

    def add(self, addition: Addition) -> tuple[StageReport, ...]:
        self.p.enter("add_stages")
        return self.switch(self.answers.stages, ())

    def add_again(self, seen: Addition, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        self.p.enter("add_stages")
        return self.switch(self.answers.stages, only)

    def prove(self, addition: Addition, inventory: Inventory, cancel: threading.Event) -> Proof:
        return self.follow()

    def review_remove(self, refs: tuple[str, ...]) -> Withdrawal:
        self.p.enter("review_remove")
        held = tuple(map(record_of, refs))
        return Withdrawal(held, (), (), None, tuple(map(undo_of, held)))

    def remove(self, withdrawal: Withdrawal, ask: Any) -> tuple[StageReport, ...]:
        self.p.enter("remove_stages")
        return self.put_back(tuple(str(one.ref) for one in withdrawal.held), ask)


class ScriptedUninstall(ScriptedJob):
    """The removal."""

    ask: Callable[[StageRecord, str], bool] | None = None

    def review(self) -> Removal:
        self.p.enter("review_uninstall")
        self.p.wait(3)
        if self.p.script.hostile:
            refs = tuple(f"{n:04x}b2c3d4/prod" for n in range(3, 9))
            return Removal(tuple(map(record_of, refs)), None, HOSTILE[0], HOSTILE)
        logs = tuple(LogData(name, "aws_cloudwatch_log_group.x") for name in LOG_GROUPS)
        if self.p.script.removed_before:
            return Removal((), None, "", (), logs)
        plan = planned(*(PlannedChange(a, kind_of(a), "delete") for a in RESOURCES))
        token = "/wallarm-apigw/api-gw-discovery/token"
        held = tuple(map(record_of, CONNECTED))
        undos = tuple(map(undo_of, held))
        return Removal(held, plan, token, (ROLE,), logs, undos=undos)

    def run(self, removal: Removal, *, delete_logs: bool | None = None) -> Removed:
        self.p.enter("uninstall")
        self.p.deleted_logs = delete_logs
        reports = self.put_back(CONNECTED, self.ask)
        self.reducer = ProgressReducer()
        self.phase(Phase.DESTROY, State.RUNNING, "Removing")
        for address in RESOURCES:
            self.told(PlannedChange(address, kind_of(address), "delete"))
        for number, address in enumerate(RESOURCES):
            self.told(ApplyStart(address, kind_of(address), "delete"))
            if number == 20 and self.p.script.hold is not None:
                self.p.script.tick(41.0)
                self.p.script.hold.wait(120)
            self.told(ApplyComplete(address, kind_of(address), "delete", 2.0, "id"))
        left = [ROLE, *(f"{r.ref}: {r.message}" for r in reports if r.state is not State.DONE)]
        left += [] if delete_logs else [f"{name}: log data" for name in LOG_GROUPS]
        return Removed(reports, len(RESOURCES), tuple(left))

    def undo_failed(self) -> None:
        self.p.enter("undo")
        self.p.wait(3)
