"""A scripted deployment that exists: status, further stages, removal."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tests.ui.script import Script
from tests.ui.scripted_account import ACCOUNT, HOSTILE, OUR_GROUP
from tests.ui.scripted_run import RESOURCES, ScriptedRun, kind_of
from wizard.core.answers.model import Answers
from wizard.core.events import Phase, PhaseChanged, StageReport, State
from wizard.core.facts import StageRef
from wizard.core.terraform.events import ApplyComplete, ApplyStart, PlannedChange
from wizard.core.terraform.groups import group_of
from wizard.core.terraform.progress import ProgressReducer
from wizard.core.tfvars import Outputs
from wizard.flows.deployment.remote import NEXT_STEP
from wizard.flows.status import StageStatus, Status
from wizard.ui.backend import AskStage
from wizard.ui.screens.home_text import status_lines
from wizard.ui.views import (
    Connected,
    PlannedResource,
    RemovalView,
    RemovedView,
    ReviewView,
    StatusLine,
)

LOG_GROUPS = (
    "/aws/apigateway/wallarm-api-discovery-1a2b3c4d",
    "/aws/lambda/wallarm-cw-resend-1a2b3c4d",
)


def seen_from_outside(answers: Answers) -> Status:
    """A deployment whose state is on another computer, as the flow tells it."""
    outputs = Outputs(OUR_GROUP.rpartition(":")[2], OUR_GROUP, "wallarm-cw-resend-f64911f6",
                      "/aws/lambda/wallarm-cw-resend-f64911f6", "node.acme.com:5050")  # fmt: skip
    stages = tuple(
        StageStatus(StageRef(f"a{n}", "prod"), "ours", outputs.api_gateway_log_group, None)
        for n in range(3)
    )
    return Status(
        ACCOUNT, answers.region, answers.name_prefix, outputs, stages, 51, 18_204, 0, 118.7, None,
        "", "", "", (), (NEXT_STEP,),
        "not here, but on the computer it was installed from",
    )  # fmt: skip


class ScriptedHome(ScriptedRun):
    """What Home and its screens ask for."""

    def __init__(self, script: Script | None = None) -> None:
        super().__init__(script)
        self.deleted_logs: bool | None = None

    def status(self, answers: Answers) -> tuple[StatusLine, ...]:
        self._enter("status")
        if self.script.hostile:
            return tuple(StatusLine(t, State.WARNING, t) for t in HOSTILE)
        if any(e.remote and e.name_prefix == answers.name_prefix for e in self.script.elsewhere):
            return status_lines(seen_from_outside(answers))
        return (
            StatusLine("Infrastructure", State.DONE, "52 resources, as planned"),
            StatusLine("Stages", State.WARNING, "2 connected, 1 was changed by somebody else"),
            StatusLine("Events", State.DONE, "18,204 in the last hour, 0 undelivered"),
            StatusLine("Node", State.DONE, "0.25.5, registered, 2 of 2 healthy"),
        )

    def connected(self, answers: Answers) -> tuple[Connected, ...]:
        self._enter("connected")
        group = "/aws/apigateway/wallarm-api-discovery-f64911f6"
        if self.script.hostile:
            return tuple(
                Connected(f"{n:04x}b2c3d4/prod", HOSTILE[n - 3], False, HOSTILE[n - 3])
                for n in range(3, 3 + len(HOSTILE))
            )
        return (
            Connected("0000b2c3d4/prod", group),
            Connected("0001b2c3d4/prod", "/acme/access-logs"),
            Connected("0001b2c3d4/staging", group, same=False,
                      note="somebody changed its logging since"),
        )  # fmt: skip

    def review_add(self, answers: Answers) -> ReviewView:
        self._enter("review_add")
        view = self.review(answers, None)
        self.calls.remove("review")
        self._review = replace(view, resources=(), policies={})
        return self._review

    def add_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        self._enter("add_stages")
        return self.switch_stages(only)

    def remove_stages(
        self, answers: Answers, refs: tuple[str, ...], ask: AskStage
    ) -> tuple[StageReport, ...]:
        self._enter("remove_stages")
        return self._put_back(refs, ask)

    def _put_back(self, refs: tuple[str, ...], ask: AskStage) -> tuple[StageReport, ...]:
        self.listener(PhaseChanged(Phase.STAGES, State.RUNNING, "Putting the logging back"))
        reports = []
        for ref in refs:
            self._wait()
            state, text = State.DONE, "as before"
            if ref == "0001b2c3d4/staging" and not ask(ref, "its log group is now /ops/logs"):
                state, text = State.WARNING, "changed by somebody else: left as it is"
            report = StageReport(StageRef.parse(ref), "", state, text)
            self.listener(report)
            reports.append(report)
        self.listener(PhaseChanged(Phase.STAGES, State.DONE, "Putting the logging back"))
        return tuple(reports)

    def review_uninstall(self, answers: Answers) -> RemovalView:
        self._enter("review_uninstall")
        self._wait(3)
        if self.script.hostile:
            return RemovalView(
                tuple(f"{n:04x}b2c3d4/prod" for n in range(3, 9)), (), HOSTILE[0], HOSTILE
            )
        if self.script.removed_before:
            return RemovalView((), (), "", (), LOG_GROUPS)
        return RemovalView(
            ("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging"),
            tuple(PlannedResource(a, "delete", group_of(kind_of(a), a)) for a in RESOURCES),
            "/wallarm-apigw/api-gw-discovery/token",
            ("API Gateway's CloudWatch role; other APIs may rely on it (no cost)",),
            LOG_GROUPS,
        )

    def uninstall(self, ask: AskStage, *, delete_logs: bool) -> RemovedView:
        self._enter("uninstall")
        self.deleted_logs = delete_logs
        reports = self._put_back(("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging"), ask)
        self._reducer = ProgressReducer()
        self.listener(PhaseChanged(Phase.DESTROY, State.RUNNING, "Removing"))
        clock = self.script.clock
        for address in RESOURCES:
            self._tell(PlannedChange(address, kind_of(address), "delete"), clock())
        for number, address in enumerate(RESOURCES):
            self._tell(ApplyStart(address, kind_of(address), "delete"), clock())
            if number == 20 and self.script.hold is not None:
                self.script.tick(41.0)
                self.script.hold.wait(120)
            self._tell(ApplyComplete(address, kind_of(address), "delete", 2.0, "id"), clock())
        left = ["API Gateway's CloudWatch role; other APIs may rely on it (no cost)"]
        complete = all(r.state is State.DONE for r in reports)
        left += [f"{r.ref}: {r.message}" for r in reports if r.state is not State.DONE]
        left += [] if delete_logs else [f"{name}: log data" for name in LOG_GROUPS]
        return RemovedView(len(RESOURCES), tuple(left), complete)
