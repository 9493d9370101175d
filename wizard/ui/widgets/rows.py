"""A list of any length that draws only the rows in view: 10,000 rows cost as much as ten."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from wizard.ui import theme


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly `width` cells; what is too long ends in `…`."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    return " " * (width - length) + text if right else text + " " * (width - length)


class Rows(ScrollView, can_focus=True):
    """Base of every long list. Subclasses say how many rows there are and draw one.

    The selection lives in the answers, not here: a row is only a view of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(0)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("enter", "choose", "Choose", show=False),
        Binding("space", "mark", "Select", show=False),
    ]
    DEFAULT_CSS = """
    Rows { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    HEADER = False

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, rows: Rows, index: int) -> None:
            super().__init__()
            self.rows = rows
            self.index = index

        @property
        def control(self) -> Rows:
            """The list it happened in."""
            return self.rows

    class Chosen(Moved):
        """Enter, or a click on the row that had the cursor."""

    class Toggled(Moved):
        """Space, or a click on the row's sign."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.cursor = 0

    def total(self) -> int:
        """How many rows there are."""
        return 0

    def row(self, index: int, width: int) -> Text:
        """One row; longer texts are cut."""
        del index, width
        return Text()

    def heading(self, width: int) -> Text:
        """The heading, where HEADER is set."""
        del width
        return Text()

    def empty(self) -> str:
        """What an empty list says."""
        return ""

    def reload(self) -> None:
        """Rows were added, removed or changed."""
        total = self.total()
        self.virtual_size = Size(self.scrollable_content_region.width, total + self.HEADER)
        last = max(0, total - 1)
        if self.cursor > last:
            self._go(last)
        self.refresh()

    def on_resize(self) -> None:
        """Keep the rows as wide as the list, and the cursor in sight."""
        self.reload()
        self._show_cursor()

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is in view."""
        width = self.scrollable_content_region.width
        base = self.rich_style
        if self.HEADER and y == 0:
            style = base + theme.ink(self).muted
            return self._strip(self.heading(width), width, style)
        index = self.scroll_offset.y + y - self.HEADER
        if index == 0 and not self.total():
            return self._strip(Text(self.empty(), theme.ink(self).muted), width, base)
        if index >= self.total():
            return Strip.blank(width, base)
        style = base
        if index == self.cursor:
            name = "rows--cursor" if self.has_focus else "rows--resting"
            style = self.get_component_rich_style(name)
        return self._strip(self.row(index, width), width, style)

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--resting"}

    def _strip(self, text: Text, width: int, style: Style) -> Strip:
        text.no_wrap = True
        text.end = ""
        segments = list(text.render(self.app.console, end=""))
        return Strip(segments).adjust_cell_length(width).apply_style(style)

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move by what is in view."""
        self.go(self.cursor + by * max(1, self.scrollable_content_region.height - 1 - self.HEADER))

    def action_edge(self, end: int) -> None:
        """First or last row."""
        self.go(self.total() - 1 if end else 0)

    def action_choose(self) -> None:
        """Tell that the row was chosen."""
        if self.total():
            self.post_message(self.Chosen(self, self.cursor))

    def action_mark(self) -> None:
        """Tell that the row was toggled."""
        if self.total():
            self.post_message(self.Toggled(self, self.cursor))

    def go(self, index: int) -> None:
        """Put the cursor on a row and bring it into view."""
        index = max(0, min(index, self.total() - 1))
        if index != self.cursor:
            self._go(index)
        self._show_cursor()

    def _go(self, index: int) -> None:
        self.cursor = index
        self.post_message(self.Moved(self, index))
        self.refresh()

    def _show_cursor(self) -> None:
        top = self.cursor
        height = self.scrollable_content_region.height - self.HEADER
        first = self.scroll_offset.y
        if height > 0 and not first <= top < first + height:
            self.scroll_to(
                y=top if top < first else top - height + 1, animate=False, immediate=True
            )

    def on_focus(self) -> None:
        """Bring the cursor row into view."""
        self._show_cursor()
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor row as resting."""
        self.refresh()

    async def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the sign, or a second one, it acts."""
        place = event.get_content_offset(self)
        if place is None or (self.HEADER and place.y == 0):
            return
        index = self.scroll_offset.y + place.y - self.HEADER
        if not 0 <= index < self.total():
            return
        again = index == self.cursor
        self.go(index)
        if place.x < self.sign_width:
            self.action_mark()
        elif again and event.chain > 1:
            self.action_choose()

    sign_width = 4

    def cursor_place(self) -> Offset:
        """Where the cursor row begins on the screen, for the terminal's own cursor."""
        line = self.cursor - self.scroll_offset.y + self.HEADER
        return self.content_region.offset + Offset(0, max(0, line))
