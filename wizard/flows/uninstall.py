"""Takes everything away: stages first, then the pipeline, then the secrets; says what is left.

Every step is recorded, so an interrupted removal goes on where it stopped. A stage that somebody
else changed since is never overwritten without being asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import Phase, StageReport, State
from wizard.core.facts import Inventory, StageRef
from wizard.core.journal import record
from wizard.core.journal.record import Record, StageRecord
from wizard.core.journal.unfinished import Step
from wizard.core.stages.log_format import log_group_name
from wizard.core.terraform.plans import beyond, listed
from wizard.core.text import count
from wizard.core.tfvars import Outputs, installation_parameter_name
from wizard.flows import permissions
from wizard.flows.context import Context
from wizard.flows.deployment.adoption import adopt_for_removal, list_orphans
from wizard.flows.deployment.apply import apply_recorded, plan_changed
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import (
    identify,
    open_deployment,
    open_session,
    read_inventory,
)
from wizard.flows.deployment.ownership import release_name, require_own
from wizard.flows.deployment.shared_state import list_remains
from wizard.flows.log_data import (
    LogData,
    delete_log_data,
    find_log_data,
    keep_log_data,
    made_by_api_gateway,
)
from wizard.flows.node import add_what_remains
from wizard.flows.redrive import kept_batches, replay_recorded
from wizard.flows.stages import switch
from wizard.flows.stages.prerequisites import give_back_policy
from wizard.flows.stages.switch import StageUndo
from wizard.flows.token import delete_token
from wizard.services.aws.deployment.installation import read_forwarders
from wizard.services.aws.deployment.leftovers import deregister_instances, find_holders
from wizard.services.aws.deployment.tagged import is_there, marked_resources
from wizard.services.aws.network import certificates_for, certificates_of_other_regions
from wizard.services.aws.permissions import Permissions
from wizard.services.aws.stages import Result
from wizard.services.terraform.client import ApplyResult, PlanResult

IN_USE, INSTANCES_LEFT = "WAG-E-TF-113", "WAG-E-TF-128"


def destroy_resources(
    deployment: Deployment, plan: PlanResult, outputs: Outputs | None
) -> ApplyResult:
    """Apply a removal to its end.

    Args:
        outputs: of the deployment before its removal; None where nothing was finished.
    Raises WizardError WAG-E-REMOVE-001 with who holds it up, or what Terraform said.
    """
    try:
        return _apply_removal(deployment, plan, outputs)
    except WizardError as error:
        add_what_remains(deployment, error)
        raise


def _apply_removal(
    deployment: Deployment, plan: PlanResult, outputs: Outputs | None
) -> ApplyResult:
    try:
        return apply_recorded(deployment, plan)
    except WizardError as error:
        if outputs is not None and error.code == INSTANCES_LEFT and outputs.ecs_cluster:
            number = deregister_instances(deployment.session, outputs.ecs_cluster)
            if number:
                deployment.context.note(
                    f"{count(number, 'instance')} that did not leave by itself deregistered",
                    State.WARNING,
                    outputs.ecs_cluster,
                )
                return apply_recorded(deployment, deployment.terraform.plan(destroy=True))
        if outputs is not None and error.code == IN_USE and outputs.vpc_id:
            raise held_up(deployment, outputs.vpc_id, error) from error
        raise


def held_up(deployment: Deployment, vpc_id: str, error: WizardError) -> WizardError:
    """The refusal with who is still in the VPC; the refusal itself where nobody can tell."""
    try:
        holders = find_holders(deployment.session, vpc_id)
    except WizardError:
        return error
    if not holders:
        return error
    who = " and ".join(holder.who for holder in holders)
    found = "; ".join(f"{holder.who}: {holder.what}" for holder in holders)
    return WizardError(
        "WAG-E-REMOVE-001",
        f"{vpc_id} cannot be removed yet: {who} still has something in it",
        why=f"{found}. Terraform said: {error.why}",
        next_step=" ".join(holder.next_step for holder in holders),
    )


VALIDATION = "aws_route53_record.validation[0]"


@dataclass(frozen=True)
class SharedRecord:
    """The record that proves the node's certificate, where it must not go with it: ACM has one
    record for a name and an account, in all Regions. `address` is empty where it may go; `why` is
    for the reader.
    """

    address: str = ""
    why: str = ""


def find_shared_record(deployment: Deployment, answers: Answers, plan: PlanResult) -> SharedRecord:
    """Whether another certificate, of any Region, renews by the record that this plan removes.

    Where that cannot be seen it stays: a record that proves nothing any more does no harm.
    """
    if not any(c.address == VALIDATION for c in plan.changes) or not answers.node_host:
        return SharedRecord()
    facts, session, host = deployment.state_facts(), deployment.session, answers.node_host
    unread: Mapping[str, WizardError] = {}
    try:
        found = certificates_for(session, host)
        others = [arn for arn in found if facts is None or arn != facts.certificate]
        if not others:
            found, unread = certificates_of_other_regions(session, host)
            others = list(found)
    except WizardError as error:
        return _kept_record(host, f"whether another one renews by it was not seen: {error.what}")
    if others:
        return _kept_record(host, f"{', '.join(others)} renews by it")
    if unread:
        where, more = ", ".join(list(unread)[:3]), len(unread) - 3
        where += f" and {count(more, 'more Region')}" if more > 0 else ""
        why = next(iter(unread.values())).what
        return _kept_record(host, f"whether one in {where} renews by it was not seen: {why}")
    return SharedRecord()


def _kept_record(host: str, why: str) -> SharedRecord:
    text = f"the DNS record that proves certificates for {host} (no cost): {why}"
    return SharedRecord(VALIDATION, text)


AskStage = Callable[[StageRecord, str], bool]


@dataclass(frozen=True)
class Removal:
    """What an uninstall would do."""

    stages: tuple[StageRecord, ...]
    plan: PlanResult | None
    token_parameter: str
    stays: tuple[str, ...]
    logs: tuple[LogData, ...] = ()  # log groups made here; kept unless somebody says otherwise
    policies: tuple[str, ...] = ()  # log groups whose resource policy is put back
    permissions: Permissions | None = None  # as IAM forecasts them
    api_names: Mapping[StageRef, str] = field(default_factory=dict)
    undelivered: int = 0  # batches of events that wait, and would go with their bucket
    warnings: tuple[str, ...] = ()
    claimed: bool = False  # the name still has to be given back
    shared: SharedRecord = SharedRecord()
    undos: tuple[StageUndo, ...] = ()  # what putting each stage back changes of what it has now

    @property
    def nothing_to_do(self) -> bool:
        """Nothing of this deployment is left, but log data that was kept."""
        left = self.stages or self.plan or self.token_parameter or self.policies or self.claimed
        return not left


def require_gone(deployment: Deployment) -> None:
    """Raise WizardError WAG-E-DEPLOY-004 while the deployment is still there: by its state, or
    because its function answers. The token and the policies that it needs stay until it is gone.
    """
    held = deployment.workspace.check_state()
    why = f"Terraform's state still holds {count(held, 'resource')}." if held else ""
    if not why:
        try:
            ours = [
                one.arn
                for one in read_forwarders(deployment.session, deployment.deployment_id)
                if one.installation.id in deployment.marks.installations
            ]
        except WizardError as error:
            deployment.context.note(
                f"could not be looked for: {error.what}", State.UNCHECKED, "what may be left"
            )
            return
        why = f"Its function is still there: {ours[0]}" if ours else ""
    if why:
        raise WizardError(
            "WAG-E-DEPLOY-004",
            "The deployment is not gone, so nothing further is deleted",
            why=why,
            next_step="Run `wallarm-apigw uninstall` again. If it stays so, `wallarm-apigw doctor` "
            "and the AWS console tell what holds it.",
        )


@dataclass(frozen=True)
class Removed:
    """What an uninstall did, and what is left and why."""

    reports: tuple[StageReport, ...]
    destroyed: int
    left: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Every stage was put back."""
        return all(r.state is State.DONE for r in self.reports)


class Uninstall:
    """One removal. Use as a context manager: it holds the workspace's lock.

    Args:
        ask: decides about a stage that somebody else changed since; it gets the record and what is
            live now. Without it such a stage is left alone.
        delete_logs: also delete the log groups that the deployment made, those that an earlier
            removal kept among them (their data is lost).
    """

    def __init__(
        self,
        context: Context,
        answers: Answers,
        *,
        ask: AskStage | None = None,
        delete_logs: bool = False,
    ) -> None:
        self.context = context
        self.answers = answers
        self._ask = ask
        self._delete_logs = delete_logs
        session = open_session(context, answers)
        self.deployment: Deployment
        self._opened = open_deployment(
            context, answers, session, identify(session, answers), "uninstall"
        )

    def __enter__(self) -> Uninstall:
        self.deployment = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def review(self) -> Removal:
        """Work out the removal. Nothing is changed by it."""
        deployment = self.deployment
        owned = require_own(deployment, gone_is_fine=True)
        held = deployment.journal.record
        plan = None
        adopt_for_removal(deployment)
        stays = [*list_remains(deployment)]
        asked = permissions.Forecast(
            deployment.session,
            deployment.identity,
            self.answers,
            "uninstall",
            mode=self.context.options.preflight,
            log_groups=tuple(held.kept_log_groups),
        )
        if deployment.workspace.check_state():
            with (
                asked.told(deployment.workspace.root),
                self.context.phase(Phase.PLAN, "Working out the removal", "20s – 40s"),
            ):
                deployment.note_tools()
                plan = deployment.terraform.plan(destroy=True)
        if deployment.workspace.module is not None:
            stays.extend(list_orphans(deployment))
        inventory = self._inventory(bool(held.stages or plan))
        outputs = deployment.known_outputs() if plan is not None else None
        undelivered = len(kept_batches(deployment, outputs)) if outputs is not None else 0
        found = asked.result()
        for text in permissions.sentences(found, deployment.workspace.root):
            self.context.note(text, State.WARNING)
        shared = SharedRecord()
        if plan is not None:
            shared = find_shared_record(deployment, self.answers, plan)
        stays += [shared.why] if shared.why else []
        return Removal(
            tuple(held.stages.values()),
            plan,
            held.token_parameter,
            (*stays, *_role(held)),
            find_log_data(deployment, plan),
            tuple(held.policies),
            found,
            {stage.ref: stage.api.name for stage in inventory.stages} if inventory else {},
            undelivered,
            (*_waiting(undelivered, outputs), *_others(inventory, held, outputs)),
            owned.claimed,
            shared,
            switch.plan_restore(deployment, held.stages.values()),
        )

    def run(self, removal: Removal, *, delete_logs: bool | None = None) -> Removed:
        """Do it. Safe to interrupt and to run again.

        Args:
            delete_logs: what somebody decided after the review; None leaves it as it was given.
        """
        if delete_logs is not None:
            self._delete_logs = delete_logs
        deployment = self.deployment
        try:
            require_own(deployment, gone_is_fine=True)  # the review may be an hour old
        except WizardError:
            if removal.plan is not None:
                removal.plan.discard()
            raise
        if removal.permissions is not None and not removal.nothing_to_do:
            mode = self.context.options.preflight
            permissions.require(removal.permissions, mode, deployment.workspace.root)
        if removal.undelivered:
            self._settle_undelivered()
        names = {str(ref): name for ref, name in removal.api_names.items()}
        with deployment.journal.running(self._steps(removal), names):
            reports = self._stages(removal)
            destroyed = self._destroy(self._keep_what_stays(removal))
            require_gone(deployment)
            self._policies()
            self._token(removal.token_parameter)
            if self._delete_logs:
                delete_log_data(deployment, removal.logs)
            still = self._still_there(removal)
            release_name(deployment)
        left = [*removal.stays, *still]
        if not self._delete_logs:
            left += [one.left for one in removal.logs]
        left += self._made_by_api_gateway()
        left.extend(f"{r.label}: {r.message}" for r in reports if r.state is not State.DONE)
        return Removed(reports, destroyed, tuple(left))

    def _steps(self, removal: Removal) -> list[Step]:
        """What will be done, for the journal."""
        steps = [(record.STAGE_RESTORE, str(one.ref)) for one in removal.stages]
        if removal.plan is not None:
            steps.append((record.TERRAFORM_DESTROY, str(self.deployment.workspace.id)))
        steps += [
            (record.POLICY_RESTORE, group) for group in self.deployment.journal.record.policies
        ]
        if removal.token_parameter:
            steps.append((record.TOKEN_DELETE, removal.token_parameter))
        return steps

    def _made_by_api_gateway(self) -> tuple[str, ...]:
        """Everything is removed by now: that a list cannot be read must not look like a failure."""
        try:
            return made_by_api_gateway(self.deployment)
        except WizardError as error:
            self.context.note(
                f"Whether API Gateway left log groups of its own could not be seen: {error.what}",
                State.UNCHECKED,
            )
            return ()

    def undo_failed(self) -> Removed:
        """Take away what a failed run has made. Where nothing was ever deployed before it, its log
        groups hold nothing but its own lines and go as well."""
        only_ours = not self.deployment.journal.applied
        return self.run(self.review(), delete_logs=only_ours)

    def cancel(self) -> None:
        """Ask a running Terraform to stop after what it is doing right now."""
        self.deployment.terraform.interrupt()

    def harder(self) -> None:
        """Kill a running Terraform. What it was doing is then in doubt: only after a warning."""
        self.deployment.terraform.kill()

    def _inventory(self, wanted: bool) -> Inventory | None:
        """The stages of the Region: for the names of APIs, and for who else logs to our group."""
        if not wanted:
            return None
        identity = self.deployment.identity
        try:
            return read_inventory(self.context, self.deployment.session, identity)
        except WizardError as error:
            self.context.note(
                f"whether other stages log here could not be seen: {error.what}", State.UNCHECKED
            )
            return None

    def _settle_undelivered(self) -> None:
        """Replay what still waits, or have somebody say that it may go with its bucket.

        Raises WizardError WAG-E-REMOVE-001 where neither; nothing was changed then.
        """
        deployment, context = self.deployment, self.context
        outputs = deployment.outputs()
        waits = kept_batches(deployment, outputs)
        wish = context.options.undelivered
        told = f"{_batches(len(waits))} of events that the node never got wait in the bucket"
        if waits and (
            wish == "replay"
            or (
                not wish and context.ask_person(f"{told}. Replay them through the forwarder first?")
            )
        ):
            with context.phase(Phase.CLEANUP, "Replaying what was not delivered"):
                for batch in waits:
                    replay_recorded(deployment, outputs, batch)
            waits = kept_batches(deployment, outputs)
            told = f"{_batches(len(waits))} of events could not be delivered and wait in the bucket"
        if not waits or wish == "discard":
            return
        if not wish and context.ask_person(f"{told}. Delete them with it?"):
            return
        raise WizardError(
            "WAG-E-REMOVE-001",
            f"{told} {outputs.undelivered_bucket}",
            why="It would be deleted with everything that lies in it.",
            next_step="`wallarm-apigw redrive` replays them and says what is wrong. Then run the "
            "removal again, with --undelivered replay to replay them first or --undelivered "
            "discard to delete them. Nothing was removed.",
        )

    def _still_there(self, removal: Removal) -> tuple[str, ...]:
        """What carries our marks after all was removed, and is no log group that was kept."""
        deployment = self.deployment
        if removal.plan is None:
            return ()
        kept = {one.name for one in removal.logs} if not self._delete_logs else set()
        claim = installation_parameter_name(self.answers)
        try:
            arns = [
                arn
                for arn in marked_resources(deployment.session, deployment.marks)
                if not arn.endswith(claim)
                and arn.partition(":log-group:")[2].removesuffix(":*") not in kept
            ]
            found = {arn: is_there(deployment.session, arn) for arn in arns}
        except WizardError as error:
            self.context.note(
                f"whether all of it is gone could not be seen: {error.what}", State.UNCHECKED
            )
            return ()
        return tuple(
            f"{arn}: still there after the removal"
            if there
            else f"{arn}: whether it is gone could not be seen; its tag is still listed"
            for arn, there in found.items()
            if there is not False
        )

    def _stages(self, removal: Removal) -> tuple[StageReport, ...]:
        if not removal.stages:
            return ()
        reports = []
        with self.context.phase(Phase.STAGES, "Putting the stages' logging back"):
            for held in removal.stages:
                name = removal.api_names.get(held.ref, "")
                report, result = switch.restore_stages(self.deployment, held, api_name=name)
                if (
                    result is Result.ASK
                    and self._ask is not None
                    and self._ask(held, report.message)
                ):
                    report, _ = switch.restore_stages(
                        self.deployment, held, force=True, api_name=name
                    )
                reports.append(report)
        return tuple(reports)

    def _keep_what_stays(self, removal: Removal) -> PlanResult | None:
        """Leave log groups out of the removal unless their data is to go, too, and a record that
        another certificate needs.

        The plan is made anew for it. Raises WizardError WAG-E-TF-101 where more would be removed
        than was reviewed.
        """
        plan = removal.plan
        held = [one for one in removal.logs if one.address and not self._delete_logs]
        shared = removal.shared.address
        if plan is None or not (held or shared):
            return plan
        plan.discard()
        if held:
            keep_log_data(self.deployment, held)
        if shared:
            self.deployment.terraform.forget((shared,))
        plan_anew = self.deployment.terraform.plan(destroy=True)
        if more := beyond(plan.changes, plan_anew.changes):
            plan_anew.discard()
            raise plan_changed(f"Now also to be removed: {listed([c.address for c in more])}.")
        return plan_anew

    def _destroy(self, plan: PlanResult | None) -> int:
        if plan is None:
            return 0
        deployment = self.deployment
        if plan.has_changes:
            outputs = self._outputs()
            # The function's network interfaces can hold its security group for 20 to 60 minutes.
            usual = "4m – 10m; a function's network interfaces can hold it up for 20m – 60m"
            with self.context.phase(Phase.DESTROY, "Removing the infrastructure", usual):
                result = destroy_resources(deployment, plan, outputs)
            self.context.note(f"{count(result.summary.remove, 'resource')} removed")
            return result.summary.remove
        plan.discard()
        return 0

    def _outputs(self) -> Outputs | None:
        """What was deployed, for who holds its removal up; a half-made deployment has none."""
        try:
            return self.deployment.known_outputs()
        except WizardError:
            return None

    def _policies(self) -> None:
        for group in self.deployment.journal.record.policies:
            give_back_policy(self.deployment, group)

    def _token(self, name: str) -> None:
        if not name:
            return
        with self.context.phase(Phase.CLEANUP, "Deleting the stored Wallarm token"):
            delete_token(self.deployment, name)
        self.context.note(
            "deleted; the node stays listed in Wallarm Console until you remove it", subject=name
        )


def _batches(number: int) -> str:
    return "1 batch" if number == 1 else f"{number:,} batches"


def _waiting(number: int, outputs: Outputs | None) -> tuple[str, ...]:
    if not number or outputs is None:
        return ()
    text = (
        f"{_batches(number)} of events that the node never got wait in "
        f"{outputs.undelivered_bucket}: it is asked whether they are replayed or deleted"
    )
    return (text,)


def _others(inventory: Inventory | None, held: Record, outputs: Outputs | None) -> tuple[str, ...]:
    """Stages that somebody else connected to the log group that nobody forwards afterwards."""
    if inventory is None or outputs is None or not outputs.api_gateway_log_group:
        return ()
    group = outputs.api_gateway_log_group
    unread = tuple(
        f"whether stages of {problem.subject} log to {group} as well could not be seen: "
        f"{problem.message}"
        for problem in inventory.problems
    )
    return unread + tuple(
        f"{stage.api.name} / {stage.name} ({stage.ref}) logs to {group} as well, but was not "
        "connected from here: after the removal nobody forwards what it logs"
        for stage in inventory.stages
        if stage.ref not in held.stages
        and log_group_name(stage.settings.access_log.destination_arn) == group
    )


def _role(held: Record) -> tuple[str, ...]:
    """API Gateway's CloudWatch role, where this deployment made it or set it."""
    if held.role_set:
        text = (
            f"{held.role_set}: API Gateway's CloudWatch role of this account and Region; other "
            "APIs may rely on it (no cost)"
        )
        return (text,)
    if held.role_created:
        text = (
            f"the IAM role {held.role_created}: made for API Gateway, which never got it (no "
            "cost); delete it in the IAM console"
        )
        return (text,)
    return ()
