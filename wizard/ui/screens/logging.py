"""Logging switched on: each stage with its result, and a way back for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Button, Static

from wizard.core.errors import WizardError
from wizard.core.events import StageReport, State
from wizard.core.text import clean, count
from wizard.ui.screens.dialogs import Confirm, Details, whole
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import Failure, plain
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows


class Logging(StepScreen):
    """One row per stage."""

    STEP = "logging"
    HINT = "Each stage is changed, read back, and recorded with what was there before."
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "Undo this stage"),
        Binding("t", "retry", "Retry"),
    ]

    def body(self) -> ComposeResult:
        """Rows and the failure's buttons."""
        yield TreeRows(id="tree", title_share=0.45)
        yield Static("", id="said", markup=False)
        yield Failure()
        with Horizontal(classes="actions"):
            yield Button(Text("Undo this stage"), compact=True, id="undo")
            yield Button(Text("Retry"), compact=True, id="retry", variant="primary")
            yield Button(Text("Copy"), compact=True, id="copy")

    def _refs(self) -> list[str]:
        return list(dict.fromkeys((*self.session.answers.stages, *self._reports())))

    def _reports(self) -> dict[str, StageReport]:
        return self.run.now.reports

    def started(self) -> None:
        """Each stage as it is reported."""
        self.follow(self.run.changed, self.show)

    def show(self) -> None:
        """State of each stage."""
        run = self.run.now
        lines = []
        for ref in self._refs():
            report = self._reports().get(ref)
            name = self._title_of(ref)
            if report is None:
                todo = State.RUNNING if run.busy and "deploy" in run.done else State.TODO
                lines.append(TreeRow(todo, name, todo.value))
            elif ref in run.put_back:
                lines.append(TreeRow(State.SKIPPED, name, "put back as it was"))
            else:
                lines.append(
                    TreeRow(
                        report.state,
                        name,
                        clean(report.message),
                        report.state.value,
                        loud=report.state is State.FAILED,
                    )
                )
        tree = self.query_one(TreeRows)
        tree.nothing = "no stage had to be changed"
        tree.fill(lines)
        back = run.put_back
        done = sum(r.state is State.DONE and ref not in back for ref, r in self._reports().items())
        failed = len(run.failed_stages)
        hint = f"{done} of {count(len(lines), 'stage')} switched on"
        if back:
            hint += f", {len(back)} put back"
        hint += f", {failed} failed. The others are not affected." if failed else f". {self.HINT}"
        self.say_hint(hint)
        error = run.error if run.error_phase == self.STEP else None
        self.query_one(Failure).tell(error)
        retry = self.query_one("#retry", Button)
        retry.display = not run.busy and (error is not None or bool(failed))
        retry.label = Text(f"Retry {count(failed, 'stage')}" if failed else "Retry")
        self.query_one("#copy", Button).display = error is not None or bool(failed)
        self.query_one("#undo", Button).disabled = not done or run.busy
        self._say_whole()

    def _ref(self) -> str:
        """The stage under the cursor; none while there is none."""
        refs = self._refs()
        return refs[min(self.query_one(TreeRows).cursor, len(refs) - 1)] if refs else ""

    def _say_whole(self) -> None:
        """What a row has no room for: the failure of the stage under the cursor, whole.

        Where that one is fine, the first that failed.
        """
        bad = {
            ref: r for ref, r in self._reports().items() if r.state in (State.FAILED, State.WARNING)
        }
        ref = self._ref() if self._ref() in bad else next(iter(bad), "")
        said = self.query_one("#said", Static)
        said.display = bool(ref)
        if ref:
            said.update(Text(f"{self._title_of(ref)}: {clean(bad[ref].message, 800)}"))

    def _title_of(self, ref: str) -> str:
        row = self.account.row(ref)
        return f"{row.name} / {row.stage}" if row else clean(ref)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another stage, another message."""
        event.stop()
        self._say_whole()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Show a line whole, with what the owner of the stage puts into their template."""
        event.stop()
        lines = self.query_one(TreeRows).lines
        if event.index >= len(lines):
            return
        snippet = self.run.snippet(self._ref())
        if snippet:
            said = clean(lines[event.index].middle, 4000)
            text = f"{said}\n\nFor the template of its owner:\n\n{snippet}"
            self.app.push_screen(Details(lines[event.index].title, Text(text), snippet, "snippet"))
        else:
            self.app.push_screen(whole(lines[event.index]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Undo where something was done; Retry after a failure."""
        run = self.run.now
        if action == "undo":
            return bool(run.reports) and not run.busy
        if action == "retry":
            return not run.busy and (run.error is not None or bool(run.failed_stages))
        return super().check_action(action, parameters)

    def next_ready(self) -> bool:
        """Only when this part ended well."""
        return self.STEP in self.run.now.done

    def why_not(self) -> str:
        """Next works when all stages have a result."""
        run = self.run.now
        if self.STEP in run.done:
            return ""
        return "switching on" if run.busy else "not finished"

    def next_label(self) -> str:
        """Proof, or Home."""
        return "Next: Proof" if self.session.answers.proof != "skip" else "Next: Home"

    def forward(self) -> None:
        """Proof, or Home."""
        if self.session.answers.proof == "skip":
            self.go_home()
        else:
            self.mover.go("proof")

    def action_undo(self) -> None:
        """Put one stage back, after a question."""
        ref = self._ref()
        tree = self.query_one(TreeRows)
        if not ref or ref in self.run.now.put_back:
            return
        if self.query_one("#undo", Button).disabled:
            return
        if (report := self._reports().get(ref)) is None or report.state is not State.DONE:
            return
        self.app.push_screen(
            Confirm(
                "Put this stage's logging back?",
                f"{tree.lines[tree.cursor].title} gets exactly the access-log settings it had "
                "before. Wallarm learns nothing more from it.",
                keep="Leave it on",
                act="Put it back",
            ),
            lambda yes: self._agreed(ref) if yes else None,
        )

    def _agreed(self, ref: str) -> None:
        self._put_back(ref)

    @dataclass
    class StagePutBack(Message):
        """A stage was put back, or could not be."""

        found: StageReport | WizardError

    @work(thread=True, exclusive=True, group="undo_stage", exit_on_error=False)
    def _put_back(self, ref: str) -> None:
        found = self.boundary.attempt(lambda: self.run.undo_stage(ref), changes=True)
        self.tell(self.StagePutBack(found))

    @on(StagePutBack)
    def _stage_put_back(self, event: StagePutBack) -> None:
        if isinstance(event.found, WizardError):
            self.notify(str(event.found), severity="error", markup=False, timeout=20)
            return
        self.run.now.hear(event.found)
        self.show_all()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Undo, retry, copy."""
        run = self.run.now
        name = event.button.id
        if name == "undo":
            event.stop()
            self.action_undo()
        elif name == "retry":
            event.stop()
            self.action_retry()
        elif name == "copy":
            event.stop()
            said = [f"{ref}: {self._reports()[ref].message}" for ref in run.failed_stages]
            if run.error is not None:
                said.insert(0, plain(run.error))
            self.mover.copy("\n".join(said), "Error")

    def action_retry(self) -> None:
        """Go on with what is not done; where all parts ended, with the stages that failed."""
        run = self.run.now
        if run.error is not None and not run.busy:
            self.run.start()
        elif run.failed_stages:
            self.run.retry_stages()


SCREEN = Logging
