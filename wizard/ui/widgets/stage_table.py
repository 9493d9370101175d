"""The table of stages: ten thousand rows, of which only the visible ones are drawn."""

from __future__ import annotations

from rich.text import Text

from wizard.core.events import State, glyph
from wizard.ui.stage_list import StageRow
from wizard.ui.widgets.rows import Rows, fit


class StageTable(Rows):
    """Sign, API, type, stage, logging today, note."""

    HEADER = True

    def total(self) -> int:
        """Rows that the filter leaves."""
        return len(self.wizard.state.book.shown)

    def current(self) -> StageRow | None:
        """The row the cursor is on."""
        shown = self.wizard.state.book.shown
        return shown[self.cursor] if self.cursor < len(shown) else None

    def empty(self) -> str:
        """Why there are no rows."""
        state = self.wizard.state
        if len(state.book):
            return "  no stage matches the filter"
        if state.inventory.busy:
            return "  reading the APIs of this Region"
        return "  this Region has no API stages"

    def reload(self) -> None:
        """Rows were added, removed or changed: others are in view."""
        super().reload()
        self.wizard.state.book.scrolled(self.scroll_offset.y)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are in view."""
        super().watch_scroll_y(old_value, new_value)
        self.wizard.state.book.scrolled(round(new_value))

    def _columns(self, width: int) -> tuple[int, int, int, int, int]:
        note = 30 if width >= 90 else 18
        stage = 14 if width >= 90 else 10
        kind, logging = 5, 12
        return max(8, width - 4 - kind - stage - logging - note), kind, stage, logging, note

    def heading(self, width: int) -> Text:
        """Column names; the sorted one is marked."""
        api, kind, stage, logging, note = self._columns(width)
        sort = self.wizard.state.book.sort
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

    def row(self, index: int, width: int) -> Text:
        """One stage."""
        item = self.wizard.state.book.shown[index]
        api, kind, stage, logging, note = self._columns(width)
        ink = self.wizard.ink
        chosen = item.ref in self.wizard.state.selected
        text = Text()
        if not item.selectable:
            text.append(
                "    "
                + fit(item.name, api - 1)
                + " "
                + fit(item.kind, kind)
                + fit(item.stage, stage - 1)
                + " "
                + fit(item.logging, logging)
                + fit(item.note, note),
                ink.muted,
            )
            return text
        if item.ref in self.wizard.state.held:
            sign = glyph(State.DONE, unicode=self.wizard.unicode)
            text.append(fit(f" {sign}" if len(sign) == 1 else sign, 4), ink.good)
        else:
            text.append("[x] " if chosen else "[ ] ", ink.accent if chosen else ink.muted)
        text.append(fit(item.name, api - 1) + " ", ink.bold if chosen else ink.plain)
        text.append(fit(item.kind, kind), ink.muted)
        text.append(fit(item.stage, stage - 1) + " ", ink.plain)
        style = {"on": ink.good, "off": ink.muted}.get(item.logging, ink.warn)
        text.append(fit(item.logging, logging), style)
        text.append(fit(item.note, note), ink.muted)
        return text
