"""The run: deploy, switch stages, prove, and what takes it back. Each part in its turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wizard.core.errors import ExitCode, WizardError
from wizard.core.events import State, TerraformChanged
from wizard.core.terraform.progress import Progress
from wizard.ui import messages
from wizard.ui.background import Background

if TYPE_CHECKING:
    from wizard.core.events import FlowEvent, StageReport
    from wizard.ui.app import WizardApp

EVENTS_AT_ONCE = 2_000  # as many events are folded in before the keyboard has its turn


class RunJobs(Background):
    """What changes the account."""

    def __init__(self, app: WizardApp) -> None:
        super().__init__(app)
        self._inbox: deque[FlowEvent | str] = deque()
        self._newest: deque[Progress] = deque(maxlen=1)
        self.stop_proof = threading.Event()

    def run(self, only: tuple[str, ...] = ()) -> None:
        """Deploy, switch stages (all, or these alone), prove: whatever is not done yet."""
        run, backend = self.app.state.run, self.app.backend
        if run.busy:
            return
        self.begin_run()
        self.stop_proof = stop = threading.Event()
        wanted: list[tuple[str, Callable[[], Any]]] = [
            ("deploy", backend.deploy),
            ("logging", lambda: backend.switch_stages(only)),
            ("proof", lambda: backend.prove(stop)),
        ]
        if self.app.state.mode == "add":
            wanted[:2] = [("logging", lambda: backend.add_stages(only))]
        if self.app.state.answers.proof == "skip":
            wanted.pop()
        self.work_off([(step_id, call) for step_id, call in wanted if step_id not in run.done])

    def begin_run(self) -> None:
        """The clock starts, or goes on after a failure."""
        run = self.app.state.run
        run.busy, run.error, run.error_phase, run.cancelling = True, None, "", False
        run.started, run.ended = run.started or self.app.clock(), 0.0

    def work_off(self, parts: list[tuple[str, Callable[[], Any]]]) -> None:
        """Do these parts of the run one after another; the first failure ends it."""

        def work() -> None:
            for step_id, call in parts:
                try:
                    value = call()
                except WizardError as error:
                    self._post(messages.PartDone(step_id, None, error))
                    break
                if self.app.state.run.cancelling and step_id != "proof":
                    self._post(messages.PartDone(step_id, value, interrupted()))
                    break
                self._post(messages.PartDone(step_id, value))
            self._post(messages.RunEnded())

        self._start(work, "run")
        self.app.changed("run")

    def retry_stages(self) -> None:
        """Try the stages again that failed, then follow a request once more."""
        run = self.app.state.run
        failed = run.failed_stages
        if run.busy or not failed:
            return
        run.done -= {"logging", "proof"}
        run.proof = None
        for ref in failed:
            del run.reports[ref]
        self.run(failed)

    def undo(self) -> None:
        """Take away what a failed run has made."""
        run, backend = self.app.state.run, self.app.backend
        run.busy, run.error = True, None

        def work() -> None:
            try:
                backend.undo()
            except WizardError as error:
                self._post(messages.PartDone("undo", None, error))
            else:
                self._post(messages.PartDone("undo"))
            self._post(messages.RunEnded())

        self._start(work, "run")
        self.app.changed("run")

    def undo_stage(self, ref: str) -> None:
        """Put one stage back; its row shows the result."""
        backend = self.app.backend

        def work() -> StageReport:
            report = backend.undo_stage(ref)
            if report.state is State.DONE:
                self.app.state.run.put_back.add(ref)
            return report

        self.fetch("undo_stage", self.app.state.undone, work)

    def hear(self, event: FlowEvent) -> None:
        """The backend's listener; called from any thread.

        Of Terraform's events the lines wait, and one picture: nobody sees the older ones.
        """
        if isinstance(event, TerraformChanged) and isinstance(event.snapshot, Progress):
            self._newest.append(event.snapshot)
            if event.line:
                self._inbox.append(event.line)
        else:
            self._inbox.append(event)

    def drain(self, most: int = EVENTS_AT_ONCE) -> bool:
        """Fold what was heard into the run, at most so many events; the app calls it ten times a
        second, and goes on at the next when there are more.
        """
        run, heard = self.app.state.run, min(most, len(self._inbox))
        for _ in range(heard):
            item = self._inbox.popleft()
            run.say(item) if isinstance(item, str) else run.hear(item)
        newest = self._newest.pop() if self._newest else None
        if newest is not None:
            run.progress = newest
        return heard > 0 or newest is not None

    def close(self) -> None:
        """Stop waiting for a request, too."""
        self.stop_proof.set()
        super().close()


def interrupted() -> WizardError:
    """The error of a run that was stopped on purpose."""
    return WizardError(
        "WAG-E-RUN-002",
        "Stopped as you asked",
        why="What was finished until then is recorded.",
        next_step="Retry goes on where it stopped; Undo takes away what was made.",
        exit_code=ExitCode.INTERRUPTED,
    )
