"""One deployment opened for work: who we are, its folder, its journal, its Terraform, its lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.facts import Identity, StageRef
from wizard.core.terraform.events import Event
from wizard.core.terraform.plans import beyond
from wizard.core.tfvars import Outputs, token_parameter_name, variables
from wizard.flows.context import Context
from wizard.flows.deployment import credentials, recovery
from wizard.flows.deployment.answers import keep_answers, saved_answers
from wizard.flows.deployment.find import Found, found_deployments
from wizard.flows.deployment.follow import follow
from wizard.flows.deployment.move_state import require_lockfile
from wizard.flows.deployment.shared_state import Sharing
from wizard.flows.stages import log_groups
from wizard.services.aws.session import Session
from wizard.services.terraform.client import ApplyResult, PlanResult, Terraform, open_terraform
from wizard.services.terraform.environment import network_notes
from wizard.services.terraform.history import History
from wizard.services.terraform.runner import outputs
from wizard.services.workspace import module as assets
from wizard.services.workspace.journal import Journal
from wizard.services.workspace.workspace import Workspace, WorkspaceId, open_workspace


def open_session(context: Context, answers: Answers) -> Session:
    """The AWS session that these answers and this environment mean."""
    return Session(
        profile=answers.profile, region=answers.region, env=context.env, mfa=context.ask_code
    )


def identify(session: Session, answers: Answers) -> Identity:
    """Who we are. Raises UsageError when the answers are about another account."""
    identity = session.identity()
    if answers.account_id and answers.account_id != identity.account_id:
        raise UsageError(
            "WAG-E-AWS-020",
            f"These answers are for account {answers.account_id}, but the credentials belong to "
            f"account {identity.account_id}",
            next_step="Choose the right profile with --profile, or correct account_id. "
            "Nothing was changed.",
            keys=("account_id", "profile"),
        )
    return identity


class Deployment:
    """A workspace with its journal and Terraform, held by its lock while open.

    Use as a context manager. `exclusive=False` is for reading only.
    """

    def __init__(
        self,
        context: Context,
        answers: Answers,
        session: Session,
        identity: Identity,
        flow: str,
        *,
        exclusive: bool = True,
    ) -> None:
        self.context = context
        self.answers = answers
        self.session = session
        self.identity = identity
        self.workspace = open_workspace(
            WorkspaceId(identity.account_id, identity.region, answers.name_prefix),
            root=context.options.workspace,
        )
        self.flow = flow
        self._lock = self.workspace.locked(flow) if exclusive else None
        self.journal = Journal(self.workspace.journal_file, flow)
        self.sharing = Sharing(self)
        self._terraform: Terraform | None = None
        self.state_restored = False  # from a copy, which may lack what came after it
        if not exclusive:
            self.sharing.attach()
            self._read_journal()

    def __enter__(self) -> Deployment:
        if self._lock is not None:
            self._lock.acquire()
            try:
                self.sharing.attach()
                self.sharing.lock()
                self._read_journal()
                recovery.settle(self)
            except BaseException:
                self._close()
                raise
        return self

    def _read_journal(self) -> None:
        """The journal as it is now; of a shared deployment what colleagues did is part of it."""
        store = self.sharing.store
        if store is None:
            self.journal = Journal(self.workspace.journal_file, self.flow)
            return
        lacking = self.sharing.pull()
        self.journal = Journal(self.workspace.journal_file, self.flow)
        if self._lock is not None:
            self.journal.share_with(store.save_journal, everything=lacking)
            self.journal.flush()

    def _close(self) -> None:
        self.sharing.unlock()
        if self._lock is not None:
            self._lock.release()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._close()

    @property
    def deployment_id(self) -> str:
        """What the tag of every resource of this deployment says."""
        return f"{self.identity.account_id}-{self.identity.region}-{self.answers.name_prefix}"

    @staticmethod
    def clock() -> float:
        """Epoch seconds."""
        return time.time()

    @property
    def terraform(self) -> Terraform:
        """Terraform in this workspace, with the module of this version installed."""
        if self._terraform is None:
            options = self.context.options
            package = {"cw-resend-lambda.zip": assets.forwarder_package()}
            self.workspace.install_module(assets.terraform_module(), package)
            if not self.workspace.variables_file.exists():
                self.write_variables()  # a workspace that joined a colleague's deployment
            self._terraform = open_terraform(
                self.workspace,
                terraform=options.terraform,
                plugin_mirror=options.plugin_mirror,
                base_env=options.env,
                env=self.session.environment(),
            )
            if not self.workspace.state_is_local:
                require_lockfile(self._terraform)
        return self._terraform

    def tell_tools(self) -> None:
        """Prepare Terraform, and say which one it is, where its provider comes from, and what of
        the environment changes its way to the network."""
        terraform = self.terraform
        source = terraform.init()
        binary = terraform.binary
        note = self.context.note
        note(f"{binary.flavor} {binary.version}, {binary.found}", subject="Terraform")
        note(f"from {source.explanation}", subject="AWS provider")
        if terraform.places.temporary:
            note(
                f"in {terraform.places.plugin_cache}: there is little room at home",
                subject="AWS provider's files",
            )
        for text in network_notes(self.context.env):
            note(text, State.WARNING if "does not exist" in text else State.DONE, "network")

    @property
    def working(self) -> Terraform | None:
        """The Terraform that is at work right now; None while none is."""
        return self._terraform if self._terraform is not None and self._terraform.working else None

    @property
    def token_parameter(self) -> str:
        """The SSM parameter for the token; empty where no node is deployed."""
        return token_parameter_name(self.answers) if self.answers.deploys_node else ""

    def write_variables(
        self, further_log_groups: tuple[str, ...] = (), leaving: Collection[StageRef] = ()
    ) -> None:
        """Write the Terraform variables that these answers mean. They hold no secret.

        Args:
            further_log_groups: those of stages that will keep their own.
            leaving: connected stages whose log groups are not needed any more.
        """
        kept = sorted({*self.journal.record.kept_without(leaving), *further_log_groups})
        self.workspace.write_variables(
            variables(
                self.answers,
                token_parameter=self.token_parameter,
                further_log_groups=tuple(kept),
                deployment_id=self.deployment_id,
            )
        )

    def save_answers(self) -> Path:
        """Keep the answers for the next run; the account they were used with is part of them."""
        kept = self.answers.with_(account_id=self.identity.account_id)
        keep_answers(self.workspace.answers_file, kept)
        self.sharing.save_answers(kept)
        return self.workspace.answers_file

    def known_outputs(self) -> Outputs | None:
        """The outputs, or None while nothing is deployed. Needs `init` only when there is state."""
        if not self.workspace.check_state():
            return None
        try:
            return self.outputs()
        except WizardError as error:
            if error.code == "WAG-E-DEPLOY-002":
                return None
            raise

    def outputs(self) -> Outputs:
        """The outputs of the deployment as it is. Raises WizardError WAG-E-DEPLOY-002 when there
        is none, WAG-E-STATE-009 when its state is on another computer.
        """
        try:
            return Outputs.read(self._raw_outputs())
        except KeyError as error:
            self.sharing.check_here()
            raise WizardError(
                "WAG-E-DEPLOY-002",
                f"No finished deployment named {self.answers.name_prefix} was found",
                why=f"Terraform's state has no output {error}.",
                next_step="Run `wallarm-apigw install`; it goes on where it stopped.",
            ) from error

    def _raw_outputs(self) -> dict[str, object]:
        if self.sharing.store is None:
            return self.terraform.output() if self.workspace.check_state() else {}
        facts = self.sharing.store.facts()  # at once, where Terraform would have to `init` first
        return outputs(facts.outputs) if facts else {}

    def apply(self, plan: PlanResult) -> ApplyResult:
        """Apply a reviewed plan. Where credentials end in the middle, it is said what is done; a
        person who logs in again goes on with what is left of the same plan.

        Raises WizardError WAG-E-LOGS-004 where a log group has no room for another filter.
        """
        try:
            return self.terraform.apply(plan, self.follow())
        except WizardError as error:
            full = log_groups.full(self.session, self.answers, error)
            if full is not None:
                raise full from error
            if not credentials.tell(self.context, self.workspace, error):
                raise
            # A retry in this process sees a login that was made meanwhile.
            self.session.renew(refused=True)
            self._terraform = None
            if not credentials.logged_in_again(self.context, self.session):
                raise
            fresh = self.terraform.plan(destroy=plan.destroy)
            if not plan.destroy:
                fresh = recovery.adopt(self, fresh)
            if beyond(plan.changes, fresh.changes):
                fresh.discard()
                raise
            return self.apply(fresh)

    def follow(self) -> Callable[[Event], None]:
        """A listener for Terraform that turns its events into progress for the reader."""
        listen = follow(self.context.emit, History().medians())
        watch = credentials.Watch(self.context, self.session)
        filters = log_groups.Watch(self.context, self.session, self.answers)

        def hear(event: Event) -> None:
            watch.look(time.monotonic())
            filters.hear(event)
            listen(event)

        return hear


def open_existing(workspace: Workspace) -> bool:
    """Whether something was deployed from this workspace."""
    return workspace.check_state() > 0


__all__ = [
    "Deployment",
    "Found",
    "found_deployments",
    "identify",
    "open_existing",
    "open_session",
    "saved_answers",
]
