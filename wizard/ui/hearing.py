"""What the app does when a worker tells something: state first, then the screens."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from textual.worker import Worker

from wizard.core.text import clean
from wizard.ui.key_order import TypingOrder
from wizard.ui.navigation import after

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.checks.model import Result
    from wizard.core.journal.unfinished import Unfinished
    from wizard.ui import messages
    from wizard.ui.app import WizardApp
    from wizard.ui.backend import Backend
    from wizard.ui.jobs import Jobs
    from wizard.ui.jobs_home import HomeJobs
    from wizard.ui.state import WizardState


class Hearing(TypingOrder):
    """The listening half of the app."""

    state: WizardState
    jobs: Jobs
    home_jobs: HomeJobs
    backend: Backend
    follow_seconds: float
    _quit_code: int | None

    def go(self, step_id: str) -> None:
        """Show a step."""
        raise NotImplementedError

    def answer(self, **changes: Any) -> None:
        """Take answers."""
        raise NotImplementedError

    def changed(self, *topics: str) -> None:
        """Tell every step screen what changed."""
        raise NotImplementedError

    def leave(self, code: int | None = None) -> None:
        """End."""
        raise NotImplementedError

    def clock(self) -> float:
        """Seconds, for durations."""
        raise NotImplementedError

    def on_fetched(self, message: messages.Fetched) -> None:
        """Take the result of a fetch, unless the question changed meanwhile."""
        item = message.item
        if message.turn != item.turn:
            return
        item.busy = False
        item.error = message.error
        if message.error is None:
            item.value = message.value
        if message.name == "identity" and message.error is None:
            self.jobs.discover()
            self.jobs.look_up("elsewhere")
        elif message.name == "login" and message.error is None:
            self.state.login_shown = ("", "")
            self.jobs.identify()
        elif message.name == "inventory" and message.error is None:
            self.state.cached_age = None
            self.state.book.add_problems(message.value.problems)
            self.state.book.apply(self.state.selected)
        elif message.name == "undo_stage" and message.error is None:
            self.state.run.hear(message.value)
        elif message.name == "undo_stage" and message.error is not None:
            self.notify(str(message.error), severity="error", markup=False, timeout=20)
        else:
            self._home_fetched(message)
        self.changed(message.name)

    def _home_fetched(self, message: messages.Fetched) -> None:
        """The same for what Home and its screens fetch."""
        state = self.state
        if message.error is not None:
            if message.name in ("preview", "fixed", "exported", "bundle"):
                self.notify(str(message.error), severity="error", markup=False, timeout=20)
        elif message.name in ("existing", "elsewhere") and message.value:
            self._found()
        elif message.name == "opened":
            self._open(message.value)
        elif message.name == "connected":
            state.held = frozenset(c.ref for c in message.value)
        elif message.name == "preview":
            self._ask_fix(*message.value)
        elif message.name == "bundle":
            self._ask_bundle(*message.value)
        elif message.name == "log":
            state.tails.hear(*message.value)
        elif message.name == "exported":
            self.notify(f"Written to {clean(message.value, 300)}", markup=False)
        elif message.name == "fixed":
            self.notify("Mended. Looking again.", markup=False)
            self.home_jobs.examine()

    def _found(self) -> None:
        """Deployments, those within reach first. Whoever has not begun yet is taken Home."""
        state = self.state
        known = (*(state.existing.value or ()), *(state.elsewhere.value or ()))
        every = tuple(sorted(dict.fromkeys(known), key=lambda e: e.remote))
        state.existing.value = every
        if state.at == "welcome" and not state.opened.busy:
            mine = [
                e
                for e in every
                if e.name_prefix == state.answers.name_prefix and e.region == state.answers.region
            ]
            self.home_jobs.open(mine[0] if mine else every[0])

    def _open(self, answers: Answers) -> None:
        """Another deployment: show it at Home."""
        state = self.state
        state.forget_deployment()
        state.wants.pop("delete_logs", None)  # that was said about another one
        self.answer(**{f.name: getattr(answers, f.name) for f in dataclasses.fields(answers)})
        state.dirty = False  # these answers are saved where the deployment is
        if state.identity.value is None and not state.identity.busy:
            self.jobs.identify()
        if state.at == "welcome":
            self.go("home")
        else:
            self.jobs.look_up("status", again=True)
        self._tell_unfinished()

    def _tell_unfinished(self) -> None:
        """A run of this deployment that did not end is shown, once."""
        state = self.state
        mine = (state.answers.name_prefix, state.answers.region)
        for existing in state.existing.value or ():
            found = existing.unfinished
            name = f"{existing.root} {found.began}" if found is not None else ""
            if (existing.name_prefix, existing.region) != mine or found is None:
                continue
            if state.wants.get("unfinished") == name:
                continue
            state.wants["unfinished"] = name
            self.call_later(self._ask_unfinished, found)

    def _ask_unfinished(self, found: Unfinished) -> None:
        from wizard.ui.screens.unfinished import ask

        ask(cast("WizardApp", self), found)

    def _ask_fix(self, found: Result, preview: str) -> None:
        from wizard.ui.screens.dialogs import Confirm

        self.push_screen(
            Confirm(
                f"{found.check.check_id}: mend it?",
                f"{clean(preview, 800)}\n\nThe change is recorded. Nothing else is touched.",
                keep="Leave it",
                act="Mend it",
                danger=False,
            ),
            lambda yes: self.home_jobs.fix(found) if yes else None,
        )

    def _ask_bundle(self, name: str, files: Mapping[str, str], shown: str) -> None:
        from wizard.ui.screens.dialogs import Agree

        self.push_screen(
            Agree(
                f"Write {len(files)} redacted files to {clean(name, 200)}?",
                shown,
                "It is sent nowhere. `wallarm-apigw support-bundle --show` prints all of it.",
                act="Write it",
            ),
            lambda yes: self.jobs.write_bundle(name, files) if yes else None,
        )

    def on_examined(self, message: messages.Examined) -> None:
        """Show a finding of the doctor."""
        self.state.findings[message.result.check.check_id] = message.result
        self.changed("doctor")

    def on_check_told(self, message: messages.CheckTold) -> None:
        """Show a preflight check."""
        self.state.checks[message.check.key] = message.check
        self.changed("preflight")

    def on_stages_read(self, message: messages.StagesRead) -> None:
        """Take rows as they come."""
        if message.turn == self.state.inventory.turn:
            self.state.book.add(message.rows)  # shown at the next tick, with what else came

    def on_stages_left(self, message: messages.StagesLeft) -> None:
        """Forget what was there the last time and is gone."""
        if message.turn == self.state.inventory.turn:
            self.state.book.keep(message.refs)

    def on_cached_shown(self, message: messages.CachedShown) -> None:
        """Say that the rows are older ones."""
        if message.turn == self.state.inventory.turn:
            self.state.cached_age = message.age
            self.changed("inventory")

    def on_apis_counted(self, message: messages.ApisCounted) -> None:
        """Show how far discovery is."""
        if message.turn == self.state.inventory.turn:
            self.state.apis_read = (message.read, message.known)
            self.changed("inventory")

    def on_login_shown(self, message: messages.LoginShown) -> None:
        """Show where to log in."""
        self.state.login_shown = (message.url, message.code)
        self.changed("login")

    def on_part_done(self, message: messages.PartDone) -> None:
        """A part of the run ended: go on to the next screen, or show the failure."""
        run = self.state.run
        while self.jobs.drain():
            pass  # what it told comes before its end
        if message.error is not None:
            run.error = message.error
            run.error_phase = message.step_id or self.state.at
        else:
            run.done.add(message.step_id)
            if message.step_id == "proof":
                run.proof = message.value
            elif message.step_id == "uninstall":
                run.removed = message.value
            self.state.forget_deployment()
            if self.state.at == message.step_id:
                self.set_timer(self.follow_seconds, lambda: self._follow(message.step_id))
        self.changed("run")

    def _follow(self, was: str) -> None:
        """Show the next part of the run, and go on from there when that is over too.

        Where a stage failed, its screen stays: it must be seen, and can be tried again from there.
        """
        if self.state.at != was or self._quit_code is not None or not self.screen_stack:
            return
        if was == "logging" and self.state.run.failed_stages:
            return
        following = after(self.state, was)
        if following is not None:
            self.go(following.id)
            if following.id in self.state.run.done:
                self.set_timer(self.follow_seconds, lambda: self._follow(following.id))

    def on_run_ended(self, _: messages.RunEnded) -> None:
        """Nothing runs any more."""
        run = self.state.run
        run.busy, run.ended = False, self.clock()
        if self._quit_code is not None:
            self.leave(self._quit_code)
            return
        if run.error is None:
            run.links = self.backend.summary()
        self.changed("run")

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A bug in a worker is shown where its result was expected."""
        self.jobs.worker_failed(event.worker)
