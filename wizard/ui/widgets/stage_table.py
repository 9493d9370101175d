"""The table of stages: ten thousand rows, of which only the visible ones are drawn."""

from __future__ import annotations

from rich.text import Text

from wizard.core.events import State
from wizard.core.stages.rules import Rule, chosen_by
from wizard.ui import theme
from wizard.ui.stage_list import StageBook, StageRow
from wizard.ui.widgets.rows import Rows, fit


class StageTable(Rows):
    """Sign, API, type, stage, logging today, note."""

    HEADER = True

    def __init__(self, book: StageBook, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._book = book
        self._selected: frozenset[str] = frozenset()
        self._held: frozenset[str] = frozenset()
        self._rules: tuple[Rule, ...] = ()
        self._nothing = ""
        self._reading = False

    def show(
        self,
        selected: frozenset[str],
        held: frozenset[str],
        nothing: str,
        *,
        reading: bool,
        rules: tuple[Rule, ...] = (),
    ) -> None:
        """Which stages are chosen, which are connected already, and why the Region has none."""
        self._selected, self._held, self._nothing = selected, held, nothing
        self._reading, self._rules = reading, rules
        self.refresh()

    def total(self) -> int:
        """Rows that the filter leaves."""
        return len(self._book.shown)

    def current(self) -> StageRow | None:
        """The row the cursor is on."""
        shown = self._book.shown
        return shown[self.cursor] if self.cursor < len(shown) else None

    def empty(self) -> str:
        """Why there are no rows; while the APIs are read, one that matches may still come."""
        if not len(self._book):
            return f"  {self._nothing}"
        return "  still reading" if self._reading else "  no stage matches the filter"

    def reload(self) -> None:
        """Rows were added, removed or changed: others are in view."""
        super().reload()
        self._book.scrolled(self.scroll_offset.y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are in view."""
        super().watch_scroll_y(old_value, new_value)
        self._book.scrolled(round(new_value))

    def _columns(self, width: int) -> tuple[int, int, int, int, int]:
        note = 30 if width >= 90 else 18
        stage = 14 if width >= 90 else 10
        kind, logging = 5, 12
        return max(8, width - 4 - kind - stage - logging - note), kind, stage, logging, note

    def heading(self, width: int) -> Text:
        """Column names; the sorted one is marked."""
        api, kind, stage, logging, note = self._columns(width)
        sort = self._book.sort
        mark = {"name": "API ▾", "type": "Type▾", "logging": "Logging ▾", "selected": "▾"}
        names = {"name": "API", "type": "Type", "logging": "Logging now", "selected": ""}
        names[sort] = mark[sort]
        return Text(
            fit(names["selected"], 4)
            + fit(names["name"], api)
            + fit(names["type"], kind)
            + fit("Stage", stage)
            + fit(names["logging"], logging)
            + fit("Note", note)
        )

    def _named(self, item: StageRow, room: int) -> str:
        """The API's name, with its id where another API has the same name."""
        if not self._book.is_ambiguous(item):
            return fit(item.name, room)
        api_id = f" {item.api_id}"
        return fit(item.name, room - len(api_id)) + api_id

    def row(self, index: int, width: int) -> Text:
        """One stage."""
        item = self._book.shown[index]
        api, kind, stage, logging, note = self._columns(width)
        ink = theme.ink(self)
        picked = item.ref in self._selected
        # Of the rows in view only: by rules, ten thousand would take a while.
        by_rule = item.source is not None and chosen_by(self._rules, item.source) is not None
        chosen = picked or by_rule
        text = Text()
        if not item.selectable:
            text.append(
                "    "
                + self._named(item, api - 1)
                + " "
                + fit(item.kind, kind)
                + fit(item.stage, stage - 1)
                + " "
                + fit(item.logging, logging)
                + fit(item.note, note),
                ink.muted,
            )
            return text
        if item.ref in self._held:
            sign = ink.mark(State.DONE).plain
            text.append(fit(f" {sign}" if len(sign) == 1 else sign, 4), ink.good)
        else:
            sign = "[x] " if picked else "[r] " if by_rule else "[ ] "
            text.append(sign, ink.accent if chosen else ink.muted)
        text.append(self._named(item, api - 1) + " ", ink.bold if chosen else ink.plain)
        text.append(fit(item.kind, kind), ink.muted)
        text.append(fit(item.stage, stage - 1) + " ", ink.plain)
        style = {"on": ink.good, "off": ink.muted}.get(item.logging, ink.warn)
        text.append(fit(item.logging, logging), style)
        text.append(fit(item.note, note), ink.muted)
        return text
