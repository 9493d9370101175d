"""Which account and Region: pickers from the user's real configuration, login included."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button

from wizard.core.events import State
from wizard.core.text import clean
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

DEFAULT_CHAIN = "(default credentials)"


class Aws(StepScreen):
    """Profile and Region."""

    STEP = "aws"
    HINT = "Profiles come from your AWS configuration. Space or Enter picks."
    AUTO_FOCUS = "#profiles ItemRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "check", "Check again"),
        Binding("l", "log_in", "SSO login"),
    ]

    def body(self) -> ComposeResult:
        """Two lists, and below them who we are."""
        with Horizontal(id="pickers"):
            yield PickList("Profile", id="profiles")
            yield PickList("Region", id="regions")
        with Vertical(id="who"):
            yield StateLines(id="identity")
            yield Failure()
            with Horizontal(classes="actions"):
                yield Button(Text("Check again"), compact=True, id="check")
                yield Button(Text("Log in with SSO"), compact=True, id="login")
                yield Button(Text("Copy address"), compact=True, id="address")

    def started(self) -> None:
        """Fetch what is not there yet."""
        self.wizard.jobs.look_up("profiles", "regions")
        if self.wizard.state.identity.value is None and not self.wizard.state.identity.busy:
            self.wizard.jobs.identify()

    def show(self, topics: frozenset[str]) -> None:
        """Lists and identity."""
        state = self.wizard.state
        if topics & {"mount", "profiles"}:
            self._fill_profiles()
        if topics & {"mount", "regions"}:
            self._fill_regions()
        if topics & {"mount", "identity", "login", "answers", "theme"}:
            self._show_identity()
        busy = state.identity.busy or state.login.busy
        self.query_one("#check", Button).disabled = busy
        self.query_one("#login", Button).display = self._is_sso()
        self.query_one("#login", Button).disabled = busy
        self.query_one("#address", Button).display = bool(state.login_shown[0])

    def _fill_profiles(self) -> None:
        state = self.wizard.state
        found = state.profiles
        picker = self.query_one("#profiles", PickList)
        if found.value is None:
            picker.say(found.error.what if found.error else "reading your AWS configuration")
            return
        items = [Item("", DEFAULT_CHAIN, "from environment")]
        items += [Item(p.name, p.name, " ".join((p.kind, p.detail))) for p in found.value]
        picker.fill(items, (state.answers.profile,))

    def _fill_regions(self) -> None:
        state = self.wizard.state
        picker = self.query_one("#regions", PickList)
        if state.regions.value is None:
            picker.say("reading the Regions")
            return
        names = dict.fromkeys((*state.regions.value, state.answers.region))
        picker.fill([Item(name, name) for name in names], (state.answers.region,))

    def _show_identity(self) -> None:
        state = self.wizard.state
        lines: list[tuple[State, str, str, str, str]] = []
        identity = state.identity.value
        url, code = state.login_shown
        if state.login.busy:
            text = f"open {url}   code {code}" if url else "asking for a login address"
            lines.append((State.RUNNING, "SSO login", text, "", "Waiting for you, up to 10m."))
        elif state.identity.busy:
            lines.append((State.RUNNING, "Account", "asking AWS, usually under 2s", "", ""))
        elif identity is not None:
            name = f"{clean(identity.alias)} {identity.account_id}".strip()
            lines.append((State.DONE, "Account", name, "", identity.arn))
        self.query_one("#identity", StateLines).fill(lines, title_width=9)
        error = None if state.login.busy else state.login.error or state.identity.error
        self.query_one(Failure).tell(error)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The login only where the profile has one."""
        return self._is_sso() if action == "log_in" else super().check_action(action, parameters)

    def _is_sso(self) -> bool:
        state = self.wizard.state
        profiles = state.profiles.value or ()
        return any(p.name == state.answers.profile and p.kind == "SSO" for p in profiles)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """A pick: take it and ask AWS again."""
        event.stop()
        wizard = self.wizard
        if event.owner.id == "profiles":
            profiles = {p.name: p for p in wizard.state.profiles.value or ()}
            wizard.answer(profile=event.value, account_id="")
            profile = profiles.get(event.value)
            if profile is not None and profile.region:
                wizard.answer(region=profile.region)
            self._fill_regions()
        else:
            wizard.answer(region=event.value)
        wizard.state.login.reset()
        wizard.jobs.identify()

    def action_check(self) -> None:
        """Ask AWS again."""
        self.wizard.jobs.identify()

    def action_log_in(self) -> None:
        """Start the SSO login."""
        if self._is_sso():
            self.wizard.jobs.log_in()
        else:
            self.notify("This profile does not use IAM Identity Center (SSO).", markup=False)

    def _copy_address(self) -> None:
        self.wizard.copy(self.wizard.state.login_shown[0], "Login address")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check, log in, copy."""
        actions: dict[str, Callable[[], None]] = {
            "check": self.action_check,
            "login": self.action_log_in,
            "address": self._copy_address,
        }
        action = actions.get(event.button.id or "")
        if action is None:
            super().on_button_pressed(event)
        else:
            event.stop()
            action()


SCREEN = Aws
