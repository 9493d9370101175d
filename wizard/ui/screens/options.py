"""Names, tags, watching, and how the run proves itself."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from wizard.core.rules import problem
from wizard.ui.screens.base import StepScreen
from wizard.ui.widgets.choices import Choice, Choices

# The longest name made from the prefix decides its limit: target groups may have 32 characters,
# so the module shortens those; everything else fits 64.
PREVIEW = ("{}-node", "{}-alb")


class Options(StepScreen):
    """Everything that has a good default."""

    STEP = "options"
    HINT = "Every default here is a good one. Next keeps them."
    AUTO_FOCUS = "#name_prefix"

    def body(self) -> ComposeResult:
        """Prefix with preview, tags, watching, proof, expert fields."""
        answers = self.wizard.state.answers
        with VerticalScroll():
            yield self.field("name_prefix", "Name prefix",
                             "2 to 38: lower-case letters, digits, dashes")  # fmt: skip
            yield Static("", id="preview", markup=False)
            yield self.field("tags", "Tags", "name=value, name=value", placeholder="team=security")
            yield Static("Watching", classes="section", markup=False)
            yield Choices(
                (
                    Choice("none", "Nothing", "look at the logs yourself"),
                    Choice("alarms", "Alarms", "undelivered events, errors, an unhealthy node"),
                    Choice("both", "Alarms and dashboard", "one page with the whole path"),
                ),
                self._watching(),
                id="watching",
            )
            yield Static("Proof at the end", classes="section", markup=False)
            yield Choices(
                (
                    Choice("send", "Send one request", "to a path no API defines; 403 or 404"),
                    Choice("wait", "Wait for traffic", "follow the next real request"),
                    Choice("skip", "No proof", "finish after logging is on"),
                ),
                answers.proof,
                id="proof-mode",
            )
            yield Static("Seldom needed", classes="section", markup=False)
            yield self.field("permissions_boundary", "Role boundary",
                             "ARN of a policy put on every role, or empty")  # fmt: skip
            yield self.field("wallarm_api_token_kms_key_arn", "Token's key",
                             "ARN of your own KMS key for the token in SSM, or empty")  # fmt: skip
            yield self.field("lambda_package", "Own forwarder",
                             "path of your own bundle (zip), or empty")  # fmt: skip
            yield self.field("state_bucket", "State bucket",
                             "S3 bucket for the state, made if missing; or empty")  # fmt: skip
            yield Static("", id="state", classes="muted gap-above", markup=False)

    def _watching(self) -> str:
        answers = self.wizard.state.answers
        return "both" if answers.dashboard else "alarms" if answers.alarms else "none"

    def show(self, topics: frozenset[str]) -> None:
        """The names as they would be."""
        del topics
        state = self.wizard.state
        prefix = state.drafts.get("name_prefix", state.answers.name_prefix)
        ink = self.wizard.ink
        text = Text("", no_wrap=True, overflow="ellipsis")
        if problem("name_prefix", prefix):
            text.append("no names yet", ink.muted)
        else:
            names = ", ".join(p.format(prefix) for p in PREVIEW)
            text.append(f"{len(prefix)} of 38   {names} …", ink.muted)
        self.query_one("#preview", Static).update(text)
        where = state.saved_to or "the user data directory of this platform"
        self.query_one("#state", Static).update(
            f"Answers, Terraform state and journal are kept in {where}"
        )

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Take the choice."""
        event.stop()
        if event.group.id == "watching":
            self.wizard.answer(
                alarms=event.value in ("alarms", "both"), dashboard=event.value == "both"
            )
        else:
            self.wizard.answer(proof=event.value)


SCREEN = Options
