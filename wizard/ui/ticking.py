"""What the app does ten times a second: what came is shown, what was typed is saved."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from textual.events import Resize
from textual.geometry import Size

from wizard.ui import terminal
from wizard.ui.hearing import Hearing
from wizard.ui.screen_reader import follow_focus

if TYPE_CHECKING:
    from wizard.flows.context import Options

EVENT_SECONDS = 0.1  # how often events of a run reach the screen
SAVE_SECONDS = 0.4  # answers are saved this long after the last change


class Ticking(Hearing):
    """The half of the app that looks at the clock."""

    options: Options

    def __init__(self) -> None:
        super().__init__()
        self._save_at = 0.0

    def start_ticking(self) -> None:
        """From now on."""
        self.set_interval(EVENT_SECONDS, self._tick)
        self.set_interval(terminal.LOOK_SECONDS, self._look_at_terminal)

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

    def _show_new_rows(self) -> None:
        self.state.book.apply(self.state.selected)
        self.changed("stages")

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
