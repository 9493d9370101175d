"""A run that did not come to its end, shown on start: go on, take it away, or leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Static

from wizard.core.answers.steps import STEPS
from wizard.core.events import State
from wizard.core.journal import record
from wizard.core.journal.unfinished import Unfinished
from wizard.core.text import clean
from wizard.ui.screens.dialogs import Dialog
from wizard.ui.widgets.lines import StateLines

if TYPE_CHECKING:
    from textual.app import App

    from wizard.ui.guide import Guide

_STATES = {
    "done": State.DONE,
    "failed": State.FAILED,
    "in doubt": State.WARNING,
    "not begun": State.TODO,
}
_UNDO = {"install": "Take it away", "stages": "Remove stages"}


class UnfinishedRun(Dialog[str]):
    """Gives `resume`, `undo` or `leave`; Escape leaves everything as it is."""

    AUTO_FOCUS = "#resume"  # it leads to a review: nothing is changed by it

    def __init__(self, found: Unfinished) -> None:
        super().__init__()
        self._found = found

    def compose(self) -> ComposeResult:
        """What it was, step by step, and three ways."""
        found = self._found
        with Vertical(classes="dialog -large"):
            yield Static(clean(found.headline, 200), classes="title", markup=False)
            with VerticalScroll():
                yield StateLines(id="steps")
                if found.why:
                    yield Static(clean(found.why, 600), classes="text", markup=False)
                yield Static(
                    "Going on compares what is in doubt with the account and shows the rest for "
                    "review. Nothing is changed before that.",
                    classes="gap-above",
                    markup=False,
                )
            with Horizontal(classes="actions"):
                yield Button(Text("Go on"), compact=True, id="resume", variant="primary")
                if word := _UNDO.get(found.flow):
                    yield Button(Text(word), compact=True, id="undo")
                yield Button(Text("Leave it"), compact=True, id="leave")

    def on_mount(self) -> None:
        """The steps, each with its state."""
        self.query_one(StateLines).fill(
            [(_STATES[state], state, step, "", "") for state, step in self._found.lines]
        )

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id)


def ask(app: App[Any], guide: Guide, found: Unfinished) -> None:
    """Show it, and go where the answer leads."""
    app.push_screen(UnfinishedRun(found), lambda way: _go(guide, found, way))


def _go(guide: Guide, found: Unfinished, way: str | None) -> None:
    session, account, go = guide.session, guide.account, guide.mover.go
    if way not in ("resume", "undo"):
        return
    guide.run.start_anew()
    adds = any(action == record.STAGE_SWITCH for action, _ in found.left)
    if found.flow == "uninstall" or (found.flow == "install" and way == "undo"):
        go("uninstall")
    elif found.flow == "stages" and (way == "undo" or not adds):
        go("remove")
    elif found.flow == "stages":
        session.mode, session.seen = "add", {"stages"}
        account.read_connected()
        session.answer(stages=tuple(s for a, s in found.left if a == record.STAGE_SWITCH))
        go("stages")
    else:
        session.mode = "install"
        session.continued = session.answers.name_prefix, session.answers.region
        stored = not any(action == record.TOKEN_STORE for action, _ in found.left)
        session.choices.token_kept = stored
        session.seen |= {step.id for step in STEPS if not step.changes}
        go("review")
