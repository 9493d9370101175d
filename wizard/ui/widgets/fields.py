"""Fields bound to one answer: a text with its rule, before and after it is broken; or a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from wizard.core.text import clean
from wizard.ui import theme


class CleanInput(Input):
    """An input whose pasted text loses its line breaks and outer spaces; Enter goes on."""

    def __init__(
        self, *, value: str | None = None, spaces: bool = False, **options: object
    ) -> None:
        # An answer may come from a file that somebody else wrote.
        options.update(value=clean(value or ""), compact=True, select_on_focus=False)
        super().__init__(**options)  # type: ignore[arg-type]
        self.spaces = spaces

    def on_mount(self) -> None:
        """Nothing moves where nobody wants movement."""
        self.cursor_blink = self.app.animation_level != "none"

    def on_paste(self, event: events.Paste) -> None:
        """Insert what was meant, not what the clipboard added."""
        event.prevent_default()
        event.stop()
        text = " ".join(event.text.split()) if self.spaces else "".join(event.text.split())
        start, end = self.selection
        self.replace(clean(text), min(start, end), max(start, end))


class MaskedInput(CleanInput):
    """A secret's input: nothing of it can be copied, selected or cut to the clipboard."""

    ALLOW_SELECT = False

    def __init__(
        self,
        *,
        placeholder: str,
        id: str,  # noqa: A002
        value: str = "",
        what: str = "A token",
        max_length: int = 0,
    ) -> None:
        super().__init__(
            password=True, value=value, placeholder=placeholder, id=id, max_length=max_length
        )
        self._what = what

    def on_paste(self, event: events.Paste) -> None:
        """A pasted secret replaces what was there: nobody adds to one."""
        self.select_all()
        super().on_paste(event)

    def action_copy(self) -> None:
        """Refuse."""
        self._refuse()

    def action_cut(self) -> None:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> None:
        self.app.notify(f"{self._what} is not copied to the clipboard.", severity="warning")


class Field(Vertical):
    """Label, input, and one line below: the rule, or what is wrong.

    `problem` is set by the screen that owns the rule; typing posts `Typed`.
    """

    DEFAULT_CSS = """
    Field { height: auto; }
    Field Horizontal { height: 1; }
    Field Label { width: 19; color: $text-muted; }
    Field CleanInput { width: 1fr; }
    Field .reveal { width: auto; min-width: 8; margin-left: 1; }
    Field .note { height: auto; padding-left: 20; color: $text-muted; }
    Field.-broken .note { color: $text-error; }
    """

    class Typed(Message):
        """The text changed; it has no outer spaces."""

        def __init__(self, field: Field, text: str) -> None:
            super().__init__()
            self.field = field
            self.text = text

        @property
        def control(self) -> Field:
            """The field it happened in."""
            return self.field

    def __init__(
        self,
        key: str,
        label: str,
        text: str,
        rule: str,
        *,
        secret: bool = False,
        spaces: bool = False,
        placeholder: str = "",
    ) -> None:
        super().__init__(id=f"field-{key}")
        self.key = key
        self.label = label
        self.rule = rule
        made: CleanInput
        if secret:
            made = MaskedInput(value=text, placeholder=placeholder, id=key)
        else:
            made = CleanInput(value=text, placeholder=placeholder, id=key, spaces=spaces)
        self.input = made
        self.secret = secret
        self.message = ""

    def compose(self) -> ComposeResult:
        """Label and input, then the rule."""
        with Horizontal():
            yield Label(self.label, markup=False)
            yield self.input
            if self.secret:
                yield Button("Show", compact=True, classes="reveal", id=f"{self.key}-reveal")
        yield Static("", classes="note", markup=False)

    def on_mount(self) -> None:
        """Show the rule."""
        self.judge(self.message)

    def judge(self, problem: str, *, good: str = "") -> None:
        """Say what is wrong, or show the rule again (`good`: say that instead)."""
        self.message = problem
        if not self.children:
            return
        self.set_class(bool(problem), "-broken")
        ink = theme.ink(self)
        note = Text(no_wrap=False)
        if problem:
            note.append(("✗ " if ink.unicode else "[XX] ") + problem, ink.bad)
        elif good:
            note.append(("✓ " if ink.unicode else "[ok] ") + good, ink.good)
        else:
            note.append(self.rule)
        shown = self.query_one(".note", Static)
        shown.update(note)
        shown.display = bool(problem or good or self.rule)
        if self.input.has_focus:
            self._show_whole()

    def _show_whole(self) -> None:
        """The line below comes into view with the field, once its height is known."""
        self.call_after_refresh(self.scroll_visible, animate=False)

    def on_descendant_focus(self, _: events.DescendantFocus) -> None:
        """The line below is part of the question."""
        self._show_whole()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Typed(self, event.value.strip()))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field."""
        event.stop()
        self.screen.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Show or hide a secret."""
        event.stop()
        self.input.password = not self.input.password
        event.button.label = "Show" if self.input.password else "Hide"
        self.input.focus()


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
