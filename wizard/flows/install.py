"""The main job: discover, review, deploy, switch access logging on, prove that a request arrived.

Nothing is changed before `deploy`. Each method blocks and may be called from a worker thread; the
screens and the command line call the same ones in the same order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType

from wizard.core.answers.model import Answers
from wizard.core.certificates import in_use, listed, soon, unfit, validity
from wizard.core.cost import Estimate, estimate
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import Phase, StageReport, State
from wizard.core.facts import Identity, Inventory, Stage
from wizard.core.journal import record
from wizard.core.journal.unfinished import PROOF, Step, intention
from wizard.core.node.verdicts import version_warnings
from wizard.core.proof import Proof
from wizard.core.secret import Secret
from wizard.core.stages.change import StageChange
from wizard.core.stages.rules import chosen_stages, left_by_rules, still_connected
from wizard.core.terraform.durations import usual_apply
from wizard.core.terraform.plans import Attribute, beyond
from wizard.core.text import count
from wizard.core.tfvars import Outputs
from wizard.flows import permissions
from wizard.flows.before_planning import check_account
from wizard.flows.context import Context
from wizard.flows.deployment import credentials
from wizard.flows.deployment.adoption import adopt, list_orphans
from wizard.flows.deployment.answers import (
    deployed_before,
    drop_before,
    keep_before,
    save_answers,
)
from wizard.flows.deployment.apply import (
    REVIEW_LASTS,
    apply_recorded,
    look_again,
    read_attributes,
)
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.move_state import Move, move_state, plan_move
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import claim_name, require_installable, require_own
from wizard.flows.node import add_what_stands, wait_for_node
from wizard.flows.proof import prove
from wizard.flows.stages import log_groups, switch
from wizard.flows.token import delete_token, require_token, store_token
from wizard.services.aws.discovery import discover
from wizard.services.aws.network import describe_certificate
from wizard.services.aws.permissions import Decision, Permissions
from wizard.services.aws.session import Session
from wizard.services.aws.traffic import Traffic, read_traffic
from wizard.services.terraform.client import PlanResult, Terraform

NOT_FOUND = "WAG-E-AWS-014"


@dataclass(frozen=True)
class Given:
    """What to say of it: `used` are (what, words) for the review, `warnings` sentences."""

    used: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def check_certificate(session: Session, answers: Answers) -> Given:
    """The given certificate as it is now; nothing where none is given.

    Raises UsageError WAG-E-CERT-001 when it does not exist or cannot serve the node's name. Not
    being able to look is a warning.
    """
    arn, host = answers.certificate_arn, answers.node_host
    if not arn or not host:
        return Given()
    try:
        found = describe_certificate(session, arn)
    except WizardError as error:
        if error.code == NOT_FOUND:
            raise _refused(arn, "does not exist in this account and Region") from error
        text = f"Whether the certificate {arn} is one for {host} could not be checked: {error.what}"
        return Given((("Certificate", f"yours, not checked: {arn}"),), (text,))
    now = time.time()
    reason = unfit(found, host, now)
    if reason:
        raise _refused(arn, reason)
    renewal = "Import it again in time." if found.kind == "IMPORTED" else "AWS renews it if it can."
    warnings = (
        (f"The certificate {listed(found)} {validity(found)}. {renewal}",)
        if soon(found, now)
        else ()
    )
    return Given((in_use(found),), warnings)


def _refused(arn: str, reason: str) -> UsageError:
    return UsageError(
        "WAG-E-CERT-001",
        "The certificate cannot serve the node",
        why=f"{arn}: it {reason}.",
        next_step="Choose another one with certificate_arn, or leave it empty: then one is made. "
        "Nothing was changed.",
        keys=("certificate_arn",),
    )


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
    used: tuple[tuple[str, str], ...] = ()  # what of the user's is used as it is: name, words
    move: Move | None = None  # of Terraform's state
    permissions: Permissions | None = None  # as IAM forecasts them
    log_groups: tuple[str, ...] = ()  # of others, subscribed to now or by this change
    before: Answers | None = None  # what is deployed by now, which the change may take back

    def beyond(self, earlier: Review) -> tuple[str, ...]:
        """What this review holds that nobody saw in the earlier one, in words."""
        seen = {c.ref: (c.mode, c.after.access_log.format) for c in earlier.changes}
        return (
            *(f"{c.action} {c.address}" for c in beyond(earlier.plan.changes, self.plan.changes)),
            *(
                f"change stage {c.ref}"
                for c in self.changes
                if c.changes_anything and seen.get(c.ref) != (c.mode, c.after.access_log.format)
            ),
        )

    @property
    def nothing_to_do(self) -> bool:
        """The account is already as the answers want it."""
        return not self.plan.has_changes and not self.changes and self.move is None


def _unread_token(deployment: Deployment) -> str:
    """The parameter of a token that no node reads once this run is done; empty where one does."""
    return "" if deployment.token_parameter else deployment.journal.record.token_parameter


def intended_steps(review: Review, deployment: Deployment, token: bool) -> list[Step]:
    """What a run will do, for the journal."""
    steps: list[Step] = []
    if review.move is not None:
        steps.append((record.STATE_MOVE, str(deployment.workspace.id)))
    if token and deployment.token_parameter:
        steps.append((record.TOKEN_STORE, deployment.token_parameter))
    if review.plan.has_changes:
        steps.append((record.TERRAFORM_APPLY, str(deployment.workspace.id)))
    steps += [(record.STAGE_SWITCH, str(change.ref)) for change in review.changes]
    return steps if review.answers.proof == "skip" else [*steps, (PROOF, "")]


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
        self._held = ExitStack()
        self._running = False  # the journal knows of a run that has begun and not ended
        self._failures: list[str] = []
        self._planned = 0.0  # epoch seconds; a clock that goes on while the computer sleeps

    def __enter__(self) -> Install:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deployment = None
        self._held.__exit__(kind, error, trace)

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
        require_installable(deployment)
        connected = deployment.journal.record.stages
        by_rule = [s for s in chosen if str(s.ref) not in self.answers.stages]
        switch.agree_to_many(self.context, sum(1 for s in by_rule if s.ref not in connected))
        log_group_arn = switch.future_log_group(deployment)
        given = log_groups.check_given_group(self.session, self.answers.api_gateway_log_group_name)
        own = check_certificate(self.session, self.answers)
        changes, skipped = switch.plan_changes(self.session, chosen, self.answers, log_group_arn)
        account = check_account(self.context, self.session, identity, self.answers, changes)
        require_token(self.session, self.answers, self.token)
        move = plan_move(deployment)
        kept = switch.kept_groups(changes)
        before = deployed_before(deployment)
        known = deployment.known_outputs()
        subscribed = known.api_gateway_log_groups if known else ()
        groups = {*kept, *subscribed, *deployment.journal.record.kept_log_groups}
        asked = permissions.Forecast(
            self.session,
            identity,
            self.answers,
            "deploy",
            mode=self.context.options.preflight,
            log_groups=tuple(sorted(groups)),
            before=before,
        )
        with asked.told(deployment.workspace.root):
            plan = self._plan(deployment, kept)
        found = asked.result()
        if found.state is Decision.UNKNOWN:
            self.context.note(found.reason, State.UNCHECKED, subject="Permissions")
        traffic = self._traffic(chosen)
        words = traffic.words(filtered=bool(self.answers.subscription_filter_pattern))
        moves = move.sentences(str(deployment.workspace.root)) if move else ()
        return Review(
            answers=self.answers,
            identity=identity,
            inventory=inventory,
            changes=changes,
            skipped=skipped,
            plan=plan,
            cost=estimate(
                self.answers,
                requests_per_second=traffic.per_second,
                of_http=traffic.per_second_of_http,
            ),
            warnings=(
                *permissions.sentences(found, deployment.workspace.root),
                *self._short_of_time(plan, changes),
                *moves,
                *list_orphans(deployment, plan),
                *given,
                *own.warnings,
                *account,
                *switch.warnings(changes),
                *(
                    (f"The Wallarm token that is stored in SSM ({unread}) is deleted after it",)
                    if (unread := _unread_token(deployment))
                    else ()
                ),
                *left_by_rules(inventory, self.answers),
                *still_connected(deployment.journal.record, self.answers),
                *version_warnings(self.answers),
            ),
            used=(*own.used, *((("Traffic", words),) if words else ())),
            move=move,
            permissions=found,
            log_groups=tuple(sorted(groups)),
            before=before,
        )

    def read_attributes(self, review: Review) -> dict[str, tuple[Attribute, ...]]:
        """What the reviewed plan does to each resource, attribute by attribute, by address."""
        return read_attributes(self._open(), review.plan)

    def _traffic(self, chosen: tuple[Stage, ...]) -> Traffic:
        """What these stages had lately; where AWS does not say, the estimate leaves traffic out."""
        try:
            return read_traffic(self.session, chosen)
        except WizardError as error:
            self.context.note(f"{error.what}. {error.why}", State.UNCHECKED, subject="Traffic")
            return Traffic()

    def retry(self, seen: Review) -> Review:
        """After a failure: the review of what is left of a reviewed run, and of nothing else.

        The deployment is let go and opened again first, so that what the failed run left is dealt
        with as at any beginning.

        Args:
            seen: the review that a person has looked at.
        Raises WizardError WAG-E-RUN-003 when more than that would be changed.
        """
        self.__exit__(None, None, None)
        try:
            left = self.review()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        unseen = left.beyond(seen)
        if unseen:
            left.plan.discard()
            self.__exit__(None, None, None)
            raise WizardError(
                "WAG-E-RUN-003",
                "What is left to do is not what was reviewed",
                why="The deployment changed meanwhile. New: " + ", ".join(unseen),
                next_step="Nothing was applied. Go back to Review and look at the new plan.",
            )
        return left

    def deploy(self, review: Review) -> Outputs:
        """Store the token, apply exactly the reviewed plan, and read the outputs.

        Returns when the node that was deployed takes requests. Raises WizardError WAG-E-TF-101
        where the deployment is not what was reviewed any more: nothing was applied then, a new
        review is due; WAG-E-NODE-001 and 002 where the node is not ready.
        """
        if review.permissions is not None and not review.nothing_to_do:
            mode, folder = self.context.options.preflight, self._open().workspace.root
            permissions.require(review.permissions, mode, folder)
        with self._part(review) as deployment:
            keep_before(deployment.workspace.root, review.before)
            save_answers(deployment)
            plan = review.plan
            claim_name(deployment)
            if review.move is not None:
                plan = move_state(deployment, review.move, plan)
            elif plan.has_changes and (age := time.time() - self._planned) > REVIEW_LASTS:
                plan = look_again(deployment, plan, age)
            if self.token and deployment.token_parameter:
                with self.context.phase(Phase.TOKEN, "Storing the Wallarm token in SSM"):
                    store_token(deployment, self.token)
                note = "SecureString; Terraform sees only the name"
                self.context.note(note, subject=deployment.token_parameter)
            self._apply(deployment, review, plan)
            if unread := _unread_token(deployment):
                delete_token(deployment, unread)
                self.context.note("deleted: no node here reads it any more", subject=unread)
            drop_before(deployment.workspace.root)
            outputs = deployment.outputs()
            wait_for_node(deployment, outputs)
            return outputs

    def _apply(self, deployment: Deployment, review: Review, plan: PlanResult) -> None:
        title = f"Deploying to {review.identity.account_id}, {review.identity.region}"
        if not plan.has_changes:
            plan.discard()
            self.context.note("Infrastructure is already as wanted", State.SKIPPED)
            return
        for text in self._short_of_time(plan, review.changes):  # the reading took time, too
            self.context.note(text, State.WARNING)
        first = not deployment.workspace.check_state()
        usual = usual_apply(deploys_node=self.answers.deploys_node, first=first)
        with self.context.phase(Phase.DEPLOY, title, usual):
            try:
                apply_recorded(deployment, plan)
            except WizardError as error:
                add_what_stands(deployment, error)
                raise
        self.context.note(f"{count(plan.summary.total, 'change')} applied")

    def switch_stages(
        self, review: Review, outputs: Outputs, only: Collection[str] = ()
    ) -> tuple[StageReport, ...]:
        """Switch the access log of every reviewed stage, one by one, each recorded and verified.

        `only` names the stages of a further try; the others keep what they have.
        """
        with self._part(review, last=self.answers.proof == "skip") as deployment:
            changes = tuple(c for c in review.changes if not only or str(c.ref) in only)
            if not changes:
                return ()
            if only:
                changes = switch.plan_again(deployment, changes, review.inventory, outputs)
            with self.context.phase(Phase.STAGES, "Switching access logging on"):
                reports = switch.apply_changes(deployment, changes, outputs)
            self._failures = [str(r.ref) for r in reports if r.state is State.FAILED]
            return reports

    def undo_stage(self, ref: str) -> StageReport:
        """Put one stage's logging back. Raises UsageError WAG-E-STAGES-004 for one that is not
        connected."""
        deployment = self._open()
        require_own(deployment)
        return switch.undo_stage(deployment, ref)

    def prove(
        self, review: Review, outputs: Outputs, cancel: threading.Event | None = None
    ) -> Proof | None:
        """Follow one request to the node; None when no proof was wanted or none is possible."""
        if self.answers.proof == "skip":
            return None
        with (
            self._part(review, last=True) as deployment,
            self.context.phase(Phase.PROOF, "Following a request of each stage", "under 1m"),
        ):
            found = prove(
                deployment, chosen_stages(review.inventory, self.answers), outputs, cancel
            )
            good = found is None or found.complete
            if not good:
                self._failures.append("the proof")
            deployment.journal.write(
                PROOF, "", "done" if good else "failed", detail=found.summary if found else ""
            )
            return found

    @contextmanager
    def _part(self, review: Review, *, last: bool = False) -> Iterator[Deployment]:
        """One part of the run, which the journal brackets as a whole: a run that dies between two
        parts is known to be unfinished."""
        deployment = self._open()
        journal = deployment.journal
        if not self._running:
            journal.write(
                record.RUN,
                "install",
                "begin",
                after=intention(
                    intended_steps(review, deployment, bool(self.token)),
                    {str(change.ref): change.api_name for change in review.changes},
                ),
            )
            self._running = True
        try:
            yield deployment
        except Exception as error:
            self._running = False
            journal.write(record.RUN, "install", "failed", detail=str(error))
            raise
        if last:
            self._running = False
            failed = ", ".join(self._failures)
            journal.write(record.RUN, "install", "failed" if failed else "done", detail=failed)

    @property
    def working(self) -> Terraform | None:
        """The Terraform that is at work right now; None while none is."""
        return self.deployment.working if self.deployment is not None else None

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
            opened = open_deployment(
                self.context, self.answers, self.session, self.identify(), "install"
            )
            self.deployment = self._held.enter_context(opened)
            self.answers = self.deployment.answers
        return self.deployment

    def _plan(self, deployment: Deployment, kept: tuple[str, ...]) -> PlanResult:
        with self.context.phase(Phase.PLAN, "Working out the changes", "20s – 40s"):
            deployment.write_variables(kept)
            deployment.note_tools()
            deployment.workspace.imports.clear()  # of an earlier review
            plan = adopt(deployment, deployment.terraform.plan())
            self._planned = time.time()
        summary = plan.summary
        self.context.note(
            f"{summary.add} to add, {summary.change} to change, {summary.remove} to remove"
            + (f", {summary.imported} to import" if summary.imported else "")
        )
        return plan

    def _short_of_time(self, plan: PlanResult, changes: tuple[StageChange, ...]) -> tuple[str, ...]:
        proof = self.answers.proof != "skip"
        seconds = credentials.needed(plan.changes, len(changes), proof=proof)
        text = credentials.warning(self.session, seconds)
        return (text,) if text else ()
