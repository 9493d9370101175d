"""Connect further stages, or disconnect some, touching nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import Phase, StageReport, State
from wizard.core.facts import Inventory, Stage, StageRef
from wizard.core.journal import record
from wizard.core.journal.record import StageRecord
from wizard.core.permissions.commands import ADD, SUBSCRIBE
from wizard.core.proof import Proof
from wizard.core.stages.change import StageChange
from wizard.core.stages.rules import chosen_stages
from wizard.core.terraform.plans import Attribute, beyond
from wizard.core.text import closest
from wizard.core.tfvars import Outputs
from wizard.flows import permissions
from wizard.flows.before_planning import check_role
from wizard.flows.context import Context
from wizard.flows.deployment import remote
from wizard.flows.deployment.answers import save_stages
from wizard.flows.deployment.apply import apply_recorded, read_attributes
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import (
    identify,
    open_deployment,
    open_session,
    read_deployment,
    read_inventory,
)
from wizard.flows.deployment.ownership import require_own
from wizard.flows.proof import prove
from wizard.flows.stages import switch
from wizard.flows.stages.prerequisites import give_back_policy
from wizard.flows.stages.switch import StageUndo
from wizard.services.aws.deployment import tagged
from wizard.services.aws.discovery import discover
from wizard.services.aws.permissions import Decision, Permissions
from wizard.services.aws.regions import RegionApis, count_apis, enabled_regions
from wizard.services.aws.session import Session
from wizard.services.aws.stages import Result
from wizard.services.terraform.client import PlanResult

_ACTING = ("create", "update", "delete", "replace")
_SUBSCRIPTION = ("aws_cloudwatch_log_subscription_filter", "aws_lambda_permission")


@dataclass(frozen=True)
class Addition:
    """What connecting these stages would change. `plan` is None when Terraform need not run.

    `permissions` is what IAM says about it.
    """

    changes: tuple[StageChange, ...]
    skipped: tuple[tuple[Stage, str], ...]
    outputs: Outputs
    plan: PlanResult | None
    warnings: tuple[str, ...]
    permissions: Permissions


@dataclass(frozen=True)
class Withdrawal:
    """What disconnecting stages would change.

    Attributes:
        held: the stages to put back.
        back: stages that an earlier run put back already.
        log_groups: log groups of their own that are unsubscribed then.
        plan: Terraform's part of it; None when it need not run.
        undos: what putting each of them back changes of what it has now.
    """

    held: tuple[StageRecord, ...]
    back: tuple[str, ...]
    log_groups: tuple[str, ...]
    plan: PlanResult | None
    undos: tuple[StageUndo, ...] = ()


def beyond_subscriptions(plan: PlanResult) -> tuple[str, ...]:
    """Addresses of what a plan changes besides which log groups are subscribed to."""
    return tuple(
        c.address
        for c in plan.changes
        if c.action in _ACTING and c.resource_type not in _SUBSCRIPTION
    )


def unsubscribed(plan: PlanResult) -> tuple[str, ...]:
    """Log groups whose subscription a plan takes away."""
    keys = (
        c.address.partition('["')[2].removesuffix('"]')
        for c in plan.changes
        if c.action == "delete" and c.resource_type == _SUBSCRIPTION[0]
    )
    return tuple(sorted("main" if key == "named main" else key for key in keys))


class Stages:
    """Work on the stages of an existing deployment. A context manager: it holds the lock."""

    def __init__(self, context: Context, answers: Answers, flow: str = "stages") -> None:
        self.context = context
        self.answers = answers
        self.session = open_session(context, answers)
        self.identity = identify(self.session, answers)
        self.deployment: Deployment
        self._opened = open_deployment(context, answers, self.session, self.identity, flow)

    def __enter__(self) -> Stages:
        self.deployment = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def review_add(self, refs: tuple[str, ...], inventory: Inventory | None = None) -> Addition:
        """Work out what connecting these stages changes. Nothing is changed by it.

        Args:
            inventory: what was read of the Region a moment ago; None reads it.
        """
        require_own(self.deployment)
        outputs = self.deployment.outputs()
        inventory = inventory or self.read_inventory()
        chosen = chosen_stages(inventory, self.answers.with_(stages=refs, stage_rules=()))
        changes, skipped = switch.plan_changes(
            self.session, chosen, self.answers, outputs.api_gateway_log_group_arn
        )
        wanted = {*switch.kept_groups(changes)}
        plan = None
        # Not asked of the outputs: Terraform writes them even where the subscription failed.
        more = wanted - {*self.deployment.journal.record.kept_log_groups}
        asked = permissions.Forecast(
            self.session,
            self.identity,
            self.answers.with_(stages=tuple(str(change.ref) for change in changes)),
            SUBSCRIBE if more else ADD,
            mode=self.context.options.preflight,
            log_groups=tuple(sorted(more)),
        )
        if more:
            with self.context.phase(Phase.PLAN, "Working out the further log groups", "20s – 40s"):
                self.deployment.write_variables(tuple(sorted(wanted)))
                self.deployment.note_tools()
                plan = self.deployment.terraform.plan()
        found = asked.result()
        missing: tuple[str, ...] = ()
        if changes:
            if found.state is Decision.UNKNOWN:
                self.context.note(found.reason, State.UNCHECKED, subject="Permissions")
            missing = permissions.sentences(found, self.deployment.workspace.root)
        role = check_role(self.context, self.session, self.identity, changes)
        warnings = (*missing, *role, *switch.warnings(changes))
        return Addition(changes, skipped, outputs, plan, warnings, found)

    def read_attributes(self, addition: Addition) -> dict[str, tuple[Attribute, ...]]:
        """What the reviewed plan does to each resource, attribute by attribute, by address."""
        return read_attributes(self.deployment, addition.plan)

    def add(self, addition: Addition) -> tuple[StageReport, ...]:
        """Connect the reviewed stages. Raises WizardError where permissions for it are missing."""
        deployment = self.deployment
        try:
            require_own(deployment)  # the review may be an hour old
            mode, folder = self.context.options.preflight, deployment.workspace.root
            permissions.require(addition.permissions, mode, folder)
        except WizardError:
            if addition.plan is not None:
                addition.plan.discard()
            raise
        steps = [(record.STAGE_SWITCH, str(change.ref)) for change in addition.changes]
        if addition.plan is not None and addition.plan.has_changes:
            steps.insert(0, (record.TERRAFORM_APPLY, str(deployment.workspace.id)))
        names = {str(change.ref): change.api_name for change in addition.changes}
        with deployment.journal.running(steps, names):
            if addition.plan is not None and addition.plan.has_changes:
                with self.context.phase(Phase.DEPLOY, "Subscribing to further log groups"):
                    apply_recorded(deployment, addition.plan)
            elif addition.plan is not None:
                addition.plan.discard()
            with self.context.phase(Phase.STAGES, "Switching access logging on"):
                reports = switch.apply_changes(deployment, addition.changes, addition.outputs)
            self._remember()
        return reports

    def add_again(self, seen: Addition, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        """A further try at what was reviewed, or at these stages of it: planned anew from what is
        there now. A change that begins from something else than what was seen takes a yes.

        Raises WizardError WAG-E-RUN-003 when Terraform would change more than was reviewed.
        """
        left = self.review_add(tuple(only) or tuple(str(c.ref) for c in seen.changes))
        unseen = (
            beyond(seen.plan.changes if seen.plan is not None else (), left.plan.changes)
            if left.plan is not None
            else ()
        )
        if left.plan is not None and unseen:
            left.plan.discard()
            raise WizardError(
                "WAG-E-RUN-003",
                "What is left to do is not what was reviewed",
                why="The deployment changed meanwhile. New: "
                + ", ".join(f"{c.action} {c.address}" for c in unseen),
                next_step="Nothing was applied. Go back to Review and look at the new plan.",
            )
        reviewed = [c for c in seen.changes if not only or str(c.ref) in only]
        changes = switch.ask_changed(self.context, reviewed, left.changes)
        return self.add(replace(left, changes=changes))

    def undo_stage(self, ref: str) -> StageReport:
        """Put one stage's logging back. Raises UsageError WAG-E-STAGES-004 for one that is not
        connected."""
        require_own(self.deployment)  # what was shown may be an hour old
        return switch.undo_stage(self.deployment, ref)

    def prove(
        self, addition: Addition, inventory: Inventory, cancel: threading.Event | None = None
    ) -> Proof | None:
        """Follow one request through the stages that were added; None where none is possible."""
        refs = tuple(str(change.ref) for change in addition.changes)
        chosen = chosen_stages(inventory, self.answers.with_(stages=refs))
        return prove(self.deployment, chosen, addition.outputs, cancel)

    def cancel(self) -> None:
        """Ask a running Terraform to stop after what it is doing right now."""
        self.deployment.terraform.interrupt()

    def harder(self) -> None:
        """Kill a running Terraform. What it was doing is then in doubt: only after a warning."""
        self.deployment.terraform.kill()

    def review_remove(self, refs: tuple[str, ...]) -> Withdrawal:
        """Work out what disconnecting these stages changes. Nothing is changed by it.

        Stages that an earlier run put back already are no error: what is left of their removal is
        done. Raises UsageError for one that never was connected.
        """
        require_own(self.deployment)
        held, back = self._held(refs)
        leaving = {one.ref for one in held}
        own = {one.log_group for one in held if one.mode == "keep"}
        needed = {
            *self.deployment.journal.record.kept_without(leaving),
            self.answers.api_gateway_log_group_name,
        }
        undos = switch.plan_restore(self.deployment, held)
        if not back and not own - needed:
            return Withdrawal(held, back, (), None, undos)
        plan = self._plan_without(leaving)
        gone = unsubscribed(plan)
        if not gone:
            plan.discard()
        return Withdrawal(held, back, gone, plan if gone else None, undos)

    def remove(
        self,
        withdrawal: Withdrawal,
        ask: Callable[[StageRecord, str], bool] | None = None,
        *,
        reviewed: bool = True,
    ) -> tuple[StageReport, ...]:
        """Put the logging of these stages back, then unsubscribe from what no other one needs.

        Args:
            ask: decides about a stage that somebody else changed since.
            reviewed: somebody has seen the plan; else it is applied only where it does nothing but
                unsubscribe.
        """
        try:
            require_own(self.deployment)  # the review may be an hour old
        except WizardError:
            if withdrawal.plan is not None:
                withdrawal.plan.discard()
            raise
        reports = []
        steps = [(record.STAGE_RESTORE, str(one.ref)) for one in withdrawal.held]
        if withdrawal.plan is not None:
            steps.append((record.TERRAFORM_APPLY, str(self.deployment.workspace.id)))
        names = {str(one.ref): one.api_name for one in withdrawal.held}
        with self.deployment.journal.running(steps, names):
            if withdrawal.held:
                with self.context.phase(Phase.STAGES, "Putting the stages' logging back"):
                    for one in withdrawal.held:
                        report, result = switch.restore_stages(self.deployment, one)
                        if result is Result.ASK and ask is not None and ask(one, report.message):
                            report, _ = switch.restore_stages(self.deployment, one, force=True)
                        reports.append(report)
            self._remember()
            self._unsubscribe(withdrawal, reviewed)
        return tuple(reports)

    def _held(self, refs: tuple[str, ...]) -> tuple[tuple[StageRecord, ...], tuple[str, ...]]:
        """The records of these stages, and which of them are put back already."""
        journal = self.deployment.journal
        known = {str(ref): one for ref, one in journal.record.stages.items()}
        found, back = [], []
        for text in dict.fromkeys(refs):
            if text in known:
                found.append(known[text])
            elif "/" in text and journal.record.restored(StageRef.parse(text), journal.entries):
                back.append(text)
            else:
                near = closest(text, known)
                hint = f"Did you mean {near[0]}?" if near else f"Connected: {', '.join(known)}."
                raise UsageError(
                    "WAG-E-STAGES-004",
                    f"{text} is not connected",
                    next_step=hint if known else "No stage is connected.",
                    keys=("stages",),
                )
        return tuple(found), tuple(back)

    def _plan_without(self, leaving: Collection[StageRef]) -> PlanResult:
        with self.context.phase(Phase.PLAN, "Working out what is unsubscribed", "20s – 40s"):
            self.deployment.write_variables(leaving=leaving)
            self.deployment.note_tools()
            return self.deployment.terraform.plan()

    def _unsubscribe(self, withdrawal: Withdrawal, reviewed: bool) -> None:
        plan = withdrawal.plan
        needed = {*self.deployment.journal.record.kept_log_groups}
        gone = tuple(name for name in withdrawal.log_groups if name not in needed)
        if gone != withdrawal.log_groups:  # a stage was not put back: it needs its log group
            if plan is not None:
                plan.discard()
            plan = self._plan_without(()) if gone else None
            reviewed = False
        if plan is not None:
            more = beyond_subscriptions(plan)
            if more and not reviewed:
                plan.discard()
                self.context.note(
                    f"still subscribed to {', '.join(gone)}: Terraform would change more than that "
                    f"({', '.join(more)}). `wallarm-apigw install --dry-run` shows all of it.",
                    State.WARNING,
                )
                return
            with self.context.phase(Phase.DEPLOY, "Unsubscribing from log groups no stage needs"):
                apply_recorded(self.deployment, plan)
        for group in gone:
            give_back_policy(self.deployment, group)

    def read_inventory(self) -> Inventory:
        """Every API and stage of the Region; what could not be read is told."""
        return read_inventory(self.context, self.session, self.identity)

    def _remember(self) -> None:
        """The saved answers follow what is connected now."""
        save_stages(self.deployment)


def inventory(
    context: Context, answers: Answers
) -> tuple[Inventory, Mapping[StageRef, StageRecord]]:
    """Every stage of the Region, and which of them this deployment connected. Changes nothing."""
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = read_deployment(context, answers, session, identity, "stages")
    found = discover(session, identity)
    return found, _connected(context, deployment, found)


def _connected(
    context: Context, deployment: Deployment, found: Inventory | None = None
) -> Mapping[StageRef, StageRecord]:
    """The stages that a deployment has connected, wherever its record is."""
    held = deployment.journal.record.stages
    if held or not deployment.nothing_done_here:
        return held
    seen = remote.find_remote(
        context, deployment.session, deployment.identity, deployment.answers, found
    )
    return seen.record.stages if seen is not None else {}


@dataclass(frozen=True)
class RegionStages:
    """What a Region has; `problem` where it could not be read, and then nothing else."""

    region: str
    inventory: Inventory | None = None
    connected: Mapping[StageRef, StageRecord] = field(default_factory=dict)
    problem: str = ""


def read_regions(context: Context, answers: Answers) -> Iterator[RegionStages]:
    """Each Region that has APIs or could not be read, as it was read.

    The Regions are counted side by side, each with its own budget, and then read one by one.
    Raises WizardError where AWS does not say which Regions the account may use.
    """

    def session_of(region: str) -> Session:
        return open_session(context, answers.with_(region=region))

    open_to_us = enabled_regions(session_of(answers.region))
    for one in count_apis(session_of, open_to_us):
        if one.problem:
            yield RegionStages(one.region, problem=one.problem)
        elif one.apis:
            try:
                found, connected = inventory(context, answers.with_(region=one.region))
            except WizardError as error:
                yield RegionStages(one.region, problem=f"{error.what}. {error.why}".rstrip(" ."))
                continue
            yield RegionStages(one.region, found, connected)


def count_regions(
    context: Context, answers: Answers, on_region: Callable[[RegionApis], None]
) -> tuple[RegionApis, ...]:
    """How many APIs each Region has, and how many stages its deployments have connected.

    The Regions are read side by side, and one that refuses says why. Raises WizardError where no
    Region can be asked at all.

    Args:
        on_region: told as each Region was read, from several threads.
    """

    def session_of(region: str) -> Session:
        return open_session(context, answers.with_(region=region))

    try:
        regions = enabled_regions(session_of(answers.region))
    except WizardError:  # one may ask each Region without the right to list them
        regions = session_of(answers.region).regions()

    def connected(session: Session) -> int:
        identity = session.identity()
        begins = f"{identity.account_id}-{identity.region}-"
        number = 0
        for value in tagged.tagged_deployments(session):
            if value.startswith(begins):
                asked = answers.with_(
                    region=identity.region, name_prefix=value.removeprefix(begins)
                )
                deployment = read_deployment(context, asked, session, identity, "stages")
                number += len(_connected(context, deployment))
        return number

    return count_apis(session_of, regions, on_region=on_region, connected=connected)
