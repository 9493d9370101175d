"""The deployment's state as rows and texts: pure, so that it can be tested with tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from wizard.core.events import Phase, State
from wizard.core.terraform.events import doing
from wizard.core.terraform.progress import GroupProgress, Progress, Unit, UnitState
from wizard.core.text import clean, count, duration
from wizard.ui.widgets.tree import TreeRow

if TYPE_CHECKING:
    from wizard.ui.app import WizardApp

_STATE = {
    UnitState.PENDING: State.TODO,
    UnitState.RUNNING: State.RUNNING,
    UnitState.DONE: State.DONE,
    UnitState.FAILED: State.FAILED,
}


def headline(app: WizardApp, now: float) -> Text:
    """`31 of 52   about 1m 10s to go   elapsed 2m 03s`, or what is waited for."""
    run = app.state.run
    ink = app.ink
    elapsed = duration((run.ended or now) - run.started) if run.started else "0s"
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
    if progress.eta is not None and not run.cancelling:
        text.append(f"   about {duration(progress.eta)} to go")
    text.append(f"   elapsed {elapsed}", ink.muted)
    return text


def settling(progress: Progress | None) -> str:
    """`2 resources still settling.`: what a graceful stop waits for."""
    left = len(progress.running) if progress is not None else 0
    return f"{count(left, 'resource')} still settling." if left else "Terraform is about to end."


def rows(app: WizardApp, now: float, opened: set[str]) -> list[TreeRow]:
    """Groups; below a group its running and failed resources, or all of them when opened."""
    run = app.state.run
    progress = run.progress
    lines: list[TreeRow] = []
    if progress is None:
        view = app.state.review.value
        names = dict.fromkeys(r.group for r in view.resources) if view else {}
        lines += [TreeRow(State.TODO, name, key=name) for name in names]
    else:
        lines += progress_rows(app, progress, now, opened)
    lines.append(_phase_row(app, Phase.STAGES, "logging", _stage_title(app)))
    if app.state.answers.proof != "skip":
        lines.append(_phase_row(app, Phase.PROOF, "proof", "Proof"))
    return lines


def progress_rows(
    app: WizardApp, progress: Progress, now: float, opened: set[str]
) -> list[TreeRow]:
    """What Terraform does, by group. A run that is over counts no further."""
    run = app.state.run
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


def _stage_title(app: WizardApp) -> str:
    view = app.state.review.value
    number = len(view.stages) if view is not None else len(app.state.answers.stages)
    return f"Logging on {count(number, 'stage')}"


def _phase_row(app: WizardApp, phase: Phase, step_id: str, title: str) -> TreeRow:
    run = app.state.run
    told = run.phases.get(phase)
    state = told.state if told else State.TODO
    if step_id in run.done:
        state = State.DONE
    return TreeRow(state, title)


def problem_text(app: WizardApp) -> Text:
    """Terraform's and AWS's own words, complete."""
    run = app.state.run
    ink = app.ink
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
            text.append(f"{report.ref}: {clean(report.message)}\n", ink.bad)
    return text if text.plain else Text("No problems.", ink.muted)
