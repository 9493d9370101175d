"""Background work on an existing deployment: open it, take stages off, examine, mend, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.core.text import clean
from wizard.ui import messages
from wizard.ui.state import RunState

if TYPE_CHECKING:
    from wizard.core.checks.model import Report, Result
    from wizard.ui.app import WizardApp
    from wizard.ui.backend import LogFollower
    from wizard.ui.views import Existing


class HomeJobs:
    """What Home and its screens start. Everything blocking runs in a named worker."""

    def __init__(self, app: WizardApp) -> None:
        self.app = app

    def open(self, existing: Existing) -> None:
        """Take the answers that a deployment was made with."""
        backend, state = self.app.backend, self.app.state
        self.app.jobs.fetch(
            "opened", state.opened, lambda: backend.saved(existing) or state.answers
        )

    def remove_stages(self, refs: tuple[str, ...]) -> None:
        """Put the logging of these stages back."""
        state, backend = self.app.state, self.app.backend
        state.run = RunState(leaving=refs)
        self.app.jobs.begin_run()
        self.app.jobs.work_off(
            [("remove", lambda: backend.remove_stages(state.answers, refs, self._ask_stage))]
        )

    def uninstall(self) -> None:
        """Take everything away."""
        state, backend = self.app.state, self.app.backend
        state.run = RunState()
        self.app.jobs.begin_run()
        delete = bool(state.wants.get("delete_logs"))
        self.app.jobs.work_off(
            [("uninstall", lambda: backend.uninstall(self._ask_stage, delete_logs=delete))]
        )

    def _ask_stage(self, ref: str, said: str) -> bool:
        """Somebody else changed a stage since: put it back all the same? No is the default."""

        def show(give: Callable[[bool | None], None]) -> None:
            from wizard.ui.screens.dialogs import Confirm

            row = self.app.state.book.by_ref.get(ref)
            name = f"{row.name} / {row.stage}" if row else clean(ref)
            self.app.push_screen(
                Confirm(
                    f"Somebody changed {name}",
                    f"{clean(said, 400)}\n\nPutting it back overwrites that change with what the "
                    "stage had before it was connected.",
                    keep="Leave it as it is now",
                    act="Put it back",
                ),
                give,
            )

        return bool(self.app.jobs.ask(show))

    def examine(self, *only: str) -> None:
        """Run the checklist, or some checks with their causes."""
        state, backend = self.app.state, self.app.backend
        if state.doctor.busy:
            return
        if not only:
            state.findings.clear()
        post = self.app.post_message
        token = state.api_token or state.token

        def work() -> Report:
            return backend.diagnose(
                state.answers, token, only, lambda r: _tell(post, messages.Examined(r))
            )

        self.app.jobs.fetch("doctor", state.doctor, work)

    def find_logs(self) -> None:
        """Find out which logs the deployment has, once."""
        state, backend = self.app.state, self.app.backend
        known = state.tails.followers
        if known.value is None and not known.busy:
            self.app.jobs.fetch("followers", known, lambda: backend.logs(state.answers))

    def read_log(self, follower: LogFollower) -> None:
        """Read what is new in one log, unless that is being done."""
        news, key = self.app.state.tails.news, follower.source.key
        if not news.busy:
            self.app.jobs.fetch("log", news, lambda: (key, follower.news()))

    def export(self, name: str, text: str) -> None:
        """Write a report to a new file."""
        backend = self.app.backend
        self.app.jobs.fetch("exported", self.app.state.exported, lambda: backend.export(name, text))

    def preview_fix(self, found: Result) -> None:
        """Work out what a repair would do; the app asks, then mends."""
        state, backend = self.app.state, self.app.backend
        self.app.jobs.fetch(
            "preview",
            state.preview,
            lambda: (found, backend.fix_preview(state.answers, found)),
        )

    def fix(self, found: Result) -> None:
        """Do the repair, then look again."""
        state, backend = self.app.state, self.app.backend

        def work() -> Result:
            backend.fix(state.answers, found)
            return found

        self.app.jobs.fetch("fixed", state.fixed, work)


def _tell(post: Callable[[messages.Examined], bool], message: messages.Examined) -> None:
    post(message)
