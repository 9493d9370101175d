"""Names, tags, watching, and how the run proves itself."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from wizard.core.answers.rules import problem
from wizard.core.errors import WizardError
from wizard.core.forwarder_package import QUESTION, chosen_forwarder
from wizard.core.text import clean
from wizard.core.tfvars import names
from wizard.ui import theme
from wizard.ui.guide import Guide
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.fields import Choice, Choices, Field


class Options(StepScreen):
    """Everything that has a good default."""

    STEP = "options"
    HINT = "Every default here is a good one. Next keeps them."
    AUTO_FOCUS = "#name_prefix"

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._bundle = ""  # a download that looks like Wallarm's forwarder

    def body(self) -> ComposeResult:
        """Prefix with preview, tags, watching, proof, expert fields."""
        answers = self.session.answers
        with VerticalScroll():
            yield self.field("name_prefix", "2 to 38: lower-case letters, digits, dashes")
            yield Static("", id="preview", markup=False)
            yield self.field("tags", "name=value, name=value", placeholder="team=security")
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
            yield self.field(
                "undelivered_replay_hours",
                "hours between replays of undelivered events; 0 is never",
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
            yield Static("Terraform state", classes="section", markup=False)
            yield Static("", id="state", markup=False)
            yield self.field("state_bucket", "S3 bucket for the state, made if missing; or empty")
            yield Static("Seldom needed", classes="section", markup=False)
            yield self.field("permissions_boundary", "ARN of a policy put on every role, or empty")
            yield self.field(
                "wallarm_api_token_kms_key_arn", "ARN of your own KMS key for the token, or empty"
            )
            yield Static(QUESTION, classes="section", markup=False)
            yield self.field(
                "lambda_package", "Wallarm's bundle as downloaded (zip), or empty for the one here"
            )
            yield Static("", id="forwarder", markup=False)
            with Horizontal(classes="actions"):
                yield Button(Text("Use it"), compact=True, id="use-bundle")

    def _watching(self) -> str:
        answers = self.session.answers
        return "both" if answers.dashboard else "alarms" if answers.alarms else "none"

    def started(self) -> None:
        """The names follow the prefix; a downloaded bundle is looked for meanwhile."""
        self.follow(self.session.answered, self.show)
        self._look_for_bundles()

    @dataclass
    class BundlesFound(Message):
        """What of the downloads looks like Wallarm's forwarder, newest first."""

        found: tuple[str, ...] | WizardError

    @work(thread=True, exclusive=True, group="bundles", exit_on_error=False)
    def _look_for_bundles(self) -> None:
        self.tell(self.BundlesFound(self.boundary.attempt(self.product.account().bundles)))

    @on(BundlesFound)
    def _bundles_found(self, event: BundlesFound) -> None:
        found = () if isinstance(event.found, WizardError) else event.found
        self._bundle = found[0] if found else ""
        self.show()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the download."""
        if event.button.id == "use-bundle":
            event.stop()
            self.query_one("#field-lambda_package", Field).input.value = self._bundle

    def show(self) -> None:
        """The names as they would be."""
        state = self.session
        prefix = state.drafts.get("name_prefix", state.answers.name_prefix)
        self.query_one("#preview", Static).update(self._preview(prefix))
        bucket = state.answers.state_bucket
        text = f"Kept in the bucket {bucket}." if bucket else "Kept on this computer."
        if state.saved_to:
            text += f" Your answers are in {state.saved_to}"
        self.query_one("#state", Static).update(Text(text, theme.ink(self).muted))
        chosen = chosen_forwarder(state.answers.lambda_package)
        said = f"{chosen.title}. {chosen.can} Not: {chosen.cannot}"
        offered = bool(self._bundle) and state.answers.lambda_package != self._bundle
        if offered:
            said += f"\nIn your downloads: {clean(self._bundle)}"
        self.query_one("#use-bundle").display = offered
        self.query_one("#forwarder", Static).update(Text(said, theme.ink(self).muted))

    def _preview(self, prefix: str) -> Text:
        """The names nearest to AWS's limits, as they would be."""
        ink = theme.ink(self)
        if problem("name_prefix", prefix):
            return Text("no names yet", ink.muted)
        found = names(prefix, self.session.answers.region)
        return Text("\n").join(
            Text.assemble(
                (f"{n.kind:<14}{len(n.name):>2} of {n.limit}  ", ink.muted), (n.name, ink.plain)
            )
            for n in found
        )

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Take the choice."""
        event.stop()
        if event.group.id == "watching":
            self.session.answer(
                alarms=event.value in ("alarms", "both"), dashboard=event.value == "both"
            )
        else:
            self.session.answer(proof=event.value)


SCREEN = Options
