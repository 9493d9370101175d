"""Switches access logging on and off, stage by stage: each change recorded, verified, undoable.

One stage's failure never stops its neighbours; it is reported with its next step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import StageReport, State
from wizard.core.facts import ApiType, Stage, StageRef, StageSettings
from wizard.core.journal import record
from wizard.core.journal.record import StageRecord, settings_to_dict
from wizard.core.stages.change import (
    DiffLine,
    Mode,
    StageChange,
    Undo,
    UndoAction,
    diff_lines,
    same_settings,
    undo,
    undo_lines,
)
from wizard.core.stages.log_format import log_group_name
from wizard.core.stages.rules import question
from wizard.core.text import clean, count
from wizard.core.tfvars import Outputs, log_group_start
from wizard.flows.deployment.model import Deployment
from wizard.flows.stages import log_groups
from wizard.flows.stages.prerequisites import Prerequisites
from wizard.services.aws import stages
from wizard.services.aws.session import Session
from wizard.services.aws.stages import Result
from wizard.services.threads import ReadingPool
from wizard.services.workspace.journal import Effect

if TYPE_CHECKING:
    from wizard.core.facts import Inventory
    from wizard.flows.context import Context


READERS = 8  # stages read at once
# Stands for the log group that the deployment will create; replaced by the real ARN before use.
FUTURE_END = "…"


def future_log_group(deployment: Deployment) -> str:
    """The ARN of the log group stages will log to, or a stand-in while it does not exist yet."""
    identity, answers = deployment.identity, deployment.answers
    base = f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group:"
    if answers.api_gateway_log_group_name:
        return base + answers.api_gateway_log_group_name
    known = deployment.known_outputs()
    return (
        known.api_gateway_log_group_arn if known else base + log_group_start(answers) + FUTURE_END
    )


def plan_changes(
    session: Session, chosen: tuple[Stage, ...], answers: Answers, log_group_arn: str
) -> tuple[tuple[StageChange, ...], tuple[tuple[Stage, str], ...]]:
    """The changes to make, and the stages left alone with the reason.

    Log groups that stages keep are looked at first. Nothing is changed by it.
    """
    keeps = answers.existing_logging == "keep"
    logs = log_groups.of_stages(session, chosen if keeps else (), log_group_arn)
    changes: list[StageChange] = []
    skipped: list[tuple[Stage, str]] = []
    for stage in chosen:
        change = logs.plan(
            stage, log_group_arn, answers.existing_logging, answers.execution_logging
        )
        if change.mode is Mode.SKIP:
            skipped.append((stage, change.reason))
        else:
            changes.append(change)
    return tuple(changes), tuple(skipped)


def agree_to_many(context: Context, connect: int) -> None:
    """Raise UsageError WAG-E-RULES-003 where rules would newly connect more stages than somebody
    would expect of them, and nobody agrees: a person, or `at_most`.
    """
    asked, at_most = question(connect), context.options.at_most
    if not asked or context.options.dry_run or (at_most is not None and connect <= at_most):
        return
    if at_most is None and context.ask_person(asked):
        return
    raise UsageError(
        "WAG-E-RULES-003",
        f"The rules choose {count(connect, 'stage')} that are not connected yet",
        why="So many are connected only where somebody has agreed to the number.",
        next_step=f"Look at them with --dry-run, then allow them: --at-most {connect}.",
        keys=("stage_rules",),
    )


def kept_groups(changes: tuple[StageChange, ...]) -> tuple[str, ...]:
    """Log groups of stages that keep their own; the forwarder subscribes to each."""
    names = {c.log_group for c in changes if c.mode is Mode.KEEP and c.log_group}
    return tuple(sorted(names))


def warnings(changes: tuple[StageChange, ...]) -> tuple[str, ...]:
    """Every warning, with the stage it is about."""
    return tuple(f"{c.api_name} / {c.ref.stage}: {text}" for c in changes for text in c.warnings)


def apply_changes(
    deployment: Deployment, changes: tuple[StageChange, ...], outputs: Outputs
) -> tuple[StageReport, ...]:
    """Make the reviewed changes. Prerequisites first: the account role, the log-group policies."""
    final = tuple(c.with_destination(outputs.api_gateway_log_group_arn) for c in changes)
    prepared = Prerequisites(deployment, final)
    reports = []
    for change in final:
        reason = prepared.missing(change)
        report = (
            StageReport(change.ref, change.api_name, State.FAILED, str(reason))
            if reason
            else switch_stage(deployment, change)
        )
        deployment.context.emit(report)
        reports.append(report)
    return tuple(reports)


@dataclass(frozen=True)
class StageUndo:
    """How one stage would be put back: what it has now, and what the decision comes to.

    `live` and `undo` are None where the stage could not be read; `problem` says why.
    """

    held: StageRecord
    live: StageSettings | None = None
    undo: Undo | None = None
    problem: str = ""

    @property
    def lines(self) -> tuple[DiffLine, ...]:
        """What would change, setting by setting."""
        if self.live is None or self.undo is None:
            return ()
        return undo_lines(self.live, self.undo.target)

    @property
    def words(self) -> str:
        """What it gets back on one line, or why nothing is known of it."""
        if self.undo is None:
            return self.problem or "logging put back as it was"
        if self.undo.action is UndoAction.NOTHING:
            return self.undo.reason
        asked = "you are asked: " if self.undo.action is UndoAction.ASK else ""
        said = ", ".join(f"{one.label} → {one.after}" for one in self.lines)
        return f"{asked}{said}" + (f". {self.undo.reason}" if self.undo.reason else "")


def plan_restore(deployment: Deployment, held: Iterable[StageRecord]) -> tuple[StageUndo, ...]:
    """Work out what putting these stages back changes, from what they have now."""
    session = deployment.session
    session.client("apigateway"), session.client("apigatewayv2")  # made before the threads are

    def look(one: StageRecord) -> StageUndo:
        try:
            live = stages.read_settings(session, one.ref, ApiType(one.api_type))
        except WizardError as error:
            return StageUndo(one, problem=f"{error.what}. {error.why}".rstrip(" ."))
        return StageUndo(one, live, undo(one.before, one.wrote(live) or one.after, live))

    with ReadingPool(READERS, thread_name_prefix="undo") as pool:
        return tuple(pool.map(look, held))


def restore_stages(
    deployment: Deployment, held: StageRecord, *, force: bool = False, api_name: str = ""
) -> tuple[StageReport, Result | None]:
    """Put one stage's logging back as it was before this product touched it.

    Args:
        api_name: its API's name today; the one of the record where nobody asked.
    """
    api_name = api_name or held.api_name
    api_type = ApiType(held.api_type)
    result: Result | None = None
    try:
        with deployment.journal.effect(
            record.STAGE_RESTORE,
            str(held.ref),
            before=settings_to_dict(held.after),
            intended=settings_to_dict(held.before),
        ) as effect:
            outcome = stages.restore_stage(
                deployment.session,
                held.ref,
                api_type,
                held.before,
                held.after,
                attempts=held.attempts,
                force=force,
            )
            result = outcome.result
            effect.detail = outcome.result.value
            if outcome.result is Result.ASK:
                raise WizardError(
                    "WAG-E-STAGES-020",
                    outcome.note or outcome.result.value,
                    next_step="Look at the stage, then run the command again in a terminal.",
                )
        text = "as before" if result is not Result.GONE else "deleted since; nothing to put back"
        report = StageReport(held.ref, api_name, State.DONE, outcome.note or text)
    except WizardError as error:
        state = State.WARNING if result is Result.ASK else State.FAILED
        report = StageReport(
            held.ref, api_name, state, error.what if state is State.WARNING else str(error)
        )
    deployment.context.emit(report)
    return report, result


def undo_stage(deployment: Deployment, ref: str) -> StageReport:
    """Put one stage's logging back, as a run of its own; one that somebody else changed is left.

    Raises UsageError WAG-E-STAGES-004 for a stage that is not connected.
    """
    held = deployment.journal.record.stages.get(StageRef.parse(ref))
    if held is None:
        raise UsageError(
            "WAG-E-STAGES-004",
            f"{ref} is not connected",
            next_step="Choose one of the connected stages.",
        )
    with deployment.journal.running():
        report, _ = restore_stages(deployment, held)
    return report


def switch_stage(deployment: Deployment, change: StageChange) -> StageReport:
    """Make one change, recorded before and after; what was read back is what is recorded."""
    after = settings_to_dict(change.after) | {
        "api_type": change.api_type.value,
        "mode": change.mode.value,
        "log_group": change.log_group,
        "api_name": change.api_name,
    }
    made = deployment.journal.record.installation
    if made is not None:
        after["installation"] = made.id
    try:
        with deployment.journal.effect(
            record.STAGE_SWITCH,
            str(change.ref),
            before=settings_to_dict(change.before),
            intended=after,
        ) as effect:
            outcome = stages.apply_change(deployment.session, change)
            _note_result(effect, outcome.settings, after)
    except WizardError as error:
        return StageReport(change.ref, change.api_name, State.FAILED, str(error))
    place = log_group_name(change.after.access_log.destination_arn)
    if outcome.result is Result.UNCHANGED:
        return StageReport(change.ref, change.api_name, State.DONE, f"already logs to {place}")
    verb = "keeps logging" if change.mode is Mode.KEEP else "now logs"
    return StageReport(change.ref, change.api_name, State.DONE, f"{verb} to {place}")


def _note_result(effect: Effect, settings: StageSettings, after: dict[str, str]) -> None:
    """The journal holds what was read back, not what was asked for."""
    effect.after = after | settings_to_dict(settings)


def plan_again(
    deployment: Deployment, changes: Iterable[StageChange], inventory: Inventory, outputs: Outputs
) -> tuple[StageChange, ...]:
    """The same changes from what the stages have now, as far as somebody agreed to them."""
    reviewed = tuple(changes)
    anew = []
    for change in reviewed:
        stage = inventory.find(change.ref)
        try:
            live = stages.read_settings(deployment.session, change.ref, change.api_type)
        except WizardError:
            continue  # the try itself says what is wrong
        if stage is None or same_settings(live, change.after):
            continue
        planned, _ = plan_changes(
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
                    one.ref.label(one.api_name),
                )
                continue
            anew.append(one)
    return ask_changed(deployment.context, reviewed, anew)


def ask_changed(
    context: Context, reviewed: Iterable[StageChange], anew: Iterable[StageChange]
) -> tuple[StageChange, ...]:
    """Which changes to make now.

    One that begins from something else than what was reviewed takes a yes. Without it the reviewed
    one stays, and is refused for not being true any more: the stage is left as it is.
    """
    now = {change.ref: change for change in anew}
    return tuple(
        now[old.ref] if old.ref in now and _agreed(context, old, now[old.ref]) else old
        for old in reviewed
    )


def _agreed(context: Context, old: StageChange, new: StageChange) -> bool:
    if same_settings(old.before, new.before):
        return True
    lines = "; ".join(f"{d.label}: {d.before} → {d.after}" for d in diff_lines(new))
    return context.ask_person(
        f"{old.ref.label(clean(old.api_name, 80))} was changed by somebody else since it was "
        f"shown. From what it has now: {lines or 'nothing changes'}. Change it like this?"
    )
