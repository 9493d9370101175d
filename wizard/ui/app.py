"""The wizard's app: owns the state, moves between steps, and starts background work."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from textual.binding import Binding
from textual.filter import Monochrome, NoColor
from textual.scrollbar import ScrollBar

from wizard.core.answers import steps
from wizard.core.answers.model import Answers
from wizard.core.environment import unread
from wizard.core.errors import ExitCode, WizardError
from wizard.core.text import clean
from wizard.ui import terminal, unanswered
from wizard.ui.background import unexpected
from wizard.ui.jobs import Jobs
from wizard.ui.jobs_home import HomeJobs
from wizard.ui.navigation import HOME
from wizard.ui.palette import commands
from wizard.ui.screens.step import StepScreen
from wizard.ui.state import WizardState
from wizard.ui.theme import DARK, LIGHT, AsciiOnly, Ink, PlainScrollBar, make_ink, speaks_unicode
from wizard.ui.ticking import Ticking

if TYPE_CHECKING:
    from textual.app import SystemCommand

    from wizard.flows.context import Options
    from wizard.ui.backend import Backend

FOLLOW_SECONDS = 1.0  # how long a finished part of the run stays in view before the next one


class WizardApp(Ticking):
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
        # Before the styles are read: a theme that is set later has all of them read again.
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.options = options
        self._clock = clock
        self.backend = backend
        self.state = WizardState(answers or Answers())
        self.jobs = Jobs(self)
        self.home_jobs = HomeJobs(self)
        self.unicode = speaks_unicode() if unicode is None else unicode
        self._first = start
        self._ink: dict[str, Ink] = {}
        self._quit_code: int | None = None
        self.follow_seconds = FOLLOW_SECONDS
        self.crash: WizardError | None = None
        if self.no_color:
            self._filters = [NoColor() if isinstance(f, Monochrome) else f for f in self._filters]
        if not self.unicode:
            self._filters.append(AsciiOnly())
        ScrollBar.renderer = PlainScrollBar
        backend.listen(self.jobs.hear)
        backend.ask_with(self.jobs.agree, self.jobs.ask_mfa)

    def on_mount(self) -> None:
        """Show the first screen at once, then start looking around."""
        self.start_ticking()
        self.go(self._first)
        self.call_after_refresh(self._look_around)
        for sentence in unread(self.options.env):
            self.notify(clean(sentence), severity="warning", markup=False, timeout=20)

    def on_unmount(self) -> None:
        """However the screens end: no worker may wait for a person any more."""
        self.jobs.close()

    def _look_around(self) -> None:
        if self._first == "welcome":
            self.jobs.look_up("existing")
            self.jobs.preflight()
            self.jobs.identify()

    def clock(self) -> float:
        """Seconds, for durations."""
        return self._clock()

    @property
    def ink(self) -> Ink:
        """Styles of the current theme."""
        if self.theme not in self._ink:
            self._ink[self.theme] = make_ink(self.theme_variables)
        return self._ink[self.theme]

    # Moving -----------------------------------------------------------------------------------

    def go(self, step_id: str) -> None:
        """Show a step, `home`, or a screen of Home."""
        self.state.at = step_id
        if step_id not in dict(HOME):
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
        return unanswered.problem(self.state, step_id)

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
        self.save_soon()
        self.changed("answers", *changes)

    def set_aside(self, keys: tuple[str, ...]) -> None:
        """A choice makes these answers pointless: empty them, and remember them for its return."""
        held = {k: getattr(self.state.answers, k) for k in keys}
        self.state.aside.update({k: v for k, v in held.items() if v})
        self.answer(**{k: type(v)() for k, v in held.items()})

    def bring_back(self, keys: tuple[str, ...]) -> None:
        """The choice is made again: so are its answers."""
        self.answer(**{k: self.state.aside.pop(k) for k in keys if k in self.state.aside})

    def changed(self, *topics: str) -> None:
        """Tell every step screen what changed."""
        if not self.is_running:
            return
        for screen in self.screen_stack:
            if isinstance(screen, StepScreen):
                screen.state_changed(frozenset(topics))

    def notify(self, message: str, **options: Any) -> None:
        """Tell something once: the same words are not stacked."""
        if not any(str(n.message) == message for n in self._notifications):
            super().notify(message, **options)

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

    def _fatal_error(self) -> None:
        """A bug in a screen: Textual would print every local variable, and one may be a secret."""
        if self._exception is not None:
            self.crash = unexpected(self._exception, self.options)
        self._close_messages_no_wait()

    def leave(self, code: int | None = None) -> None:
        """Save what is unsaved and end."""
        if self.state.dirty:
            self.state.dirty = False
            self.backend.save(self.state.answers)
        self.jobs.close()
        self.exit(int(self.state.run.exit_code) if code is None else code)

    def copy(self, text: str, what: str) -> None:
        """Copy, and say where the text went."""
        self.copy_to_clipboard(text)
        self.notify(f"{what}: sent to the terminal's clipboard.", markup=False)

    def open_page(self, url: str) -> None:
        """Open a page in the browser; where there is none, its address goes to the clipboard."""
        if terminal.open_page(url, self.options.env):
            self.notify(f"Opened in your browser: {url}", markup=False)
        else:
            self.copy_to_clipboard(url)
            self.notify(f"Sent to the terminal's clipboard: {url}", markup=False, timeout=15)

    def action_switch_theme(self) -> None:
        """Light or dark."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name
        self.call_after_refresh(self.changed, "theme")

    def get_system_commands(self, screen: Any) -> Iterable[SystemCommand]:
        """The palette: the steps, then what every app has."""
        return commands(self, screen, super().get_system_commands(screen))
