"""Connect further stages, or disconnect some, touching nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from wizard.core import record
from wizard.core.answers import Answers
from wizard.core.change import StageChange
from wizard.core.errors import UsageError
from wizard.core.facts import Inventory, Stage, StageRef
from wizard.core.record import StageRecord
from wizard.core.report import Phase, StageReport, State
from wizard.core.text import closest
from wizard.core.tfvars import Outputs
from wizard.flows import switching
from wizard.flows.chosen import chosen_stages
from wizard.flows.context import Context
from wizard.flows.deployment import Deployment, identify, open_session
from wizard.services.aws.discovery import discover
from wizard.services.aws.stages import Result
from wizard.services.terraform.client import PlanResult


@dataclass(frozen=True)
class Addition:
    """What connecting these stages would change. `plan` is None when Terraform need not run."""

    changes: tuple[StageChange, ...]
    skipped: tuple[tuple[Stage, str], ...]
    outputs: Outputs
    plan: PlanResult | None
    warnings: tuple[str, ...]


class Stages:
    """Work on the stages of an existing deployment. A context manager: it holds the lock."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self.context = context
        self.answers = answers
        self.session = open_session(context, answers)
        self.identity = identify(self.session, answers)
        self.deployment = Deployment(context, answers, self.session, self.identity, "stages")

    def __enter__(self) -> Stages:
        self.deployment.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deployment.__exit__(kind, error, trace)

    def review_add(self, refs: tuple[str, ...]) -> Addition:
        """Work out what connecting these stages changes. Nothing is changed by it."""
        outputs = self.deployment.outputs()
        inventory = self._inventory()
        chosen = chosen_stages(inventory, self.answers.with_(stages=refs))
        changes, skipped = switching.plan(chosen, self.answers, outputs.api_gateway_log_group_arn)
        wanted = {*switching.kept_groups(changes)}
        plan = None
        if wanted - {*self.deployment.journal.record.kept_log_groups}:
            with self.context.phase(Phase.PLAN, "Working out the further log groups", "20s – 40s"):
                self.deployment.write_variables(tuple(sorted(wanted)))
                self.deployment.tell_tools()
                plan = self.deployment.terraform.plan()
        return Addition(changes, skipped, outputs, plan, switching.warnings(changes))

    def add(self, addition: Addition) -> tuple[StageReport, ...]:
        """Connect the reviewed stages."""
        deployment = self.deployment
        steps = [(record.STAGE_SWITCH, str(change.ref)) for change in addition.changes]
        if addition.plan is not None and addition.plan.has_changes:
            steps.insert(0, (record.TERRAFORM_APPLY, str(deployment.workspace.id)))
        with deployment.journal.running(steps):
            if addition.plan is not None and addition.plan.has_changes:
                with (
                    self.context.phase(Phase.DEPLOY, "Subscribing to further log groups"),
                    deployment.journal.effect(record.TERRAFORM_APPLY, str(deployment.workspace.id)),
                ):
                    deployment.terraform.apply(addition.plan, deployment.follow())
            elif addition.plan is not None:
                addition.plan.discard()
            with self.context.phase(Phase.STAGES, "Switching access logging on"):
                reports = switching.apply(deployment, addition.changes, addition.outputs)
            self._remember()
        return reports

    def held(self, refs: tuple[str, ...]) -> tuple[StageRecord, ...]:
        """The records of these connected stages. Raises UsageError for one that is not."""
        known = self.deployment.journal.record.stages
        names = [str(ref) for ref in known]
        found = []
        for text in refs:
            if text not in names:
                near = closest(text, names)
                hint = f"Did you mean {near[0]}?" if near else f"Connected: {', '.join(names)}."
                raise UsageError(
                    "WAG-E-STAGES-004",
                    f"{text} is not connected",
                    next_step=hint if names else "No stage is connected.",
                    keys=("stages",),
                )
            found.append(known[StageRef.parse(text)])
        return tuple(found)

    def remove(
        self,
        held: tuple[StageRecord, ...],
        ask: Callable[[StageRecord, str], bool] | None = None,
    ) -> tuple[StageReport, ...]:
        """Put the logging of these stages back; a changed one only when `ask` says so."""
        reports = []
        steps = [(record.STAGE_RESTORE, str(one.ref)) for one in held]
        with self.deployment.journal.running(steps):
            with self.context.phase(Phase.STAGES, "Putting the stages' logging back"):
                for one in held:
                    report, result = switching.restore(self.deployment, one)
                    if result is Result.ASK and ask is not None and ask(one, report.message):
                        report, _ = switching.restore(self.deployment, one, force=True)
                    reports.append(report)
            self._remember()
        return tuple(reports)

    def _inventory(self) -> Inventory:
        with self.context.phase(Phase.DISCOVER, f"Reading the APIs of {self.identity.region}"):
            inventory = discover(self.session, self.identity)
        for problem in inventory.problems:
            self.context.note(problem.message, State.WARNING, problem.subject)
        return inventory

    def _remember(self) -> None:
        """The saved answers follow what is connected now."""
        connected = self.deployment.journal.record.stages
        self.deployment.answers = self.answers.with_(stages=tuple(str(r) for r in connected))
        self.deployment.save_answers()


def inventory(context: Context, answers: Answers) -> tuple[Inventory, dict[StageRef, StageRecord]]:
    """Every stage of the Region, and which of them this deployment connected. Changes nothing."""
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = Deployment(context, answers, session, identity, "stages", exclusive=False)
    return discover(session, identity), deployment.journal.record.stages
