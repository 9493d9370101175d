"""Home of a fleet: a row for each target, read side by side; Enter opens the target's own Home."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer, Input, Static

from wizard.core.events import State
from wizard.core.fleet import Fleet, Glance, Target, glance
from wizard.core.text import clean, count, duration
from wizard.flows.fleet import Listener, TargetRun
from wizard.ui import terminal, theme
from wizard.ui.screens.dialogs import Details
from wizard.ui.theme import DARK, LIGHT, AsciiOnly, speaks_unicode
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.rows import Rows, fit

NEWS_SECONDS = 0.2  # how often what the targets said reaches the screen
LOOKS = ("status", "doctor", "plan")
HINT = "Enter opens a target's Home. From this table nothing is changed."
_ORDER = (State.FAILED, State.WARNING, State.RUNNING, State.UNCHECKED)
_SIGNALLED = 128


class Job(Protocol):
    """One action for some targets: `flows.fleet.FleetRun`, or what the tests put there."""

    def run(self) -> tuple[TargetRun, ...]:
        """Run it to its end."""

    def stop(self) -> object:
        """Interrupt what is at work."""


# Makes the job of an action; the listener is told from several threads.
Start = Callable[[Fleet, str, Listener], Job]


class Glances:
    """What each target's last document comes to: read once, not for every row that is drawn."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Mapping[str, Any], Glance]] = {}

    def of(self, run: TargetRun) -> Glance:
        """The glance at what this target said last."""
        known = self._seen.get(run.target.name)
        if known is None or known[0] is not run.result:
            known = (run.result, glance(run.result, time.time()))
            self._seen[run.target.name] = known
        return known[1]


class FleetTable(Rows):
    """Sign, target, account, Region, stages, events, note."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", tooltip="The Home of this target")
    ]
    HEADER = True

    def __init__(self, runs: Mapping[str, TargetRun], seen: Glances) -> None:
        super().__init__(id="targets")
        self._runs, self._seen = runs, seen
        self.shown: tuple[Target, ...] = ()

    def total(self) -> int:
        """Targets that the filter leaves."""
        return len(self.shown)

    def current(self) -> Target | None:
        """The one the cursor is on."""
        return self.shown[self.cursor] if self.cursor < len(self.shown) else None

    def empty(self) -> str:
        """A fleet has targets: the filter hides them."""
        return "  no target matches the filter"

    def _columns(self, width: int) -> tuple[int, int, int, int, int, int]:
        account, region, stages, events = 13, 15, 7, 8
        rest = width - 4 - account - region - stages - events
        longest = max((len(target.name) for target in self.shown), default=0)
        name = max(8, min(longest + 1, rest // 2))
        return name, account, region, stages, events, max(0, rest - name)

    def heading(self, width: int) -> Text:
        """Column names."""
        titles = ("Target", "Account", "Region", "Stages", "Events", " ")
        cells = zip(titles, self._columns(width), strict=True)
        return Text("    " + "".join(fit(title, room) for title, room in cells))

    def row(self, index: int, width: int) -> Text:
        """One target."""
        target, ink = self.shown[index], theme.ink(self)
        run = self._runs.get(target.name, TargetRun(target))
        name, account, region, stages, events, note = self._columns(width)
        seen = self._seen.of(run)
        state, said = state_of(run, seen), run.doing if run.state is State.RUNNING else seen.note
        text = Text(" ")
        text.append_text(ink.mark(state))
        text.append(" " * max(0, 4 - len(text.plain)))
        text.append(fit(clean(target.name), name - 1) + " ", ink.bold)
        text.append(fit(target.account_id or target.answers.profile, account), ink.muted)
        text.append(fit(target.answers.region, region), ink.plain)
        text.append(fit(seen.stages, stages) + fit(seen.events, events), ink.plain)
        style = {State.FAILED: ink.bad, State.WARNING: ink.warn}.get(state, ink.muted)
        text.append(fit(clean(said or run.doing), note), style)
        return text


def state_of(run: TargetRun, seen: Glance) -> State:
    """How a target does: what it found where it was asked, else how its run ended."""
    if run.state in (State.TODO, State.RUNNING, State.SKIPPED):
        return run.state
    if run.exit_code not in (0, None):
        return run.state if seen.state in (State.DONE, State.UNCHECKED) else seen.state
    return seen.state if run.result else run.state


class FleetHome(Screen[None]):
    """The table of all targets, and what can be asked of them; see `FleetApp`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "look('status')", "Status", tooltip="Look at all that are shown"),
        Binding("d", "look('doctor')", "Doctor", tooltip="Every check of all that are shown"),
        Binding("p", "look('plan')", "Plan", tooltip="What an install would change in each"),
        Binding("i", "details", "Details", tooltip="All that this target said"),
        Binding("slash", "filter", "Find", key_display="/", priority=True),
        Binding("x", "stop", "Stop", tooltip="Interrupt what is at work"),
        Binding("escape", "leave_field", show=False),
        Binding("q,ctrl+q", "quit_fleet", "Quit"),
    ]

    def __init__(
        self,
        fleet: Fleet,
        source: str,
        start: Start,
        runs: dict[str, TargetRun],
        look_at: tuple[str, ...] | None,
    ) -> None:
        super().__init__()
        self._fleet, self._source, self._start, self.runs = fleet, source, start, runs
        first = [t.name for t in fleet.targets if t.name not in runs]
        self._first = tuple(first) if look_at is None else look_at
        self._lock = threading.Lock()
        self._seen = Glances()
        self._news = True
        self._job: Job | None = None
        self._doing = ""

    def compose(self) -> ComposeResult:
        """Heading, filter, table, what the target said, keys."""
        yield Static("", id="question", markup=False)
        yield Static(HINT, id="hint", markup=False)
        with Horizontal(id="filter-line"):
            yield Static("Find   ", classes="muted", markup=False)
            yield CleanInput(spaces=True, id="filter", placeholder="name, account, Region, note…")
            yield Static("", id="counts", markup=False)
        yield FleetTable(self.runs, self._seen)
        yield Static("", id="pane")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known, and look at what is not."""
        self.query_one(FleetTable).focus()
        self.set_interval(NEWS_SECONDS, self._tell_news)
        self.set_interval(terminal.LOOK_SECONDS, self._look_at_terminal)
        self._tell_news()
        if self._first:
            self._begin("status", self._first)

    def _look_at_terminal(self) -> None:
        if not self.app.is_headless and terminal.is_gone():
            terminal.leave()

    # What the targets say -------------------------------------------------------------------------

    def hear(self, run: TargetRun) -> None:
        """A target said something; called from several threads."""
        with self._lock:
            before = self.runs.get(run.target.name)
            if run.exit_code is None and before is not None:
                # What was seen last stays in the row until there is something newer.
                run = replace(run, result=before.result, last_words=before.last_words)
            self.runs[run.target.name] = run
            self._seen.of(run)  # here, in the thread that heard it
            self._news = True

    def _tell_news(self) -> None:
        if not self._news:
            return
        self._news = False
        table = self.query_one(FleetTable)
        words = self.query_one("#filter", CleanInput).value.lower().split()
        table.shown = tuple(
            t for t in self._fleet.targets if all(w in self._haystack(t) for w in words)
        )
        table.reload()
        self._show_counts()
        self._show_pane()

    def _haystack(self, target: Target) -> str:
        run = self.runs.get(target.name, TargetRun(target))
        answers = target.answers
        parts = (target.name, target.account_id, answers.profile, answers.region, run.doing)
        seen = self._seen.of(run)
        return " ".join((*parts, seen.note, state_of(run, seen).value)).lower()

    def _show_counts(self) -> None:
        runs = [self.runs.get(t.name, TargetRun(t)) for t in self._fleet.targets]
        states = [state_of(run, self._seen.of(run)) for run in runs]
        told = [f"{states.count(one)} {one.value}" for one in _ORDER if one in states]
        text = f"{count(len(states), 'target')} of {clean(self._source, 60)}"
        text += f": {', '.join(told)}" if told else ""
        self.query_one("#question", Static).update(text)
        shown = len(self.query_one(FleetTable).shown)
        self.query_one("#counts", Static).update(f"{shown:,} of {len(states):,} shown")
        busy = f"{self._doing}: at work" if self._job is not None else HINT
        self.query_one("#hint", Static).update(busy)

    def _show_pane(self) -> None:
        target, ink = self.query_one(FleetTable).current(), theme.ink(self)
        pane = self.query_one("#pane", Static)
        if target is None:
            pane.update("")
            return
        run = self.runs.get(target.name, TargetRun(target))
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{clean(target.name)}", ink.bold)
        text.append(f"   {clean(target.place)}", ink.muted)
        if run.seconds:
            text.append(f"   {duration(run.seconds)}", ink.muted)
        why, following = (clean(str(run.result.get(k, "")), 400) for k in ("why", "next_step"))
        now = self._seen.of(run).note
        if run.state is State.RUNNING or not run.result:
            now = run.doing
        for label, words in (("Now", now), ("Why", why), ("Next", following)):
            if words:
                text.append(f"\n{label:<6}", ink.muted)
                text.append(clean(words), ink.plain)
        pane.update(text)

    # What somebody wants --------------------------------------------------------------------------

    def _begin(self, action: str, names: tuple[str, ...]) -> None:
        if self._job is not None:
            self.notify("Something is at work: x stops it.", markup=False)
            return
        self._doing = f"{action} of {count(len(names), 'target')}"
        self._job = self._start(self._fleet.only(names), action, self.hear)
        self._news = True
        self._work(self._job)

    @work(thread=True, exclusive=True, group="fleet", exit_on_error=False)
    def _work(self, job: Job) -> None:
        try:
            job.run()
        finally:
            self.call_later(self._ended)

    def _ended(self) -> None:
        self._job = None
        self._news = True

    def action_look(self, action: str) -> None:
        """Ask all that are shown."""
        shown = tuple(target.name for target in self.query_one(FleetTable).shown)
        if shown:
            self._begin(action, shown)

    def action_stop(self) -> None:
        """Interrupt what is at work."""
        if self._job is not None:
            self._job.stop()

    def action_filter(self) -> None:
        """To the filter."""
        self.query_one("#filter", CleanInput).focus()

    def action_leave_field(self) -> None:
        """Back to the rows."""
        self.query_one(FleetTable).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the filter letters are letters."""
        typing = isinstance(self.focused, Input)
        if typing and action in ("filter", "look", "details", "stop", "open", "quit_fleet"):
            return None
        return super().check_action(action, parameters)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        self._news = True
        self.query_one(FleetTable).cursor = 0
        self._tell_news()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the rows."""
        event.stop()
        self.action_leave_field()

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The lower part follows the cursor."""
        event.stop()
        self._show_pane()

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Enter, or a double click."""
        event.stop()
        self._open()

    def _open(self) -> None:
        """The Home of this target, in place of the table."""
        target = self.query_one(FleetTable).current()
        if target is not None:
            self._leave(target.name)

    def action_details(self) -> None:
        """All that the target said."""
        target = self.query_one(FleetTable).current()
        if target is None:
            return
        run = self.runs.get(target.name, TargetRun(target))
        lines = [f"log: {run.log}"] if run.log else []
        lines += [*run.last_words, json.dumps(run.result, indent=2, ensure_ascii=False)]
        text = "\n".join(clean(line) for part in lines for line in part.splitlines())
        self.app.push_screen(Details(target.name, Text(text), text, "text"))

    def action_quit_fleet(self) -> None:
        """Interrupt what is at work, and end."""
        self._leave(None)

    def _leave(self, opened: str | None) -> None:
        self.action_stop()
        self.app.exit(opened)


class FleetApp(App[str]):
    """One table for all targets. Ends with the name of the one to open; None ends it.

    Args:
        start: makes the job of an action for some targets.
        runs: what is known of each target by its name; it is kept up to date.
        look_at: names of the targets to look at first; None means those that nothing is known of.
    """

    CSS_PATH = "styles.tcss"
    TITLE = "wallarm-apigw fleet"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-w"), (80, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny-h"), (24, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS = [Binding("ctrl+c", "interrupt", show=False)]  # noqa: RUF012

    def __init__(
        self,
        fleet: Fleet,
        source: str,
        start: Start,
        runs: dict[str, TargetRun],
        *,
        look_at: tuple[str, ...] | None = None,
        unicode: bool | None = None,
    ) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.unicode = speaks_unicode() if unicode is None else unicode
        if not self.unicode:
            self._filters.append(AsciiOnly())
        self.home = FleetHome(fleet, source, start, runs, look_at)

    def on_mount(self) -> None:
        """Show the table."""
        self.push_screen(self.home)

    def action_interrupt(self) -> None:
        """Interrupt what is at work, and end."""
        self.home.action_quit_fleet()

    def copy(self, text: str, what: str) -> None:
        """Copy, and say where the text went."""
        self.copy_to_clipboard(text)
        self.notify(f"{what}: sent to the terminal's clipboard.", markup=False)


def show(app: FleetApp) -> str | None:
    """Show the table in this terminal; the name of the target to open, or None."""

    def stop(number: int) -> None:
        app.home.action_stop()
        app.exit(None, _SIGNALLED + number)

    with terminal.taken(stop):
        return app.run()
