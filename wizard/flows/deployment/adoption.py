"""What an interrupted apply made but could not write into the state: taken over, or named.

Nothing in the account is changed: an import writes to the state only.
"""

from __future__ import annotations

from collections.abc import Mapping

from wizard.core.errors import WizardError
from wizard.core.events import Phase, State
from wizard.core.journal import recovery
from wizard.core.tfvars import installation_parameter_name
from wizard.flows.deployment.model import Deployment
from wizard.services.aws.deployment.import_ids import find_import_id
from wizard.services.aws.deployment.tagged import marked_resources, really_there
from wizard.services.terraform.client import PlanResult
from wizard.services.terraform.errors import TerraformError

# A resource whose name depends on another one is found once that one is in the state.
_PASSES = 8


def adopt(deployment: Deployment, plan: PlanResult, *, at_once: bool = False) -> PlanResult:
    """Plan again, so that what an interrupted apply left outside the state is taken into it.

    The plan that comes back holds it as imports, which are reviewed and applied with the rest. One
    by one, and now, it is imported where the plan cannot hold it: for a removal (`at_once`), by a
    Terraform before 1.5, and of a batch that could not be planned. Without an interrupted apply, or
    when nothing of it is found, the same plan comes back. Nothing in the account is changed.
    """
    found = adoptable(deployment)
    if not found:
        return plan
    refused: set[str] = set()
    together = deployment.terraform.binary.reads_import_blocks and not at_once
    completed = False
    for _ in range(_PASSES):
        wanted = recovery.to_take_over(_not_in_state(deployment, plan, found), found, refused)
        if not wanted:
            break
        plan.discard()
        again = _plan_imports(deployment, wanted) if together else None
        if again is None:
            if not completed:
                _complete_state(deployment)
                completed = True
            refused |= _import_each(deployment, wanted)
            again = deployment.terraform.plan()
        plan = again
    return plan


def _plan_imports(deployment: Deployment, wanted: Mapping[str, str]) -> PlanResult | None:
    """A plan that takes these into the state, besides what it took before; None where it cannot."""
    workspace, before = deployment.workspace, dict(deployment.workspace.imports)
    workspace.imports |= wanted
    try:
        plan = deployment.terraform.plan()
    except TerraformError as error:
        workspace.imports = before
        if error.interrupted:
            raise
        text = f"could not be planned together, and is imported one by one: {error.why}"
        deployment.context.note(text, State.WARNING, "left by an interrupted run")
        return None
    if plan.summary.imported < len(workspace.imports):  # it says nothing of blocks it does not read
        plan.discard()
        workspace.imports = before
        return None
    for address, import_id in wanted.items():
        deployment.context.note(f"to be taken into the state: {import_id}", subject=address)
    return plan


def _import_each(deployment: Deployment, wanted: Mapping[str, str]) -> set[str]:
    """Take these into the state one by one. Returns the addresses that Terraform refused."""
    refused = set()
    for address, import_id in wanted.items():
        try:
            deployment.terraform.import_(address, import_id)
        except TerraformError as error:
            if error.interrupted:
                raise
            refused.add(address)
            text = f"{import_id} is there, but could not be taken over: {error.why}"
            deployment.context.note(text, State.WARNING, address)
        else:
            deployment.context.note(f"taken into the state: {import_id}", State.DONE, address)
    return refused


def _complete_state(deployment: Deployment) -> None:
    """What was called off in the middle has its attributes in the state from here on."""
    if not deployment.workspace.check_state():
        return
    try:
        deployment.terraform.refresh()
    except TerraformError as error:
        if error.interrupted:
            raise
        text = f"could not be read again before anything is taken into it: {error.why}"
        deployment.context.note(text, State.WARNING, "Terraform's state")


def adopt_for_removal(deployment: Deployment) -> None:
    """The same before everything is removed: only what is in the state goes with it.

    What cannot be looked for is told and stops nothing: the rest can be removed all the same.
    """
    if not adoptable(deployment) or deployment.workspace.module is None:
        return
    try:
        with deployment.context.phase(Phase.PLAN, "Looking for what an interrupted run left"):
            deployment.terraform.init()
            adopt(deployment, deployment.terraform.plan(), at_once=True).discard()
    except WizardError as error:
        if getattr(error, "interrupted", False):
            raise
        deployment.context.note(
            f"could not be looked for: {error}", State.UNCHECKED, "left by an interrupted run"
        )


def list_orphans(deployment: Deployment, plan: PlanResult | None = None) -> tuple[str, ...]:
    """Sentences about what carries this deployment's tag though the state does not know it, and
    would not after `plan`.

    Looked for only where an apply was ever interrupted. What cannot be looked for is told.
    """
    if not recovery.was_ever_interrupted(
        deployment.journal.entries, state_restored=deployment.state_restored
    ):
        return ()
    try:
        tagged = marked_resources(deployment.session, deployment.marks)
        known = recovery.known_names(
            deployment.terraform.show_plan_json(plan).get("prior_state") or {}
            if plan is not None and plan.summary.imported
            else deployment.terraform.show_state_json()
        )
    except WizardError as error:
        deployment.context.note(
            f"could not be looked for: {error}", State.UNCHECKED, "left by an interrupted run"
        )
        return ()
    return tuple(
        f"{arn}: left by an interrupted run, not in Terraform's state, and not taken over: delete "
        "it by hand if nothing uses it"
        for arn in really_there(deployment.session, recovery.orphans(tagged, known))
        if not arn.endswith(installation_parameter_name(deployment.answers))
    )


def adoptable(deployment: Deployment) -> recovery.Adoptable:
    """What this installation may find outside its state, and take into it."""
    return recovery.adoptable(
        deployment.journal.entries,
        state_restored=deployment.state_restored,
        taking_over=deployment.journal.record.taken_over is not None,
    )


def _not_in_state(
    deployment: Deployment, plan: PlanResult, may_be: recovery.Adoptable
) -> dict[str, str]:
    """Addresses that would be created although they exist, with their import ids."""
    out = {}
    for one in recovery.planned_creations(deployment.terraform.show_plan_json(plan)):
        if not may_be.covers(one.address):
            continue
        import_id = find_import_id(
            deployment.session, one.resource_type, one.values, deployment.marks
        )
        if import_id:
            out[one.address] = import_id
    return out
