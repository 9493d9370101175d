"""The pane beside the checklist: the explanation of one check, or one of the logs, followed."""

from __future__ import annotations

import json
import textwrap
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells
from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input, Static

from wizard.core.errors import WizardError
from wizard.core.text import clean, count, duration
from wizard.ui import theme
from wizard.ui.session import Loaded
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.rows import Rows, fit

if TYPE_CHECKING:
    from wizard.flows.doctor.logs import Follower, LogLine, Tail


MOST_LINES = 1_000
SECONDS = 2.0  # between two looks at a log; CloudWatch Logs allows few calls for the whole account


@dataclass
class OneLog:
    """What one log said. `told` counts every line there ever was, so that a screen can append."""

    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    told: int = 0
    problem: str = ""
    read: bool = False


class Tails:
    """The logs that are followed, by the key of their source."""

    def __init__(self) -> None:
        self.followers: Loaded[tuple[Follower, ...]] = Loaded()
        self.news: Loaded[tuple[str, Tail]] = Loaded()
        self.logs: dict[str, OneLog] = {}

    def hear(self, key: str, tail: Tail | WizardError) -> None:
        """Take what a look at one log brought."""
        log = self.logs.setdefault(key, OneLog())
        self.news.busy, log.read = False, True
        if isinstance(tail, WizardError):
            log.problem = tail.what
            return
        log.problem = tail.problem
        log.lines.extend(tail.lines)
        log.told += len(tail.lines)


_SHORT = {"node": "Node", "forwarder": "Lambda", "access": "API Gateway", "ecs": "ECS"}


@dataclass(frozen=True)
class LogRow:
    """One row of a log: a line of it, or a part of a line that is unfolded (`sign` is then empty).

    `number` counts every line there ever was; -1 for words that are no line of the log.
    """

    number: int
    moment: str
    text: str
    sign: str = ""


def unfolded(text: str) -> tuple[str, ...]:
    """A line's JSON with a field on each line, behind what stands before it; else nothing."""
    at = text.find("{")
    if at < 0:
        return ()
    try:
        found, end = json.JSONDecoder().raw_decode(text[at:])
    except ValueError:
        return ()
    lines = json.dumps(found, indent=2, ensure_ascii=False).splitlines()
    around = (text[:at].strip(), text[at + end :].strip())
    return tuple(clean(line) for line in (around[0], *lines, around[1]) if line)


class LogRows(Rows):
    """The lines of one log, each in one row; Enter unfolds one."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.shown: list[LogRow] = []
        self.wanted = ""  # what was searched for: it is marked

    def total(self) -> int:
        """Rows now."""
        return len(self.shown)

    def row(self, index: int, width: int) -> Text:
        """The time, and as much of the line as there is room for."""
        item, ink = self.shown[index], theme.ink(self)
        text = Text(f"{item.moment:<9}" if item.number >= 0 else "", ink.muted)
        if item.number >= 0:
            text.append(f"{item.sign:<2}", ink.accent)
        room = max(1, width - text.cell_len)
        text.append(fit(item.text, room), ink.plain if item.number >= 0 else ink.muted)
        if self.wanted:
            text.highlight_words([self.wanted], ink.warn + ink.strong, case_sensitive=False)
        return text

    def replace(self, rows: list[LogRow]) -> None:
        """Show these. The cursor stays on its line; at the end it follows what comes."""
        last = self.cursor >= len(self.shown) - 1
        here = self.shown[self.cursor] if self.cursor < len(self.shown) else None
        self.shown = rows
        self.reload()
        if last or here is None:
            self.go(len(rows) - 1)
        else:
            self.go(next((n for n, r in enumerate(rows) if r.number == here.number), 0))

    @property
    def room(self) -> int:
        """Cells for the text of a line."""
        return max(20, self.scrollable_content_region.width - 11)


class Pane(Vertical):
    """Shows the evidence until `turn` shows the next log; after the last one the evidence again."""

    DEFAULT_CSS = """
    Pane #pane-title { height: 1; background: $panel; }
    Pane #evidence { height: 1fr; }
    Pane #search { display: none; }
    Pane.-search #search { display: block; }
    Pane #tail { height: 1fr; display: none; }
    Pane.-log #evidence { display: none; }
    Pane.-log #tail { display: block; }
    """

    def __init__(self, tails: Tails) -> None:
        super().__init__(id="side")
        self._tails = tails
        self.at = 0  # 0 is the evidence, n the n-th log
        self._open: set[int] = set()  # lines that are unfolded, by number
        self._paused: int | None = None  # the number of the first line that waits
        self._wanted = ""
        self._shown: object = None  # what the rows were made from

    def compose(self) -> ComposeResult:
        """Title line, evidence, log."""
        yield Static(id="pane-title", markup=False)
        with VerticalScroll(id="evidence"):
            yield Static("", id="evidence-text", markup=False)
        yield CleanInput(id="search", placeholder="find in this log", spaces=True)
        yield LogRows(id="tail")

    def on_resize(self) -> None:
        """Fold the lines anew."""
        self.tell()

    @property
    def follower(self) -> Follower | None:
        """The log that is shown, if one is."""
        known = self._tails.followers.value or ()
        return known[self.at - 1] if 0 < self.at <= len(known) else None

    @property
    def shows_log(self) -> bool:
        """Whether a log is wanted, known or not."""
        return self.at > 0

    def turn(self) -> None:
        """The next log, or the evidence after the last one."""
        known = self._tails.followers.value
        last = 1 if known is None else len(known)
        self.at = self.at + 1 if self.at < last else 0
        self.set_class(self.shows_log, "-log")
        self._open, self._paused = set(), None
        self.forget_search()
        self.tell()

    def explain(self, shown: RenderableType) -> None:
        """Show this explanation when the evidence is shown."""
        self.query_one("#evidence-text", Static).update(shown)

    # Search and pause -----------------------------------------------------------------------------

    def search(self) -> None:
        """Ask for a word; only lines with it are shown."""
        self.add_class("-search")
        self.query_one("#search", CleanInput).focus()

    def forget_search(self) -> bool:
        """All lines again. False where all are shown already."""
        asked = self.has_class("-search")
        if asked:
            field = self.query_one("#search", CleanInput)
            if field.has_focus:
                self.query_one(LogRows).focus()
            self.remove_class("-search")
            with self.prevent(Input.Changed):
                field.value = ""
            self._wanted = ""
            self.tell()
        return asked

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as one types."""
        event.stop()
        self._wanted = event.value.strip()
        self.tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to what was found."""
        event.stop()
        self.query_one(LogRows).focus()

    def pause(self) -> None:
        """Hold the lines still, or go on with all that came meanwhile."""
        log = self._log()
        if self._paused is None and log is not None:
            self._paused = log.told
        else:
            self._paused = None
        self.tell()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Unfold a line, or fold it again."""
        event.stop()
        row = self.query_one(LogRows).shown[event.index]
        if row.number >= 0:
            self._open ^= {row.number}
            self.tell()

    on_rows_toggled = on_rows_chosen

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The evidence does not hang on this cursor."""
        event.stop()

    def copied(self) -> str:
        """The lines that are shown, whole."""
        return "\n".join(f"{moment} {line.text}" for _, moment, line in self._lines())

    # What is shown --------------------------------------------------------------------------------

    def tell(self) -> None:
        """Bring title and log in line with what was read."""
        tails = self._tails
        if tails.followers.value is not None and self.at > len(tails.followers.value):
            self.at = 0
            self.remove_class("-log")
        if self.shows_log:
            self._write()
        self.query_one("#pane-title", Static).update(self._title())

    def _log(self) -> OneLog | None:
        follower = self.follower
        return self._tails.logs.get(follower.source.key) if follower is not None else None

    def _title(self) -> Text:
        ink, tails = theme.ink(self), self._tails
        names = ["Evidence", *_names(tails.followers.value or ())]
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for number, name in enumerate(names):
            here = number == self.at
            text.append(f"[{name}]" if here else f" {name} ", ink.bold if here else ink.muted)
        if not self.shows_log:
            text.append("  l: logs", ink.muted)
            return text
        said, log = [], self._log()
        if log is not None and self._paused is not None:
            said.append(f"paused, {log.told - self._paused:,} new: p goes on")
        if self._wanted:
            found = sum(1 for _ in self._lines())
            said.append(f"{found:,} of {count(len(log.lines) if log else 0, 'line')}")
        keys = "/ find  p pause  w whole"
        keys = keys if text.cell_len + len(keys) + 2 <= self.size.width else "/ p w"
        text.append("  " + ("  ".join(said) or keys), ink.muted)
        return text

    def _lines(self) -> Iterator[tuple[int, str, LogLine]]:
        """The lines that are wanted, with their numbers and times."""
        log = self._log()
        if log is None or log.problem:
            return
        first, wanted = log.told - len(log.lines), self._wanted.lower()
        for number, line in enumerate(log.lines, first):
            if self._paused is not None and number >= self._paused:
                return
            if wanted in line.text.lower():
                yield number, f"{datetime.fromtimestamp(line.at, timezone.utc):%H:%M:%S}", line

    def _write(self) -> None:
        tail, words = self.query_one(LogRows), self._words()
        tail.wanted = "" if words else self._wanted
        if words:
            lines = textwrap.wrap(clean(words, 600), tail.room)
            tail.replace([LogRow(-1, "", line) for line in lines])
            return
        log = self._log()
        signs = ("▾", "▸") if theme.ink(self).unicode else ("v", ">")
        now = (log and log.told, self.at, self._paused, self._wanted, {*self._open}, tail.room)
        if now == self._shown and tail.shown and tail.shown[-1].number >= 0:
            return
        self._shown = now
        rows: list[LogRow] = []
        for number, moment, line in self._lines():
            text = clean(line.text, 4000)
            longer = "{" in text or cell_len(text) > tail.room
            opened = number in self._open
            sign = signs[0 if opened else 1] if longer else ""
            rows.append(LogRow(number, moment, text, sign))
            if opened and longer:
                parts = unfolded(text) or tuple(chop_cells(text, tail.room))
                rows += [LogRow(number, "", part) for part in parts]
        tail.replace(rows or [LogRow(-1, "", "No line has that.")])

    def _words(self) -> str:
        """What to say instead of lines; empty where there are some."""
        follower, tails = self.follower, self._tails
        if follower is None:
            error = tails.followers.error
            empty = tails.followers.value == ()
            words = "This deployment has no log yet." if empty else "Looking for the logs…"
            return f"{error.what}. {error.next_step}" if error else words
        place, known = follower.source.place, tails.logs.get(follower.source.key)
        if known is None or not known.read:
            return f"Reading {place}…"
        if known.problem or known.told:
            return known.problem
        minutes = f"Nothing in {place} in the last 15 minutes."
        return f"{minutes} It is looked at every {duration(SECONDS)}."


def _names(followers: tuple[Follower, ...]) -> list[str]:
    """A short name for each log; of several of a kind, the later ones are numbered."""
    kinds = [follower.source.key.partition(":")[0] for follower in followers]
    names = [_SHORT.get(kind, clean(kind, 20)) for kind in kinds]
    before = [names[:number].count(name) for number, name in enumerate(names)]
    return [f"{n} {b + 1}" if b else n for n, b in zip(names, before)]  # noqa: B905 - as long
