"""When the connector is there already: how it does, and what one may want to do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from wizard.core.answers.model import Answers
from wizard.core.answers.steps import STEPS
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.known_deployment import KnownDeployment
from wizard.core.text import clean, count
from wizard.ui.guide import Guide
from wizard.ui.screens.home_text import status_lines
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded
from wizard.ui.widgets.choices import Choice, Choices
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

if TYPE_CHECKING:
    from wizard.flows.status import Status

ACTIONS = (
    Choice("add", "Add stages", "nothing else is touched"),
    Choice("remove", "Remove stages", "their logging is put back as it was"),
    Choice("settings", "Change settings", "all steps, with the saved answers"),
    Choice("doctor", "Troubleshoot", "every link from the API to the Wallarm Cloud"),
    Choice("uninstall", "Uninstall", "stages first, then everything that was made"),
    Choice("new", "Deploy another one", "another prefix, account or Region"),
)
MOST_ROWS = 4
FROM_OUTSIDE = ("doctor", "new")
VERBS = {
    "add": "Choose stages",
    "remove": "Choose stages",
    "settings": "Go through the steps",
    "doctor": "Look",
    "uninstall": "Show what would go",
    "new": "Start",
}


class Home(StepScreen):
    """Status and the next action."""

    STEP = "home"
    AUTO_FOCUS = "#action"
    HINT = "Nothing is changed before Review, whatever you choose here."

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._status: Loaded[Status] = Loaded()

    def question(self) -> str:
        """Not a step."""
        answers = self.session.answers
        name = clean(answers.name_prefix, 60)
        if self._outside():
            return f"{name} in {clean(answers.region, 30)} was deployed from another computer."
        return f"{name} in {clean(answers.region, 30)} is deployed. What would you like to do?"

    def body(self) -> ComposeResult:
        """Which deployment, its status, the actions."""
        with VerticalScroll():
            yield PickList("Deployments", id="existing")
            yield StateLines(id="status")
            yield Failure()
            yield Static("", classes="gap-above")
            yield Choices(self._actions(), self._wanted(), id="action")

    def _wanted(self) -> str:
        wanted = self.session.choices.home
        return "doctor" if self._outside() and wanted not in FROM_OUTSIDE else wanted

    def _outside(self) -> bool:
        """Its state is on another computer: it can be looked at, and not changed from here."""
        mine = self.account.deployment
        return mine is not None and mine.remote

    def _actions(self) -> tuple[Choice, ...]:
        if not self._outside():
            return ACTIONS
        return tuple(
            one if one.value in FROM_OUTSIDE else replace(one, reason="its state is not here")
            for one in ACTIONS
        )

    def started(self) -> None:
        """Read the status; after another screen of Home, the saved answers too."""
        self.follow(self.session.answered, self.show)
        self.hear(self.account.changed, self._account_read)
        self.follow(self.session.opened, self._read_again)
        session, mine = self.session, self.account.deployment
        if session.mode != "install" and mine is not None:
            session.mode = "install"
            self.account.open(mine)
        else:
            self._read_again()

    def _account_read(self, what: Loaded[Any]) -> None:
        if what is self.account.here or what is self.account.elsewhere:
            self._fill_deployments()
        self.show_status()

    # The status -----------------------------------------------------------------------------------

    @dataclass
    class StatusRead(Message):
        """The deployment was looked at."""

        of: tuple[str, str]
        found: Status | WizardError

    @work(thread=True, exclusive=True, group="status", exit_on_error=False)
    def _read_status(self, answers: Answers) -> None:
        flow, run = self.product.deployments(), self.run

        def look() -> Status:
            # A run that led here is over: it would be told as one at work, and keep others out.
            if not run.now.busy:
                run.close()
            return flow.status(answers)

        found = self.boundary.attempt(look)
        self.tell(self.StatusRead(_place(answers), found))

    @on(StatusRead)
    def _status_read(self, event: StatusRead) -> None:
        if event.of == _place(self.session.answers):
            self._status.end(event.found)
            self.show_status()

    def _read_again(self) -> None:
        self._status.reset()
        self._status.begin(self.guide.clock())
        self._read_status(self.session.answers)
        self.show_all()

    def show(self) -> None:
        """Deployments and status."""
        self._fill_deployments()
        self.show_status()

    def _fill_deployments(self) -> None:
        found, mine = self.account.deployments, self.account.deployment
        picker = self.query_one("#existing", PickList)
        picker.display = len(found) > 1
        picker.styles.height = 2 + min(len(found), MOST_ROWS)  # the actions stay in sight
        picker.fill([_item(one) for one in found], (_key(mine),) if mine else ())

    def show_status(self) -> None:
        """How the deployment does, and what can be done with it."""
        status = self._status
        known = status_lines(status.value) if status.value is not None else ()
        lines = [(s.state, s.title, s.text, "", "") for s in known]
        if status.busy:
            lines = [(State.RUNNING, "Status", "reading, usually under 5s", "", "")]
        self.query_one("#status", StateLines).fill(lines)
        self.query_one("#question", Static).update(self.question())
        actions = self.query_one("#action", Choices)
        if actions.choices != self._actions():
            actions.show(self._actions(), self._wanted())
            actions.choose(self._wanted())
            self.show_bar()
        self.query_one(Failure).tell(status.error)

    def why_not(self) -> str:
        """Always ready."""
        return ""

    def can_go_back(self) -> bool:
        """Home is where one starts."""
        return False

    def next_label(self) -> str:
        """The chosen action as a verb."""
        return VERBS[self._wanted()]

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Remember the action."""
        event.stop()
        self.session.choices.home = event.value
        self.show_bar()

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Another deployment."""
        event.stop()
        for one in self.account.deployments:
            if _key(one) == event.value:
                self.account.open(one)

    def forward(self) -> None:
        """Do what was chosen."""
        session, go = self.session, self.mover.go
        action = self._wanted()
        self.run.start_anew()
        session.mode = "add" if action == "add" else "settings"
        session.choices.token_kept = action != "new"
        if action == "add":
            session.seen = {"stages"}
            self.account.read_connected()
            session.answer(stages=())
            go("stages")
        elif action in ("remove", "doctor", "uninstall"):
            go(action)
        elif action == "settings":
            self.account.read_connected()
            session.seen |= {s.id for s in STEPS if not s.changes}
            go("aws")
        else:
            session.mode = "install"
            session.answer(stages=(), name_prefix=f"{session.answers.name_prefix}-2")
            go("aws")


def _place(answers: Answers) -> tuple[str, str]:
    return answers.name_prefix, answers.region


def _key(existing: KnownDeployment) -> str:
    return f"{existing.account_id}/{existing.region}/{existing.name_prefix}"


def _item(existing: KnownDeployment) -> Item:
    if existing.bucket:
        return Item(
            _key(existing),
            f"{existing.name_prefix} in {existing.region}",
            f"{existing.account_id}  state in s3://{clean(existing.bucket, 63)}",
        )
    if existing.remote:
        return Item(
            _key(existing),
            f"{existing.name_prefix} in {existing.region}",
            f"{existing.account_id}  state on another computer",
        )
    when = datetime.fromtimestamp(existing.changed, timezone.utc).strftime("%Y-%m-%d")
    number = (
        "state cannot be read"
        if existing.resources is None
        else count(existing.resources, "resource")
    )
    return Item(
        _key(existing),
        f"{existing.name_prefix} in {existing.region}",
        f"{existing.account_id}  {number}  {when}",
    )


SCREEN = Home
