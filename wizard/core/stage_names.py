"""Finds the stage somebody means by an id or a name, or the ones they may have meant."""

from __future__ import annotations

from wizard.core.errors import UsageError
from wizard.core.facts import Inventory, Stage, StageRef
from wizard.core.text import closest


def resolve_stage(inventory: Inventory, text: str) -> Stage:
    """The stage that `<api id>/<stage>` or `<api name>/<stage>` means.

    Raises UsageError with the closest names when there is none, or when a name is ambiguous.
    """
    wanted = text.strip()
    for stage in inventory.stages:
        if str(stage.ref) == wanted:
            return stage
    named = [s for s in inventory.stages if f"{s.api.name}/{s.name}" == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(
            "WAG-E-STAGES-005",
            f"{wanted} is the name of {len(named)} stages",
            next_step=f"Use one of {', '.join(str(s.ref) for s in named)}.",
            keys=("stages",),
        )
    near = closest_stages(inventory, wanted)
    raise UsageError(
        "WAG-E-STAGES-003",
        f"There is no stage {wanted} in {inventory.identity.region}",
        next_step=f"Did you mean {' or '.join(near)}?"
        if near
        else "`wallarm-apigw stages list` shows every stage.",
        keys=("stages",),
    )


def closest_stages(inventory: Inventory, text: str) -> list[str]:
    """References of the stages whose id or name looks most like `text`, best first."""
    by_name: dict[str, StageRef] = {}
    for stage in inventory.stages:
        by_name.setdefault(str(stage.ref), stage.ref)
        by_name.setdefault(f"{stage.api.name}/{stage.name}", stage.ref)
    return list(dict.fromkeys(str(by_name[name]) for name in closest(text, by_name)))
