"""One deployment as it is held: who we are, its folder, its journal, its state, its Terraform.

Handles alone. `open.py` opens one; what is done with it lies in the modules beside this one, which
all know this one, while it knows none of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import Identity, StageRef
from wizard.core.installation import NO_ID, Installation, Marks
from wizard.core.state_place import LOCKFILE_SINCE, StatePlace
from wizard.core.terraform.provider import describe_version
from wizard.core.tfvars import Outputs, permissions_to_keep, token_parameter_name, variables
from wizard.flows.context import Context
from wizard.services.aws.session import Session
from wizard.services.forwarder_packages import place_package
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.environment import network_notes
from wizard.services.terraform.runner import outputs
from wizard.services.workspace.journal import Journal
from wizard.services.workspace.module import forwarder_package, terraform_module
from wizard.services.workspace.s3_state import StateStore
from wizard.services.workspace.state import StateFacts
from wizard.services.workspace.workspace import Workspace


class Deployment:
    """A workspace with its journal and Terraform.

    Attributes:
        flow: the use case at work, as its journal entries and its lock name it.
        store: where its state lies in S3; None while it is on this computer.
        dead_run: `user@host` whose run a person called dead; empty where nobody was asked.
        state_restored: the state was put back from a copy, which may lack what came after it.
    """

    def __init__(
        self,
        context: Context,
        answers: Answers,
        session: Session,
        identity: Identity,
        flow: str,
        workspace: Workspace,
    ) -> None:
        self.context = context
        self.answers = answers
        self.session = session
        self.identity = identity
        self.flow = flow
        self.workspace = workspace
        self.journal = Journal(workspace.journal_file, flow)
        self.store: StateStore | None = None
        self.state_restored = False
        self.dead_run = ""
        self._terraform: Terraform | None = None

    @property
    def deployment_id(self) -> str:
        """What the tag of every resource of this deployment says."""
        return f"{self.identity.account_id}-{self.identity.region}-{self.answers.name_prefix}"

    @property
    def marks(self) -> Marks:
        """What something in the account carries that is this installation's."""
        record = self.journal.record
        own = record.installation.id if record.installation is not None else NO_ID
        over = () if record.taken_over is None else (record.taken_over,)
        return Marks(self.deployment_id, (own, *over))

    @property
    def nothing_done_here(self) -> bool:
        """Neither this computer nor a bucket holds anything of it, and nothing was done here."""
        if self.store is not None or self.workspace.check_state():
            return False
        return not any(e.action.startswith("terraform.") for e in self.journal.entries)

    @staticmethod
    def clock() -> float:
        """Epoch seconds."""
        return time.time()

    def place(self, bucket: str) -> StatePlace:
        """This deployment's folder in that bucket."""
        identity = self.identity
        return StatePlace(bucket, identity.account_id, identity.region, self.answers.name_prefix)

    @property
    def terraform(self) -> Terraform:
        """Terraform in this workspace, with the module of this version installed."""
        if self._terraform is None:
            options = self.context.options
            package = {"cw-resend-lambda.zip": forwarder_package()}
            self.workspace.install_module(terraform_module(), package)
            if not self.workspace.variables_file.exists():
                self.write_variables()  # a workspace that joined a colleague's deployment
            self._terraform = open_terraform(
                self.workspace,
                terraform=options.terraform,
                plugin_mirror=options.plugin_mirror,
                base_env=options.env,
                env=self.session.environment(self.workspace.root / "aws"),
            )
            if not self.workspace.state_is_local:
                require_lockfile(self._terraform)
        return self._terraform

    def forget_terraform(self) -> None:
        """The next use makes it anew, with the credentials as they are then."""
        self._terraform = None

    def note_tools(self) -> None:
        """Prepare Terraform, and say which one it is, where its provider comes from, and what of
        the environment changes its way to the network."""
        terraform = self.terraform
        self.session.check_child(terraform.runner.env)
        source = terraform.init()
        binary = terraform.binary
        note = self.context.note
        note(f"{binary.flavor} {binary.version}, {binary.found}", subject="Terraform")
        version = describe_version(terraform.provider_version)
        where = f"from {source.explanation}"
        note(f"{version}; {where}" if version else where, subject="AWS provider")
        if moved := terraform.places.temporary:
            note(
                f"in {' and '.join(map(str, moved))}: there is little room at home",
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
        record = self.journal.record
        kept = sorted({*record.kept_without(leaving), *further_log_groups})
        made, facts = record.installation or Installation(NO_ID), self.state_facts()
        package, file = None, ""
        if self.answers.lambda_package:
            chosen, root = self.answers.lambda_package, self.workspace.root
            processor = self.answers.forwarder_architecture
            package, path, news = place_package(chosen, root, processor)
            file = str(path)
            for text, state in news:
                self.context.note(text, state, "Forwarder")
        self.workspace.write_variables(
            variables(
                self.answers,
                token_parameter=self.token_parameter,
                further_log_groups=tuple(kept),
                lambda_package=file,
                package=package,
                deployment_id=self.deployment_id,
                installation_id=made.id,
                made_by=made.by,
                made_at=made.at,
                log_group_permissions=permissions_to_keep(facts.addresses if facts else ()),
            )
        )

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
        is none.
        """
        try:
            return Outputs.read(self._raw_outputs())
        except KeyError as error:
            raise self._not_deployed(str(error)) from error

    def _not_deployed(self, output: str) -> WizardError:
        prefix, place = (
            self.answers.name_prefix,
            f"{self.identity.account_id}, {self.identity.region}",
        )
        if self.nothing_done_here:
            return WizardError(
                "WAG-E-DEPLOY-002",
                f"No deployment named {prefix} was found in {place}",
                why="Nothing was ever deployed under this name from here.",
                next_step="`wallarm-apigw install` deploys it. One of another name is named with "
                "--name-prefix; one whose state is in a bucket is found with "
                "WALLARM_APIGW_STATE_BUCKET.",
            )
        return WizardError(
            "WAG-E-DEPLOY-002",
            f"The deployment {prefix} in {place} is not finished",
            why=f"Terraform's state has no output {output}.",
            next_step="Run `wallarm-apigw install`; it goes on where it stopped.",
        )

    def _raw_outputs(self) -> dict[str, object]:
        """From the state itself: at once, where Terraform would have to `init` first."""
        facts = self.state_facts()
        return outputs(facts.outputs) if facts else {}

    def state_facts(self) -> StateFacts | None:
        """What Terraform's state tells, wherever it lies; None without one."""
        if self.store is not None:
            return self.store.facts()
        return self.workspace.state.facts() if self.workspace.check_state() else None


def require_lockfile(terraform: Terraform) -> None:
    """Raise WizardError WAG-E-TF-022 for a Terraform that cannot lock a state in S3."""
    if terraform.binary.numbers[:2] < LOCKFILE_SINCE:
        raise WizardError(
            "WAG-E-TF-022",
            f"Terraform {terraform.binary.version} cannot lock a state in S3",
            why="Locking without a table of its own came with Terraform 1.10 (`use_lockfile`); "
            "without a lock two people could damage the state.",
            next_step="Install a newer one, name one with --terraform PATH, or keep the state on "
            "this computer (state_bucket empty). Nothing was changed.",
        )
