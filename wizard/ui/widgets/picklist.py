"""A searchable list of things that exist: profiles, Regions, log groups, zones, VPCs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from wizard.core.text import clean, count
from wizard.ui import theme
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.rows import Rows, fit

DETAIL_ROOM = 9  # cells that a long name leaves for what stands beside it


@dataclass(frozen=True)
class Item:
    """One thing to pick: its value, what is shown, a detail, and why it cannot be picked."""

    value: str
    title: str
    detail: str = ""
    reason: str = ""


class ItemRows(Rows):
    """The rows of a pick list."""

    def __init__(self, owner: PickList) -> None:
        super().__init__()
        self.owner = owner

    def total(self) -> int:
        """What the filter leaves."""
        return len(self.owner.shown)

    def empty(self) -> str:
        """Loading, failed, or nothing found."""
        return self.owner.empty_text()

    def row(self, index: int, width: int) -> Text:
        """Sign, title, detail."""
        item = self.owner.shown[index]
        ink = theme.ink(self)
        picked = item.value in self.owner.values
        if self.owner.many:
            sign = "[x] " if picked else "[ ] "
        elif ink.unicode:
            sign = " ● " if picked else " ○ "
        else:
            sign = "(*) " if picked else "( ) "
        sign = "  – " if item.reason and self.owner.many else sign
        room = max(10, width - len(sign))
        title_room = min(self.owner.title_room, room)
        if item.detail or item.reason:
            title_room = min(title_room, max(room // 2, room - DETAIL_ROOM))
        style = ink.muted if item.reason else (ink.bold if picked else ink.plain)
        text = Text()
        text.append(sign, ink.accent if picked else ink.muted)
        text.append(fit(item.title, title_room), style)
        if room - title_room > 3:
            text.append("  " + fit(item.reason or item.detail, room - title_room - 2), ink.muted)
        return text


class PickList(Vertical):
    """Filter line and rows. Posts `Rows.Chosen`/`Toggled` no further: it posts `Picked`."""

    DEFAULT_CSS = """
    PickList { height: 1fr; min-height: 4; }
    PickList > .title { height: 1; color: $text-muted; }
    PickList > CleanInput { width: 1fr; }
    """

    class Picked(Rows.Moved):
        """A value was picked (or, with many, toggled)."""

        def __init__(self, owner: PickList, value: str) -> None:
            super().__init__(owner.rows, owner.rows.cursor)
            self.owner = owner
            self.value = value

        @property
        def control(self) -> PickList:  # type: ignore[override]
            """The list it happened in."""
            return self.owner

    def __init__(self, title: str, *, id: str, many: bool = False) -> None:  # noqa: A002
        super().__init__(id=id)
        self.title = title
        self.many = many
        self.items: tuple[Item, ...] = ()
        self.shown: Sequence[Item] = ()
        self.values: tuple[str, ...] = ()
        self.title_room = 20
        self.waiting = "loading"
        self.rows = ItemRows(self)
        self.filter = CleanInput(placeholder="type to search", classes="filter")

    def compose(self) -> ComposeResult:
        """Title, filter, rows."""
        yield Static(self.title, classes="title", markup=False)
        yield self.filter
        yield self.rows

    def fill(self, items: Sequence[Item], values: tuple[str, ...]) -> None:
        """Show these items; `values` are picked. The cursor goes to the picked one."""
        self.items = tuple(
            Item(i.value, clean(i.title, 300), clean(i.detail, 300), i.reason) for i in items
        )
        self.waiting = ""
        self.pick(values)
        self._apply()
        if values:
            at = next((n for n, i in enumerate(self.shown) if i.value == values[0]), 0)
            self.call_after_refresh(self.rows.go, at)

    def describe(self, items: Sequence[Item], title: str) -> None:
        """Other details and another title for the same things: the cursor stays where it is."""
        self.title = title
        self.items = tuple(
            Item(i.value, clean(i.title, 300), clean(i.detail, 300), i.reason) for i in items
        )
        self._apply()

    def say(self, waiting: str) -> None:
        """Show a word instead of rows (loading, or why there are none)."""
        self.waiting = waiting
        self.items = self.shown = ()
        self.rows.reload()

    def pick(self, values: tuple[str, ...]) -> None:
        """Mark these as picked."""
        self.values = values
        self.rows.refresh()

    def empty_text(self) -> str:
        """The one line of an empty list."""
        if self.waiting:
            return f"  {self.waiting}"
        return "  nothing matches the filter" if self.items else "  none found"

    def _apply(self) -> None:
        wanted = self.filter.value.strip().lower()
        self.shown = [i for i in self.items if wanted in f"{i.title} {i.detail}".lower()]
        self.title_room = min(44, max((len(i.title) for i in self.shown), default=10) + 1)
        found = count(len(self.shown), "match").replace("matchs", "matches") if wanted else ""
        self.query_one(".title", Static).update(Text(f"{self.title}   {found}".rstrip()))
        self.rows.reload()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._apply()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the filter picks the only match, else goes to the rows."""
        event.stop()
        if len(self.shown) == 1:
            self._take(0)
        self.screen.set_focus(self.rows)

    def on_key(self, event: events.Key) -> None:
        """Down leaves the filter for the rows."""
        if event.key == "down" and self.filter.has_focus:
            event.stop()
            self.screen.set_focus(self.rows)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Enter picks."""
        event.stop()
        self._take(event.index)

    def on_rows_toggled(self, event: Rows.Toggled) -> None:
        """Space picks."""
        event.stop()
        self._take(event.index)

    def _take(self, index: int) -> None:
        item = self.shown[index]
        if item.reason:
            self.app.notify(item.reason, severity="warning", markup=False)
            return
        if self.many:
            now = dict.fromkeys(self.values)
            if item.value in now:
                del now[item.value]
            else:
                now[item.value] = None
            self.pick(tuple(now))
        else:
            self.pick((item.value,))
        self.post_message(self.Picked(self, item.value))
