"""The Wallarm Cloud and its token: masked, judged here, then checked as far as it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input

from wizard.core.answers.model import CLOUDS, Answers
from wizard.core.answers.rules import bare_token, token_problem
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.flows.preflight import FirstCheck
from wizard.ui import unanswered
from wizard.ui.guide import Guide
from wizard.ui.screens.step import StepScreen
from wizard.ui.unanswered import LABELS
from wizard.ui.widgets.fields import Choice, Choices, Field
from wizard.ui.widgets.lines import Failure, StateLines

API_TOKEN_RULE = "optional: reads API Discovery in Troubleshoot; not kept"  # noqa: S105
TOKEN_RULE = "64 characters. Console, API tokens, type Node deployment"  # noqa: S105


class Wallarm(StepScreen):
    """Cloud, token, node group, application."""

    STEP = "wallarm"
    HINT = "The token is kept in an encrypted SSM parameter of your account only."
    AUTO_FOCUS = "Choices"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+k", "check", "Check token")]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._busy = False  # the Cloud is being asked

    def body(self) -> ComposeResult:
        """Cloud, token with its check, the rest."""
        session = self.session
        with VerticalScroll():
            yield Choices(
                (
                    *(Choice(*known) for known in CLOUDS),
                    Choice("custom", "Another host", "for a private cloud or a proxy"),
                ),
                unanswered.cloud(self.session),
                id="cloud",
            )
            yield self.field("wallarm_api_host", "a host name without https://")
            kept = "stored in your account; leave it empty to keep it"
            rule = kept if session.choices.token_kept else TOKEN_RULE
            yield self._secret("token", session.token, rule)
            yield StateLines(id="token-check")
            yield Failure()
            with Horizontal(classes="actions"):
                yield Button(Text("Check token"), compact=True, id="check")
            yield self.field("node_group", "the name shown in Wallarm Console")
            yield self.field(
                "x_wallarm_application_id",
                "-1 (default application), or positive",
            )
            yield self._secret("api_token", session.api_token, API_TOKEN_RULE)

    def _secret(self, key: str, held: Secret | None, rule: str) -> Field:
        text = held.reveal() if held else ""
        made = Field(key, LABELS[key], text, rule, secret=True)
        made.message = token_problem(text) if text else ""
        return made

    def started(self) -> None:
        """A token that came with the start is checked like one that is typed."""
        needed = self.missing()
        if needed is not None:
            needed.focus()
        if self.session.checked.token is None:
            self._check_if_whole()

    def missing(self) -> Widget | None:
        """The token, where there is none."""
        broken = super().missing()
        if broken is None and not self.session.token and not self.session.choices.token_kept:
            return self.query_one("#token", Input)
        return broken

    def show(self) -> None:
        """Host field only where it is asked; the check's three outcomes."""
        custom = unanswered.cloud(self.session) == "custom"
        self.query_one("#field-wallarm_api_host").display = custom
        found = None if self._busy else self.session.checked.token
        lines: list[tuple[State, str, str, str, str]] = []
        if self._busy:
            lines = [(State.RUNNING, "", "asking the Wallarm Cloud, usually under 2s", "", "")]
        elif isinstance(found, FirstCheck):
            lines = [(found.state, "", found.answer or found.state.value, "", found.next_step)]
        self.query_one("#token-check", StateLines).fill(lines, title_width=0)
        self.query_one(Failure).tell(found if isinstance(found, WizardError) else None)
        token = self.session.token.reveal() if self.session.token else ""
        self.query_one("#check", Button).disabled = self._busy or bool(token_problem(token))

    # The token's check ----------------------------------------------------------------------------

    @dataclass
    class TokenChecked(Message):
        """The Cloud answered about a token, or could not be asked."""

        token: Secret
        host: str
        found: FirstCheck | WizardError

    @work(thread=True, exclusive=True, group="token", exit_on_error=False)
    def _ask_cloud(self, answers: Answers, token: Secret) -> None:
        checks = self.product.account().checks
        found = self.boundary.attempt(lambda: checks.check_token(answers, token))
        self.tell(self.TokenChecked(token, answers.wallarm_api_host, found))

    @on(TokenChecked)
    def _token_checked(self, event: TokenChecked) -> None:
        if (event.token, event.host) == (self.session.token, self.session.answers.wallarm_api_host):
            self._busy = False
            self.session.checked.token = event.found
            self.show_all()

    def _forget_check(self) -> None:
        """Another token or another Cloud: what was said is void."""
        self.workers.cancel_group(self, "token")
        self._busy, self.session.checked.token = False, None

    def _check_if_whole(self) -> None:
        token = self.session.token
        if token and not token_problem(token.reveal()):
            self._busy = True
            self._ask_cloud(self.session.answers, token)
            self.show_all()

    # What is typed --------------------------------------------------------------------------------

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Another cloud: an earlier answer about the token is void."""
        event.stop()
        self.session.choices.cloud = event.value
        self._forget_check()
        host = {key: known for key, _, known in CLOUDS}.get(event.value)
        if host is not None:
            self.session.drafts.pop("wallarm_api_host", None)
            self.session.answer(wallarm_api_host=host)
        self.show_all()
        if host is not None:
            self._check_if_whole()

    def typed(self, field: Field, text: str) -> None:
        """The token is kept as a secret, not as an answer."""
        if field.key == "api_token":
            self._take_api_token(field, bare_token(text))
            return
        if field.key != "token":
            super().typed(field, text)
            if field.key == "wallarm_api_host":
                self._forget_check()
                self.show_all()
            return
        token = bare_token(text)
        if self.session.token and self.session.token.reveal() == token:
            return
        self.session.token = Secret(token) if token else None
        self.session.token_typed = True
        self._forget_check()
        field.judge(token_problem(token) if token else "")
        self._check_if_whole()
        self.show_all()

    def _take_api_token(self, field: Field, token: str) -> None:
        self.session.api_token = Secret(token) if token else None
        field.judge(token_problem(token) if token else "")
        self.show_bar()

    def action_check(self) -> None:
        """Ask the Cloud again."""
        self._check_if_whole()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check."""
        if event.button.id == "check":
            event.stop()
            self.action_check()


SCREEN = Wallarm
