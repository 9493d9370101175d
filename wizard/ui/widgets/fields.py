"""Text fields bound to one answer: the rule stands beside it before and after it is broken."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
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
