"""The app's background work: every blocking call runs in a named worker and answers by message."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from textual.worker import Worker, WorkerState

from wizard.core.errors import ExitCode, WizardError
from wizard.core.text import clean
from wizard.flows import bugs
from wizard.ui import messages
from wizard.ui.stagebook import make_row

if TYPE_CHECKING:
    from wizard.core.facts import Stage
    from wizard.core.report import FlowEvent, StageReport
    from wizard.flows.context import Options
    from wizard.ui.app import WizardApp
    from wizard.ui.loaded import Loaded

T = TypeVar("T")
MAX_QUESTION = 900  # characters
EVENTS_AT_ONCE = 4_000  # as many events are folded in before the keyboard has its turn
ROWS_AT_ONCE = 250  # as many rows reach the event loop in one message


def unexpected(error: BaseException, options: Options) -> WizardError:
    """A bug as an error a person can act on; its traceback goes to the log file only."""
    return bugs.unexpected(error, options.workspace, options.env, code="WAG-E-UI-001")


class Jobs:
    """Starts work and puts its results into the state. Lives as long as the app."""

    def __init__(self, app: WizardApp) -> None:
        self.app = app
        self._pending: dict[str, tuple[Loaded[Any], int]] = {}
        self._inbox: deque[FlowEvent] = deque()
        self._asked: list[queue.Queue[Any]] = []
        self._closed = False
        self.stop_discovery = threading.Event()
        self.stop_login = threading.Event()
        self.stop_proof = threading.Event()

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
        self.app.run_worker(
            work, thread=True, name=name, group=name, exclusive=True, exit_on_error=False
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

    # What the screens ask for ---------------------------------------------------------------

    def preflight(self) -> None:
        """Run the checks of the first screen."""
        state, backend = self.app.state, self.app.backend

        def work() -> bool:
            backend.preflight(state.answers, lambda check: self._post(messages.CheckTold(check)))
            return True

        state.checks.clear()
        self.fetch("preflight", state.preflight, work)

    def _post(self, message: Any) -> None:
        self.app.post_message(message)

    def look_up(self, *names: str, again: bool = False) -> None:
        """Fetch profiles, regions, log_groups, networks, zones, existing, status … once."""
        state, backend = self.app.state, self.app.backend
        calls: dict[str, Callable[[], Any]] = {
            "profiles": backend.profiles,
            "regions": lambda: backend.regions(state.answers),
            "log_groups": lambda: backend.log_groups(state.answers),
            "networks": lambda: backend.networks(state.answers),
            "zones": lambda: backend.zones(state.answers),
            "existing": backend.existing,
            "elsewhere": lambda: backend.elsewhere(state.answers),
            "status": lambda: backend.status(state.answers),
            "connected": lambda: backend.connected(state.answers),
            "removal": lambda: backend.review_uninstall(state.answers),
        }
        for name in names:
            item: Loaded[Any] = getattr(state, name)
            if again or (item.value is None and not item.busy):
                self.fetch(name, item, calls[name])

    def identify(self) -> None:
        """Ask AWS who we are; an MFA code is asked for in a dialog."""
        state, backend = self.app.state, self.app.backend
        self.fetch(
            "identity", state.identity, lambda: backend.identity(state.answers, self._ask_mfa)
        )

    def log_in(self) -> None:
        """Log in with IAM Identity Center, then ask again who we are."""
        state, backend = self.app.state, self.app.backend
        self.stop_login = threading.Event()
        stop = self.stop_login

        def work() -> bool:
            backend.sso_login(
                state.answers,
                lambda url, code: self._post(messages.LoginShown(url, code)),
                stop,
            )
            return True

        self.fetch("login", state.login, work)

    def _ask_mfa(self, device: str) -> str:
        code = self.ask(lambda give: self.app.ask_mfa(device, give))
        if code is None:
            raise WizardError(
                "WAG-E-AWS-021",
                "No MFA code was given",
                next_step="Check again and enter the code, or choose another profile.",
            )
        return str(code)

    def discover(self, *, again: bool = False) -> None:
        """Read APIs and stages; rows appear as they come."""
        state, backend = self.app.state, self.app.backend
        if state.inventory.busy or (state.inventory.value is not None and not again):
            return
        self.stop_discovery.set()
        self.stop_discovery = stop = threading.Event()
        state.book.clear()
        state.apis_read = (0, 0)
        state.cached_age = None
        turn = state.inventory.turn + 1

        def read(stages: tuple[Stage, ...]) -> None:
            for start in range(0, len(stages), ROWS_AT_ONCE):
                if stop.is_set():
                    return
                rows = tuple(map(make_row, stages[start : start + ROWS_AT_ONCE]))
                self._post(messages.StagesRead(turn, rows))

        def cached(stages: tuple[Stage, ...], age: float) -> None:
            self._post(messages.CachedShown(turn, age))
            read(stages)

        def work() -> Any:
            return backend.discover(
                state.answers,
                read,
                lambda read, known: self._post(messages.ApisCounted(turn, read, known)),
                stop,
                looking_for=lambda: state.book.filter,
                on_cached=cached,
            )

        self.fetch("inventory", state.inventory, work)

    def check_token(self) -> None:
        """Ask the Wallarm Cloud about the token."""
        state, backend = self.app.state, self.app.backend
        token = state.token
        if token:
            self.fetch(
                "token_check",
                state.token_check,
                lambda: backend.check_token(state.answers, token),
            )

    def check_node(self) -> None:
        """Ask whether an existing node answers."""
        state, backend = self.app.state, self.app.backend
        self.fetch("node_check", state.node_check, lambda: backend.check_node(state.answers))

    def review(self) -> None:
        """Work out every change."""
        state, backend = self.app.state, self.app.backend
        if state.mode == "add":
            self.fetch("review", state.review, lambda: backend.review_add(state.answers))
            return
        self.fetch("review", state.review, lambda: backend.review(state.answers, state.token))

    def support_bundle(self, name: str = "") -> None:
        """Put a redacted bundle together; it is shown, and written when a person agrees."""
        state, backend = self.app.state, self.app.backend
        now = datetime.now(timezone.utc)
        target = name or f"wallarm-apigw-support-{now:%Y%m%dT%H%M%SZ}.zip"

        def work() -> tuple[str, Mapping[str, str], str]:
            files = backend.collect_bundle(state.answers)
            return target, files, backend.show_bundle(files)

        self.fetch("bundle", state.bundle, work)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> None:
        """Write the bundle that was shown."""
        backend = self.app.backend
        self.fetch("exported", self.app.state.exported, lambda: backend.write_bundle(name, files))

    # The run --------------------------------------------------------------------------------

    def run(self) -> None:
        """Deploy, switch stages, prove: whatever is not done yet."""
        run, backend = self.app.state.run, self.app.backend
        if run.busy:
            return
        self.begin_run()
        self.stop_proof = stop = threading.Event()
        wanted: list[tuple[str, Callable[[], Any]]] = [
            ("deploy", backend.deploy),
            ("logging", backend.switch_stages),
            ("proof", lambda: backend.prove(stop)),
        ]
        if self.app.state.mode == "add":
            wanted[:2] = [("logging", backend.add_stages)]
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
            return backend.undo_stage(ref)

        self.fetch("undo_stage", self.app.state.undone, work)

    def hear(self, event: FlowEvent) -> None:
        """The backend's listener; called from any thread."""
        self._inbox.append(event)

    def drain(self, most: int = EVENTS_AT_ONCE) -> bool:
        """Fold what was heard into the run, at most so many events; the app calls it ten times a
        second, and goes on at the next when there are more.
        """
        heard = min(most, len(self._inbox))
        for _ in range(heard):
            self.app.state.run.hear(self._inbox.popleft())
        return heard > 0

    def close(self) -> None:
        """Unblock every worker that waits for a person."""
        for event in (self.stop_discovery, self.stop_login, self.stop_proof):
            event.set()
        self._closed = True
        for answer in tuple(self._asked):
            answer.put(None)


def interrupted() -> WizardError:
    """The error of a run that was stopped on purpose."""
    return WizardError(
        "WAG-E-RUN-002",
        "Stopped as you asked",
        why="What was finished until then is recorded.",
        next_step="Retry goes on where it stopped; Undo takes away what was made.",
        exit_code=ExitCode.INTERRUPTED,
    )
