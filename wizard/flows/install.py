"""The main job: discover, review, deploy, switch access logging on, prove that a request arrived.

Nothing is changed before `deploy`. Each method blocks and may be called from a worker thread; the
screens and the command line call the same ones in the same order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from wizard.core import record
from wizard.core.answers import Answers
from wizard.core.change import StageChange
from wizard.core.cost import Estimate, estimate
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity, Inventory, Stage
from wizard.core.proof import Proof
from wizard.core.report import Phase, StageReport, State
from wizard.core.secret import Secret
from wizard.core.text import closest, count
from wizard.core.tfvars import Outputs, token_parameter_name
from wizard.flows import expiry, moving, recovery, switching
from wizard.flows import proof as proof_flow
from wizard.flows.context import Context
from wizard.flows.deployment import Deployment, identify, open_session
from wizard.flows.moving import Move
from wizard.services.aws import parameters
from wizard.services.aws.discovery import discover
from wizard.services.terraform.client import PlanResult


@dataclass(frozen=True)
class Review:
    """Everything that would happen, before anything does.

    `changes` are the stage changes; while the connector's log group does not exist yet their
    destination is its future name. `skipped` pairs a chosen stage with the reason it is left alone.
    """

    answers: Answers
    identity: Identity
    inventory: Inventory
    changes: tuple[StageChange, ...]
    skipped: tuple[tuple[Stage, str], ...]
    plan: PlanResult
    cost: Estimate
    warnings: tuple[str, ...] = ()
    move: Move | None = None  # of Terraform's state

    @property
    def nothing_to_do(self) -> bool:
        """The account is already as the answers want it."""
        return not self.plan.has_changes and not self.changes and self.move is None


class Install:
    """One guided or headless install. Use as a context manager: it holds the workspace's lock.

    Args:
        token: the Wallarm token; may be None when no node is deployed or one is stored already.
    """

    def __init__(self, context: Context, answers: Answers, token: Secret | None = None) -> None:
        self.context = context
        self.answers = answers
        self.token = token
        self.session = open_session(context, answers)
        self.identity: Identity | None = None
        self.inventory: Inventory | None = None
        self.deployment: Deployment | None = None

    def __enter__(self) -> Install:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.deployment is not None:
            self.deployment.__exit__(kind, error, trace)
            self.deployment = None

    def identify(self) -> Identity:
        """Who the credentials belong to. Raises WizardError when AWS cannot be asked."""
        if self.identity is None:
            self.identity = identify(self.session, self.answers)
        return self.identity

    def discover(
        self,
        on_batch: Callable[[tuple[Stage, ...]], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Inventory:
        """Every API and stage of the Region."""
        identity = self.identify()
        with self.context.phase(Phase.DISCOVER, f"Reading the APIs of {identity.region}"):
            self.inventory = discover(self.session, identity, on_batch=on_batch, cancel=cancel)
        self.context.note(
            f"{count(len(self.inventory.apis), 'API')}, "
            f"{count(len(self.inventory.stages), 'stage')}"
        )
        for problem in self.inventory.problems:
            self.context.note(problem.message, State.WARNING, problem.subject)
        return self.inventory

    def review(self) -> Review:
        """Work out every change. Nothing is changed by it."""
        identity = self.identify()
        inventory = self.inventory or self.discover()
        chosen = chosen_stages(inventory, self.answers)
        deployment = self._open()
        log_group_arn = switching.future_log_group(deployment)
        changes, skipped = switching.plan(chosen, self.answers, log_group_arn)
        self._check_token()
        move = moving.plan_move(deployment)
        plan = self._plan(deployment, switching.kept_groups(changes))
        moves = move.sentences(str(deployment.workspace.root)) if move else ()
        return Review(
            answers=self.answers,
            identity=identity,
            inventory=inventory,
            changes=changes,
            skipped=skipped,
            plan=plan,
            cost=estimate(self.answers),
            warnings=(
                *self._short_of_time(plan, changes),
                *moves,
                *switching.warnings(changes),
                *_still_connected(deployment, self.answers),
            ),
            move=move,
        )

    def deploy(self, review: Review) -> Outputs:
        """Store the token, apply exactly the reviewed plan, and read the outputs."""
        deployment = self._open()
        deployment.save_answers()
        plan = review.plan
        if review.move is not None:
            plan = moving.move(deployment, review.move, plan)
        self._store_token(deployment)
        title = f"Deploying to {review.identity.account_id}, {review.identity.region}"
        if plan.has_changes:
            for text in self._short_of_time(plan, review.changes):  # the reading took time, too
                self.context.note(text, State.WARNING)
            with (
                self.context.phase(Phase.DEPLOY, title, "3m – 6m"),
                deployment.journal.effect(record.TERRAFORM_APPLY, str(deployment.workspace.id)),
            ):
                deployment.apply(plan)
            self.context.note(f"{count(plan.summary.total, 'change')} applied")
        else:
            plan.discard()
            self.context.note("Infrastructure is already as wanted", State.SKIPPED)
        return deployment.outputs()

    def switch_stages(self, review: Review, outputs: Outputs) -> tuple[StageReport, ...]:
        """Switch the access log of every reviewed stage, one by one, each recorded and verified."""
        deployment = self._open()
        if not review.changes:
            return ()
        with self.context.phase(Phase.STAGES, "Switching access logging on"):
            return switching.apply(deployment, review.changes, outputs)

    def prove(
        self, review: Review, outputs: Outputs, cancel: threading.Event | None = None
    ) -> Proof | None:
        """Follow one request to the node; None when no proof was wanted or none is possible."""
        if self.answers.proof == "skip":
            return None
        with self.context.phase(Phase.PROOF, "Following one request", "under 1m on a quiet stage"):
            return proof_flow.prove(self._open(), chosen_stages(review.inventory, self.answers),
                                    outputs, cancel)  # fmt: skip

    def cancel(self) -> None:
        """Ask a running Terraform to stop after what it is doing right now."""
        if self.deployment is not None:
            self.deployment.terraform.interrupt()

    def harder(self) -> None:
        """Kill a running Terraform. What it was doing is then in doubt: only after a warning."""
        if self.deployment is not None:
            self.deployment.terraform.kill()

    def _open(self) -> Deployment:
        if self.deployment is None:
            deployment = Deployment(
                self.context, self.answers, self.session, self.identify(), "install"
            )
            deployment.__enter__()
            self.deployment = deployment
            self.answers = deployment.answers
        return self.deployment

    def _plan(self, deployment: Deployment, kept: tuple[str, ...]) -> PlanResult:
        with self.context.phase(Phase.PLAN, "Working out the changes", "20s – 40s"):
            deployment.write_variables(kept)
            source = deployment.terraform.init()
            self.context.note(f"from {source.explanation}", subject="AWS provider")
            plan = recovery.adopt(deployment, deployment.terraform.plan())
        summary = plan.summary
        self.context.note(
            f"{summary.add} to add, {summary.change} to change, {summary.remove} to remove"
        )
        return plan

    def _short_of_time(self, plan: PlanResult, changes: tuple[StageChange, ...]) -> tuple[str, ...]:
        proof = self.answers.proof != "skip"
        seconds = expiry.needed(plan.changes, len(changes), proof=proof)
        text = expiry.warning(self.session, seconds)
        return (text,) if text else ()

    def _check_token(self) -> None:
        """A node needs a token: given now, or stored by an earlier run."""
        if not self.answers.deploys_node or self.token:
            return
        name = token_parameter_name(self.answers)
        if not parameters.exists(self.session.client("ssm"), name):
            raise UsageError(
                "WAG-E-TOKEN-001",
                "The Wallarm token is missing",
                next_step="Set WALLARM_API_TOKEN or use --token-file. Create one in Wallarm "
                "Console, Settings, API tokens, with usage type Node deployment.",
                keys=("WALLARM_API_TOKEN",),
            )

    def _store_token(self, deployment: Deployment) -> None:
        if not self.token or not deployment.token_parameter:
            return
        name = deployment.token_parameter
        with (
            self.context.phase(Phase.TOKEN, "Storing the Wallarm token in SSM"),
            deployment.journal.effect(record.TOKEN_STORE, name),
        ):
            parameters.store(self.session.client("ssm"), name, self.token, tags=self.answers.tags)
        self.context.note("SecureString; Terraform sees only the name", subject=name)


def _still_connected(deployment: Deployment, answers: Answers) -> tuple[str, ...]:
    """Stages of an earlier run that are not chosen any more: an install only ever adds."""
    connected = {str(ref) for ref in deployment.journal.record.stages}
    left = sorted(connected - set(answers.stages))
    return tuple(
        f"{ref} stays connected; `wallarm-apigw stages remove {ref}` puts its logging back"
        for ref in left
    )


def chosen_stages(inventory: Inventory, answers: Answers) -> tuple[Stage, ...]:
    """The stages the answers name. Raises UsageError with the closest names for a wrong one."""
    if not inventory.stages:
        raise UsageError(
            "WAG-E-STAGES-002",
            f"No API stage was found in {inventory.identity.region}",
            why="; ".join(f"{p.subject}: {p.message}" for p in inventory.problems),
            next_step="Choose another Region with --region, or deploy an API first.",
            keys=("region", "stages"),
        )
    if not answers.stages:
        raise UsageError(
            "WAG-E-STAGES-001",
            "No stage was chosen",
            next_step="Name stages in the answers file, or see `wallarm-apigw stages list`.",
            keys=("stages",),
        )
    found: list[Stage] = []
    wrong: list[str] = []
    names = {str(stage.ref): stage for stage in inventory.stages}
    for ref in answers.stage_refs:
        stage = names.get(str(ref))
        if stage is not None:
            found.append(stage)
            continue
        near = closest(str(ref), names)
        hint = f" (closest: {', '.join(near)})" if near else ""
        wrong.append(f"{ref}{hint}")
    if wrong:
        raise UsageError(
            "WAG-E-STAGES-003",
            f"{count(len(wrong), 'stage')} not found in {inventory.identity.region}: "
            + "; ".join(wrong),
            next_step="Correct `stages`; `wallarm-apigw stages list` shows every stage. "
            "Nothing was changed.",
            keys=("stages",),
        )
    return tuple(found)


__all__ = ["Install", "Review", "WizardError", "chosen_stages"]
