"""The live picture of a Terraform run in a terminal: a bar, the groups, and what is running now."""

from __future__ import annotations

import time

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wizard.core.events import State, glyph
from wizard.core.terraform.progress import Progress, UnitState
from wizard.core.text import clean, duration

_STATES = {
    UnitState.PENDING: (State.TODO, "dim"),
    UnitState.RUNNING: (State.RUNNING, "cyan"),
    UnitState.DONE: (State.DONE, "green"),
    UnitState.FAILED: (State.FAILED, "red"),
}
_MOST_RUNNING = 8


class LiveDeploy:
    """Draws the reducer's snapshots on stderr, several times a second, without scrolling."""

    def __init__(self, *, unicode: bool) -> None:
        self._unicode = unicode
        self._snapshot: Progress | None = None
        self._taken = 0.0
        self._stopping = False
        self._live = Live(
            console=RichConsole(stderr=True),
            get_renderable=self._draw,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()

    def update(self, snapshot: Progress, *, stopping: bool = False) -> None:
        """Take a newer snapshot; it is drawn at the next tick."""
        self._snapshot, self._taken = snapshot, time.monotonic()
        self._stopping = stopping

    def close(self) -> None:
        """Leave the terminal as it was, with nothing half drawn."""
        self._live.stop()

    def _draw(self) -> Group:
        snapshot = self._snapshot
        if snapshot is None:
            return Group(Text("starting…"))
        # The clock goes on between Terraform's events, which come every ten seconds.
        now = snapshot.now + time.monotonic() - self._taken
        return Group(
            self._headline(snapshot),
            _bar(snapshot.fraction),
            self._groups(snapshot, now),
        )

    def _headline(self, snapshot: Progress) -> Text:
        text = f"{snapshot.done} of {snapshot.total}"
        if self._stopping:
            return Text(f"Stopping: {len(snapshot.running)} still settling   {text}")
        if snapshot.to_go:
            text += f"   {snapshot.to_go}"
        return Text(f"{text}   {snapshot.fraction:.0%}")

    def _groups(self, snapshot: Progress, now: float) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(ratio=1, no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for group in snapshot.groups:
            state, style = _STATES[group.state]
            sign = f"{glyph(state, unicode=self._unicode)} {group.name}"
            elapsed = duration(group.elapsed(now)) if group.started is not None else ""
            table.add_row(Text(sign, style), Text(f"{group.done} of {group.total}"), Text(elapsed))
            running = [unit for unit in snapshot.running if unit.group == group.name]
            for unit in running[:_MOST_RUNNING]:
                table.add_row(Text("   " + clean(unit.line(now)), "dim"))
        return table


def _bar(fraction: float) -> Table:
    """A bar on a line of its own; without colours rich ends it where it is full."""
    line = Table.grid(expand=True)
    line.add_row(ProgressBar(total=1.0, completed=fraction))
    return line
