"""The Wallarm Cloud and its token: masked, judged here, then checked as far as it may be."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from wizard.core.answers.model import EU_HOST, US_HOST
from wizard.core.answers.rules import token_problem
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.ui import unanswered
from wizard.ui.screens.step import StepScreen
from wizard.ui.unanswered import LABELS
from wizard.ui.widgets.choices import Choice, Choices
from wizard.ui.widgets.fields import Field
from wizard.ui.widgets.lines import Failure, StateLines

API_TOKEN_RULE = "optional: reads API Discovery in Troubleshoot; not kept"  # noqa: S105
TOKEN_RULE = "64 characters. Console, API tokens, type Node deployment"  # noqa: S105


class Wallarm(StepScreen):
    """Cloud, token, node group, application."""

    STEP = "wallarm"
    HINT = "The token is kept in an encrypted SSM parameter of your account only."
    AUTO_FOCUS = "Choices"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+k", "check", "Check token")]

    def body(self) -> ComposeResult:
        """Cloud, token with its check, the rest."""
        state = self.wizard.state
        with VerticalScroll():
            yield Choices(
                (
                    Choice("eu", "EU Cloud", EU_HOST),
                    Choice("us", "US Cloud", US_HOST),
                    Choice("custom", "Another host", "for a private cloud or a proxy"),
                ),
                unanswered.cloud(self.wizard.state),
                id="cloud",
            )
            yield self.field("wallarm_api_host", "a host name without https://")
            kept = "stored in your account; leave it empty to keep it"
            rule = kept if state.wants.get("token_kept") else TOKEN_RULE
            yield self._secret("token", state.token, rule)
            yield StateLines(id="token-check")
            yield Failure()
            with Horizontal(classes="actions"):
                yield Button(Text("Check token"), compact=True, id="check")
            yield self.field("node_group", "the name shown in Wallarm Console")
            yield self.field(
                "x_wallarm_application_id",
                "-1 (default application), or positive",
            )
            yield self._secret("api_token", state.api_token, API_TOKEN_RULE)

    def _secret(self, key: str, held: Secret | None, rule: str) -> Field:
        text = held.reveal() if held else ""
        made = Field(key, LABELS[key], text, rule, secret=True)
        made.message = token_problem(text) if text else ""
        return made

    def started(self) -> None:
        """A token that came with the start is checked like one that is typed."""
        checked = self.wizard.state.token_check
        if checked.value is None and not checked.busy:
            self._check_if_whole()

    def show(self, topics: frozenset[str]) -> None:
        """Host field only where it is asked; the check's three outcomes."""
        del topics
        state = self.wizard.state
        self.query_one("#field-wallarm_api_host").display = (
            unanswered.cloud(self.wizard.state) == "custom"
        )
        checked = state.token_check
        lines: list[tuple[State, str, str, str, str]] = []
        if checked.busy:
            lines = [(State.RUNNING, "", "asking the Wallarm Cloud, usually under 2s", "", "")]
        elif checked.value is not None:
            check = checked.value
            lines = [(check.state, "", check.answer or check.state.value, "", check.next_step)]
        outcome = self.query_one("#token-check", StateLines)
        outcome.display = bool(lines)
        outcome.fill(lines, title_width=0)
        self.query_one(Failure).tell(checked.error)
        token = state.token.reveal() if state.token else ""
        self.query_one("#check", Button).disabled = checked.busy or bool(token_problem(token))

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Another cloud: an earlier answer about the token is void."""
        event.stop()
        state = self.wizard.state
        state.wants["cloud"] = event.value
        state.token_check.reset()
        host = {"eu": EU_HOST, "us": US_HOST}.get(event.value)
        if host is not None:
            state.drafts.pop("wallarm_api_host", None)
            self.wizard.answer(wallarm_api_host=host)
        self.state_changed(frozenset({"token"}))
        if host is not None:
            self._check_if_whole()

    def typed(self, field: Field, text: str) -> None:
        """The token is kept as a secret, not as an answer."""
        if field.key == "api_token":
            self._take_api_token(field, "".join(text.split()))
            return
        if field.key != "token":
            super().typed(field, text)
            if field.key == "wallarm_api_host":
                self.wizard.state.token_check.reset()
            return
        state = self.wizard.state
        token = "".join(text.split())
        if state.token and state.token.reveal() == token:
            return
        state.token = Secret(token) if token else None
        state.token_typed = True
        state.token_check.reset()
        field.judge(token_problem(token) if token else "")
        self._check_if_whole()
        self.state_changed(frozenset({"token"}))

    def _take_api_token(self, field: Field, token: str) -> None:
        self.wizard.state.api_token = Secret(token) if token else None
        field.judge(token_problem(token) if token else "")
        self.show_bar()

    def _check_if_whole(self) -> None:
        token = self.wizard.state.token
        if token and not token_problem(token.reveal()):
            self.wizard.jobs.check_token()

    def action_check(self) -> None:
        """Ask the Cloud again."""
        self._check_if_whole()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check."""
        if event.button.id == "check":
            event.stop()
            self.action_check()
        else:
            super().on_button_pressed(event)


SCREEN = Wallarm
