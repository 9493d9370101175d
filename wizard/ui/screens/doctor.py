"""Find what is wrong: every link from the API to the Wallarm Cloud, causes before consequences."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.widgets import Button

from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Check, Report, Result, selected
from wizard.core.checks.report import as_text
from wizard.core.events import State
from wizard.core.text import duration
from wizard.ui.screens import doctor_text
from wizard.ui.screens.step import HomePart
from wizard.ui.widgets import log_pane
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.log_pane import Pane
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRows

BESIDE = 150  # columns from which the pane stands beside the tree


class Doctor(HomePart):
    """The checklist."""

    STEP = "doctor"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next", "Next", id="next", priority=True, show=False),
        Binding("r", "all", "Run all"),
        Binding("t", "this", "This"),
        Binding("f", "fix", "Fix"),
        Binding("l", "logs", "Logs"),
        Binding("o", "open", "Open"),
        Binding("y", "copy", "Copy"),
        Binding("e", "export", "Export"),
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
        """The tree, and beside or below it the evidence or a log."""
        yield Failure()
        with Container(id="checklist"):
            yield TreeRows(id="tree", ragged=True)
            yield Pane()
        with Horizontal(classes="actions"):
            for key, words in (
                ("all", "Run all"),
                ("this", "Run this"),
                ("fix", "Fix"),
                ("logs", "Logs"),
                ("open", "Open in console"),
            ):
                yield Button(Text(words), compact=True, id=key)

    def started(self) -> None:
        """Look at once."""
        if not self.wizard.state.findings:
            self.wizard.home_jobs.examine()
        self.set_interval(0.5, self._tick)
        self.set_interval(log_pane.SECONDS, self._follow)

    def on_resize(self, event: events.Resize) -> None:
        """In a wide terminal the pane stands beside the tree."""
        self.set_class(event.size.width >= BESIDE, "-beside")

    def _tick(self) -> None:
        state = self.wizard.state
        if state.doctor.busy or state.preview.busy or state.fixed.busy or state.bundle.busy:
            self.say_hint(self._hint())

    def _follow(self) -> None:
        follower = self.query_one(Pane).follower
        if follower is not None:
            self.wizard.home_jobs.read_log(follower)

    def show(self, topics: frozenset[str]) -> None:
        """Tree and evidence."""
        state, pane = self.wizard.state, self.query_one(Pane)
        pane.tell()
        if topics == {"log"}:
            return
        if "followers" in topics:
            self._follow()
        self.query_one(Failure).tell(state.doctor.error)
        tree = self.query_one(TreeRows)
        lines, self._shown_open = doctor_text.rows(
            self._checks(), state.findings, busy=state.doctor.busy, turned=self._turned
        )
        tree.fill(lines)
        if self._at_once and not state.doctor.busy:
            failed = [
                n for n, line in enumerate(lines) if line.depth and line.state is State.FAILED
            ]
            if failed:
                self._at_once = False
                tree.go(failed[0])
        self.say_hint(self._hint())
        self._show_evidence()

    def _checks(self) -> tuple[Check, ...]:
        node = self.wizard.state.answers.deploys_node
        return selected(CHECKS, with_node=node, deep=True)

    def _hint(self) -> str:
        state = self.wizard.state
        done = list(state.findings.values())
        if state.doctor.busy:
            wanted = sum(not check.deep for check in self._checks())
            waited = duration(self.wizard.clock() - state.doctor.since)
            return f"Looking: {len(done)} of {wanted} done, {waited}, usually 5s – 20s"
        for item, words in (
            (state.preview, "Working out what the repair would do; nothing is changed yet"),
            (state.fixed, "Mending and recording it"),
            (state.bundle, "Putting the support bundle together"),
        ):
            if item.busy:
                return f"{words}: {duration(self.wizard.clock() - item.since)}, usually 2s – 10s"
        return doctor_text.advice(done) if done else "Nothing is changed by looking."

    def current(self) -> Check | None:
        """The check the cursor is on."""
        tree = self.query_one(TreeRows)
        if tree.cursor >= len(tree.lines):
            return None
        key = tree.lines[tree.cursor].key
        return next((c for c in CHECKS if c.check_id == key), None)

    def _result(self) -> Result | None:
        check = self.current()
        return self.wizard.state.findings.get(check.check_id) if check else None

    def _report(self) -> Report:
        last = self.wizard.state.doctor.value
        about = last.about if last else None
        return doctor_text.report(self._checks(), self.wizard.state.findings, about)

    def _show_evidence(self) -> None:
        check, ink = self.current(), self.wizard.ink
        shown: RenderableType = Text("Enter opens and closes a section.", ink.muted)
        if check is not None:
            shown = doctor_text.drawn(check, self._result(), ink)
        self.query_one(Pane).explain(shown)
        busy, result = self.wizard.state.doctor.busy, self._result()
        for key, off in (
            ("all", busy),
            ("this", busy or check is None),
            ("fix", not self._fixable()),
            ("open", result is None or not result.link),
        ):
            self.query_one(f"#{key}", Button).disabled = off

    def _fixable(self) -> bool:
        check, state = self.current(), self.wizard.state
        busy = state.doctor.busy or state.preview.busy or state.fixed.busy
        return check is not None and not busy and doctor_text.fixable(check, self._result())

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The evidence follows the cursor."""
        event.stop()
        self._show_evidence()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a section; show a check whole."""
        event.stop()
        tree = self.query_one(TreeRows)
        line = tree.lines[event.index] if event.index < len(tree.lines) else None
        check = self.current()
        if line is not None and not line.depth:
            self._turned[line.key] = not self._shown_open.get(line.key, False)
            self.state_changed(frozenset({"open"}))
        elif check is not None:
            from wizard.ui.screens.dialogs import Details

            result, ink = self._result(), self.wizard.ink
            shown, text = doctor_text.drawn(check, result, ink), doctor_text.copied(check, result)
            self.app.push_screen(Details(f"About {check.check_id}", shown, text, "text"))

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
        result = self._result()
        if result is None or not self._fixable():
            self.notify("There is nothing here that can be mended from here.", markup=False)
            return
        self.wizard.home_jobs.preview_fix(result)

    def action_logs(self) -> None:
        """Show the next log in place of the evidence, and follow it."""
        pane = self.query_one(Pane)
        self.wizard.home_jobs.find_logs()
        pane.turn()
        self.set_class(pane.shows_log, "-logs")
        self._follow()

    def action_open(self) -> None:
        """Open the page of the console that the check is about."""
        result = self._result()
        if result is None or not result.link:
            self.notify("No page of the console is about this.", markup=False)
            return
        self.wizard.open_page(result.link)

    def action_copy(self) -> None:
        """The report as text."""
        self.wizard.copy(as_text(self._report(), unicode=True), "Report")

    def action_export(self) -> None:
        """Write the report to a file; its ending says in which format."""
        from wizard.ui.screens.dialogs import AskFile

        report = self._report()
        if not report.results:
            self.notify("There is no report yet.", markup=False)
            return
        now = datetime.now(timezone.utc)
        self.app.push_screen(
            AskFile(
                "Export the report",
                "Text (.txt), JSON (.json) or JUnit XML (.xml); or .zip: a whole support bundle, "
                "redacted and shown first. An existing file is never overwritten.",
                f"wallarm-apigw-doctor-{now:%Y%m%dT%H%M%SZ}.txt",
            ),
            lambda name: self._export(name, report) if name else None,
        )

    def _export(self, name: str, report: Report) -> None:
        if name.lower().endswith(".zip"):
            self.wizard.jobs.support_bundle(name)
        else:
            self.wizard.home_jobs.export(name, doctor_text.exported(name, report))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """What the buttons say."""
        actions = {
            "all": self.action_all,
            "this": self.action_this,
            "fix": self.action_fix,
            "logs": self.action_logs,
            "open": self.action_open,
        }
        action = actions.get(event.button.id or "")
        if action is None:
            super().on_button_pressed(event)
        else:
            event.stop()
            action()


SCREEN = Doctor
