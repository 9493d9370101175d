"""What the app does ten times a second: what came is shown, what was typed is saved."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from textual.events import Resize
from textual.geometry import Size

from wizard.ui import terminal
from wizard.ui.collector import Collector
from wizard.ui.hearing import Hearing
from wizard.ui.screen_reader import follow_focus

if TYPE_CHECKING:
    from wizard.flows.context import Options

EVENT_SECONDS = 0.1  # how often events of a run reach the screen
SAVE_SECONDS = 0.4  # answers are saved this long after the last change
REST_SECONDS = 0.7  # nothing was typed for so long: a person reads
TURN_SECONDS = 0.001  # a thread at work lets the screens in after so long; usual are 5 ms
SPARED_EACH = 2_000  # rows after which the garbage collector is told to leave what there is


class Ticking(Hearing):
    """The half of the app that looks at the clock."""

    options: Options

    def __init__(self) -> None:
        super().__init__()
        self.collector = Collector()
        self._turn_seconds = sys.getswitchinterval()
        self._save_at = 0.0
        self._spared = 0

    def start_ticking(self) -> None:
        """From now on until `stop_ticking`."""
        self.collector.begin()
        self._turn_seconds = sys.getswitchinterval()
        sys.setswitchinterval(TURN_SECONDS)
        self.set_interval(EVENT_SECONDS, self._tick)
        self.set_interval(terminal.LOOK_SECONDS, self._look_at_terminal)

    def stop_ticking(self) -> None:
        """The app ends: collector and threads are as they were."""
        self.collector.end()
        sys.setswitchinterval(self._turn_seconds)

    def _look_at_terminal(self) -> None:
        if self.is_headless:
            return
        if terminal.is_gone():
            terminal.leave()
        # The signal of a new size does not reach every program: not through some containers.
        size = Size(*shutil.get_terminal_size())
        if size != self.size:
            self.post_message(Resize(size, size))

    def _tick(self) -> None:
        follow_focus(self)
        self.look_after_keys()
        if self.jobs.drain() or self.state.run.busy:
            self.changed("run")
        if self.state.book.waits:
            self._show_new_rows()
        if self.state.dirty and time.monotonic() >= self._save_at:
            self.save()
        if self.rests(REST_SECONDS):
            self.collector.idle()

    def _show_new_rows(self) -> None:
        book = self.state.book
        book.apply(self.state.selected)
        self.changed("stages")
        if abs(len(book) - self._spared) >= SPARED_EACH:
            self._spared = len(book)
            self.collector.spare()

    def save_soon(self) -> None:
        """The answers changed: save them when nothing more comes for a moment."""
        self.state.dirty = self.state.mode != "add"
        self._save_at = time.monotonic() + SAVE_SECONDS

    def save(self) -> None:
        """Keep the answers, in the background."""
        self.state.dirty = False
        answers, backend = self.state.answers, self.backend

        def work() -> None:
            self.state.saved_to = backend.save(answers)

        self.run_worker(
            work, thread=True, name="save", group="save", exclusive=False, exit_on_error=False
        )
