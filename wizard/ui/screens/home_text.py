"""What a deployment has to say, in a reader's words: where to look, how it does, what would change.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.core.checks.console_links import log_link, wallarm_console
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.node.verdicts import judge_understanding
from wizard.core.stages.change import UndoAction
from wizard.core.terraform.plans import group_of, group_order
from wizard.core.text import clean
from wizard.ui.screens.stages_text import StageView, view_of
from wizard.ui.widgets.stage_table import ConnectedRow
from wizard.ui.widgets.tree import TreeRow

NOT_TOLD = (
    "none that the forwarder told of in the last hour; an earlier version does not tell them by "
    "stage"
)
_HEADLINE = ("Infrastructure", "Stages", "Events", "Cost")
_ACTING = ("create", "update", "delete", "replace", "import")

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.facts import Stage, StageRef
    from wizard.core.stages.change import StageChange
    from wizard.core.stages.lines import LastEvent
    from wizard.core.terraform.events import PlannedChange
    from wizard.core.tfvars import Outputs
    from wizard.flows.stages.switch import StageUndo
    from wizard.flows.status import StageStatus, Status
    from wizard.services.terraform.client import PlanResult


@dataclass(frozen=True)
class Link:
    """A line of the summary at the end: a title, a text, and a console address or empty."""

    title: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class StatusLine:
    """One line of the status of a deployment."""

    title: str
    state: State
    text: str


def links(outputs: Outputs, answers: Answers, answers_file: str) -> tuple[Link, ...]:
    """Console links, the four log locations, the answers file."""
    region = answers.region
    found = [Link("Wallarm Console", "API Discovery", wallarm_console(answers.wallarm_api_host))]
    for title, group in (
        ("Access logs", outputs.api_gateway_log_group),
        ("Forwarder", outputs.lambda_log_group),
        ("Node", outputs.node_log_group),
    ):
        if group:
            found.append(Link(title, group, log_link(region, group)))
    if outputs.node_log_group:
        found.append(Link("In the node", "/opt/wallarm/var/log/wallarm/go-node.log"))
    found.append(Link("Answers file", answers_file))
    return tuple(found)


def status_lines(seen: Status) -> tuple[StatusLine, ...]:
    """The deployment at a glance."""
    drifted = len(seen.drifted)
    stages = f"{len(seen.stages)} connected"
    stages += f", {drifted} changed by somebody else" if drifted else ""
    lines = [StatusLine("Whose", State.FAILED, seen.standing)] if seen.standing else []
    lines += [StatusLine("State", State.WARNING, seen.elsewhere)] if seen.elsewhere else []
    lines += [
        StatusLine("Infrastructure", State.DONE, f"{seen.resources} resources"),
        StatusLine("Stages", State.WARNING if drifted else State.DONE, stages),
    ]
    if seen.events_last_hour is None:
        lines.append(StatusLine("Events", State.UNCHECKED, "could not be counted"))
    else:
        lost = seen.undelivered or 0
        text = f"{seen.events_last_hour:,} in the last hour, {lost:,} undelivered"
        text += f", {seen.replayed}" if lost and seen.replayed else ""
        lines.append(StatusLine("Events", State.WARNING if lost else State.DONE, text))
    if seen.lines is not None:
        state = State.WARNING if seen.lines.alarming else State.DONE
        lines.append(StatusLine("Lines", state, f"{seen.lines} in the last hour"))
    so_far = "" if seen.cost_so_far is None else f", ${seen.cost_so_far:,.2f} so far"
    text = f"about ${seen.cost_per_month:,.0f}/month before traffic{so_far}"
    lines.append(StatusLine("Cost", State.DONE, text))
    if seen.node.read:
        found = judge_understanding(seen.node)
        counters = seen.node.summary if found.state is State.DONE else found.text
        lines.append(StatusLine("Counters", found.state, counters))
    tags = [f"forwarder {seen.forwarder}"] if seen.forwarder else []
    tags += [f"node {seen.node_versions}"] if seen.node_versions else []
    tags += [f"Terraform {seen.terraform}"] if seen.terraform else []
    if tags:
        lines.append(StatusLine("Versions", State.DONE, ", ".join(tags)))
    lines += [StatusLine("Unfinished", State.WARNING, text) for text in seen.unfinished]
    lines += [StatusLine("Note", State.UNCHECKED, text) for text in seen.notes]
    return tuple(lines)


def headline(lines: tuple[StatusLine, ...]) -> tuple[StatusLine, ...]:
    """The same for few rows: what is good on one line, the rest as it is."""
    good = [one for one in lines if one.state is State.DONE and one.title in _HEADLINE]
    said = [one.text if one.title != "Events" else f"events: {one.text}" for one in good]
    shown = StatusLine("Deployment", State.DONE, "; ".join(said))
    rest = tuple(one for one in lines if one.state is not State.DONE)
    return (shown, *rest) if good else rest


def connected_rows(
    status: Status,
    events: Mapping[StageRef, LastEvent] | WizardError | None,
    label_of: Callable[[str, str], str],
    now: float,
) -> tuple[ConnectedRow, ...]:
    """The connected stages by their label.

    Args:
        events: the last event of each; None while they are read, an error where they cannot be.
        now: epoch seconds.
    """
    rows = [
        _connected(one, events, label_of(str(one.ref), one.api_name), now) for one in status.stages
    ]
    return tuple(sorted(rows, key=lambda row: (row.label.lower(), row.ref)))


def _connected(
    one: StageStatus,
    events: Mapping[StageRef, LastEvent] | WizardError | None,
    label: str,
    now: float,
) -> ConnectedRow:
    if isinstance(events, WizardError):
        last = f"not read: {events.what}"
    elif events is None:
        last = "still reading"
    else:
        found = events.get(one.ref)
        last = clean(found.words(now), 600) if found is not None else "not looked for"
    malformed, state = "not told", State.DONE
    if one.lines is not None:
        malformed = f"{one.lines.percent(one.lines.malformed):.2g} %"
        state = State.WARNING if one.lines.alarming else State.DONE
    logging = "as it was set" if one.same else "not known from here"
    if one.same is False:
        state, logging = State.WARNING, clean(one.note, 600) or "changed by somebody else"
    elif one.note:
        logging = clean(one.note, 600)
        state = State.UNCHECKED if one.same is None else state
    elif one.same is None:
        state = State.UNCHECKED
    lines = f"{one.lines} in the last hour" if one.lines is not None else NOT_TOLD
    whole = (
        f"Stage       {clean(str(one.ref))}\nLast event  {last}\nLines       {lines}\n"
        f"Logging     {logging}\nLog group   {clean(one.log_group, 512)}"
        + (", its own" if one.mode == "keep" else "")
    )
    return ConnectedRow(str(one.ref), state, label, last, malformed, logging, whole)


def planned(plan: PlanResult | None) -> tuple[PlannedChange, ...]:
    """What of a plan Terraform would do something about."""
    return tuple(c for c in (plan.changes if plan is not None else ()) if c.action in _ACTING)


def by_group(changes: Iterable[PlannedChange]) -> dict[str, list[PlannedChange]]:
    """The same in the groups that a reader knows, in their order."""
    found: dict[str, list[PlannedChange]] = {}
    for change in changes:
        found.setdefault(group_of(change.resource_type, change.address), []).append(change)
    return {name: found[name] for name in sorted(found, key=group_order)}


def shown_changes(
    changes: Iterable[StageChange], stages: Iterable[Stage]
) -> tuple[tuple[str, StageView], ...]:
    """Each changed stage with its label and its view; a stage that was not read is left out."""
    found = {stage.ref: stage for stage in stages}
    return tuple(
        (f"{found[c.ref].api.name} / {c.ref.stage}", view_of(found[c.ref], c))
        for c in changes
        if c.ref in found
    )


def undo_row(label: str, one: StageUndo | None) -> TreeRow:
    """One stage: what it has now and what it gets back; None where nobody looked."""
    if one is None:
        return TreeRow(State.RUNNING, label, "logging put back as it was", sign="~")
    if one.undo is None:
        return TreeRow(State.UNCHECKED, label, clean(one.words))
    asked = one.undo.action is UndoAction.ASK
    return TreeRow(State.WARNING if asked else State.RUNNING, label, clean(one.words), sign="~")


def undo_text(one: StageUndo) -> list[str]:
    """The same whole: every setting on a line, and both formats."""
    if one.undo is None or one.live is None:
        return [clean(one.words, 2000)]
    lines = [f"{line.label}: {line.before} → {line.after}" for line in one.lines]
    lines += [one.undo.reason] if one.undo.reason else []
    now, then = one.live.access_log.format, one.undo.target.access_log.format
    if now != then:
        lines += ["", "Format now:", now or "none", "", "Format it gets back:", then or "none"]
    return [clean(line, 4000) for line in lines] or ["It is as it was before."]
