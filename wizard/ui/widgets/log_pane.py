"""The pane beside the checklist: the explanation of one check, or one of the logs, followed."""

from __future__ import annotations

import textwrap
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from rich.cells import chop_cells
from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import RichLog, Static

from wizard.core.errors import WizardError
from wizard.core.text import clean, duration
from wizard.ui import theme
from wizard.ui.session import Loaded

if TYPE_CHECKING:
    from wizard.flows.doctor.logs import Follower, LogLine, Tail
    from wizard.ui.theme import Ink


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


class Pane(Vertical):
    """Shows the evidence until `turn` shows the next log; after the last one the evidence again."""

    DEFAULT_CSS = """
    Pane #pane-title { height: 1; background: $panel; }
    Pane #evidence { height: 1fr; }
    Pane #tail { height: 1fr; display: none; scrollbar-size-vertical: 1; background: $background; }
    Pane.-log #evidence { display: none; }
    Pane.-log #tail { display: block; }
    """

    def __init__(self, tails: Tails) -> None:
        super().__init__(id="side")
        self._tails = tails
        self.at = 0  # 0 is the evidence, n the n-th log
        self._written = ("", 0)

    def compose(self) -> ComposeResult:
        """Title line, evidence, log."""
        yield Static(id="pane-title", markup=False)
        with VerticalScroll(id="evidence"):
            yield Static("", id="evidence-text", markup=False)
        yield RichLog(id="tail", max_lines=MOST_LINES, min_width=1, markup=False, highlight=False)

    def on_resize(self) -> None:
        """Fold the lines anew."""
        self._written = ("", 0)
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
        self.tell()

    def explain(self, shown: RenderableType) -> None:
        """Show this explanation when the evidence is shown."""
        self.query_one("#evidence-text", Static).update(shown)

    def tell(self) -> None:
        """Bring title and log in line with what was read."""
        tails = self._tails
        if tails.followers.value is not None and self.at > len(tails.followers.value):
            self.at = 0
            self.remove_class("-log")
        self.query_one("#pane-title", Static).update(self._title())
        if self.shows_log:
            self._write()

    def _title(self) -> Text:
        ink, tails = theme.ink(self), self._tails
        names = ["Evidence", *_names(tails.followers.value or ())]
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for number, name in enumerate(names):
            here = number == self.at
            text.append(f"[{name}]" if here else f" {name} ", ink.bold if here else ink.muted)
        text.append("  l: next log" if len(names) > 1 else "  l: logs", ink.muted)
        return text

    def _write(self) -> None:
        log = self.query_one("#tail", RichLog)
        follower, tails, ink = self.follower, self._tails, theme.ink(self)
        if follower is None:
            error = tails.followers.error
            empty = tails.followers.value == ()
            words = "This deployment has no log yet." if empty else "Looking for the logs…"
            self._only(log, f"{error.what}. {error.next_step}" if error else words)
            return
        key, place = follower.source.key, follower.source.place
        known = tails.logs.get(key)
        if known is None or not known.read:
            self._only(log, f"Reading {place}…")
        elif known.problem:
            self._only(log, known.problem)
        elif not known.told:
            minutes = f"Nothing in {place} in the last 15 minutes."
            self._only(log, f"{minutes} It is looked at every {duration(SECONDS)}.")
        else:
            new = known.told
            if self._written[0] == key:
                new = known.told - self._written[1]
            else:
                log.clear()
                log.write(Text(clean(place, 200), ink.muted, no_wrap=True))
            for line in list(known.lines)[-new:] if new else ():
                self._line(log, line, ink)
            self._written = (key, known.told)

    @staticmethod
    def _line(log: RichLog, line: LogLine, ink: Ink) -> None:
        """One line with its time, folded where it ends and not at words: most are JSON."""
        moment = f"{datetime.fromtimestamp(line.at, timezone.utc):%H:%M:%S} "
        room = max(20, log.scrollable_content_region.width - len(moment))
        for number, part in enumerate(chop_cells(clean(line.text, 4000), room) or [""]):
            text = Text(moment if not number else " " * len(moment), ink.muted, no_wrap=True)
            text.append(part, ink.plain)
            log.write(text)

    def _only(self, log: RichLog, words: str) -> None:
        """Nothing but this sentence."""
        if self._written == (words, -1):
            return
        log.clear()
        room = max(20, log.scrollable_content_region.width)
        for part in textwrap.wrap(clean(words, 600), room):
            log.write(Text(part, theme.ink(self).muted))
        self._written = (words, -1)


def _names(followers: tuple[Follower, ...]) -> list[str]:
    """A short name for each log; of several of a kind, the later ones are numbered."""
    kinds = [follower.source.key.partition(":")[0] for follower in followers]
    names = [_SHORT.get(kind, clean(kind, 20)) for kind in kinds]
    before = [names[:number].count(name) for number, name in enumerate(names)]
    return [f"{n} {b + 1}" if b else n for n, b in zip(names, before)]  # noqa: B905 - as long
