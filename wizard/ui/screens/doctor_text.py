"""What the checklist's screen shows, as rows and text: no widget is known here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from wizard.core.checks.model import SECTIONS, About, Check, Report, Result, Section, Verdict
from wizard.core.checks.report import STATES, as_json, as_junit, as_text
from wizard.core.events import State
from wizard.core.text import clean, count
from wizard.ui.theme import Ink
from wizard.ui.widgets.tree import TreeRow

_WORST = (State.FAILED, State.WARNING, State.UNCHECKED, State.SKIPPED, State.DONE)
_MOST_EVIDENCE = 1200

Found = Mapping[str, Result]


def rows(
    checks: tuple[Check, ...], found: Found, *, busy: bool, turned: Mapping[str, bool]
) -> tuple[list[TreeRow], dict[str, bool]]:
    """The tree, and which sections are open in it. `turned`: opened or closed by hand."""
    lines: list[TreeRow] = []
    opened: dict[str, bool] = {}
    for section in SECTIONS:
        ours = tuple(c for c in checks if c.section is section)
        head, wrong = _section(section, ours, found, busy=busy)
        opened[section.key] = turned.get(section.key, wrong)
        lines.append(head)
        if opened[section.key]:
            lines += [_row(c, found.get(c.check_id), busy=busy) for c in ours]
    return lines, opened


def _section(
    section: Section, checks: tuple[Check, ...], found: Found, *, busy: bool
) -> tuple[TreeRow, bool]:
    asked = tuple(c for c in checks if not c.deep or c.check_id in found)
    results = [found[c.check_id] for c in asked if c.check_id in found]
    states = {STATES[r.verdict] for r in results}
    if len(results) < len(asked):
        state = State.RUNNING if busy else State.TODO
        words = f"{len(results)} of {len(asked)}"
    else:
        state = next((s for s in _WORST if s in states), State.TODO)
        words = ", ".join(_others(results)) or f"{len(results)} of {len(results)}"
    name = section.name([r.verdict for r in results])
    row = TreeRow(state, name, words, key=section.key)
    return row, bool(states & {State.FAILED, State.WARNING})


def _row(check: Check, result: Result | None, *, busy: bool) -> TreeRow:
    if result is None:
        state, words = (State.RUNNING, "looking") if busy else (State.TODO, "to do")
        if check.deep:
            state, words = State.TODO, "slow   t: run it"
        return TreeRow(state, title(check), words, depth=1, key=check.check_id)
    state = STATES[result.verdict]
    words = "passed" if state is State.DONE else state.value
    if result.because:
        words = f"because of {result.because}"
    elif state is State.FAILED and check.fix:
        words = "failed   f: fix it"
    return TreeRow(
        state, title(check), words, depth=1, key=check.check_id, loud=state is State.FAILED
    )


def tally(results: list[Result]) -> str:
    """How many of them ended how; what is well is not counted out."""
    wrong = _others(results)
    if not wrong:
        return f"All {len(results)} passed"
    return ", ".join(wrong) + f" of {len(results)}"


def advice(results: list[Result]) -> str:
    """The tally, and what to do about it."""
    if any(r.verdict is Verdict.FAIL for r in results):
        return f"{tally(results)}. Fix the first failure."
    return f"{tally(results)}. Nothing is broken."


def _others(results: list[Result]) -> list[str]:
    parts = []
    for verdict, word in (
        (Verdict.FAIL, "failed"),
        (Verdict.SKIPPED, "skipped"),
        (Verdict.UNCHECKED, "not checked"),
    ):
        if number := sum(r.verdict is verdict for r in results):
            parts.append(f"{number} {word}")
    if number := sum(r.verdict is Verdict.WARN for r in results):
        parts.append(count(number, "warning"))
    return parts


def explanation(check: Check, result: Result | None) -> list[tuple[str, str]]:
    """One check in labelled sentences: what was seen, what to do, where it looked, what it hangs
    on."""
    lines = []
    if result is not None:
        lines.append(("Evidence", clean(result.finding.evidence, _MOST_EVIDENCE) or "none needed"))
        if result.verdict in (Verdict.FAIL, Verdict.WARN):
            offer = "  f: fix it" if fixable(check, result) else ""
            lines.append(("Next", clean(result.next_step, _MOST_EVIDENCE) + offer))
    lines.append(("Looks at", ", ".join(check.looks_at)))
    if check.depends_on:
        lines.append(("After", ", ".join(check.depends_on)))
    if result is not None and result.link:
        lines.append(("Console", result.link))
    return lines


def title(check: Check) -> str:
    """Id and question."""
    return f"{check.check_id}  {check.question}"


def drawn(check: Check, result: Result | None, ink: Ink) -> RenderableType:
    """The explanation as it is shown."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    for label, words in explanation(check, result):
        grid.add_row(Text(label, ink.muted), Text(words, ink.plain))
    return Group(Text(title(check), ink.bold), grid)


def copied(check: Check, result: Result | None) -> str:
    """The explanation for the clipboard."""
    lines = [f"{label}: {words}" for label, words in explanation(check, result)]
    return "\n".join([title(check), *lines])


def fixable(check: Check, result: Result | None) -> bool:
    """Whether the wizard offers a repair of what was found."""
    return bool(check.fix) and result is not None and result.verdict is Verdict.FAIL


def report(checks: tuple[Check, ...], found: Found, about: About | None) -> Report:
    """What is on the screen, as a report."""
    return Report(tuple(found[c.check_id] for c in checks if c.check_id in found), about)


def exported(name: str, shown: Report) -> str:
    """The report in the format that a file's name asks for: `.json`, `.xml` (JUnit), else text."""
    suffix = PurePath(name).suffix.lower()
    if suffix == ".json":
        return as_json(shown) + "\n"
    if suffix == ".xml":
        return as_junit(shown) + "\n"
    return as_text(shown, unicode=True) + "\n"
