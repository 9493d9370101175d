"""Keeps connected what should be: for a scheduler, quiet where there is nothing to do.

It connects what the rules choose and is missing, puts back once what an owner's deployment took
away, and reports the rest. It never touches a stage that nobody chose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

from wizard.core.answers.model import Answers
from wizard.core.events import StageReport
from wizard.core.stages.reconcile import FLOW, Reconciliation, Step, reconcile, times_put_back
from wizard.core.stages.rules import parse_rules, without_effect
from wizard.flows.context import Context
from wizard.flows.deployment.ownership import require_own
from wizard.flows.stages import switch
from wizard.flows.stages.connect import Addition, Stages


@dataclass(frozen=True)
class ReconcileReview:
    """What a run would do. `addition` is None where it would change nothing."""

    found: Reconciliation
    addition: Addition | None = None
    notes: tuple[str, ...] = ()
    kept: tuple[str, ...] = field(default=())  # references of stages that are as they should be


class Reconcile:
    """One reconciling run. A context manager: it holds the deployment."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self.context = context
        self.answers = answers
        self.stages = Stages(context, answers, FLOW)

    def __enter__(self) -> Reconcile:
        self.stages.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stages.__exit__(kind, error, trace)

    def review(self) -> ReconcileReview:
        """Compare, and work out the changes. Nothing is changed by it.

        Raises UsageError WAG-E-RULES-003 where rules choose more stages than anybody agreed to.
        """
        deployment = self.stages.deployment
        require_own(deployment)
        rules = parse_rules(self.answers.stage_rules)
        inventory = self.stages.read_inventory()
        journal = deployment.journal
        found = reconcile(
            inventory,
            rules,
            self.answers.stages,
            journal.record.stages,
            times_put_back(journal.entries),
        )
        switch.agree_to_many(self.context, len(found.of(Step.CONNECT)))
        read = ", as far as it could be read" if inventory.problems else ""
        notes = tuple(
            f"The rule `{rule.text}` meets no stage{read}"
            for rule in without_effect(rules, inventory.stages)
        )
        addition = self.stages.review_add(found.to_do, inventory) if found.to_do else None
        if addition is not None:
            found = found.refused({stage.ref: why for stage, why in addition.skipped})
            if not addition.changes:
                # Without a change no further log group is asked for, so nothing was planned.
                addition = None
        kept = tuple(str(one.ref) for one in found.of(Step.KEEP))
        return ReconcileReview(found, addition, notes, kept)

    def run(self, review: ReconcileReview) -> tuple[StageReport, ...]:
        """Make the reviewed changes."""
        return self.stages.add(review.addition) if review.addition is not None else ()
