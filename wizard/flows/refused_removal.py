"""What a removal does when AWS refuses: who holds it up is looked for, and told in its own words.

Container instances that never left their cluster are deregistered, and what is left of the plan is
applied once more. Everything else takes a person, or time.
"""

from __future__ import annotations

from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.text import count
from wizard.core.tfvars import Outputs
from wizard.flows.deployment.apply import apply_recorded
from wizard.flows.deployment.model import Deployment
from wizard.services.aws.leftovers import deregister_instances, find_holders
from wizard.services.terraform.client import ApplyResult, PlanResult

IN_USE, INSTANCES_LEFT = "WAG-E-TF-113", "WAG-E-TF-128"


def destroy(deployment: Deployment, plan: PlanResult, outputs: Outputs | None) -> ApplyResult:
    """Apply a removal to its end.

    Args:
        outputs: of the deployment before its removal; None where nothing was finished.
    Raises WizardError WAG-E-REMOVE-001 with who holds it up, or what Terraform said.
    """
    try:
        return apply_recorded(deployment, plan)
    except WizardError as error:
        if outputs is not None and error.code == INSTANCES_LEFT and outputs.ecs_cluster:
            number = deregister_instances(deployment.session, outputs.ecs_cluster)
            deployment.context.note(
                f"{count(number, 'instance')} that did not leave by itself deregistered",
                State.WARNING,
                outputs.ecs_cluster,
            )
            if number:
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
        next_step=" ".join(holder.next_step for holder in holders)
        + " What is removed stays removed; what is left of the network costs nothing but a NAT "
        "gateway, where one is left.",
    )
