"""First screen: what will happen, what it costs, what is left alone, and the live checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from wizard.core.answers import steps as welcome
from wizard.core.answers.model import Answers
from wizard.core.answers.rules import token_problem
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.core.text import count
from wizard.flows.preflight import FirstCheck
from wizard.ui import theme
from wizard.ui.guide import Guide
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import CheckRow, CheckRows, Failure


class Welcome(StepScreen):
    """Welcome and preflight."""

    STEP = "welcome"
    HINT = welcome.HINT
    AUTO_FOCUS = "#next"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "Every question"),
        Binding("r", "retry", "Check again"),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._busy = False  # the checks run

    def body(self) -> ComposeResult:
        """Facts, then checks."""
        with VerticalScroll():
            yield Static(id="facts")
            yield Static(welcome.CHECKS, classes="section", markup=False)
            yield CheckRows(id="checks")
            yield Failure()
            with Horizontal(classes="actions"):
                yield Button(Text("Check again"), compact=True, id="retry")
                yield Button(Text("Go through every question"), compact=True, id="all")

    def started(self) -> None:
        """Look around once the screen is drawn; what was seen before is shown again."""
        self.session.every_question = False
        told = self.session.checked.first.values()
        if not told or any(check.state in (State.TODO, State.RUNNING) for check in told):
            self.call_after_refresh(self._look)
        self.call_after_refresh(self._check_token)

    def show(self) -> None:
        """Facts and checks."""
        self._show_facts()
        self._show_checks()

    def _show_checks(self) -> None:
        self.query_one(CheckRows).fill(self.session.checked.first.values())
        self.query_one(Failure).tell(self.session.checked.first_error)
        self.query_one("#retry", Button).disabled = self._busy

    # The checks -----------------------------------------------------------------------------------

    @dataclass
    class CheckTold(Message):
        """A check began or ended."""

        check: FirstCheck

    @dataclass
    class Looked(Message):
        """All checks ended; the error is one of looking itself."""

        error: WizardError | None

    @work(thread=True, exclusive=True, group="preflight", exit_on_error=False)
    def _run_checks(self, answers: Answers, only: str) -> None:
        checks = self.product.account().checks
        found = self.boundary.attempt(
            lambda: checks.run(answers, lambda check: self.tell(self.CheckTold(check)), only)
        )
        self.tell(self.Looked(found if isinstance(found, WizardError) else None))

    @on(CheckTold)
    def _check_told(self, event: CheckTold) -> None:
        self.session.checked.first[event.check.key] = event.check
        self._show_checks()
        self.show_bar()

    @on(Looked)
    def _looked(self, event: Looked) -> None:
        self._busy, self.session.checked.first_error = False, event.error
        self._show_checks()

    @dataclass
    class TokenChecked(Message):
        """The Cloud answered about the token that came with the start, or could not be asked."""

        token: Secret
        found: FirstCheck | WizardError

    @work(thread=True, exclusive=True, group="token", exit_on_error=False)
    def _ask_cloud(self, answers: Answers, token: Secret) -> None:
        checks = self.product.account().checks
        found = self.boundary.attempt(lambda: checks.check_token(answers, token))
        self.tell(self.TokenChecked(token, found))

    def _check_token(self) -> None:
        """A token that is good needs no question."""
        token = self.session.token
        whole = token is not None and not token_problem(token.reveal())
        if token is not None and whole and self.session.checked.token is None:
            self._ask_cloud(self.session.answers, token)

    @on(TokenChecked)
    def _token_checked(self, event: TokenChecked) -> None:
        if event.token == self.session.token:
            self.session.checked.token = event.found
            self.show_frame()

    def _look(self, only: str = "") -> None:
        if self._busy:
            return
        self._busy = True
        if not only:
            self.session.checked.first.clear()
        self._run_checks(self.session.answers, only)
        self._show_checks()
        self.show_bar()

    def _look_again(self, only: str = "") -> None:
        if self._busy:
            return
        self._look(only)
        if only in ("", "identity"):  # the account that stays on the screen
            self.account.identify()

    def _show_facts(self) -> None:
        ink = theme.ink(self)
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=15, no_wrap=True)
        grid.add_column(ratio=1)
        for title, text in welcome.FACTS:
            grid.add_row(Text(title, ink.accent), Text(text, ink.plain))
        self.query_one("#facts", Static).update(grid)

    def why_not(self) -> str:
        """A failed check does not stop the questions; the bar says how many there are."""
        failed = [c for c in self.session.checked.first.values() if c.state is State.FAILED]
        return f"{count(len(failed), 'check')} failed, see above" if failed else ""

    def action_next(self) -> None:
        """Go on in any case, to the first question that needs a person."""
        self.session.every_question = False
        self.forward()

    def action_all(self) -> None:
        """Go through every question, good default or not."""
        self.session.every_question = True
        self.forward()

    def action_retry(self) -> None:
        """Run the checks again."""
        self._look_again()

    def on_check_row_retried(self, event: CheckRow.Retried) -> None:
        """Run one again, with those that hang on it."""
        event.stop()
        self._look_again(event.key)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Retry."""
        actions = {"retry": self.action_retry, "all": self.action_all}
        if event.button.id in actions:
            event.stop()
            actions[event.button.id]()


SCREEN = Welcome
