"""Lines of a check or a journey: sign, title, what was seen; and the panel of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from wizard.core.events import State
from wizard.core.text import clean
from wizard.flows.preflight import FirstCheck
from wizard.ui import theme

if TYPE_CHECKING:
    from wizard.core.errors import WizardError
    from wizard.ui.theme import Ink


class StateLines(Static):
    """Rows of (state, title, text, right-hand text, further line)."""

    DEFAULT_CSS = "StateLines { height: auto; width: 1fr; }"

    def fill(
        self, lines: Iterable[tuple[State, str, str, str, str]], *, title_width: int = 20
    ) -> None:
        """Show these lines."""
        ink = theme.ink(self)
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1 if ink.unicode else 4, no_wrap=True)
        if title_width:
            grid.add_column(width=title_width, no_wrap=True, overflow="ellipsis")
        grid.add_column(ratio=1)
        grid.add_column(no_wrap=True, justify="right")
        for state, title, text, right, further in lines:
            todo = state in (State.TODO, State.SKIPPED)
            body = Text(
                clean(text, 600), ink.muted if todo or state is State.RUNNING else ink.plain
            )
            if further:
                body.append(("\n" if text else "") + clean(further, 800), ink.muted)
            cells = [ink.mark(state), body, Text(right, ink.muted)]
            if title_width:
                cells.insert(1, Text(clean(title, 200), ink.muted if todo else ink.plain))
            grid.add_row(*cells)
        self.update(grid)


def explain(ink: Ink, error: WizardError) -> RenderableType:
    """What happened, why, what next: foreign words stay words."""
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=5, no_wrap=True)
    grid.add_column(ratio=1)
    if error.why:
        why = Text("\n".join(clean(line) for line in error.why.splitlines()), ink.plain)
        grid.add_row(Text("Why", ink.muted), why)
    if error.next_step:
        grid.add_row(Text("Next", ink.muted), Text(clean(error.next_step), ink.plain))
    head = Text.assemble(
        ink.mark(State.FAILED),
        " ",
        (clean(error.what), ink.bad + ink.strong),
        (f"   {error.code}", ink.muted),
    )
    return Group(head, grid)


class Failure(Static):
    """The panel of one error; hidden while there is none."""

    DEFAULT_CSS = "Failure { height: auto; width: 1fr; display: none; }"

    def tell(self, error: WizardError | None) -> None:
        """Show the error, or hide."""
        self.display = error is not None
        if error is not None:
            self.update(explain(theme.ink(self), error))


def plain(error: WizardError) -> str:
    """The error as text for the clipboard."""
    return str(error)


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

    def __init__(self, check: FirstCheck) -> None:
        super().__init__()
        self.check = check

    def compose(self) -> ComposeResult:
        """The line, and the button at its end."""
        yield StateLines()
        yield Button(Text("Retry"), compact=True)

    def on_mount(self) -> None:
        """Show what is known by now."""
        self.tell(self.check)

    def tell(self, check: FirstCheck) -> None:
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

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._rows: dict[str, CheckRow] = {}  # those that stay: removing one takes a while

    def compose(self) -> ComposeResult:
        """A line until there is something to show."""
        yield StateLines(id="looking")

    def fill(self, checks: Iterable[FirstCheck]) -> None:
        """Show these."""
        checks = tuple(checks)
        rows = self._rows
        looking = self.query_one("#looking", StateLines)
        looking.display = not checks
        if not checks:
            looking.fill([(State.RUNNING, "Looking around", "usually under 3s", "", "")])
        for check in checks:
            if check.key in rows:
                if rows[check.key].check != check:
                    rows[check.key].tell(check)
            else:
                rows[check.key] = CheckRow(check)
                self.mount(rows[check.key])
        for key in rows.keys() - {check.key for check in checks}:
            rows.pop(key).remove()


class Meter(Widget):
    """`━━━━━━╸──────  58 %`."""

    DEFAULT_CSS = "Meter { height: 1; width: 1fr; margin-bottom: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._fraction = 0.0

    def show(self, fraction: float) -> None:
        """Draw this share, 0.0 to 1.0."""
        if fraction != self._fraction:
            self._fraction = fraction
            self.refresh()

    def render(self) -> Text:
        """Full, half, empty, number."""
        ink = theme.ink(self)
        room = max(1, self.size.width - 6)
        halves = round(self._fraction * room * 2)
        full, half = divmod(halves, 2)
        text = Text("━" * full, ink.good if self._fraction >= 1 else ink.accent, no_wrap=True)
        if half:
            text.append("╸", ink.accent)
        text.append("─" * (room - full - half), ink.muted)
        text.append(f"{int(self._fraction * 100):>4} %", ink.plain)
        return text
