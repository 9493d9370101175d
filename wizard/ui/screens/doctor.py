"""Find what is wrong: every link from the API to the Wallarm Cloud, causes before consequences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal
from textual.message import Message
from textual.widgets import Button, Input

from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Check, Report, Result, selected
from wizard.core.checks.report import as_text
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.core.text import clean, duration
from wizard.ui import theme
from wizard.ui.guide import Guide
from wizard.ui.screens import doctor_text
from wizard.ui.screens.dialogs import AskFile, Confirm, Details
from wizard.ui.screens.step import HomePart
from wizard.ui.screens.support_bundle import SupportBundle
from wizard.ui.session import Loaded
from wizard.ui.widgets import log_pane
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.log_pane import Pane, Tails
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRows

if TYPE_CHECKING:
    from wizard.flows.doctor import doctor as flows
    from wizard.flows.doctor.logs import Follower, Tail

    Previewed = tuple[Result, str]  # a failed check and what its repair would do

BESIDE = 150  # columns from which the pane stands beside the tree


class Doctor(HomePart):
    """The checklist."""

    STEP = "doctor"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "next", "Next", id="next", priority=True, show=False),
        Binding("r", "all", "Run all", tooltip="Look at every link again"),
        Binding(
            "t", "this", "This", tooltip="Run the check under the cursor, and what it hangs on"
        ),
        Binding("f", "fix", "Fix", tooltip="Preview the repair of this check, then ask"),
        Binding("l", "logs", "Logs", tooltip="Show the logs in turn beside the checklist"),
        Binding(
            "o", "open", "Open", tooltip="Open the page of the AWS console that the check is about"
        ),
        Binding("y", "copy", "Copy", tooltip="Copy the report, or a log on the whole screen"),
        Binding("e", "export", "Export", tooltip="Write the report or a support bundle to a file"),
        Binding(
            "slash", "find", "Find", show=False, tooltip="Show only lines of this log with a word"
        ),
        Binding("p", "pause", "Pause", show=False, tooltip="Hold this log still, or go on"),
        Binding(
            "w", "whole", "Whole screen", show=False, tooltip="Give this log all the room there is"
        ),
    ]

    QUESTION = "Find what is wrong"

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._looked: Loaded[Report] = Loaded()
        self.findings: dict[str, Result] = {}
        self._preview: Loaded[Previewed] = Loaded()
        self._repair: Loaded[Result] = Loaded()
        self._bundle = SupportBundle(self, guide)
        self._tails = Tails()
        self._turned: dict[str, bool] = {}  # sections opened or closed by hand
        self._shown_open: dict[str, bool] = {}
        self._at_once = True  # the cursor goes to the first failure, once

    def _flow(self) -> flows.Doctor:
        """From a worker: the doctor; loading it takes a moment."""
        return self.product.doctor(self.session.answers)

    @property
    def busy(self) -> bool:
        """Whether the checklist runs."""
        return self._looked.busy

    def body(self) -> ComposeResult:
        """The tree, and beside or below it the evidence or a log."""
        yield Failure()
        with Container(id="checklist"):
            yield TreeRows(id="tree", ragged=True)
            yield Pane(self._tails)
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
        self._examine()
        self.set_interval(0.5, self._tick)
        self.set_interval(log_pane.SECONDS, self._follow)

    def on_resize(self, event: events.Resize) -> None:
        """In a wide terminal the pane stands beside the tree."""
        self.set_class(event.size.width >= BESIDE, "-beside")

    def _tick(self) -> None:
        works = (self._looked, self._preview, self._repair, self._bundle.loaded)
        if any(item.busy for item in works):
            self.say_hint(self._hint())

    def _follow(self) -> None:
        follower = self.query_one(Pane).follower
        if follower is not None and not self._tails.news.busy:
            self._tails.news.begin(self.guide.clock())
            self._read_log(follower)

    # The checklist --------------------------------------------------------------------------------

    @dataclass
    class Found(Message):
        """A check has its finding."""

        result: Result

    @dataclass
    class Examined(Message):
        """All of them have theirs, or could not be looked at."""

        found: Report | WizardError

    @work(thread=True, exclusive=True, group="doctor", exit_on_error=False)
    def _run_checks(self, only: tuple[str, ...], token: Secret | None) -> None:
        found = self.boundary.attempt(
            lambda: self._flow().examine(only, token, lambda r: self.tell(self.Found(r)))
        )
        self.tell(self.Examined(found))

    def _examine(self, *only: str) -> None:
        if self._looked.busy:
            return
        if not only:
            self.findings.clear()
        self._looked.begin(self.guide.clock())
        self._run_checks(only, self.session.api_token or self.session.token)
        self.show_all()

    @on(Found)
    def _found(self, event: Found) -> None:
        self.findings[event.result.check.check_id] = event.result
        self.show_all()

    @on(Examined)
    def _examined(self, event: Examined) -> None:
        self._looked.end(event.found)
        self.show_all()

    # Repairs --------------------------------------------------------------------------------------

    @dataclass
    class PreviewRead(Message):
        """What a repair would do is known."""

        found: Previewed | WizardError

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def _read_preview(self, result: Result) -> None:
        def work() -> Previewed:
            self.run.close()  # it holds the deployment's lock
            return result, self._flow().preview(result)

        found = self.boundary.attempt(work)
        self.tell(self.PreviewRead(found))

    @on(PreviewRead)
    def _preview_read(self, event: PreviewRead) -> None:
        self._preview.end(event.found)
        self.show_all()
        if isinstance(event.found, WizardError):
            self._complain(event.found)
            return
        result, preview = event.found
        self.app.push_screen(
            Confirm(
                f"{result.check.check_id}: fix it?",
                f"{clean(preview, 800)}\n\nThe change is recorded. Nothing else is touched.",
                keep="Leave it",
                act="Fix it",
                danger=False,
            ),
            lambda yes: self._start_repair(result) if yes else None,
        )

    def _start_repair(self, result: Result) -> None:
        def work() -> Result:
            self.run.close()
            self._flow().repair(result)
            return result

        self._repair.begin(self.guide.clock())
        # Not of this screen: a repair that has begun is not given up when somebody leaves.
        self.boundary.start("fixed", work, self._repaired, changes=True)
        self.show_all()

    def _repaired(self, found: Result | WizardError) -> None:
        self._repair.end(found)
        if isinstance(found, WizardError):
            self._complain(found)
        else:
            self.app.notify("Fixed. Looking again.", markup=False)
        if self.is_running:
            if not isinstance(found, WizardError):
                self._examine()
            self.show_all()

    def _complain(self, error: WizardError) -> None:
        self.app.notify(str(error), severity="error", markup=False, timeout=20)

    # Logs -----------------------------------------------------------------------------------------

    @dataclass
    class LogsFound(Message):
        """Which logs the deployment has is known."""

        found: tuple[Follower, ...] | WizardError

    @dataclass
    class LogRead(Message):
        """What is new in one log."""

        key: str
        found: Tail | WizardError

    @work(thread=True, exclusive=True, group="followers", exit_on_error=False)
    def _find_logs(self) -> None:
        self.tell(self.LogsFound(self.boundary.attempt(lambda: self._flow().logs())))

    @on(LogsFound)
    def _logs_found(self, event: LogsFound) -> None:
        self._tails.followers.end(event.found)
        self.query_one(Pane).tell()
        self._follow()

    @work(thread=True, exclusive=True, group="log", exit_on_error=False)
    def _read_log(self, follower: Follower) -> None:
        found = self.boundary.attempt(follower.news)
        self.tell(self.LogRead(follower.source.key, found))

    @on(LogRead)
    def _log_read(self, event: LogRead) -> None:
        self._tails.hear(event.key, event.found)
        self.query_one(Pane).tell()

    # What is shown --------------------------------------------------------------------------------

    def show(self) -> None:
        """Tree and evidence."""
        busy = self._looked.busy
        self.query_one(Pane).tell()
        self.query_one(Failure).tell(self._looked.error)
        tree = self.query_one(TreeRows)
        lines, self._shown_open = doctor_text.rows(
            self._checks(), self.findings, busy=busy, turned=self._turned
        )
        tree.fill(lines)
        if self._at_once and not busy:
            failed = [
                n for n, line in enumerate(lines) if line.depth and line.state is State.FAILED
            ]
            if failed:
                self._at_once = False
                tree.go(failed[0])
        self.say_hint(self._hint())
        self._show_evidence()

    def _checks(self) -> tuple[Check, ...]:
        node = self.session.answers.deploys_node
        return selected(CHECKS, with_node=node, deep=True)

    def _hint(self) -> str:
        done, now = list(self.findings.values()), self.guide.clock()
        if self._looked.busy:
            wanted = sum(not check.deep for check in self._checks())
            waited = duration(now - self._looked.since)
            return f"Looking: {len(done)} of {wanted} done, {waited}, usually 5s – 20s"
        for item, words in (
            (self._preview, "Working out what the repair would do; nothing is changed yet"),
            (self._repair, "Fixing and recording it"),
            (self._bundle.loaded, "Putting the support bundle together"),
        ):
            if item.busy:
                return f"{words}: {duration(now - item.since)}, usually 2s – 10s"
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
        return self.findings.get(check.check_id) if check else None

    def _report(self) -> Report:
        last = self._looked.value
        about = last.about if last else None
        return doctor_text.report(self._checks(), self.findings, about)

    def _show_evidence(self) -> None:
        check, ink = self.current(), theme.ink(self)
        shown: RenderableType = Text("Enter opens and closes a section.", ink.muted)
        if check is not None:
            shown = doctor_text.drawn(check, self._result(), ink)
        self.query_one(Pane).explain(shown)
        busy, result = self._looked.busy, self._result()
        for key, off in (
            ("all", busy),
            ("this", busy or check is None),
            ("fix", not self._fixable()),
            ("open", result is None or not result.link),
        ):
            self.query_one(f"#{key}", Button).disabled = off

    def _fixable(self) -> bool:
        check = self.current()
        busy = self._looked.busy or self._preview.busy or self._repair.busy
        return check is not None and not busy and doctor_text.fixable(check, self._result())

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The evidence follows the cursor of the checklist."""
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
            self.show_all()
        elif check is not None:
            result, ink = self._result(), theme.ink(self)
            shown, text = doctor_text.drawn(check, result, ink), doctor_text.copied(check, result)
            self.app.push_screen(Details(f"About {check.check_id}", shown, text, "text"))

    on_rows_toggled = on_rows_chosen

    def next_label(self) -> str:
        """Look again."""
        return "Run all again"

    def next_ready(self) -> bool:
        """When nothing runs."""
        return not self._looked.busy

    def forward(self) -> None:
        """Look again."""
        self.action_all()

    def action_all(self) -> None:
        """Run the whole checklist."""
        self._at_once = True
        self._turned.clear()
        self._examine()

    def action_this(self) -> None:
        """Run the check under the cursor, and its causes."""
        check = self.current()
        if check is not None:
            self._examine(check.check_id)

    def action_fix(self) -> None:
        """Preview the repair; the app asks, then mends."""
        result = self._result()
        if result is None or not self._fixable():
            self.notify("There is nothing here that can be fixed from here.", markup=False)
            return
        self._preview.begin(self.guide.clock())
        self._read_preview(result)
        self.show_all()

    def action_logs(self) -> None:
        """Show the next log in place of the evidence, and follow it."""
        pane = self.query_one(Pane)
        known = self._tails.followers
        if known.value is None and not known.busy:
            known.begin(self.guide.clock())
            self._find_logs()
        pane.turn()
        self.set_class(pane.shows_log, "-logs")
        if not pane.shows_log:
            self.remove_class("-whole")
        self.set_focus(self.query_one("#tail" if pane.shows_log else "#tree"))
        self._follow()

    def action_find(self) -> None:
        """Find lines of the log that is shown."""
        self.query_one(Pane).search()

    def action_pause(self) -> None:
        """Hold the log still, or go on."""
        self.query_one(Pane).pause()

    def action_whole(self) -> None:
        """Give the log all the room there is, or the checklist its own again."""
        self.toggle_class("-whole")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A log has keys of its own; where it has all the room, the checklist has none."""
        if action in ("find", "pause", "whole"):
            return self._alive and self.query_one(Pane).shows_log
        if action in ("this", "fix", "open", "export") and self.has_class("-whole"):
            return False
        return super().check_action(action, parameters)

    def action_escape(self) -> None:
        """Out of the field, the whole screen, the search; then Home."""
        if isinstance(self.focused, Input):
            super().action_escape()
        elif self.has_class("-whole"):
            self.remove_class("-whole")
        elif not self.query_one(Pane).forget_search():
            super().action_escape()

    def action_open(self) -> None:
        """Open the page of the console that the check is about."""
        result = self._result()
        if result is None or not result.link:
            self.notify("No page of the console is about this.", markup=False)
            return
        self.mover.open_page(result.link)

    def action_copy(self) -> None:
        """The report as text; of a log that has all the room, its lines."""
        if self.has_class("-whole"):
            self.mover.copy(self.query_one(Pane).copied(), "Log")
            return
        self.mover.copy(as_text(self._report(), unicode=True), "Report")

    def action_export(self) -> None:
        """Write the report to a file; its ending says in which format."""
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
            self._bundle.offer(name)
        else:
            text = doctor_text.exported(name, report)
            write = self._flow
            self.boundary.start(
                "exported", lambda: write().export(name, text), self._bundle.written
            )

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
        if action is not None:
            event.stop()
            action()


SCREEN = Doctor
