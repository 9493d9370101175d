"""One answer out of a few, each with a line that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

from wizard.ui import theme


@dataclass(frozen=True)
class Choice:
    """One possible answer; `reason` says why it cannot be taken now."""

    value: str
    title: str
    help: str = ""
    reason: str = ""


class _Line(Widget):
    ALLOW_SELECT = False

    def __init__(self, group: Choices, index: int) -> None:
        super().__init__()
        self.group = group
        self.index = index

    def render(self) -> Table:
        choice = self.group.choices[self.index]
        picked = choice.value == self.group.value
        ink = theme.ink(self)
        signs = ("●", "○") if ink.unicode else ("(*)", "( )")
        sign = signs[0] if picked else signs[1]
        under = self.index == self.group.cursor and self.group.has_focus
        body = ink.muted if choice.reason else (ink.bold if picked else ink.plain)
        help_text = f"not possible: {choice.reason}" if choice.reason else choice.help
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=2, no_wrap=True)
        grid.add_column(width=3 if not ink.unicode else 1, no_wrap=True)
        grid.add_column(width=self.group.title_width, no_wrap=True)
        grid.add_column(ratio=1)
        pointer = ("▸" if ink.unicode else ">") if under else " "
        grid.add_row(
            Text(f" {pointer}", ink.accent),
            Text(sign, ink.accent if picked else ink.muted),
            Text(choice.title, body),
            Text(help_text, ink.muted),
        )
        return grid

    def on_click(self) -> None:
        """Take this one."""
        self.group.focus()
        self.group.pick(self.index)


class Choices(Vertical, can_focus=True):
    """A radio group. Arrow keys and clicks take an answer at once; the screen saves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False),
        Binding("down,j", "step(1)", "Down", show=False),
        Binding("space", "take", "Choose", show=False),
        Binding("enter", "go_on", "Choose and go on", show=False),
    ]
    DEFAULT_CSS = """
    Choices { height: auto; }
    Choices _Line { height: auto; width: 1fr; }
    """

    class Picked(Message):
        """An answer was taken."""

        def __init__(self, group: Choices, value: str) -> None:
            super().__init__()
            self.group = group
            self.value = value

        @property
        def control(self) -> Choices:
            """The group it happened in."""
            return self.group

    def __init__(self, choices: tuple[Choice, ...], value: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.choices = choices
        self.value = value
        self.cursor = max(0, next((i for i, c in enumerate(choices) if c.value == value), 0))

    @property
    def title_width(self) -> int:
        """Cells for the titles."""
        return min(30, max(len(c.title) for c in self.choices) + 1)

    def compose(self) -> ComposeResult:
        """One line per choice."""
        for index in range(len(self.choices)):
            yield _Line(self, index)

    def pick(self, index: int) -> None:
        """Take the answer of that index, unless it cannot be taken."""
        self.cursor = index
        choice = self.choices[index]
        if not choice.reason and choice.value != self.value:
            self.value = choice.value
            self.post_message(self.Picked(self, choice.value))
        self._redraw()

    def show(self, choices: tuple[Choice, ...], value: str) -> None:
        """Other texts or another answer for the same choices."""
        self.choices = choices
        self.value = value
        self._redraw()

    def choose(self, value: str) -> None:
        """Show another answer that was given elsewhere."""
        self.cursor = next(i for i, c in enumerate(self.choices) if c.value == value)
        self.value = value
        self._redraw()

    def action_step(self, by: int) -> None:
        """Move, and take what is there."""
        self.pick(max(0, min(self.cursor + by, len(self.choices) - 1)))

    def action_take(self) -> None:
        """Take what the cursor is on."""
        self.pick(self.cursor)

    def action_go_on(self) -> None:
        """Take it, and go to what is asked next, as Enter does in a field."""
        self.pick(self.cursor)
        self.screen.focus_next()

    def on_focus(self) -> None:
        """Show where the keys work."""
        self._redraw()

    def on_blur(self) -> None:
        """Hide the pointer."""
        self._redraw()

    def _redraw(self) -> None:
        for line in self.query(_Line):
            line.refresh(layout=True)

    def cursor_place(self) -> Offset:
        """Where the pointer is on the screen, for the terminal's own cursor."""
        return self.children[self.cursor].region.offset + Offset(2, 0)
