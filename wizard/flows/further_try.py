"""A further try at stages that failed: what somebody changed since the review is shown first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.stages.change import Mode, StageChange, diff_lines, same_settings
from wizard.core.text import clean
from wizard.flows.stages import switch as switching
from wizard.services.aws import stages

if TYPE_CHECKING:
    from wizard.core.facts import Inventory
    from wizard.core.tfvars import Outputs
    from wizard.flows.context import Context
    from wizard.flows.deployment.model import Deployment


def again(
    deployment: Deployment, changes: Iterable[StageChange], inventory: Inventory, outputs: Outputs
) -> tuple[StageChange, ...]:
    """The same changes from what the stages have now, as far as somebody agreed to them."""
    reviewed = tuple(changes)
    fresh = []
    for change in reviewed:
        stage = inventory.find(change.ref)
        try:
            live = stages.read_settings(deployment.session, change.ref, change.api_type)
        except WizardError:
            continue  # the try itself says what is wrong
        if stage is None or same_settings(live, change.after):
            continue
        planned, _ = switching.plan(
            deployment.session,
            (replace(stage, settings=live),),
            deployment.answers,
            outputs.api_gateway_log_group_arn,
        )
        subscribed = {*outputs.api_gateway_log_groups, outputs.api_gateway_log_group}
        for one in planned:
            if one.mode is Mode.KEEP and one.log_group not in subscribed:
                deployment.context.note(
                    f"logs to {one.log_group} by now, to which the forwarder is not subscribed: "
                    "go through Review once more",
                    State.WARNING,
                    str(one.ref),
                )
                continue
            fresh.append(one)
    return agreed(deployment.context, reviewed, fresh)


def agreed(
    context: Context, reviewed: Iterable[StageChange], fresh: Iterable[StageChange]
) -> tuple[StageChange, ...]:
    """Which changes to make now.

    One that begins from something else than what was reviewed takes a yes. Without it the reviewed
    one stays, and is refused for not being true any more: the stage is left as it is.
    """
    now = {change.ref: change for change in fresh}
    return tuple(
        now[old.ref] if old.ref in now and _agreed(context, old, now[old.ref]) else old
        for old in reviewed
    )


def _agreed(context: Context, old: StageChange, new: StageChange) -> bool:
    if same_settings(old.before, new.before):
        return True
    lines = "; ".join(f"{d.label}: {d.before} → {d.after}" for d in diff_lines(new))
    return context.ask_person(
        f"{clean(old.api_name, 80) or old.ref.api_id} / {clean(old.ref.stage, 80)} was changed by "
        f"somebody else since it was shown. From what it has now: {lines or 'nothing changes'}. "
        "Change it like this?"
    )
