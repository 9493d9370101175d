"""Which account and Region: pickers from the user's real configuration, login included."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.text import clean, count, duration
from wizard.ui.guide import Guide
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList
from wizard.ui.widgets.rows import Rows

if TYPE_CHECKING:
    from wizard.services.aws.regions import RegionApis

DEFAULT_CHAIN = "(default credentials)"
AGE_SECONDS = 5.0  # how often the age of what was counted is told anew


def describe_region(found: RegionApis | None, *, busy: bool, counted: bool = True) -> str:
    """`12 APIs, 3 connected`, or why that is not known.

    Args:
        busy: Regions are read at this moment.
        counted: all that the account may use were read.
    """
    if found is None:
        return "counting" if busy else "not enabled" if counted else ""
    if found.problem and found.connected is None and not found.apis:
        return found.problem
    said = count(found.apis, "API") if found.apis else "no APIs"
    if found.problem:
        return f"{said}; stages: {found.problem}"
    return f"{said}, {found.connected:,} connected" if found.connected else said


class Aws(StepScreen):
    """Profile and Region."""

    STEP = "aws"
    HINT = "Profiles come from your AWS configuration. Space or Enter picks."
    AUTO_FOCUS = "#profiles ItemRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "check", "Check again"),
        Binding("l", "log_in", "SSO login"),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._login_runs = False
        self._login_error: WizardError | None = None
        self._login_at = ("", "")  # address, code
        self._stop_login = threading.Event()

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
        self.follow(self.session.answered, self._show_identity)
        self.hear(self.account.changed, self._account_read)
        self.account.read_profiles()
        self.account.read_regions()
        if self.account.identity.value is None and not self.account.identity.busy:
            self.account.identify()
        self._count_regions()
        self.set_interval(AGE_SECONDS, self._describe_regions)

    def on_unmount(self) -> None:
        """A login that nobody waits for is given up."""
        self._stop_login.set()

    def _account_read(self, what: Loaded[Any]) -> None:
        if what is self.account.profiles:
            self._fill_profiles()
        elif what is self.account.regions:
            self._fill_regions()
        elif what is self.account.identity:
            self._count_regions()
        elif what is self.account.region_counts:
            self._describe_regions()
        self._show_identity()

    def _count_regions(self) -> None:
        """Once it is known whose Regions they are."""
        if self.account.identity.value is not None:
            self.account.count_regions()

    def show(self) -> None:
        """Lists and identity."""
        self._fill_profiles()
        self._fill_regions()
        self._show_identity()

    def _fill_profiles(self) -> None:
        found = self.account.profiles
        picker = self.query_one("#profiles", PickList)
        if found.value is None:
            picker.say(found.error.what if found.error else "reading your AWS configuration")
            return
        items = [Item("", DEFAULT_CHAIN, "from environment")]
        items += [Item(p.name, p.name, " ".join((p.kind, p.detail))) for p in found.value]
        picker.fill(items, (self.session.answers.profile,))

    def _fill_regions(self) -> None:
        picker, known = self.query_one("#regions", PickList), self.account.regions.value
        region = self.session.answers.region
        if known is None:
            picker.say("reading the Regions")
            return
        picker.fill(self._region_items(known), (region,))
        self._describe_regions()

    def _region_items(self, known: Iterable[str]) -> list[Item]:
        counts = self.account.region_counts
        names = dict.fromkeys((*known, self.session.answers.region))
        return [
            Item(
                name,
                name,
                describe_region(
                    (counts.value or {}).get(name),
                    busy=counts.busy,
                    counted=bool(self.account.regions_counted_at) and counts.error is None,
                ),
            )
            for name in names
        ]

    def _describe_regions(self) -> None:
        """What each Region has, and how old that is."""
        known, counts = self.account.regions.value, self.account.region_counts
        if known is None or not self.is_mounted:
            return
        title = "Region"
        if counts.busy:
            title = f"Region   counting: {self.account.regions_told} done"
        elif counts.error is not None:
            title = f"Region   not counted: {clean(counts.error.what, 60)}"
        elif self.account.regions_counted_at:
            age = self.guide.clock() - self.account.regions_counted_at
            title = f"Region   counted {duration(age)} ago"
        self.query_one("#regions", PickList).describe(self._region_items(known), title)

    def _show_identity(self) -> None:
        lines: list[tuple[State, str, str, str, str]] = []
        identity, asked = self.account.identity.value, self.account.identity
        url, code = self._login_at
        if self._login_runs:
            text = f"open {url}   code {code}" if url else "asking for a login address"
            lines.append((State.RUNNING, "SSO login", text, "", "Waiting for you, up to 10m."))
        elif asked.busy:
            lines.append((State.RUNNING, "Account", "asking AWS, usually under 2s", "", ""))
        elif identity is not None:
            name = f"{clean(identity.alias)} {identity.account_id}".strip()
            lines.append((State.DONE, "Account", name, "", identity.arn))
        if refused := self._refused():
            lines.append((State.UNCHECKED, "Region", refused, "", ""))
        self.query_one("#identity", StateLines).fill(lines, title_width=9)
        error = None if self._login_runs else self._login_error or asked.error
        self.query_one(Failure).tell(error)
        busy = asked.busy or self._login_runs
        self.query_one("#check", Button).disabled = busy
        self.query_one("#login", Button).display = self._is_sso()
        self.query_one("#login", Button).disabled = busy
        self.query_one("#address", Button).display = bool(url)

    def _refused(self) -> str:
        """Why it is not known what the Region under the cursor has; its row may cut that."""
        picker, counts = self.query_one("#regions", PickList), self.account.region_counts.value
        at = picker.rows.cursor
        region = picker.shown[at].value if at < len(picker.shown) else ""
        found = (counts or {}).get(region)
        return f"{region}: {clean(found.problem, 600)}" if found and found.problem else ""

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another Region is under the cursor."""
        event.stop()
        self._show_identity()

    # The login ------------------------------------------------------------------------------------

    @dataclass
    class LoginShown(Message):
        """The address to open for an SSO login, and its code."""

        url: str
        code: str

    @dataclass
    class LoggedIn(Message):
        """The login ended; the error says why it did not work."""

        error: WizardError | None

    @work(thread=True, exclusive=True, group="login", exit_on_error=False)
    def _log_in(self, answers: Answers, stop: threading.Event) -> None:
        flow = self.product.account()
        found = self.boundary.attempt(
            lambda: flow.sso_login(
                answers, lambda url, code: self.tell(self.LoginShown(url, code)), stop
            )
        )
        self.tell(self.LoggedIn(found if isinstance(found, WizardError) else None))

    @on(LoginShown)
    def _login_shown(self, event: LoginShown) -> None:
        self._login_at = (event.url, event.code)
        self._show_identity()

    @on(LoggedIn)
    def _logged_in(self, event: LoggedIn) -> None:
        self._login_runs, self._login_error = False, event.error
        if event.error is None:
            self._login_at = ("", "")
            self.account.identify()
        self._show_identity()

    def _forget_login(self) -> None:
        """Another profile or Region: what the login of the old one said is void."""
        self._stop_login.set()
        self.workers.cancel_group(self, "login")
        self._login_runs, self._login_error = False, None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The login only where the profile has one."""
        return self._is_sso() if action == "log_in" else super().check_action(action, parameters)

    def _is_sso(self) -> bool:
        profiles, name = self.account.profiles.value or (), self.session.answers.profile
        return any(p.name == name and p.kind == "SSO" for p in profiles)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """A pick: take it and ask AWS again."""
        event.stop()
        session = self.session
        if event.owner.id == "profiles":
            profiles = {p.name: p for p in self.account.profiles.value or ()}
            session.answer(profile=event.value, account_id="")
            profile = profiles.get(event.value)
            if profile is not None and profile.region:
                session.answer(region=profile.region)
            self._fill_regions()
        else:
            session.answer(region=event.value)
        self._forget_login()
        self.account.identify()

    def action_check(self) -> None:
        """Ask AWS again, what each Region has too."""
        self.account.identify()
        self.account.count_regions(again=True)

    def action_log_in(self) -> None:
        """Start the SSO login."""
        if self._is_sso():
            self._login_runs, self._login_error = True, None
            self._stop_login = stop = threading.Event()
            self._log_in(self.session.answers, stop)
            self._show_identity()
        else:
            self.notify("This profile does not use IAM Identity Center (SSO).", markup=False)

    def _copy_address(self) -> None:
        self.mover.copy(self._login_at[0], "Login address")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Check, log in, copy."""
        actions: dict[str, Callable[[], None]] = {
            "check": self.action_check,
            "login": self.action_log_in,
            "address": self._copy_address,
        }
        action = actions.get(event.button.id or "")
        if action is not None:
            event.stop()
            action()


SCREEN = Aws
