"""Where the terminal's own cursor stands: screen readers and braille displays read there."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from rich.control import Control
from textual.app import App
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Input


@runtime_checkable
class Pointing(Protocol):
    """A widget with a place of its own for the keys: a row, a choice."""

    def cursor_place(self) -> Offset:
        """That place on the screen."""


def place_of(focused: Widget | None) -> Offset | None:
    """The cell where the keys go; None where nothing has the focus."""
    if focused is None:
        return None
    if isinstance(focused, Pointing):
        place = focused.cursor_place()
    elif isinstance(focused, Input):
        # Textual's own place is one cell too far right behind the last character.
        place = focused.cursor_screen_offset - Offset(int(focused.cursor_at_end), 0)
    else:
        place = focused.content_region.offset
    seen = focused.region  # a long text's end may lie outside of what is shown of it
    return Offset(
        max(seen.x, min(place.x, seen.right - 1)), max(seen.y, min(place.y, seen.bottom - 1))
    )


def follow_focus(app: App[Any]) -> None:
    """Move the terminal's cursor; Textual does so only where it draws, and knows inputs only."""
    place = place_of(app.screen.focused) if app.screen_stack else None
    if place is not None and place != app.cursor_position:
        app.cursor_position = place
        if app._driver is not None:
            app._driver.write(Control.move_to(*place).segment.text)
