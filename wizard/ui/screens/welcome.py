"""First screen: what will happen, what it costs, what is left alone, and the live checks."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from wizard.core.answers import steps as welcome
from wizard.core.events import State
from wizard.core.text import count
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import CheckRow, CheckRows, Failure


class Welcome(StepScreen):
    """Welcome and preflight."""

    STEP = "welcome"
    HINT = welcome.HINT
    AUTO_FOCUS = "#next"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "retry", "Check again")]

    def body(self) -> ComposeResult:
        """Facts, then checks."""
        with VerticalScroll():
            yield Static(id="facts")
            yield Static(welcome.CHECKS, classes="section", markup=False)
            yield CheckRows(id="checks")
            yield Failure()
            with Horizontal(classes="actions"):
                yield Button(Text("Check again"), compact=True, id="retry")

    def show(self, topics: frozenset[str]) -> None:
        """The checks as they come in."""
        state = self.wizard.state
        if topics & {"mount", "theme"}:
            self._show_facts()
        if not topics & {"mount", "theme", "preflight"}:
            return
        self.query_one(CheckRows).fill(state.checks.values())
        self.query_one(Failure).tell(state.preflight.error)
        self.query_one("#retry", Button).disabled = state.preflight.busy

    def _show_facts(self) -> None:
        ink = self.wizard.ink
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=15, no_wrap=True)
        grid.add_column(ratio=1)
        for title, text in welcome.FACTS:
            grid.add_row(Text(title, ink.accent), Text(text, ink.plain))
        self.query_one("#facts", Static).update(grid)

    def why_not(self) -> str:
        """A failed check does not stop the questions; the bar says how many there are."""
        failed = [c for c in self.wizard.state.checks.values() if c.state is State.FAILED]
        return f"{count(len(failed), 'check')} failed, see above" if failed else ""

    def action_next(self) -> None:
        """Go on in any case."""
        self.forward()

    def action_retry(self) -> None:
        """Run the checks again."""
        self._look()

    def on_check_row_retried(self, event: CheckRow.Retried) -> None:
        """Run one again, with those that hang on it."""
        event.stop()
        self._look(event.key)

    def _look(self, only: str = "") -> None:
        if self.wizard.state.preflight.busy:
            return
        self.wizard.jobs.preflight(only)
        if only in ("", "identity"):  # the account that stays on the screen
            self.wizard.jobs.identify()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Retry."""
        if event.button.id == "retry":
            event.stop()
            self.action_retry()
        else:
            super().on_button_pressed(event)


SCREEN = Welcome
