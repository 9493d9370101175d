"""What is applied is what was reviewed, also where time went by between the two.

Terraform refuses a saved plan whose state has changed; at the account it does not look again. A
plan that was reviewed a while ago is therefore made anew and compared before it is applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.core.events import Phase
from wizard.core.terraform.plans import listed, meaning
from wizard.core.text import duration
from wizard.services.terraform.client import PlanResult

if TYPE_CHECKING:
    from wizard.flows.deployment.model import Deployment

LASTS = 600.0  # seconds for which a review is taken at its word


def look_again(deployment: Deployment, plan: PlanResult, age: float) -> PlanResult:
    """The reviewed plan, made anew: it does exactly the same.

    Args:
        age: seconds since it was made.
    Raises WizardError WAG-E-TF-101 when the account has changed so that it would not.
    """
    reviewed = meaning(deployment.terraform.show_plan_json(plan))
    title = f"Looking again: the review is {duration(age)} old"
    with deployment.context.phase(Phase.PLAN, title, "20s – 40s"):
        fresh = deployment.terraform.plan()
        same = meaning(deployment.terraform.show_plan_json(fresh)) == reviewed
    plan.discard()  # it holds sensitive values, and nothing will apply it any more
    if not same:
        fresh.discard()
        raise changed(_difference(plan, fresh))
    return fresh


def changed(why: str) -> WizardError:
    """The error of a plan that was overtaken."""
    return WizardError(
        "WAG-E-TF-101",
        "The deployment changed after the plan was reviewed",
        why=why,
        next_step="Nothing was applied. Review the new plan: go back to Review, or run the same "
        "command again.",
    )


def _difference(reviewed: PlanResult, fresh: PlanResult) -> str:
    before = {f"{c.action} {c.address}": None for c in reviewed.changes}
    after = {f"{c.action} {c.address}": None for c in fresh.changes}
    parts = [
        f"{words}: {listed(names)}"
        for words, names in (
            ("Now also to be done", [name for name in after if name not in before]),
            ("No longer to be done", [name for name in before if name not in after]),
        )
        if names
    ]
    return ". ".join(parts) or "The same resources would be changed, but in another way."
