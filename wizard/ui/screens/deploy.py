"""The deployment live: groups and resources, an honest time, problems, and a way to stop."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input, RichLog, TabbedContent, TabPane

from wizard.core.terraform.plans import group_of
from wizard.core.text import clean, count
from wizard.ui import theme
from wizard.ui.guide import Guide
from wizard.ui.screens import home_text
from wizard.ui.screens.dialogs import Confirm, Details, TypedConfirm, whole
from wizard.ui.screens.progress_rows import headline, problem_text, rows, settling
from wizard.ui.screens.step import StepScreen
from wizard.ui.screens.support_bundle import SupportBundle
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.lines import Failure, Meter, plain
from wizard.ui.widgets.rows import Rows, fit
from wizard.ui.widgets.tree import TreeRow, TreeRows

if TYPE_CHECKING:
    from wizard.ui.deployment_run import RunState


class RunLog(Rows):
    """What a run told, a line in each row; at its end it follows what comes.

    It keeps the numbers of lines, not the lines drawn: thousands of those take the collector a
    fifth of a second each time it goes through them.
    """

    def __init__(self) -> None:
        super().__init__(id="log")
        self.run: RunState | None = None
        self.told = 0  # lines of the run that are taken up
        self.wanted = ""  # only lines with this word are shown
        self._numbers: Sequence[int] = ()

    def tell(self, run: RunState) -> None:
        """Take up what is new. The cursor stays on its line."""
        first, wanted = run.told - len(run.lines), self.wanted.lower()
        last = self.cursor >= self.total() - 1
        here = self._numbers[self.cursor] if not last else 0
        self.run, self.told, self._numbers = run, run.told, range(first, run.told)
        if wanted:
            self._numbers = [n for n, line in enumerate(run.lines, first) if wanted in line.lower()]
        self.reload()
        self.go(self.total() - 1 if last else bisect_left(self._numbers, here))

    def line(self, index: int) -> str:
        """The line of a row, whole."""
        run = self.run
        at = self._numbers[index] - (run.told - len(run.lines)) if run else -1
        return clean(run.lines[at], 4000) if run and at >= 0 else ""

    def total(self) -> int:
        """Rows now."""
        return len(self._numbers)

    def row(self, index: int, width: int) -> Text:
        """As much of the line as there is room for; Enter shows the rest."""
        ink = theme.ink(self)
        text = Text(fit(self.line(index), width), ink.plain)
        if self.wanted:
            text.highlight_words([self.wanted], ink.warn + ink.strong, case_sensitive=False)
        return text

    def empty(self) -> str:
        """Where nothing was told, or nothing that is searched for."""
        return "No line has that." if self.wanted else ""


class Deploy(StepScreen):
    """Terraform at work."""

    STEP = "deploy"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", show=False, priority=True),
        Binding("right", "tab(1)", "Tabs", key_display="←→", priority=True),
        Binding("c", "stop", "Stop", tooltip="Ask, then stop when what is running is finished"),
        Binding("t", "retry", "Retry", tooltip="Go on with what is not done"),
        Binding("y", "copy", "Copy", tooltip="Copy the failure as text"),
        Binding("slash", "find", "Find", key_display="/", tooltip="Search the log"),
    ]
    DEFAULT_CSS = """
    Deploy #find { display: none; }
    Deploy.-search #find { display: block; }
    """

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._bundle = SupportBundle(self, guide)
        self._open: set[str] = set()

    def body(self) -> ComposeResult:
        """Meter, failure, tabs, buttons."""
        yield Meter()
        yield Failure()
        with TabbedContent(id="tabs"):
            with TabPane("Resources", id="resources"):
                yield TreeRows(id="tree", title_share=0.6)
            with TabPane("Log", id="log-pane"):
                yield RunLog()
                yield CleanInput(id="find", placeholder="find in the log", spaces=True)
            with TabPane("Problems (0)", id="problems-pane"):
                yield RichLog(id="problems", max_lines=500, wrap=True, markup=False)
        with Horizontal(classes="actions"):
            yield Button(Text("Stop"), compact=True, id="stop")
            yield Button(Text("Retry"), compact=True, id="retry", variant="primary")
            yield Button(Text("Undo"), compact=True, id="undo")
            yield Button(Text("Support bundle"), compact=True, id="bundle")
            yield Button(Text("Copy"), compact=True, id="copy")

    def started(self) -> None:
        """The product keeps its own clock: Terraform speaks every ten seconds only."""
        self.follow(self.run.changed, self.show)
        self.show_all()

    def show(self) -> None:
        """Everything from the run's state."""
        run, ink, now = self.run.now, theme.ink(self), self.guide.clock()
        self.say_hint(headline(run, ink, now))
        fraction = run.progress.fraction if run.progress else 0.0
        self.query_one(Meter).show(1.0 if "deploy" in run.done else fraction)
        self.query_one(Failure).tell(run.error if not run.busy else None)
        self.query_one(TreeRows).fill(self._rows(now))
        self.query_one(RunLog).tell(run)
        self._write_problems()
        failed = run.error is not None and not run.busy
        for name, visible in (
            ("#stop", run.busy),
            ("#retry", failed),
            ("#bundle", failed),
            ("#copy", failed),
            ("#undo", failed and self.session.mode == "install"),
        ):
            self.query_one(name, Button).display = visible
        self.query_one("#stop", Button).label = Text(
            "Stop now, without waiting" if run.cancelling else "Stop"
        )

    def _rows(self, now: float) -> list[TreeRow]:
        reviewed, answers = self.run.review.value, self.session.answers
        planned = home_text.planned(reviewed.plan) if reviewed is not None else ()
        stages = len(reviewed.changes if reviewed is not None else answers.stages)
        work = [one for one in planned if one.action != "import"]  # Terraform tells of none
        groups = [group_of(one.resource_type, one.address) for one in work]
        proof = answers.proof != "skip"
        return rows(self.run.now, groups, stages, now, self._open, proof=proof)

    def _write_problems(self) -> None:
        run = self.run.now
        title = f"Problems ({run.problems})"
        tab = self.query_one(TabbedContent).get_tab("problems-pane")
        if str(tab.label) != title or not self.query_one("#problems", RichLog).lines:
            tab.label = title
            log = self.query_one("#problems", RichLog)
            log.clear()
            log.write(problem_text(run, theme.ink(self)))

    def next_ready(self) -> bool:
        """Only when this part ended well."""
        return self.STEP in self.run.now.done

    def why_not(self) -> str:
        """Next works when the deployment is done."""
        run = self.run.now
        if self.STEP in run.done:
            return ""
        if run.cancelling and run.busy:
            return "stopping: finishing what Terraform is doing"
        if "undo" in run.done and not run.busy:
            return "taken away"
        return "at work" if run.busy else "not finished"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop while it runs; Retry and Copy after a failure."""
        run = self.run.now
        if action == "stop":
            return run.busy
        if action in ("retry", "copy"):
            return run.error is not None and not run.busy
        if action == "tab" and isinstance(self.focused, Input):
            return False  # there, arrows move in the text
        if action == "escape" and self.has_class("-search"):
            return True
        return super().check_action(action, parameters)

    def can_go_back(self) -> bool:
        """Back to the review after a failure, or after what was made is taken away."""
        run = self.run.now
        return not run.busy and (run.error is not None or "undo" in run.done)

    def action_back(self) -> None:
        """To the review; its plan is void by now."""
        if self.can_go_back():
            self.run.start_anew()
            self.mover.go("review")

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a group; show another line whole."""
        event.stop()
        if isinstance(event.rows, RunLog):
            line = event.rows.line(event.index)
            self.app.push_screen(Details("The whole line", Text(line), line, "line"))
            return
        tree = self.query_one(TreeRows)
        if event.index >= len(tree.lines):
            return
        if key := tree.lines[event.index].key:
            self._open ^= {key}
            self.show()
        else:
            self.app.push_screen(whole(tree.lines[event.index]))

    on_rows_toggled = on_rows_chosen

    def action_find(self) -> None:
        """Ask for a word; only lines of the log with it are shown."""
        self.query_one(TabbedContent).active = "log-pane"
        self.add_class("-search")
        self.query_one("#find", CleanInput).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as one types."""
        event.stop()
        log = self.query_one(RunLog)
        log.wanted = event.value.strip()
        log.tell(self.run.now)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to what was found."""
        event.stop()
        self.query_one(RunLog).focus()

    def action_escape(self) -> None:
        """All lines again, before the screen is left."""
        if not self.has_class("-search"):
            super().action_escape()
            return
        self.remove_class("-search")
        self.query_one("#find", CleanInput).value = ""
        self.query_one(RunLog).focus()

    def action_stop(self) -> None:
        """Ask, then stop gracefully; the second time, harder and with a warning."""
        run = self.run.now
        if not run.busy:
            return
        if not run.cancelling:
            running = len(run.progress.running) if run.progress else 0
            self.app.push_screen(
                Confirm(
                    "Stop the deployment?",
                    f"Terraform finishes the {count(running, 'resource')} it is working on "
                    "(usually under 3m), saves its state and stops. Retry goes on from there; "
                    "Undo takes away what was made.",
                    keep="Keep going",
                    act="Stop gracefully",
                ),
                lambda yes: self.run.stop() if yes else None,
            )
        else:
            self.app.push_screen(
                TypedConfirm(
                    "Stop at once?",
                    f"{settling(run.progress)} What Terraform is making right now may then exist "
                    "in AWS without being in its state. The next run looks for it and names what "
                    "it cannot take over. Waiting is better.",
                    word="kill",
                    keep="Wait",
                    act="Stop at once",
                ),
                lambda yes: self.run.stop_now() if yes else None,
            )

    def action_retry(self) -> None:
        """Go on with what is not done."""
        run = self.run.now
        if run.error is not None and not run.busy:
            self.run.start()

    def action_copy(self) -> None:
        """The failure as text."""
        run = self.run.now
        if run.error is not None:
            self.mover.copy(plain(run.error), "Error")

    def action_undo(self) -> None:
        """Take away what was made, after a question. Only of a first install: what was there
        before a change of settings is not this run's to take away."""
        if self.session.mode != "install":
            return
        self.app.push_screen(
            Confirm(
                "Take away what was made?",
                "Everything that this deployment has made so far will be destroyed, and changed "
                "stages get their old logging back. Your APIs are not touched.",
                keep="Keep it",
                act="Undo",
            ),
            lambda yes: self.run.undo() if yes else None,
        )

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The failure's buttons."""
        actions = {
            "stop": self.action_stop,
            "retry": self.action_retry,
            "undo": self.action_undo,
            "bundle": self._bundle.offer,
            "copy": self.action_copy,
        }
        action = actions.get(event.button.id or "")
        if action is not None:
            event.stop()
            action()


SCREEN = Deploy
