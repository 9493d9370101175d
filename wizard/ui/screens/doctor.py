"""Find what is wrong: every link from the API to the Wallarm Cloud, causes before consequences."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from wizard.core.checks import CHECKS, SECTIONS, Check, Result, Section, Verdict, selected
from wizard.core.report import State
from wizard.core.text import clean, count, duration
from wizard.ui.screens.home_part import HomePart
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows

_STATES = {
    Verdict.PASS: State.DONE,
    Verdict.WARN: State.WARNING,
    Verdict.FAIL: State.FAILED,
    Verdict.SKIPPED: State.SKIPPED,
    Verdict.UNCHECKED: State.UNCHECKED,
}
_WORST = (State.FAILED, State.WARNING, State.UNCHECKED, State.SKIPPED, State.DONE)


class Doctor(HomePart):
    """The checklist."""

    STEP = "doctor"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "all", "Run all"),
        Binding("t", "this", "Run this"),
        Binding("f", "fix", "Fix"),
        Binding("y", "copy", "Copy report"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._turned: dict[str, bool] = {}  # sections opened or closed by hand
        self._shown_open: dict[str, bool] = {}
        self._at_once = True  # the cursor goes to the first failure, once

    def question(self) -> str:
        """What is looked for."""
        return "Find what is wrong"

    def body(self) -> ComposeResult:
        """The tree, and below it the evidence."""
        yield Failure()
        yield TreeRows(id="tree", title_share=0.62)
        with VerticalScroll(id="evidence"):
            yield Static("", id="evidence-text", markup=False)
        with Horizontal(classes="actions"):
            yield Button(Text("Run all"), compact=True, id="all")
            yield Button(Text("Run this"), compact=True, id="this")
            yield Button(Text("Fix"), compact=True, id="fix")

    def started(self) -> None:
        """Look at once."""
        if not self.wizard.state.findings:
            self.wizard.home_jobs.examine()
        self.set_interval(0.5, self._tick)

    def _tick(self) -> None:
        if self.wizard.state.doctor.busy:
            self.say_hint(self._hint())

    def show(self, topics: frozenset[str]) -> None:
        """Tree and evidence."""
        del topics
        state = self.wizard.state
        self.query_one(Failure).tell(state.doctor.error)
        tree = self.query_one(TreeRows)
        lines: list[TreeRow] = []
        for section in SECTIONS:
            lines += self._section(section)
        tree.fill(lines)
        if self._at_once and not state.doctor.busy:
            failed = [n for n, line in enumerate(lines) if line.depth
                      and line.state is State.FAILED]  # fmt: skip
            if failed:
                self._at_once = False
                tree.go(failed[0])
        self.say_hint(self._hint())
        self._show_evidence()

    def _checks(self) -> tuple[Check, ...]:
        return selected(CHECKS, (), (), with_node=self.wizard.state.answers.deploys_node)

    def _section(self, section: Section) -> list[TreeRow]:
        found = self.wizard.state.findings
        checks = [c for c in self._checks() if c.section is section]
        results = [found[c.check_id] for c in checks if c.check_id in found]
        states = {_STATES[r.verdict] for r in results}
        if len(results) < len(checks):
            state = State.RUNNING if self.wizard.state.doctor.busy else State.TODO
            words = f"{len(results)} of {len(checks)}"
        else:
            state = next((s for s in _WORST if s in states), State.TODO)
            words = _short(results)
        wrong = bool(states & {State.FAILED, State.WARNING})
        self._shown_open[section.key] = is_open = self._turned.get(section.key, wrong)
        lines = [TreeRow(state, section.title, words, key=section.key)]
        if is_open:
            lines += [self._line(c, found.get(c.check_id)) for c in checks]
        return lines

    def _line(self, check: Check, result: Result | None) -> TreeRow:
        title = f"{check.check_id}  {check.question}"
        if result is None:
            busy = self.wizard.state.doctor.busy
            return TreeRow(State.RUNNING if busy else State.TODO, title, "", depth=1,
                           key=check.check_id)  # fmt: skip
        state = _STATES[result.verdict]
        words = "passed" if state is State.DONE else state.value
        if result.because:
            words = f"because of {result.because}"
        elif state is State.FAILED and check.fix:
            words = "failed   f: fix it"
        return TreeRow(state, title, words, depth=1, key=check.check_id,
                       loud=state is State.FAILED)  # fmt: skip

    def _hint(self) -> str:
        state = self.wizard.state
        done = list(state.findings.values())
        if state.doctor.busy:
            waited = duration(self.wizard.clock() - state.doctor.since)
            return f"Looking: {len(done)} of {len(self._checks())} done, {waited}, usually 5s – 20s"
        if not done:
            return "Nothing is changed by looking."
        cause = next((r for r in done if r.verdict is Verdict.FAIL), None)
        words = (
            "Mend the first failure; the rest may hang on it." if cause else "Nothing is broken."
        )
        return f"{_tally(done)}. {words}"

    def current(self) -> Check | None:
        """The check the cursor is on."""
        tree = self.query_one(TreeRows)
        if tree.cursor >= len(tree.lines):
            return None
        key = tree.lines[tree.cursor].key
        return next((c for c in CHECKS if c.check_id == key), None)

    def _show_evidence(self) -> None:
        check = self.current()
        ink, text = self.wizard.ink, Text()
        result = self.wizard.state.findings.get(check.check_id) if check else None
        if check is not None:
            text.append(f"{check.check_id}  {check.question}\n", ink.bold)
            if result is not None:
                text.append("Evidence  ", ink.muted)
                text.append(clean(result.finding.evidence, 1200) or "none needed", ink.plain)
                text.append("\n")
                if result.verdict in (Verdict.FAIL, Verdict.WARN):
                    text.append("Next      ", ink.muted)
                    text.append(check.hint, ink.plain)
        else:
            text.append("Enter opens and closes a section.", ink.muted)
        self.query_one("#evidence-text", Static).update(text)
        busy = self.wizard.state.doctor.busy
        self.query_one("#all", Button).disabled = busy
        self.query_one("#this", Button).disabled = busy or check is None
        self.query_one("#fix", Button).disabled = not self._fixable()

    def _fixable(self) -> bool:
        check, state = self.current(), self.wizard.state
        result = state.findings.get(check.check_id) if check else None
        busy = state.doctor.busy or state.preview.busy or state.fixed.busy
        return (
            result is not None
            and result.verdict is Verdict.FAIL
            and bool(result.check.fix)
            and not busy
        )

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The evidence follows the cursor."""
        event.stop()
        self._show_evidence()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a section."""
        event.stop()
        tree = self.query_one(TreeRows)
        line = tree.lines[event.index] if event.index < len(tree.lines) else None
        if line is not None and not line.depth:
            self._turned[line.key] = not self._shown_open.get(line.key, False)
            self.state_changed(frozenset({"open"}))

    on_rows_toggled = on_rows_chosen

    def next_label(self) -> str:
        """Look again."""
        return "Run all again"

    def next_ready(self) -> bool:
        """When nothing runs."""
        return not self.wizard.state.doctor.busy

    def forward(self) -> None:
        """Look again."""
        self.action_all()

    def action_all(self) -> None:
        """Run the whole checklist."""
        self._at_once = True
        self._turned.clear()
        self.wizard.home_jobs.examine()

    def action_this(self) -> None:
        """Run the check under the cursor, and its causes."""
        check = self.current()
        if check is not None:
            self.wizard.home_jobs.examine(check.check_id)

    def action_fix(self) -> None:
        """Preview the repair; the app asks, then mends."""
        check = self.current()
        if check is None or not self._fixable():
            self.notify("There is nothing here that can be mended from here.", markup=False)
            return
        self.wizard.home_jobs.preview_fix(self.wizard.state.findings[check.check_id])

    def action_copy(self) -> None:
        """The report as text."""
        found = self.wizard.state.findings
        lines = [
            f"{r.check.check_id}  {r.verdict.value}  {r.check.question}  {r.finding.evidence}"
            for c in self._checks()
            if (r := found.get(c.check_id)) is not None
        ]
        self.wizard.copy("\n".join(lines), "Report")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Run all, run this, fix."""
        actions = {"all": self.action_all, "this": self.action_this, "fix": self.action_fix}
        action = actions.get(event.button.id or "")
        if action is None:
            super().on_button_pressed(event)
        else:
            event.stop()
            action()


def _tally(results: list[Result]) -> str:
    good = sum(r.verdict is Verdict.PASS for r in results)
    parts = [f"{good} of {len(results)} passed", *_others(results)]
    return ", ".join(parts)


def _short(results: list[Result]) -> str:
    return ", ".join(_others(results)) or f"{len(results)} of {len(results)}"


def _others(results: list[Result]) -> list[str]:
    parts = []
    for verdict, word in (
        (Verdict.FAIL, "failed"), (Verdict.SKIPPED, "skipped"), (Verdict.UNCHECKED, "not checked"),
    ):  # fmt: skip
        if number := sum(r.verdict is verdict for r in results):
            parts.append(f"{number} {word}")
    if number := sum(r.verdict is Verdict.WARN for r in results):
        parts.append(count(number, "warning"))
    return parts


SCREEN = Doctor
