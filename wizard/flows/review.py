"""What an install would do, before anything does it."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.cost import Estimate
from wizard.core.facts import Identity, Inventory, Stage
from wizard.core.journal import record
from wizard.core.journal.unfinished import PROOF, Step
from wizard.core.stages.change import StageChange
from wizard.core.terraform.plans import beyond
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.move_state import Move
from wizard.services.aws.permissions import Permissions
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
    used: tuple[tuple[str, str], ...] = ()  # what of the user's is used as it is: name, words
    move: Move | None = None  # of Terraform's state
    permissions: Permissions | None = None  # as IAM forecasts them

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
