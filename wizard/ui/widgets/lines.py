"""Lines of a check or a journey: sign, title, what was seen; and the panel of a failure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from wizard.core.events import State
from wizard.core.text import clean
from wizard.ui.theme import mark

if TYPE_CHECKING:
    from wizard.core.errors import WizardError
    from wizard.ui.app import WizardApp


class StateLines(Static):
    """Rows of (state, title, text, right-hand text, further line)."""

    DEFAULT_CSS = "StateLines { height: auto; width: 1fr; }"

    def fill(
        self, lines: Iterable[tuple[State, str, str, str, str]], *, title_width: int = 20
    ) -> None:
        """Show these lines."""
        app = cast("WizardApp", self.app)
        ink = app.ink
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=1 if app.unicode else 4, no_wrap=True)
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
            cells = [mark(app, state), body, Text(right, ink.muted)]
            if title_width:
                cells.insert(1, Text(clean(title, 200), ink.muted if todo else ink.plain))
            grid.add_row(*cells)
        self.update(grid)


def explain(app: WizardApp, error: WizardError) -> RenderableType:
    """What happened, why, what next: foreign words stay words."""
    ink = app.ink
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=5, no_wrap=True)
    grid.add_column(ratio=1)
    if error.why:
        why = Text("\n".join(clean(line) for line in error.why.splitlines()), ink.plain)
        grid.add_row(Text("Why", ink.muted), why)
    if error.next_step:
        grid.add_row(Text("Next", ink.muted), Text(clean(error.next_step), ink.plain))
    head = Text.assemble(
        mark(app, State.FAILED), " ", (clean(error.what), ink.bad + ink.strong),
        (f"   {error.code}", ink.muted),
    )  # fmt: skip
    return Group(head, grid)


class Failure(Static):
    """The panel of one error; hidden while there is none."""

    DEFAULT_CSS = "Failure { height: auto; width: 1fr; display: none; }"

    def tell(self, error: WizardError | None) -> None:
        """Show the error, or hide."""
        self.display = error is not None
        if error is not None:
            self.update(explain(cast("WizardApp", self.app), error))


def plain(error: WizardError) -> str:
    """The error as text for the clipboard."""
    return str(error)
