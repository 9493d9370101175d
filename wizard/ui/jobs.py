"""The app's background work: what the screens have looked up, checked and worked out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.ui import messages
from wizard.ui.jobs_run import RunJobs
from wizard.ui.stage_list import make_row

if TYPE_CHECKING:
    from wizard.core.facts import Stage
    from wizard.ui.app import WizardApp
    from wizard.ui.loaded import Loaded

ROWS_AT_ONCE = 250  # as many rows reach the event loop in one message


class Jobs(RunJobs):
    """Puts what was found into the state. Changes nothing but that, the run apart."""

    def __init__(self, app: WizardApp) -> None:
        super().__init__(app)
        self.stop_discovery = threading.Event()
        self.stop_login = threading.Event()

    def preflight(self, only: str = "") -> None:
        """Run the checks of the first screen, or one with those that hang on it."""
        state, backend = self.app.state, self.app.backend

        def work() -> bool:
            backend.preflight(
                state.answers, lambda check: self._post(messages.CheckTold(check)), only
            )
            return True

        if not only:
            state.checks.clear()
        self.fetch("preflight", state.preflight, work)

    def look_up(self, *names: str, again: bool = False) -> None:
        """Fetch profiles, regions, log_groups, networks, zones, certificates, status … once."""
        state, backend = self.app.state, self.app.backend
        calls: dict[str, Callable[[], Any]] = {
            "profiles": backend.profiles,
            "regions": lambda: backend.regions(state.answers),
            "log_groups": lambda: backend.log_groups(state.answers),
            "networks": lambda: backend.networks(state.answers),
            "zones": lambda: backend.zones(state.answers),
            "certificates": lambda: backend.certificates(state.answers),
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
        self.fetch("identity", state.identity, lambda: backend.identity(state.answers))

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

    def ask_mfa(self, device: str) -> str:
        """From a worker: have a person asked for the code of this device.

        Who waves the question away answers for everything that was waiting for the same code.
        """
        code = None if self.declined else self.ask(lambda give: self.app.ask_mfa(device, give))
        if code is None:
            self.declined = True
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
            found = backend.discover(
                state.answers,
                read,
                lambda read, known: self._post(messages.ApisCounted(turn, read, known)),
                stop,
                priority=state.book.priority,
                on_cached=cached,
            )
            there = frozenset(str(stage.ref) for stage in found.stages)
            self._post(messages.StagesLeft(turn, there))
            return found

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

    def close(self) -> None:
        """Stop what reads or waits, too."""
        self.stop_discovery.set()
        self.stop_login.set()
        super().close()
