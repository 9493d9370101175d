"""The tables of stages: ten thousand rows, of which only the visible ones are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.text import Text

from wizard.core.events import State
from wizard.core.stages.rules import Rule, chosen_by
from wizard.ui import theme
from wizard.ui.stage_list import StageBook, StageRow
from wizard.ui.widgets.rows import Rows, fit


class Columns(NamedTuple):
    """Cells for each column; none for the id where there is no room for it."""

    api: int
    api_id: int
    kind: int
    stage: int
    logging: int
    note: int


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

    def _columns(self, width: int) -> Columns:
        note = 30 if width >= 90 else 18
        stage = 14 if width >= 90 else 10
        api_id = 12 if width >= 105 else 0
        rest = max(8, width - 4 - api_id - 5 - stage - 13 - note)
        api = min(rest, 48) if api_id else rest
        return Columns(api, api_id, 5, stage, 13, note + rest - api)

    def heading(self, width: int) -> Text:
        """Column names; the sorted one is marked."""
        room, sort = self._columns(width), self._book.sort
        mark = {"name": "API ▾", "type": "Type▾", "logging": "Logging ▾", "selected": "▾"}
        names = {"name": "API", "type": "Type", "logging": "Logging now", "selected": ""}
        names[sort] = mark[sort]
        return Text(
            fit(names["selected"], 4)
            + fit(names["name"], room.api)
            + fit("API id", room.api_id)
            + fit(names["type"], room.kind)
            + fit("Stage", room.stage)
            + fit(names["logging"], room.logging)
            + fit("Note", room.note)
        )

    def _named(self, item: StageRow, room: Columns) -> str:
        """The API's name, with its id: in a column of its own, or where two have the same name."""
        api_id = f" {item.api_id}"
        if room.api_id:
            return fit(item.name, room.api - 1) + fit(api_id, room.api_id)
        if not self._book.is_ambiguous(item):
            return fit(item.name, room.api - 1)
        return fit(item.name, room.api - 1 - len(api_id)) + api_id

    def row(self, index: int, width: int) -> Text:
        """One stage."""
        item = self._book.shown[index]
        room, ink = self._columns(width), theme.ink(self)
        picked = item.ref in self._selected
        # Of the rows in view only: by rules, ten thousand would take a while.
        by_rule = item.source is not None and chosen_by(self._rules, item.source) is not None
        chosen = picked or by_rule
        text = Text()
        if not item.selectable:
            text.append("    ")
        elif item.ref in self._held:
            sign = ink.mark(State.DONE).plain
            text.append(fit(f" {sign}" if len(sign) == 1 else sign, 4), ink.good)
        else:
            sign = "[x] " if picked else "[r] " if by_rule else "[ ] "
            text.append(sign, ink.accent if chosen else ink.muted)
        named = ink.bold if chosen else ink.plain
        logging = {"connected": ink.good, "off": ink.muted}.get(item.logging, ink.warn)
        for words, style in (
            (self._named(item, room) + " ", named),
            (fit(item.kind, room.kind), ink.muted),
            (fit(item.stage, room.stage - 1) + " ", ink.plain),
            (fit(item.logging, room.logging - 1) + " ", logging),
            (fit(item.note, room.note), ink.muted),
        ):
            text.append(words, style if item.selectable else ink.muted)
        return text


@dataclass(frozen=True)
class ConnectedRow:
    """One connected stage in harmless words.

    Attributes:
        last: when its last log line came.
        malformed: the share of its lines that the forwarder could not read.
        logging: whether somebody changed its logging since.
        whole: all of it, for whoever opens the row.
    """

    ref: str
    state: State
    label: str
    last: str
    malformed: str
    logging: str
    whole: str


class ConnectedTable(Rows):
    """Sign, API and stage, last event, malformed share, drift."""

    HEADER = True

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.rows: Sequence[ConnectedRow] = ()
        self._nothing = ""

    def fill(self, rows: Sequence[ConnectedRow], nothing: str) -> None:
        """Show these; `nothing` says why there are none."""
        if (rows, nothing) != (self.rows, self._nothing):
            self.rows, self._nothing = rows, nothing
            self.reload()

    def total(self) -> int:
        """Connected stages."""
        return len(self.rows)

    def empty(self) -> str:
        """Why there are no rows."""
        return f"  {self._nothing}"

    def _columns(self, width: int) -> tuple[int, int, int, int]:
        last, malformed, logging = (22, 12, 40) if width >= 110 else (16, 11, 22)
        return max(12, width - 3 - last - malformed - logging), last, malformed, logging

    def heading(self, width: int) -> Text:
        """Column names."""
        label, last, malformed, logging = self._columns(width)
        return Text(
            "   "
            + fit("API / stage", label)
            + fit("Last event", last)
            + fit("Malformed", malformed)
            + fit("Logging", logging)
        )

    def row(self, index: int, width: int) -> Text:
        """One stage."""
        item = self.rows[index]
        label, last, malformed, logging = self._columns(width)
        ink = theme.ink(self)
        quiet = item.state is State.DONE
        text = Text(" ").append_text(ink.mark(item.state)).append(" ")
        text.append(fit(item.label, label - 1) + " ", ink.bold)
        text.append(fit(item.last, last - 1) + " ", ink.plain)
        text.append(fit(item.malformed, malformed - 1) + " ", ink.plain)
        text.append(fit(item.logging, logging), ink.muted if quiet else ink.of(item.state))
        return text
