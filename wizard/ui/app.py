"""The wizard's app: makes session and models, shows one screen after another, saves, and ends."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import importlib
import shutil
import time
from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.events import Event, Resize
from textual.filter import Monochrome, NoColor
from textual.geometry import Size
from textual.scrollbar import ScrollBar
from textual.timer import Timer
from textual.widgets import Button

from wizard.core.answers import steps
from wizard.core.answers.model import Answers
from wizard.core.environment import unread
from wizard.core.errors import ExitCode, WizardError
from wizard.core.events import Note, State
from wizard.core.text import clean
from wizard.flows.context import CREDENTIALS, Context
from wizard.services.threads import AbandonedPool
from wizard.ui import navigation, terminal
from wizard.ui.account import Account
from wizard.ui.deployment_run import DeploymentRun
from wizard.ui.guide import Guide
from wizard.ui.navigation import HOME, after, path
from wizard.ui.product import Flows, Product
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded, Session
from wizard.ui.terminal import KeyOrder, follow_focus
from wizard.ui.theme import DARK, LIGHT, AsciiOnly, PlainScrollBar, speaks_unicode
from wizard.ui.workers import Workers, unexpected

if TYPE_CHECKING:
    from wizard.core.journal.unfinished import Unfinished
    from wizard.core.known_deployment import KnownDeployment
    from wizard.flows.context import Options
    from wizard.ui.session import Session


OF_TEXTUAL = ("Screenshot",)  # of the commands that every Textual app has


def commands(
    session: Session,
    assumed: Container[str],
    visit: Callable[[str], None],
    ours: Iterable[SystemCommand],
    of_every_app: Iterable[SystemCommand],
) -> Iterable[SystemCommand]:
    """The steps to go to, then what this screen can do, then what works on every screen."""
    for step in path(session):
        if (step.id in session.seen or step.id in assumed) and step.id != session.at:
            yield SystemCommand(f"Go to {step.title}", step.question, lambda i=step.id: visit(i))
    yield from ours
    yield from (c for c in of_every_app if c.title in OF_TEXTUAL)


FOLLOW_SECONDS = 1.0  # how long a finished part of the run stays in view before the next one
NEWS_SECONDS = 0.1  # how often what came from threads reaches the screen
WORKERS = 32  # at once: some may wait for an answer that never comes, and Stop needs one, too
SAVE_SECONDS = 0.4  # answers are saved this long after the last change


class WizardApp(App[int]):
    """One person at one terminal.

    Args:
        product: makes the flows; the tests give scripted ones.
        start: the first screen.
        clock: seconds, for durations.
    """

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
        options: Options,
        answers: Answers | None = None,
        *,
        product: Callable[[Context], Product] = Flows,
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
        self.unicode = speaks_unicode() if unicode is None else unicode
        self.follow_seconds = FOLLOW_SECONDS
        self.crash: WizardError | None = None
        self.workers_at_work = work = Workers(self, options)
        context = Context(options, self._hear, work.agree, work.agree, work.ask_code)
        self.product = product(context)
        self.session = Session(self, answers or Answers())
        self.account = Account(self, self.session, self.product, work, clock)
        self.deployment_run = DeploymentRun(
            self, self.session, self.account, self.product, work, clock
        )
        self._guide = Guide(
            options=options,
            session=self.session,
            product=self.product,
            account=self.account,
            run=self.deployment_run,
            workers=work,
            clock=clock,
            mover=self,
        )
        self._keys = KeyOrder(self, super().on_event)
        self._first = start
        self._dirty = False
        self._save_at = 0.0
        self._quit_code: int | None = None
        self.advancing = False
        self._following: Timer | None = None
        if self.no_color:
            self._filters = [NoColor() if isinstance(f, Monochrome) else f for f in self._filters]
        if not self.unicode:
            self._filters.append(AsciiOnly())
        ScrollBar.renderer = PlainScrollBar
        self.session.before_screens.append(lambda *_: self._save_soon())

    def _hear(self, event: Any) -> None:
        """What a flow tells; from any thread."""
        self.deployment_run.hear(event)
        if isinstance(event, Note) and (event.subject, event.state) == (CREDENTIALS, State.RUNNING):
            said = clean(f"{event.subject}: {event.text}")
            self.call_later(lambda: self.notify(said, markup=False, timeout=15))

    def on_mount(self) -> None:
        """Show the first screen at once, then start looking around."""
        # Workers run in it; nobody waits for one that waits for the network when the screens end.
        asyncio.get_running_loop().set_default_executor(AbandonedPool(WORKERS, "worker"))
        self.set_interval(NEWS_SECONDS, self._tell_news)
        self.set_interval(terminal.LOOK_SECONDS, self._look_at_terminal)
        self.account.changed.subscribe(self, self._account_changed)
        self.deployment_run.part_done.subscribe(self, self._part_done)
        self.deployment_run.ended.subscribe(self, self._run_ended)
        self.go(self._first)
        self.call_after_refresh(self._look_around)
        for sentence in unread(self.options.env):
            self.notify(clean(sentence), severity="warning", markup=False, timeout=20)

    def on_unmount(self) -> None:
        """However the screens end: no worker may wait for a person any more."""
        self.let_go()

    def _look_around(self) -> None:
        if self._first == "welcome":
            self.account.find_here()
            self.account.identify()

    def _tell_news(self) -> None:
        """Ten times a second: what came is shown, what was typed is saved."""
        follow_focus(self)
        self._keys.look_after()
        self.deployment_run.tell_news()
        self.account.tell_news()
        if self._dirty and time.monotonic() >= self._save_at:
            self._save()

    def _look_at_terminal(self) -> None:
        if self.is_headless:
            return
        if terminal.is_gone():
            terminal.leave()
        # The signal of a new size does not reach every program: not through some containers.
        size = Size(*shutil.get_terminal_size())
        if size != self.size:
            self.post_message(Resize(size, size))

    async def on_event(self, event: Event) -> None:
        """Keys and pasted text take their turn."""
        await self._keys.take(event)

    # Moving -----------------------------------------------------------------------------------

    def go(self, step_id: str) -> None:
        """Show a step, `home`, or a screen of Home."""
        self.session.at = step_id
        if step_id not in dict(HOME):
            self.session.seen.add(step_id)
        module = importlib.import_module(f"wizard.ui.screens.{step_id}")
        screen: StepScreen = module.SCREEN(self._guide)
        if isinstance(self.screen, StepScreen):
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def visit(self, step_id: str) -> None:
        """Go to a step that was seen, or passed over with its default, or to a screen of Home."""
        run = self.deployment_run.now
        if step_id in dict(HOME):
            if not run.busy:
                self.go(step_id)
            return
        if step_id == self.session.at:
            return
        assumed = (one.id for one in navigation.assumed(self.session, self.account))
        if step_id not in self.session.seen and step_id not in assumed:
            return
        if not steps.step(step_id).changes and (run.busy or run.done):
            self.notify("What was deployed is changed by running the wizard again.", markup=False)
            return
        self.go(step_id)

    # What was found -----------------------------------------------------------------------------

    def _account_changed(self, what: Loaded[Any]) -> None:
        account = self.account
        if what is account.opened and account.opened.value is not None and not what.busy:
            if what.error is None:
                self._take_deployment(account.opened.value)
        elif what is account.opened and what.error is not None and not what.busy:
            error = what.error
            text = " ".join(filter(None, (f"{error.what}.", error.why, error.next_step)))
            self.notify(clean(text, 900), severity="error", timeout=60, markup=False)
        elif (what is account.here or what is account.in_account) and what.value and not what.busy:
            mine = account.deployment
            if self.session.at == "welcome" and not account.opened.busy and mine is not None:
                account.open(mine)

    def _take_deployment(self, answers: Answers) -> None:
        """Another deployment: its answers, and Home for whoever has not begun yet."""
        self.account.deployment_changed()
        self.session.choices.delete_logs = False  # that was said about another one
        fields = dataclasses.fields(answers)
        self.session.answer(**{field.name: getattr(answers, field.name) for field in fields})
        self._dirty = False  # these answers are saved where the deployment is
        identity = self.account.identity
        if identity.value is None and not identity.busy:
            self.account.identify()
        if self.session.at == "welcome":
            self.go("home")
        self.session.opened.publish(answers)
        self._tell_unfinished()

    def _tell_unfinished(self) -> None:
        """A run of this deployment that did not end is shown, once: here or in a bucket, and not
        where a colleague went on with it or has the name by now."""
        mine, answers = self.account.deployment, self.session.answers
        if mine is None or mine.remote or not (mine.unfinished or mine.bucket):
            return
        if (mine.name_prefix, mine.region) == (answers.name_prefix, answers.region):
            self.account.read_unfinished(mine, partial(self._show_unfinished, mine))

    def _show_unfinished(self, mine: KnownDeployment, found: Unfinished) -> None:
        name = f"{mine.root} {found.began}"
        if self.session.at == "home" and self.session.choices.unfinished != name:
            from wizard.ui.screens import unfinished  # not before the first screen

            self.session.choices.unfinished = name
            self.call_later(unfinished.ask, self, self._guide, found)

    # The run --------------------------------------------------------------------------------------

    def _part_done(self, step_id: str) -> None:
        if self.session.at == step_id:
            self._after_a_moment(lambda: self._follow(step_id))

    def _after_a_moment(self, then: Callable[[], None]) -> None:
        """Until then Next is meant for a screen that is about to go or only just came by itself."""
        if self._following is not None:
            self._following.stop()
        self.advancing = True
        self._following = self.set_timer(self.follow_seconds, then)

    def _arrived(self) -> None:
        self.advancing = False

    def _follow(self, was: str) -> None:
        """Show the next part of the run, and go on from there when that is over too.

        Where a stage failed, its screen stays: it must be seen, and can be tried again from there.
        """
        self.advancing = False
        run = self.deployment_run.now
        if self.session.at != was or self._quit_code is not None or not self.screen_stack:
            return
        if was == "logging" and run.failed_stages:
            return
        following = after(self.session, was)
        if following is not None:
            self.go(following.id)
            over = following.id in run.done
            self._after_a_moment((lambda: self._follow(following.id)) if over else self._arrived)

    def _run_ended(self, _: DeploymentRun) -> None:
        if self._quit_code is not None:
            self.leave(self._quit_code)

    def stop_and_leave(self) -> None:
        """Stop the run gracefully and quit when it has stopped."""
        self._quit_code = int(ExitCode.INTERRUPTED)
        self.deployment_run.stop()

    # Answers --------------------------------------------------------------------------------------

    def _save_soon(self) -> None:
        """The answers changed: save them when nothing more comes for a moment."""
        self._dirty = self.session.mode != "add"
        self._save_at = time.monotonic() + SAVE_SECONDS

    def _save(self) -> None:
        """Keep the answers, in the background."""
        self._dirty = False
        answers, flow = self.session.answers, self.product.deployments()

        def taken(file: str | WizardError) -> None:
            if isinstance(file, str):
                self.session.saved_to = file

        self.workers_at_work.start("save", lambda: flow.save_draft(answers), taken, changes=True)

    # Ends -----------------------------------------------------------------------------------------

    def action_ask_quit(self) -> None:
        """Quit; ask first when something would be lost."""
        from wizard.ui.screens.dialogs import Confirm, quit_dialog

        if any(isinstance(screen, Confirm) for screen in self.screen_stack):
            return
        run, session = self.deployment_run.now, self.session
        token = bool(session.token) and session.token_typed and not run.done
        if run.busy:
            self.push_screen(
                quit_dialog(running=True), lambda yes: self.stop_and_leave() if yes else None
            )
        elif token:
            self.push_screen(quit_dialog(running=False), lambda yes: self.leave() if yes else None)
        else:
            self.leave()

    def let_go(self) -> None:
        """Nobody reads or answers any more."""
        self.workers_at_work.close()
        self.account.close()
        self.deployment_run.stop_waiting()

    def leave(self, code: int | None = None) -> None:
        """Save what is unsaved and end."""
        if self._dirty:
            self._dirty = False
            self.product.deployments().save_draft(self.session.answers)
        self.let_go()
        self.exit(int(self.deployment_run.latest.exit_code) if code is None else code)

    def _fatal_error(self) -> None:
        """A bug in a screen: Textual would print every local variable, and one may be a secret."""
        if self._exception is not None:
            self.crash = unexpected(self._exception, self.options)
        self._close_messages_no_wait()

    # Small things ---------------------------------------------------------------------------------

    def notify(self, message: str, **options: Any) -> None:
        """Tell something once: the same words are not stacked."""
        if not any(str(n.message) == message for n in self._notifications):
            super().notify(message, **options)

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

    def actions_of(self, screen: StepScreen) -> Iterable[SystemCommand]:
        """What the screen's own keys and buttons do at this moment, once each."""
        buttons = {b.id: b for b in screen.query(Button) if b.focusable and b.display}
        names = {key: str(button.label) for key, button in buttons.items()}
        names["next"] = screen.next_label()
        done = {"help", "escape", "back", "quit"}
        for found in screen.active_bindings.values():
            binding, action = found.binding, found.binding.action
            title = names.get(action, binding.description)
            ours = found.node is screen and found.enabled and bool(title)
            if ours and action.isidentifier() and action not in done:
                done.add(action)
                key = f"{self.get_key_display(binding)} on this screen"
                words = f"{found.tooltip} ({key})" if found.tooltip else key
                act = functools.partial(self.run_action, action, screen)
                yield SystemCommand(title, words[0].upper() + words[1:], act)
        for name, button in buttons.items():
            if name not in done:
                yield SystemCommand(str(button.label), "A button of this screen", button.press)

    def get_system_commands(self, screen: Any) -> Iterable[SystemCommand]:
        """The palette: the steps, the actions of this screen, then what every app has."""
        ours = [
            SystemCommand("Light or dark", "Switch the theme", self.action_switch_theme),
            SystemCommand("Quit", "Leave the wizard", self.action_ask_quit),
        ]
        if isinstance(screen, StepScreen):
            ours.append(SystemCommand("Help", "Help for this screen", screen.action_help))
            ours = [*self.actions_of(screen), *ours]
        of_every_app = super().get_system_commands(screen)
        assumed = {one.id for one in navigation.assumed(self.session, self.account)}
        return commands(self.session, assumed, self.visit, ours, of_every_app)
