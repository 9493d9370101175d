"""The wizard's app: owns the state, moves between steps, and starts background work."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import Monochrome, NoColor
from textual.scrollbar import ScrollBar
from textual.worker import Worker

from wizard.core import steps
from wizard.core.answers import Answers
from wizard.core.errors import ExitCode
from wizard.core.report import State
from wizard.core.rules import token_problem
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.ui import messages
from wizard.ui.backend import Backend, Existing
from wizard.ui.jobs import Jobs
from wizard.ui.screens.base import StepScreen
from wizard.ui.state import WizardState
from wizard.ui.theme import DARK, LIGHT, AsciiOnly, Ink, PlainScrollBar, make_ink, speaks_unicode

EVENT_SECONDS = 0.1  # how often events of a run reach the screen
SAVE_SECONDS = 0.4  # answers are saved this long after the last change
FOLLOW_SECONDS = 1.0  # how long a finished part of the run stays in view before the next one


class WizardApp(App[int]):
    """One guided install."""

    CSS_PATH = "styles.tcss"
    TITLE = "wallarm-apigw"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-w"), (80, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny-h"), (24, "-short"), (30, "-tall")]  # noqa: RUF012
    BINDINGS = [  # noqa: RUF012
        Binding("ctrl+q", "ask_quit", "Quit", show=False, priority=True, id="quit"),
        Binding("ctrl+c", "ask_quit", "Quit", show=False, id="interrupt"),
        Binding("ctrl+t", "switch_theme", "Light/dark", show=False, id="theme"),
    ]

    def __init__(
        self,
        backend: Backend,
        options: Options,
        answers: Answers | None = None,
        *,
        unicode: bool | None = None,
        start: str = "welcome",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.options = options
        self.clock = clock
        self.backend = backend
        self.state = WizardState(answers or Answers())
        self.jobs = Jobs(self)
        self.unicode = speaks_unicode() if unicode is None else unicode
        self._first = start
        self._save_at = 0.0
        self._ink: dict[str, Ink] = {}
        self._quit_code: int | None = None
        self.follow_seconds = FOLLOW_SECONDS
        self.then = ""  # a command to run after the screens are gone
        if self.no_color:
            self._filters = [NoColor() if isinstance(f, Monochrome) else f for f in self._filters]
        if not self.unicode:
            self._filters.append(AsciiOnly())
        ScrollBar.renderer = PlainScrollBar
        backend.listen(self.jobs.hear)

    def on_mount(self) -> None:
        """Show the first screen at once, then start looking around."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.go(self._first)
        self.set_interval(EVENT_SECONDS, self._tick)
        self.call_after_refresh(self._look_around)

    def _look_around(self) -> None:
        if self._first == "welcome":
            self.jobs.look_up("existing")
            self.jobs.preflight()
            self.jobs.identify()

    @property
    def ink(self) -> Ink:
        """Styles of the current theme."""
        if self.theme not in self._ink:
            self._ink[self.theme] = make_ink(self.theme_variables)
        return self._ink[self.theme]

    # Moving -----------------------------------------------------------------------------------

    def go(self, step_id: str) -> None:
        """Show a step (or `home`)."""
        self.state.at = step_id
        if step_id != "home":
            self.state.seen.add(step_id)
        module = importlib.import_module(f"wizard.ui.screens.{step_id}")
        screen: StepScreen = module.SCREEN()
        if isinstance(self.screen, StepScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def visit(self, step_id: str) -> None:
        """Go to a step that was seen already, from the sidebar or the palette."""
        target = steps.step(step_id)
        run = self.state.run
        if step_id not in self.state.seen or step_id == self.state.at:
            return
        if not target.changes and (run.busy or run.done):
            self.notify("What was deployed is changed by running the wizard again.", markup=False)
            return
        self.go(step_id)

    def step_problem(self, step_id: str) -> str:
        """Why the step is not finished yet, in words; empty when it is."""
        state = self.state
        keys = set(steps.step(step_id).keys)
        if step_id == "wallarm":
            keys.add("token")
        draft = next((k for k in keys if k in state.drafts), None)
        if draft is not None:
            return f"{draft}: see the field"
        if step_id == "aws" and state.identity.value is None:
            return "waiting for the AWS account" if state.identity.busy else "log in to AWS first"
        if step_id == "stages" and not state.answers.stages:
            return "select at least one stage"
        if step_id == "logs" and state.wants.get("logs") == "existing" and not (
            state.answers.api_gateway_log_group_name
        ):  # fmt: skip
            return "choose a log group"
        if step_id == "wallarm" and not state.token and not state.wants.get("token_kept"):
            return "enter the Wallarm token"
        if step_id == "wallarm" and state.token and token_problem(state.token.reveal()):
            return "the token is not complete"
        if step_id == "node" and state.wants.get("node") == "existing" and not (
            state.answers.node_url
        ):  # fmt: skip
            return "enter the node's address"
        return next((v.message for v in steps.broken(step_id, state.answers)), "")

    # State --------------------------------------------------------------------------------------

    def answer(self, **changes: Any) -> None:
        """Take answers, save them soon, and let every screen show them."""
        before = self.state.answers
        self.state.answers = after = before.with_(**changes)
        if after == before:
            return
        if (after.profile, after.region) != (before.profile, before.region):
            self.jobs.stop_discovery.set()
            self.state.forget_region()
        self.state.review.reset()
        self.state.dirty = True
        self._save_at = time.monotonic() + SAVE_SECONDS
        self.changed("answers", *changes)

    def changed(self, *topics: str) -> None:
        """Tell every step screen what changed."""
        if not self.is_running:
            return
        for screen in self.screen_stack:
            if isinstance(screen, StepScreen):
                screen.state_changed(frozenset(topics))

    def _tick(self) -> None:
        if self.jobs.drain() or self.state.run.busy:
            self.changed("run")
        if self.state.dirty and time.monotonic() >= self._save_at:
            self.save()

    def save(self) -> None:
        """Keep the answers, in the background."""
        self.state.dirty = False
        answers, backend = self.state.answers, self.backend

        def work() -> None:
            self.state.saved_to = backend.save(answers)

        self.run_worker(
            work, thread=True, name="save", group="save", exclusive=False, exit_on_error=False
        )

    def open_existing(self, existing: Existing) -> None:
        """Take the saved answers of a deployment that exists."""
        saved = self.backend.saved(existing)
        if saved is not None:
            self.answer(**{f.name: getattr(saved, f.name) for f in dataclasses.fields(saved)})
            self.jobs.identify()

    # What workers tell -------------------------------------------------------------------------

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
        elif message.name == "login" and message.error is None:
            self.state.login_shown = ("", "")
            self.jobs.identify()
        elif message.name == "inventory" and message.error is None:
            self.state.book.add_problems(message.value.problems)
            self.state.book.apply(self.state.selected)
        elif message.name == "undo_stage" and message.error is None:
            self.state.run.hear(message.value)
        elif message.name == "undo_stage" and message.error is not None:
            self.notify(str(message.error), severity="error", markup=False, timeout=20)
        elif message.name == "existing" and message.value and self.state.at == "welcome":
            self.go("home")
        self.changed(message.name)

    def on_check_told(self, message: messages.CheckTold) -> None:
        """Show a preflight check."""
        self.state.checks[message.check.key] = message.check
        self.changed("preflight")

    def on_stages_read(self, message: messages.StagesRead) -> None:
        """Add rows as they come."""
        if message.turn == self.state.inventory.turn:
            self.state.book.add(message.stages, self.state.selected)
            self.changed("stages")

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
        self.jobs.drain()
        if message.error is not None:
            run.error = message.error
            run.error_phase = message.step_id or self.state.at
        else:
            run.done.add(message.step_id)
            if message.step_id == "proof":
                run.proof = message.value
            if self.state.at == message.step_id:
                self.set_timer(self.follow_seconds, lambda: self._follow(message.step_id))
        self.changed("run")

    def _follow(self, was: str) -> None:
        """Show the next part of the run, and go on from there when that is over too."""
        if self.state.at != was or self._quit_code is not None:
            return
        if was not in {s.id for s in steps.STEPS}:
            return
        following = steps.after(was, self.state.answers)
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

    # Asking ---------------------------------------------------------------------------------------

    def ask_mfa(self, device: str, give: Callable[[str | None], None]) -> None:
        """Ask for an MFA code."""
        from wizard.ui.screens.dialogs import AskCode

        self.push_screen(AskCode(device), give)

    def action_ask_quit(self) -> None:
        """Quit; ask first when something would be lost."""
        from wizard.ui.screens.dialogs import confirm_quit

        confirm_quit(self)

    def stop_and_leave(self) -> None:
        """Stop the run gracefully and quit when it has stopped."""
        self._quit_code = int(ExitCode.INTERRUPTED)
        self.cancel_run()

    def cancel_run(self) -> None:
        """Ask the run to stop after what it does right now."""
        self.state.run.cancelling = True
        self.jobs.stop_proof.set()
        self.run_worker(
            self.backend.cancel, thread=True, name="cancel", group="cancel", exit_on_error=False
        )
        self.changed("run")

    def leave(self, code: int | None = None) -> None:
        """Save what is unsaved and end."""
        if self.state.dirty:
            self.state.dirty = False
            self.backend.save(self.state.answers)
        self.jobs.close()
        self.exit(self.exit_code() if code is None else code)

    def exit_code(self) -> int:
        """What the command exits with, from how far the run came."""
        run = self.state.run
        if run.error is not None:
            return int(run.error.exit_code)
        if "logging" not in run.done:
            return int(ExitCode.INTERRUPTED)
        failed = any(r.state is State.FAILED for r in run.reports.values())
        incomplete = run.proof is not None and not run.proof.complete
        return int(ExitCode.FAILED if failed or incomplete else ExitCode.DONE)

    def copy(self, text: str, what: str) -> None:
        """Copy, and say where the text went."""
        self.copy_to_clipboard(text)
        self.notify(f"{what}: sent to the terminal's clipboard.", markup=False)

    def action_switch_theme(self) -> None:
        """Light or dark."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self.call_after_refresh(self.changed, "theme")

    def get_system_commands(self, screen: Any) -> Iterable[SystemCommand]:
        """The palette: the steps, then what every app has."""
        for step in steps.shown(self.state.answers):
            if step.id in self.state.seen and step.id != self.state.at:
                yield SystemCommand(
                    f"Go to {step.title}", step.question, lambda i=step.id: self.visit(i)
                )
        yield SystemCommand("Light or dark", "Switch the theme", self.action_switch_theme)
        yield SystemCommand("Quit", "Leave the wizard", self.action_ask_quit)
        if isinstance(screen, StepScreen):
            yield SystemCommand("Help", "Help for this screen", screen.action_help)
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot"):
                yield command


def run(options: Options, answers: Answers | None = None, token: Secret | None = None) -> int:
    """Run the wizard in this terminal and return the exit code.

    Without `token` the environment's is taken. Raises UsageError if that one has another shape.
    """
    from wizard.flows.lookup import read_token
    from wizard.ui.live import LiveBackend

    backend = LiveBackend(options)
    if answers is None or answers == Answers():
        answers = backend.draft() or answers
    app = WizardApp(backend, options, answers)
    app.state.token = token or read_token(None, options.env)
    try:
        code = app.run()
    finally:
        backend.close()
    if app.then:
        sys.stderr.write(f"Next: wallarm-apigw {app.then}\n")
    return int(ExitCode.FAILED) if code is None else code
