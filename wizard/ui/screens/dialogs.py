"""The few dialogs: confirm, help, MFA code, details. Escape always means the harmless answer."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from wizard.core.answers.rules import bare_token, token_problem
from wizard.core.secret import Secret
from wizard.core.text import clean
from wizard.ui.help import KEYS
from wizard.ui.widgets.fields import CleanInput, MaskedInput
from wizard.ui.widgets.tree import TreeRow

R = TypeVar("R")


class Dialog(ModalScreen[R], Generic[R]):
    """A box with a title, a text and buttons.

    Arrows move between the buttons, and through a text that is longer than the box; Enter presses
    the button that has the focus, or, where none has it, the first answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "harmless", "Close"),
        Binding("left", "button(-1)", show=False, priority=True),
        Binding("right", "button(1)", show=False, priority=True),
        Binding("up", "line(-1)", show=False, priority=True),
        Binding("down", "line(1)", show=False, priority=True),
        Binding("enter", "answer", show=False),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a field, left and right move in the text."""
        del parameters
        return action != "button" or not isinstance(self.focused, Input)

    def action_button(self, by: int) -> None:
        """To the button beside the one that has the focus; at the ends it stays."""
        buttons = [b for b in self.query(Button) if b.focusable]
        if not buttons:
            return
        held = self.focused
        at = buttons.index(held) + by if isinstance(held, Button) and held in buttons else 0
        self.set_focus(buttons[max(0, min(at, len(buttons) - 1))])

    def action_line(self, by: int) -> None:
        """Through the text, or between the buttons where all of it is in view."""
        longer = [area for area in self.query(VerticalScroll) if area.max_scroll_y]
        if longer:
            longer[0].scroll_relative(y=by, animate=False)
        else:
            self.action_button(by)

    def action_answer(self) -> None:
        """What Enter means where no button has the focus."""
        self.query("Button.-primary").first(Button).press()

    def action_harmless(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)


class Confirm(Dialog[bool]):
    """Two answers; the first one is harmless and has the focus."""

    def __init__(self, title: str, text: str, *, keep: str, act: str, danger: bool = True) -> None:
        super().__init__()
        self._texts = (title, text, keep, act)
        self._danger = danger

    def compose(self) -> ComposeResult:
        """Title, text, two buttons."""
        title, text, keep, act = self._texts
        with Vertical(classes="dialog"):
            yield Static(title, classes="title", markup=False)
            yield Static(text, classes="text", markup=False)
            with Horizontal(classes="actions"):
                yield Button(Text(keep), compact=True, id="keep", variant="primary")
                variant: Any = "error" if self._danger else "default"
                yield Button(Text(act), compact=True, id="act", variant=variant)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "act")


class TypedConfirm(Dialog[bool]):
    """For what cannot be mended easily: the answer is a word to type, never one key too many."""

    def __init__(self, title: str, text: str, *, word: str, keep: str, act: str) -> None:
        super().__init__()
        self._texts = (title, text, keep, act)
        self._word = word

    def compose(self) -> ComposeResult:
        """Title, text, the word, two buttons."""
        title, text, keep, act = self._texts
        with Vertical(classes="dialog"):
            yield Static(title, classes="title", markup=False)
            yield Static(
                f"{text}\n\nType {self._word} to do it all the same:", classes="text", markup=False
            )
            yield CleanInput(placeholder=self._word, id="word", max_length=20)
            with Horizontal(classes="actions"):
                yield Button(Text(keep), compact=True, id="keep", variant="primary")
                yield Button(Text(act), compact=True, id="act", variant="error", disabled=True)

    def _typed(self) -> bool:
        return self.query_one("#word", CleanInput).value.strip().lower() == self._word

    def on_input_changed(self) -> None:
        """The harder answer is there only while the word is."""
        self.query_one("#act", Button).disabled = not self._typed()

    def on_input_submitted(self) -> None:
        """Enter acts on the word; without it, nothing is done."""
        self.dismiss(self._typed())

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "act" and self._typed())


class HelpDialog(Dialog[None]):
    """What a screen is for, and the keys."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Text, keys, close."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="title", markup=False)
            with VerticalScroll(classes="text"):
                yield Static(self._text, markup=False)
                yield Static("\n" + KEYS, classes="muted", markup=False)
            with Horizontal(classes="actions"):
                yield Button("Close", compact=True, variant="primary")

    def on_button_pressed(self) -> None:
        """Close."""
        self.dismiss(None)


class AskCode(Dialog[str]):
    """An MFA code."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device

    def compose(self) -> ComposeResult:
        """The device, the code."""
        with Vertical(classes="dialog"):
            yield Static("Enter the MFA code", classes="title", markup=False)
            yield Static(clean(self._device, 200), classes="text", markup=False)
            yield MaskedInput(placeholder="6 digits", id="code", what="A code", max_length=6)
            with Horizontal(classes="actions"):
                yield Button("Continue", compact=True, id="act", variant="primary")
                yield Button("Cancel", compact=True, id="keep")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter continues."""
        self._give(event.value)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Continue or cancel."""
        if event.button.id == "act":
            self._give(self.query_one("#code", MaskedInput).value)
        else:
            self.dismiss(None)

    def _give(self, code: str) -> None:
        if code.isdigit() and len(code) == 6:
            self.dismiss(code)
        else:
            self.notify("An MFA code has 6 digits.", severity="warning")


class AskToken(Dialog[Secret]):
    """A new Wallarm token: masked, judged by its shape, handed over as a secret."""

    AUTO_FOCUS = "#new-token"

    def __init__(self, title: str, text: str, *, act: str) -> None:
        super().__init__()
        self._texts = (title, text, act)

    def compose(self) -> ComposeResult:
        """What happens with it, the token, what is wrong with it."""
        title, text, act = self._texts
        with Vertical(classes="dialog"):
            yield Static(title, classes="title", markup=False)
            yield Static(text, classes="text", markup=False)
            yield MaskedInput(placeholder="64 characters", id="new-token")
            yield Static("", id="wrong", classes="text", markup=False)
            with Horizontal(classes="actions"):
                yield Button(Text(act), compact=True, id="act", variant="primary")
                yield Button("Cancel", compact=True, id="keep")

    def on_input_submitted(self) -> None:
        """Enter takes it."""
        self._give()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take it, or cancel."""
        if event.button.id == "act":
            self._give()
        else:
            self.dismiss(None)

    def _give(self) -> None:
        token = bare_token(self.query_one("#new-token", MaskedInput).value)
        wrong = token_problem(token)
        if wrong:
            self.query_one("#wrong", Static).update(f"The token {wrong}.")
            self.query_one("#new-token", MaskedInput).focus()
        else:
            self.dismiss(Secret(token))


class Agree(Dialog[bool]):
    """A long text to read before something is done with it; the harmless answer has the focus."""

    def __init__(self, title: str, text: str, note: str, *, act: str) -> None:
        super().__init__()
        self._texts = (title, text, note, act)

    def compose(self) -> ComposeResult:
        """Title, text, note, two buttons."""
        title, text, note, act = self._texts
        with Vertical(classes="dialog -large"):
            yield Static(title, classes="title", markup=False)
            with VerticalScroll():
                lines = "\n".join(clean(line, 600) for line in text.splitlines())
                yield Static(lines, markup=False)
            yield Static(note, classes="muted", markup=False)
            with Horizontal(classes="actions"):
                yield Button("Leave it", compact=True, id="keep", variant="primary")
                yield Button(Text(act), compact=True, id="act")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "act")


class AskFile(Dialog[str]):
    """The name of a file to write."""

    def __init__(self, title: str, text: str, name: str) -> None:
        super().__init__()
        self._title, self._text, self._name = title, text, name

    def compose(self) -> ComposeResult:
        """What it is for, the name."""
        with Vertical(classes="dialog"):
            yield Static(self._title, classes="title", markup=False)
            yield Static(self._text, classes="text", markup=False)
            yield CleanInput(value=self._name, spaces=True, id="file")
            with Horizontal(classes="actions"):
                yield Button("Write", compact=True, id="act", variant="primary")
                yield Button("Cancel", compact=True, id="keep")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter writes."""
        self.dismiss(event.value.strip() or None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Write or cancel."""
        name = self.query_one("#file", CleanInput).value.strip()
        self.dismiss((name or None) if event.button.id == "act" else None)


class Details(Dialog[None]):
    """A long text to read and copy: a stage's format and diff, a policy, a plan."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "copy", "Copy")]

    def __init__(
        self, title: str, text: RenderableType, copy: str = "", what: str = "Text"
    ) -> None:
        super().__init__()
        self._title, self._text, self._copy, self._what = title, text, copy, what

    def compose(self) -> ComposeResult:
        """Title, text, Close and Copy."""
        with Vertical(classes="dialog -large"):
            yield Static(self._title, classes="title", markup=False)
            with VerticalScroll():
                yield Static(self._text, markup=False)
            with Horizontal(classes="actions"):
                yield Button("Close", compact=True, id="close", variant="primary")
                if self._copy:
                    yield Button(Text(f"Copy {self._what}"), compact=True, id="copy")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Close or copy."""
        if event.button.id == "copy":
            self.action_copy()
        else:
            self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the snippet."""
        if self._copy:
            self.app.copy_to_clipboard(self._copy)
            what = self._what[0].upper() + self._what[1:]
            self.app.notify(f"{what}: sent to the terminal's clipboard.", markup=False)


def whole(line: TreeRow) -> Details:
    """A row of a list, with what was cut."""
    parts = (line.title, line.middle, line.right)
    text = "\n\n".join(clean(part, 4000) for part in parts if part)
    return Details("The whole line", Text(text), text, "line")


def quit_dialog(*, running: bool) -> Confirm:
    """Asks before something is lost: a run that goes on, or a token that was typed."""
    if running:
        return Confirm(
            "Something is being deployed",
            "Stopping now finishes what Terraform is doing at this moment (usually under "
            "3m), saves its state and records where it was. The next start goes on from "
            "there. Nothing is taken away.",
            keep="Keep going",
            act="Stop, then quit",
        )
    return Confirm(
        "Quit the wizard?",
        "Your answers are saved. The Wallarm token is not: it is never written to a "
        "file, so you will paste it again.",
        keep="Stay",
        act="Quit",
        danger=False,
    )
