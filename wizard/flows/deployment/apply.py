"""Applying a plan: exactly what was reviewed, followed to its end, also over a login in the middle.

Terraform refuses a saved plan whose state has changed; at the account it does not look again. A
plan that was reviewed a while ago is therefore made anew and compared before it is applied.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from wizard.core.errors import WizardError
from wizard.core.events import Listener, Phase, State, TerraformChanged
from wizard.core.installation import NO_ID
from wizard.core.journal import record
from wizard.core.journal.recovery import doubt, record_of_intention
from wizard.core.terraform.events import ApplyProgress, Event, PlannedChange, describe
from wizard.core.terraform.failures import said_to_exist, too_early
from wizard.core.terraform.plans import (
    Attribute,
    beyond,
    listed,
    plan_digest,
    planned_attributes,
)
from wizard.core.terraform.progress import ProgressReducer
from wizard.core.text import clean, duration
from wizard.flows.deployment import credentials
from wizard.flows.deployment.adoption import adopt
from wizard.flows.deployment.model import Deployment
from wizard.flows.stages import log_groups
from wizard.services.terraform.client import ApplyResult, PlanResult
from wizard.services.terraform.errors import TerraformError
from wizard.services.terraform.history import History

EARLY_SECONDS = 20.0  # IAM spreads a new role within seconds, rarely a minute (unverified)
REVIEW_LASTS = 600.0  # seconds for which a review is taken at its word


def apply_plan(
    deployment: Deployment,
    plan: PlanResult,
    *,
    patient: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> ApplyResult:
    """Apply a reviewed plan. Where credentials end in the middle, it is said what is done; a
    person who logs in again goes on with what is left of the same plan. Where a role is too young
    to be used, what is left is applied once more after a moment.

    Args:
        patient: whether that moment is still to be waited for.
    Raises WizardError WAG-E-LOGS-004 where a log group has no room for another filter.
    """
    context, session = deployment.context, deployment.session
    try:
        return deployment.terraform.apply(plan, follow_terraform(deployment))
    except WizardError as error:
        full = log_groups.explain_full_group(session, deployment.answers, error)
        if full is not None:
            raise full from error
        if patient and isinstance(error, TerraformError) and too_early(error.diagnostics):
            context.note(
                f"{error.what}. Trying once more in {duration(EARLY_SECONDS)}. AWS said: "
                f"{clean(error.why, 300)}",
                State.WARNING,
                "Role",
            )
            sleep(EARLY_SECONDS)
            return apply_plan(deployment, _what_is_left(deployment, plan, error), patient=False)
        if not credentials.note_ended(context, deployment.workspace, error):
            raise
        # A retry in this process sees a login that was made meanwhile.
        session.renew(refused=True)
        deployment.forget_terraform()
        if not credentials.logged_in_again(context, session):
            raise
        return apply_plan(deployment, _what_is_left(deployment, plan, error), patient=patient)


def _what_is_left(deployment: Deployment, plan: PlanResult, error: WizardError) -> PlanResult:
    """The rest of a reviewed plan that failed halfway. Raises the error where more would be done
    than was reviewed."""
    again = deployment.terraform.plan(destroy=plan.destroy)
    if not plan.destroy:
        again = adopt(deployment, again)
    if beyond(plan.changes, again.changes):
        again.discard()
        raise error
    return again


def apply_recorded(deployment: Deployment, plan: PlanResult) -> ApplyResult:
    """The same, written down before it begins: whose it is, and what it is going to make."""
    journal = deployment.journal
    made = journal.record.installation
    planned = ((change.action, change.address) for change in plan.changes)
    with journal.effect(
        record.TERRAFORM_DESTROY if plan.destroy else record.TERRAFORM_APPLY,
        str(deployment.workspace.id),
        intended=record_of_intention(planned, made.id if made is not None else NO_ID),
    ) as effect:
        try:
            return apply_plan(deployment, plan)
        except TerraformError as error:
            there = said_to_exist(error.diagnostics)
            effect.after |= doubt(retry=error.retry, interrupted=error.interrupted, there=there)
            raise


def follow_terraform(deployment: Deployment) -> Callable[[Event], None]:
    """A listener for Terraform that turns its events into progress for the reader."""
    context, session = deployment.context, deployment.session
    listen = progress_listener(context.emit, History().medians())
    ending = credentials.Watch(context, session)
    filters = log_groups.Watch(context, session, deployment.answers)

    def hear(event: Event) -> None:
        ending.check_time(time.monotonic())
        filters.hear(event)
        listen(event)

    return hear


def progress_listener(
    emit: Listener, learned: Mapping[str, float] | None = None
) -> Callable[[Event], None]:
    """A listener for Terraform that tells `emit` what each event changed.

    Args:
        learned: medians of this machine, see `durations.usual_seconds`.
    """
    reducer = ProgressReducer(learned)

    def listen(event: Event) -> None:
        now = time.monotonic()
        reducer.apply(event, now)
        # An apply repeats the whole plan, which the reader has just seen.
        line = "" if isinstance(event, PlannedChange) else describe(event)
        emit(TerraformChanged(reducer.snapshot(now), line, isinstance(event, ApplyProgress)))

    return listen


def look_again(deployment: Deployment, plan: PlanResult, age: float) -> PlanResult:
    """The reviewed plan, made anew: it does exactly the same.

    Args:
        age: seconds since it was made.
    Raises WizardError WAG-E-TF-101 when the account has changed so that it would not.
    """
    reviewed = plan_digest(deployment.terraform.show_plan_json(plan))
    title = f"Looking again: the review is {duration(age)} old"
    with deployment.context.phase(Phase.PLAN, title, "20s – 40s"):
        again = deployment.terraform.plan()
        same = plan_digest(deployment.terraform.show_plan_json(again)) == reviewed
    plan.discard()  # it holds sensitive values, and nothing will apply it any more
    if not same:
        again.discard()
        raise plan_changed(_difference(plan, again))
    return again


def read_attributes(
    deployment: Deployment, plan: PlanResult | None
) -> dict[str, tuple[Attribute, ...]]:
    """What a saved plan does to each resource, attribute by attribute; nothing secret is in it.

    Raises TerraformError where Terraform does not show the plan: it was applied meanwhile.
    """
    return planned_attributes(deployment.terraform.show_plan_json(plan)) if plan else {}


def plan_changed(why: str) -> WizardError:
    """The error of a plan that was overtaken."""
    return WizardError(
        "WAG-E-TF-101",
        "The deployment changed after the plan was reviewed",
        why=why,
        next_step="Nothing was applied. Review the new plan: go back to Review, or run the same "
        "command again.",
    )


def _difference(reviewed: PlanResult, again: PlanResult) -> str:
    before = {f"{c.action} {c.address}": None for c in reviewed.changes}
    after = {f"{c.action} {c.address}": None for c in again.changes}
    parts = [
        f"{words}: {listed(names)}"
        for words, names in (
            ("Now also to be done", [name for name in after if name not in before]),
            ("No longer to be done", [name for name in before if name not in after]),
        )
        if names
    ]
    return ". ".join(parts) or "The same resources would be changed, but in another way."
