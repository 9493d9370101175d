"""The one boundary between threads at work and the screens: errors become values, people are asked.

A screen starts its own work with `@work(thread=True, …)`, a model with `start`. Either way the work
goes through `attempt`, and what comes out of it is a value or a `WizardError`; never a crash.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from textual.worker import Worker, get_current_worker

from wizard.core.errors import WizardError
from wizard.core.text import clean
from wizard.flows import crash

if TYPE_CHECKING:
    from textual.app import App

    from wizard.flows.context import Options

T = TypeVar("T")
MAX_QUESTION = 900  # characters
_A_MOMENT = 0.3  # seconds


def unexpected(error: BaseException, options: Options) -> WizardError:
    """A bug as an error a person can act on; its traceback goes to the log file only."""
    return crash.unexpected(error, options.workspace, options.env, code="WAG-E-UI-001")


class Workers:
    """Runs what blocks, and puts a flow's questions to a person. Lives as long as the app."""

    def __init__(self, app: App[Any], options: Options) -> None:
        self._app = app
        self._options = options
        self._latest: dict[str, Worker[None]] = {}
        self._asked: list[queue.Queue[Any]] = []
        self._closed = False
        self._changing = 0  # pieces of work that change something, in threads right now
        self._one_ended = threading.Condition()
        self._declined = False  # a question was waved away, and nothing was asked for since

    def attempt(self, call: Callable[[], T], *, changes: bool = False) -> T | WizardError:
        """From a worker: what the call returns, or why it could not.

        Args:
            changes: it changes something, so the program does not end before it has.
        """
        self._declined = False
        try:
            with self._finished() if changes else contextlib.nullcontext():
                return call()
        except WizardError as error:
            return error
        except Exception as error:  # noqa: BLE001 - a bug ends as an error on its screen
            return unexpected(error, self._options)

    @contextlib.contextmanager
    def _finished(self) -> Iterator[None]:
        with self._one_ended:
            self._changing += 1
        try:
            yield
        finally:
            with self._one_ended:
                self._changing -= 1
                self._one_ended.notify_all()

    def finish(self, tell: Callable[[str], None]) -> None:
        """Wait for what changes something; what only reads is left to itself.

        Args:
            tell: gets a sentence where that takes a moment.
        """
        with self._one_ended:
            if not self._one_ended.wait_for(lambda: self._changing == 0, _A_MOMENT):
                tell("Waiting until what was begun has ended and is recorded.")
                self._one_ended.wait_for(lambda: self._changing == 0)

    def start(
        self,
        group: str,
        call: Callable[[], T],
        take: Callable[[T | WizardError], None],
        *,
        changes: bool = False,
    ) -> None:
        """Run the call in a thread; `take` gets what came of it, on the event loop.

        A newer start of the same group, or `drop`, and nobody takes it any more.
        """

        def work() -> None:
            worker = get_current_worker()
            found = self.attempt(call, changes=changes)
            self._app.call_later(hand_over, worker, found)

        def hand_over(worker: Worker[None], found: T | WizardError) -> None:
            if self._latest.get(group) is worker:
                take(found)

        self._latest[group] = self._app.run_worker(
            work, name=group, group=group, thread=True, exclusive=True, exit_on_error=False
        )

    def drop(self, group: str) -> None:
        """The question changed: whatever comes of the work is not wanted any more."""
        if self._latest.pop(group, None) is not None:
            self._app.workers.cancel_group(self._app, group)

    def ask(self, show: Callable[[Callable[[Any], None]], None]) -> Any:
        """From a worker: have a person asked, and wait for the answer; None when they leave.

        `show` runs on the event loop and gets the function that takes the answer.
        """
        answer: queue.Queue[Any] = queue.Queue()
        self._asked.append(answer)
        if self._closed:  # nobody will answer any more
            return None
        self._app.call_from_thread(show, answer.put)
        given = answer.get()
        self._asked.remove(answer)
        return given

    def confirm(self, title: str, body: str, *, keep: str, act: str) -> bool:
        """From a worker: have a person agree. Leaving is a no."""

        def show(give: Callable[[bool | None], None]) -> None:
            from wizard.ui.screens.dialogs import Confirm

            self._app.push_screen(Confirm(title, body, keep=keep, act=act), give)

        return bool(self.ask(show))

    def agree(self, question: str) -> bool:
        """From a worker: put a flow's question to a person."""
        body = clean(question, MAX_QUESTION)
        return self.confirm("A decision is needed", body, keep="No", act="Yes")

    def ask_code(self, device: str) -> str:
        """From a worker: have a person asked for the one-time code of this device.

        Who waves the question away answers for everything that was waiting for the same code.
        """

        def show(give: Callable[[str | None], None]) -> None:
            from wizard.ui.screens.dialogs import AskCode

            self._app.push_screen(AskCode(device), give)

        code = None if self._declined else self.ask(show)
        if code is None:
            self._declined = True
            raise WizardError(
                "WAG-E-AWS-021",
                "No MFA code was given",
                next_step="Check again and enter the code, or choose another profile.",
            )
        return str(code)

    def close(self) -> None:
        """Unblock every worker that waits for a person."""
        self._closed = True
        for answer in tuple(self._asked):
            answer.put(None)
