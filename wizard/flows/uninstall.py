"""Takes everything away: stages first, then the pipeline, then the secrets; says what is left.

Every step is recorded, so an interrupted removal goes on where it stopped. A stage that somebody
else changed since is never overwritten without being asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import Phase, StageReport, State
from wizard.core.journal import record
from wizard.core.journal.record import Record, StageRecord
from wizard.core.journal.unfinished import Step
from wizard.core.terraform.plans import beyond
from wizard.core.text import count
from wizard.flows import log_data
from wizard.flows import permissions as allowed
from wizard.flows.context import Context
from wizard.flows.deployment import recovery
from wizard.flows.deployment.fresh import changed, listed
from wizard.flows.deployment.holding import Holding
from wizard.flows.deployment.model import Deployment, identify, open_session
from wizard.flows.log_data import LogData
from wizard.flows.stages import switch as switching
from wizard.flows.stages.prerequisites import give_back_policy
from wizard.services.aws import token_parameter as parameters
from wizard.services.aws.permissions import Permissions
from wizard.services.aws.stages import Result
from wizard.services.terraform.client import PlanResult

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

    @property
    def nothing_to_do(self) -> bool:
        """Nothing of this deployment is left, but log data that was kept."""
        return not (self.stages or self.plan or self.token_parameter or self.policies)


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


class Uninstall(Holding):
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
        self.deployment = Deployment(
            context, answers, session, identify(session, answers), "uninstall"
        )

    def review(self) -> Removal:
        """Work out the removal. Nothing is changed by it."""
        deployment = self.deployment
        deployment.sharing.check_here()
        held = deployment.journal.record
        plan = None
        recovery.adopt_for_removal(deployment)
        stays = [*deployment.sharing.stays()]
        asked = allowed.Forecast(
            deployment.session, deployment.identity, self.answers, "uninstall",
            mode=self.context.options.preflight, log_groups=tuple(held.kept_log_groups),
        )  # fmt: skip
        if deployment.workspace.check_state():
            with (
                asked.told(deployment.workspace.root),
                self.context.phase(Phase.PLAN, "Working out the removal", "20s – 40s"),
            ):
                deployment.tell_tools()
                plan = deployment.terraform.plan(destroy=True)
        if deployment.workspace.module is not None:
            stays.extend(recovery.orphans(deployment))
        found = asked.result()
        for text in allowed.sentences(found, deployment.workspace.root):
            self.context.note(text, State.WARNING)
        return Removal(
            tuple(held.stages.values()),
            plan,
            held.token_parameter,
            (*stays, *_role(held)),
            log_data.found(deployment, plan),
            tuple(held.policies),
            found,
        )

    def run(self, removal: Removal, *, delete_logs: bool | None = None) -> Removed:
        """Do it. Safe to interrupt and to run again.

        Args:
            delete_logs: what somebody decided after the review; None leaves it as it was given.
        """
        if delete_logs is not None:
            self._delete_logs = delete_logs
        deployment = self.deployment
        if removal.permissions is not None and not removal.nothing_to_do:
            mode = self.context.options.preflight
            allowed.require(removal.permissions, mode, deployment.workspace.root)
        with deployment.journal.running(self._steps(removal)):
            reports = self._stages(removal.stages)
            destroyed = self._destroy(self._keep_logs(removal))
            self._policies()
            self._token(removal.token_parameter)
            if self._delete_logs:
                log_data.delete(deployment, removal.logs)
        left = [*removal.stays]
        if not self._delete_logs:
            left += [one.left for one in removal.logs]
        left += self._made_by_api_gateway()
        left.extend(f"{r.ref}: {r.message}" for r in reports if r.state is not State.DONE)
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
            return log_data.made_by_api_gateway(self.deployment)
        except WizardError as error:
            self.context.note(
                f"Whether API Gateway left log groups of its own could not be seen: {error.what}",
                State.UNCHECKED,
            )
            return ()

    def cancel(self) -> None:
        """Ask a running Terraform to stop after what it is doing right now."""
        self.deployment.terraform.interrupt()

    def _stages(self, stages: tuple[StageRecord, ...]) -> tuple[StageReport, ...]:
        if not stages:
            return ()
        reports = []
        with self.context.phase(Phase.STAGES, "Putting the stages' logging back"):
            for held in stages:
                report, result = switching.restore(self.deployment, held)
                if (
                    result is Result.ASK
                    and self._ask is not None
                    and self._ask(held, report.message)
                ):
                    report, _ = switching.restore(self.deployment, held, force=True)
                reports.append(report)
        return tuple(reports)

    def _keep_logs(self, removal: Removal) -> PlanResult | None:
        """Leave log groups out of the removal unless their data is to go, too.

        The plan is made anew for it. Raises WizardError WAG-E-TF-101 where more would be removed
        than was reviewed.
        """
        plan = removal.plan
        held = [one for one in removal.logs if one.address]
        if plan is None or self._delete_logs or not held:
            return plan
        plan.discard()
        log_data.keep(self.deployment, held)
        fresh_plan = self.deployment.terraform.plan(destroy=True)
        if more := beyond(plan.changes, fresh_plan.changes):
            fresh_plan.discard()
            raise changed(f"Now also to be removed: {listed([c.address for c in more])}.")
        return fresh_plan

    def _destroy(self, plan: PlanResult | None) -> int:
        if plan is None:
            return 0
        deployment = self.deployment
        if plan.has_changes:
            # The function's network interfaces can hold its security group for 20 to 60 minutes.
            usual = "4m – 10m; a function's network interfaces can hold it up for 20m – 60m"
            with (
                self.context.phase(Phase.DESTROY, "Removing the infrastructure", usual),
                deployment.journal.effect(record.TERRAFORM_DESTROY, str(deployment.workspace.id)),
            ):
                result = deployment.apply(plan)
            self.context.note(f"{count(result.summary.remove, 'resource')} removed")
            return result.summary.remove
        plan.discard()
        return 0

    def _policies(self) -> None:
        for group in self.deployment.journal.record.policies:
            give_back_policy(self.deployment, group)

    def _token(self, name: str) -> None:
        if not name:
            return
        deployment = self.deployment
        with (
            self.context.phase(Phase.CLEANUP, "Deleting the stored Wallarm token"),
            deployment.journal.effect(record.TOKEN_DELETE, name),
        ):
            parameters.delete(deployment.session.client("ssm"), name)
        self.context.note("deleted; the node stays listed in Wallarm Console until you remove it",
                          subject=name)  # fmt: skip


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
