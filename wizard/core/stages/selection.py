"""The stages that the answers name, among those that are there."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError
from wizard.core.facts import Inventory, Stage
from wizard.core.journal.record import Record
from wizard.core.stages.rules import choose, managed_by_aws, parse_rules
from wizard.core.text import closest, count


def still_connected(record: Record, answers: Answers) -> tuple[str, ...]:
    """Stages of an earlier run that are not chosen any more: an install only ever adds."""
    connected = {str(ref) for ref in record.stages}
    left = sorted(connected - set(answers.stages))
    return tuple(
        f"{ref} stays connected; `wallarm-apigw stages remove {ref}` puts its logging back"
        for ref in left
    )


def left_by_rules(inventory: Inventory, answers: Answers) -> tuple[str, ...]:
    """Stages that the rules would choose and that AWS manages, each with what to do."""
    rules = parse_rules(answers.stage_rules)
    return tuple(
        f"{stage.api.name} / {stage.name} ({stage.ref}) meets a rule, but AWS manages it (quick "
        "create): no rule tries such a stage. Name it in `stages` to have it tried"
        for stage in managed_by_aws(rules, inventory.stages)
        if str(stage.ref) not in answers.stages
    )


def chosen_stages(inventory: Inventory, answers: Answers) -> tuple[Stage, ...]:
    """The stages that the answers name, then those that their rules choose.

    Raises UsageError with the closest names for a wrong one, and where nothing is chosen.
    """
    if not inventory.stages:
        raise UsageError(
            "WAG-E-STAGES-002",
            f"No API stage was found in {inventory.identity.region}",
            why="; ".join(f"{p.subject}: {p.message}" for p in inventory.problems),
            next_step="Choose another Region with --region, or deploy an API first.",
            keys=("region", "stages"),
        )
    rules = parse_rules(answers.stage_rules)
    by_rule = choose(rules, inventory.stages)
    if not answers.stages and rules and not by_rule:
        raise UsageError(
            "WAG-E-RULES-002",
            f"The rules choose no stage in {inventory.identity.region}",
            why=f"{count(len(inventory.stages), 'stage')} looked at; "
            f"{'; '.join(answers.stage_rules)}.",
            next_step="`wallarm-apigw stages list` shows every stage. Nothing was changed.",
            keys=("stage_rules",),
        )
    if not answers.stages and not by_rule:
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
    named = {stage.ref for stage in found}
    return (*found, *(stage for stage in by_rule if stage.ref not in named))
