"""What a deployment has to say, in a reader's words: where to look, how it does, what would change.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.core.checks.console_links import log_link, wallarm_console
from wizard.core.events import State
from wizard.core.node.verdicts import judge_understanding
from wizard.core.terraform.groups import group_of, group_order
from wizard.ui.screens.stages_text import StageView, view_of

_ACTING = ("create", "update", "delete", "replace")

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.facts import Stage
    from wizard.core.stages.change import StageChange
    from wizard.core.terraform.events import PlannedChange
    from wizard.core.tfvars import Outputs
    from wizard.flows.status import Status
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
