"""What would happen to a stage, as text: short below the table, full in the details."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from wizard.core.stages.change import Mode, StageChange, diff_lines, plan_change
from wizard.core.stages.log_format import FormatKind, kind, log_group_name
from wizard.core.stages.owner import UNKNOWN, owner, snippet
from wizard.core.stages.rules import question
from wizard.core.text import clean, count
from wizard.core.tfvars import log_group_start
from wizard.ui.stage_list import StageRow, logging_today

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.facts import Identity, Stage
    from wizard.core.stages.rules import Effect
    from wizard.ui.theme import Ink

_LABEL = 13
RULE_WORDS = """\
api:orders-*    its API's name or id    stage:prod   its name
tag:team=pay*   or tag:team alone       type:http    rest, websocket
all             every stage             not …        takes away
Of words in one rule a stage meets all. Enter keeps the rule;
in the empty field Enter uses what is kept."""


@dataclass(frozen=True)
class StageView:
    """What would happen to one stage: facts and diff in the reader's words.

    Attributes:
        today: how it logs now, one line.
        planned: (setting, before, after) for every setting that would change.
        diff: unified diff lines of the access-log format, empty when it stays as it is.
        owner: who else manages the stage, or empty.
        snippet: what to put into the owner's template, ready to copy.
        reason: why it cannot be changed, or is skipped; empty when it can.
    """

    today: str
    planned: tuple[tuple[str, str, str], ...] = ()
    diff: tuple[str, ...] = ()
    owner: str = ""
    snippet: str = ""
    reason: str = ""
    format: str = ""
    notes: tuple[str, ...] = ()


def stage_view(
    stage: Stage, answers: Answers, identity: Identity | None, log_group_arn: str = ""
) -> StageView:
    """What these answers would do to a stage; pure and quick.

    Args:
        identity: whose account it is, where that is known already.
        log_group_arn: the connector's log group, where it is deployed.
    """
    name = answers.api_gateway_log_group_name or log_group_start(answers) + UNKNOWN
    partition = identity.partition if identity else "aws"
    account = identity.account_id if identity else answers.account_id or UNKNOWN
    change = plan_change(
        stage,
        log_group_arn or f"arn:{partition}:logs:{answers.region}:{account}:log-group:{name}",
        answers.existing_logging,
        execution=answers.execution_logging,
    )
    return view_of(stage, change)


def view_of(stage: Stage, change: StageChange) -> StageView:
    """A planned change in the reader's words."""
    log = stage.settings.access_log
    today = logging_today(stage)
    place = log_group_name(log.destination_arn) or log.destination_arn
    if log.enabled:
        today = f"{today}: {place}"
    who = owner(stage)
    return StageView(
        today=today,
        planned=tuple((d.label, d.before, d.after) for d in diff_lines(change)),
        diff=format_diff(change),
        owner=str(who) if who else "",
        snippet=snippet(who, stage.api.api_type, change.after)
        if who and change.changes_anything
        else "",
        reason=change.reason if change.mode is Mode.SKIP else "",
        format=log.format,
        notes=change.warnings,
    )


def format_diff(change: StageChange) -> tuple[str, ...]:
    """The access-log format line by line: one key a line where it is JSON."""
    old, new = change.before.access_log.format, change.after.access_log.format
    if old == new or change.mode is Mode.SKIP:
        return ()
    lines = difflib.ndiff(_split(old), _split(new))
    return tuple(line for line in lines if not line.startswith("?"))


def _split(text: str) -> list[str]:
    if kind(text) is not FormatKind.JSON:
        return text.splitlines()
    return text.replace(",", ",\n").splitlines()


def short_view(ink: Ink, row: StageRow, view: StageView, lines: int) -> Text:
    """At most `lines` lines: name and address, then what would change."""
    stage = row.source
    url = clean(stage.invoke_url, 120) if stage is not None else ""
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{row.name} / {row.stage}", ink.bold)
    text.append(f"   {url}", ink.muted)
    rows: list[tuple[str, Text]] = []
    if view.reason:
        rows.append(("Stays as is", Text(clean(view.reason), ink.warn)))
    for number, (name, before, after) in enumerate(view.planned):
        rows.append(
            ("Will change" if not number else "", change(ink, name, clean(before, 60), after))
        )
    if not view.planned and not view.reason:
        rows.append(("Today", Text(clean(view.today), ink.plain)))
    if view.owner:
        owner = Text(clean(view.owner, 60), ink.plain)
        if view.snippet:
            owner.append("   d shows the snippet for its template", ink.muted)
        rows.append(("Owner", owner))
    rows += [("Note", Text(clean(note), ink.muted)) for note in view.notes]
    for label, body in rows[: lines - 1]:
        text.append(f"\n{label:<{_LABEL}}", ink.muted)
        text.append_text(body)
    return text


def effect_text(ink: Ink, effect: Effect, known: int, room: int) -> Text:
    """What a rule would take, in at most `room` lines.

    Args:
        known: how many stages were read so far.
    """
    text = Text(no_wrap=True, overflow="ellipsis")
    number, away = len(effect.moved), effect.rule.takes_away
    verb = "takes away" if away else "adds"
    if not known:
        text.append("no stage was read yet", ink.muted)
    elif not effect.met:
        text.append(f"meets none of {count(known, 'stage')}", ink.warn)
        text.append(": is the name spelt like this in AWS?", ink.muted)
    elif not number:
        why = "no other rule chooses it" if away else "it is chosen already"
        if effect.managed == effect.met:
            why = "AWS manages it"
        text.append(f"{verb} nothing", ink.warn)
        text.append(f": of {count(effect.met, 'stage')} that meet it, {why}", ink.muted)
    else:
        text.append(f"{verb} {count(number, 'stage')}", ink.accent)
        text.append(f" of {known:,}; all rules choose {effect.chosen:,}", ink.muted)
        if effect.managed:
            text.append(f"; {effect.managed:,} that AWS manages stay", ink.muted)
    if asked := question(effect.chosen):
        text.append(f"\n{asked} Enter twice keeps the rule.", ink.warn)
        room -= 1
    shown = max(0, room - 1)
    for stage in effect.moved[: shown if number <= shown else shown - 1]:
        text.append(f"\n  {clean(stage.api.name, 60)} / {clean(stage.name, 40)}", ink.plain)
    if number > shown:
        text.append(f"\n  and {number - max(0, shown - 1):,} more", ink.muted)
    return text


def change(ink: Ink, name: str, before: str, after: str) -> Text:
    """`access log   off  →  /aws/apigateway/…`."""
    return Text.assemble(
        (f"{clean(name):<12}", ink.plain),
        (clean(before), ink.muted),
        ("  →  ", ink.muted),
        (clean(after), ink.accent),
    )


def full_view(ink: Ink, row: StageRow, view: StageView) -> Text:
    """Facts, changes, format diff, snippet."""
    text = Text()

    def section(title: str) -> None:
        text.append(f"\n{title}\n" if text.plain else f"{title}\n", ink.accent + ink.strong)

    stage = row.source
    section("Stage")
    text.append(f"  {row.ref}   {row.kind}", ink.plain)
    if stage is not None and stage.invoke_url:
        text.append(f"\n  {clean(stage.invoke_url)}", ink.muted)
    text.append(f"\n  Today: {clean(view.today)}\n", ink.plain)
    if view.reason:
        text.append(f"  Stays as it is: {clean(view.reason)}\n", ink.warn)
    if view.planned:
        section("Will change")
        for name, before, after in view.planned:
            text.append("  ")
            text.append_text(change(ink, name, before, after))
            text.append("\n")
    if view.diff:
        section("Log format")
        for line in view.diff:
            style = {"+": ink.good, "-": ink.bad}.get(line[:1], ink.muted)
            text.append(f"  {clean(line)}\n", style)
    elif view.format:
        section("Log format now")
        text.append(f"  {clean(view.format)}\n", ink.muted)
    for note in view.notes:
        text.append(f"\n  {clean(note)}\n", ink.muted)
    if view.owner:
        section("Owner")
        text.append(f"  {clean(view.owner)}\n", ink.plain)
        if view.snippet:
            text.append("  A later deploy of it can put the old logging back. Add this:\n\n")
            for line in view.snippet.splitlines():
                text.append(f"    {clean(line)}\n", ink.plain)
    return text
