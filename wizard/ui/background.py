"""How blocking work runs: in a named worker that answers by message, and may ask a person."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.worker import Worker, WorkerState, active_worker

from wizard.core.errors import WizardError
from wizard.core.text import clean
from wizard.flows import crash
from wizard.ui import messages

if TYPE_CHECKING:
    from wizard.flows.context import Options
    from wizard.ui.app import WizardApp
    from wizard.ui.loaded import Loaded

T = TypeVar("T")
MAX_QUESTION = 900  # characters


def unexpected(error: BaseException, options: Options) -> WizardError:
    """A bug as an error a person can act on; its traceback goes to the log file only."""
    return crash.unexpected(error, options.workspace, options.env, code="WAG-E-UI-001")


class Background:
    """Starts work and brings its results back. Lives as long as the app."""

    def __init__(self, app: WizardApp) -> None:
        self.app = app
        self._pending: dict[str, tuple[Loaded[Any], int]] = {}
        self._asked: list[queue.Queue[Any]] = []
        self._closed = False
        self.declined = False  # a question was waved away, and nothing was asked for since

    def fetch(self, name: str, item: Loaded[T], call: Callable[[], T]) -> None:
        """Fetch something in the background. A newer fetch of the same name wins."""
        turn = item.begin(self.app.clock())
        self._pending[name] = (item, turn)
        post = self.app.post_message

        def work() -> None:
            try:
                value = call()
            except WizardError as error:
                post(messages.Fetched(name, item, turn, None, error))
            else:
                post(messages.Fetched(name, item, turn, value, None))

        self._start(work, name)
        self.app.changed(name)

    def _start(self, work: Callable[[], None], name: str) -> None:
        self.declined = False

        def letting_go() -> None:
            try:
                work()
            finally:
                # Textual leaves the worker in the thread, which would keep the screen it came from.
                active_worker.set(None)  # type: ignore[arg-type]

        self.app.run_worker(
            letting_go, thread=True, name=name, group=name, exclusive=True, exit_on_error=False
        )

    def worker_failed(self, worker: Worker[Any]) -> None:
        """A bug in a worker ends as an error on its screen, not as a crash."""
        if worker.state is not WorkerState.ERROR or worker.error is None:
            return
        error = unexpected(worker.error, self.app.options)
        if worker.name == "run":
            self.app.post_message(messages.PartDone("", None, error))
            self.app.post_message(messages.RunEnded())
        elif worker.name in self._pending:
            item, turn = self._pending[worker.name]
            self.app.post_message(messages.Fetched(worker.name, item, turn, None, error))

    def ask(self, show: Callable[[Callable[[Any], None]], None]) -> Any:
        """From a worker: have a person asked, and wait for the answer; None when they leave.

        `show` runs on the event loop and gets the function that takes the answer.
        """
        answer: queue.Queue[Any] = queue.Queue()
        self._asked.append(answer)
        if self._closed:  # nobody will answer any more
            return None
        self.app.call_from_thread(show, answer.put)
        given = answer.get()
        self._asked.remove(answer)
        return given

    def agree(self, question: str) -> bool:
        """From a worker: put a flow's question to a person. Leaving is a no."""

        def show(give: Callable[[bool | None], None]) -> None:
            from wizard.ui.screens.dialogs import Confirm

            body = clean(question, MAX_QUESTION)
            self.app.push_screen(Confirm("A decision is needed", body, keep="No", act="Yes"), give)

        return bool(self.ask(show))

    def _post(self, message: Any) -> None:
        self.app.post_message(message)

    def close(self) -> None:
        """Unblock every worker that waits for a person."""
        self._closed = True
        for answer in tuple(self._asked):
            answer.put(None)
