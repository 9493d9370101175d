"""The checks of the first screen: one row each, and a Retry where one is not good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button

from wizard.core.events import State
from wizard.flows.preflight import Check
from wizard.ui.widgets.lines import StateLines

RETRY = (State.FAILED, State.UNCHECKED, State.WARNING)


class CheckRow(Horizontal):
    """One check: sign, question, answer, next step, Retry."""

    DEFAULT_CSS = """
    CheckRow { height: auto; width: 1fr; }
    CheckRow Button { margin-left: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "retry", "Retry this")]

    class Retried(Message):
        """This check is to be run again."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check

    def compose(self) -> ComposeResult:
        """The line, and the button at its end."""
        yield StateLines()
        yield Button(Text("Retry"), compact=True)

    def on_mount(self) -> None:
        """Show what is known by now."""
        self.tell(self.check)

    def tell(self, check: Check) -> None:
        """Show this. While it runs again the button stays: it has the focus."""
        self.check = check
        if not self.children:  # on its way to the screen
            return
        text = check.answer or check.state.value
        self.query_one(StateLines).fill([(check.state, check.question, text, "", check.next_step)])
        button = self.query_one(Button)
        running = check.state in (State.TODO, State.RUNNING)
        wanted = check.state in RETRY or (running and button.has_focus)
        if button.has_focus and not wanted:  # the keys go on to what is next
            self.screen.focus_next()
        button.display = wanted

    def action_retry(self) -> None:
        """Run it again."""
        self.post_message(self.Retried(self.check.key))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Run it again."""
        event.stop()
        self.action_retry()


class CheckRows(Vertical):
    """All of them, in the order in which they were told."""

    DEFAULT_CSS = "CheckRows { height: auto; width: 1fr; }"

    def compose(self) -> ComposeResult:
        """A line until there is something to show."""
        yield StateLines(id="looking")

    def fill(self, checks: Iterable[Check]) -> None:
        """Show these."""
        checks = tuple(checks)
        rows = {row.check.key: row for row in self.query(CheckRow)}
        looking = self.query_one("#looking", StateLines)
        looking.display = not checks
        if not checks:
            looking.fill([(State.RUNNING, "Looking around", "usually under 3s", "", "")])
        for check in checks:
            if check.key in rows:
                if rows[check.key].check != check:
                    rows[check.key].tell(check)
            else:
                self.mount(CheckRow(check))
        for key in rows.keys() - {check.key for check in checks}:
            rows[key].remove()
