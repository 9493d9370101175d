"""The deployment's state as rows and texts: pure, so that it can be tested with tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from wizard.core.events import Phase, State
from wizard.core.terraform.events import doing
from wizard.core.terraform.progress import GroupProgress, Progress, Unit, UnitState
from wizard.core.text import clean, count, duration
from wizard.ui.widgets.tree import TreeRow

if TYPE_CHECKING:
    from wizard.ui.deployment_run import RunState
    from wizard.ui.theme import Ink

_STATE = {
    UnitState.PENDING: State.TODO,
    UnitState.RUNNING: State.RUNNING,
    UnitState.DONE: State.DONE,
    UnitState.FAILED: State.FAILED,
}


def headline(run: RunState, ink: Ink, now: float) -> Text:
    """`31 of 52   about 1m 10s to go   elapsed 2m 03s`, or what is waited for."""
    end = run.part_ends.get("deploy") or run.ended or now
    elapsed = duration(end - run.started) if run.started else "0s"
    progress = run.progress
    if "undo" in run.done and not run.busy:
        return Text("What was made is taken away. Back plans anew, Quit ends.", ink.good)
    if "deploy" in run.done:
        return Text(f"Deployed in {elapsed}.", ink.good)
    if run.error is not None and not run.busy:
        done = f"{progress.done} of {progress.total}" if progress else "nothing"
        return Text(f"Stopped after {elapsed}: {done} done. State is saved; nothing is lost.")
    text = Text()
    if run.cancelling:
        text.append(f"Stopping. {settling(progress)} ", ink.warn)
    if progress is None or not progress.total:
        phase = next((p for p in reversed(run.phases.values()) if p.state is State.RUNNING), None)
        what = phase.title if phase else "Starting"
        return text.append(f"{clean(what)}   elapsed {elapsed}")
    text.append(f"{progress.done} of {progress.total}", ink.bold)
    if progress.to_go and not run.cancelling:
        text.append(f"   {progress.to_go}")
    text.append(f"   elapsed {elapsed}", ink.muted)
    return text


def settling(progress: Progress | None) -> str:
    """`2 resources still settling.`: what a graceful stop waits for."""
    left = len(progress.running) if progress is not None else 0
    return f"{count(left, 'resource')} still settling." if left else "Terraform is about to end."


def rows(
    run: RunState, planned: Iterable[str], stages: int, now: float, opened: set[str], *, proof: bool
) -> list[TreeRow]:
    """Groups; below a group its running and failed resources, or all of them when opened.

    Args:
        planned: the groups of the plan, shown until Terraform tells more.
        stages: how many are to be switched.
        proof: whether a request is followed at the end.
    """
    lines: list[TreeRow] = []
    if run.progress is None:
        lines += [TreeRow(State.TODO, name, key=name) for name in dict.fromkeys(planned)]
    else:
        lines += progress_rows(run, now, opened)
    if Phase.NODE in run.phases:  # where a node is deployed, and its turn has come
        last = next((n.text for n in reversed(run.notes) if n.subject == "Node"), "")
        lines.append(replace(_phase_row(run, Phase.NODE, "", "Node ready"), middle=clean(last, 60)))
    title = f"Logging on {count(stages, 'stage')}"
    lines.append(_phase_row(run, Phase.STAGES, "logging", title))
    if proof:
        lines.append(_phase_row(run, Phase.PROOF, "proof", "Proof"))
    return lines


def progress_rows(run: RunState, now: float, opened: set[str]) -> list[TreeRow]:
    """What Terraform does, by group. A run that is over counts no further."""
    progress = run.progress
    if progress is None:
        return []
    if not run.busy and run.ended:
        now = min(now, run.ended)
    lines = []
    for group in progress.groups:
        lines.append(_group_row(group, now))
        lines += [
            _unit_row(unit, now, running=run.busy)
            for unit in progress.units
            if unit.group == group.name
            and (group.name in opened or unit.state in (UnitState.RUNNING, UnitState.FAILED))
        ]
    return lines


def _group_row(group: GroupProgress, now: float) -> TreeRow:
    state = _STATE[group.state]
    when = duration(group.elapsed(now)) if group.started is not None else ""
    middle = f"{group.done} of {group.total}"
    if group.failed:
        middle += f", {group.failed} failed"
    return TreeRow(state, group.name, middle, when, key=group.name)


def _unit_row(unit: Unit, now: float, *, running: bool) -> TreeRow:
    state = _STATE[unit.state]
    if state is State.RUNNING:
        word = doing(unit.action) if running else "unknown"
        usual = f"usually {duration(unit.usual)}" if unit.usual >= 10 else ""
        if unit.late(now):
            usual = f"slow, usually {duration(unit.usual)}"
        return TreeRow(
            state, clean(unit.address), f"{word} {duration(unit.elapsed(now))}", usual, depth=1
        )
    when = duration(unit.elapsed(now)) if unit.started is not None else ""
    return TreeRow(
        state, clean(unit.address), state.value, when, depth=1, loud=state is State.FAILED
    )


def _phase_row(run: RunState, phase: Phase, step_id: str, title: str) -> TreeRow:
    told = run.phases.get(phase)
    state = told.state if told else State.TODO
    if step_id in run.done:
        state = State.DONE
    return TreeRow(state, title)


def problem_text(run: RunState, ink: Ink) -> Text:
    """Terraform's and AWS's own words, complete."""
    text = Text()
    for diagnostic in run.progress.diagnostics if run.progress else ():
        style = ink.bad if diagnostic.is_error else ink.warn
        lines = diagnostic.text.splitlines()
        text.append(f"{diagnostic.severity}: {clean(lines[0])}\n", style)
        for line in lines[1:]:
            text.append(f"  {clean(line)}\n")
        text.append("\n")
    for note in run.notes:
        if note.state in (State.WARNING, State.FAILED):
            text.append(f"{note.state.value}: {clean(note.subject)} {clean(note.text)}\n", ink.warn)
    for report in run.reports.values():
        if report.state is State.FAILED:
            text.append(f"{report.label}: {clean(report.message)}\n", ink.bad)
    return text if text.plain else Text("No problems.", ink.muted)
