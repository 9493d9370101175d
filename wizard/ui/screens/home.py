"""When the connector is there already: how it and its stages do, and what to do with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Static

from wizard.core.answers.model import Answers
from wizard.core.answers.steps import STEPS
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.known_deployment import KnownDeployment
from wizard.core.secret import Secret
from wizard.core.text import clean, count
from wizard.flows.preflight import FirstCheck
from wizard.ui.guide import Guide
from wizard.ui.screens.dialogs import AskToken, Details
from wizard.ui.screens.home_text import connected_rows, headline, status_lines
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.stage_table import ConnectedRow, ConnectedTable

if TYPE_CHECKING:
    from wizard.core.facts import StageRef
    from wizard.core.stages.lines import LastEvent
    from wizard.flows.status import Status


@dataclass(frozen=True)
class Action:
    """Something that can be done with a deployment: its key, its button, its effect in words."""

    name: str
    key: str
    title: str
    help: str
    verb: str  # what Next says while it has the focus


ACTIONS = (
    Action("add", "a", "Add stages", "Nothing else is touched.", "Choose stages"),
    Action(
        "remove",
        "x",
        "Remove stages",
        "Their logging is put back as it was; shown first.",
        "Choose stages",
    ),
    Action(
        "token",
        "t",
        "Rotate token",
        "The new one is stored, and the node restarts with it.",
        "Enter the token",
    ),
    Action(
        "settings",
        "s",
        "Change settings",
        "All steps, with the saved answers.",
        "Go through the steps",
    ),
    Action("doctor", "d", "Troubleshoot", "Every link from the API to the Wallarm Cloud.", "Look"),
    Action(
        "uninstall",
        "u",
        "Uninstall",
        "Stages first, then everything that was made; shown first.",
        "Show what would go",
    ),
    Action("new", "n", "Deploy another", "Another prefix, account or Region.", "Start"),
)

BY_NAME = {action.name: action for action in ACTIONS}
MOST_ROWS = 4
ROOMY = 30  # lines of a terminal from which on all of the status is shown
OF_REMOTE = ("doctor", "new")
AGE_SECONDS = 10.0  # how often the age of the last events is told anew


class Home(StepScreen):
    """Status, the connected stages, and the next action."""

    STEP = "home"
    AUTO_FOCUS = "#connected"
    HINT = "Nothing is changed before you have seen what would be."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Read again"),
        Binding("i", "whole", "All of the status"),
        *(Binding(one.key, f"act('{one.name}')", show=False) for one in ACTIONS),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._status: Loaded[Status] = Loaded()
        self._events: Loaded[dict[StageRef, LastEvent]] = Loaded()
        self._rotation: tuple[State, str] | None = None

    def question(self) -> str:
        """Not a step."""
        answers = self.session.answers
        name = clean(answers.name_prefix, 60)
        if self._is_remote():
            return f"{name} in {clean(answers.region, 30)} was deployed from another computer."
        return f"{name} in {clean(answers.region, 30)} is deployed. What would you like to do?"

    def body(self) -> ComposeResult:
        """Which deployment, its status, its stages, the actions."""
        yield PickList("Deployments", id="existing")
        with VerticalScroll(id="status-area", can_focus=False):
            yield StateLines(id="status")
            yield Failure()
        yield ConnectedTable(id="connected")
        for row in (ACTIONS[:4], ACTIONS[4:]):
            with Horizontal(classes="actions -home"):
                for one in row:
                    label = Text.assemble((one.key, "bold"), f" {one.title}")
                    yield Button(label, compact=True, id=one.name)

    def _is_remote(self) -> bool:
        """Its state is on another computer: it can be looked at, and not changed from here."""
        mine = self.account.deployment
        return mine is not None and mine.remote

    def _reason(self, action: str) -> str:
        """Why an action cannot be taken now; empty where it can."""
        if self._is_remote() and action not in OF_REMOTE:
            return "its state is not here"
        if action == "token" and not self.session.answers.deploys_node:
            return "it uses a node of your own: give the new token to that node"
        if self._rotation is not None and self._rotation[0] is State.RUNNING:
            return "the token is being rotated"
        return ""

    def started(self) -> None:
        """Read the status; after another screen of Home, the saved answers too."""
        self.follow(self.session.answered, self.show)
        self.hear(self.account.changed, self._account_read)
        self.follow(self.account.rows_changed, self._show_stages)
        self.follow(self.session.opened, self._read_again)
        self.set_interval(AGE_SECONDS, self._show_stages)
        session, mine = self.session, self.account.deployment
        if session.mode != "install" and mine is not None:
            session.mode = "install"
            self.account.open(mine)
        else:
            self._read_again()

    def _account_read(self, what: Loaded[Any]) -> None:
        if what is self.account.here or what is self.account.in_account:
            self._fill_deployments()
        self.show_status()

    # The status -----------------------------------------------------------------------------------

    @dataclass
    class StatusRead(Message):
        """The deployment was looked at."""

        of: tuple[str, str]
        found: Status | WizardError

    @dataclass
    class EventsRead(Message):
        """The last event of each connected stage was looked for."""

        of: tuple[str, str]
        found: dict[StageRef, LastEvent] | WizardError

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

    @work(thread=True, exclusive=True, group="events", exit_on_error=False)
    def _read_events(self, answers: Answers) -> None:
        flow = self.product.deployments()
        found = self.boundary.attempt(lambda: flow.last_events(answers))
        self.tell(self.EventsRead(_place(answers), found))

    @on(StatusRead)
    def _status_read(self, event: StatusRead) -> None:
        if event.of == _place(self.session.answers):
            self._status.end(event.found)
            self.show_status()

    @on(EventsRead)
    def _events_read(self, event: EventsRead) -> None:
        if event.of == _place(self.session.answers):
            self._events.end(event.found)
            self._show_stages()

    def _read_again(self) -> None:
        for item in (self._status, self._events):
            item.reset()
            item.begin(self.guide.clock())
        self._read_status(self.session.answers)
        self._read_events(self.session.answers)
        self.show_all()

    def show(self) -> None:
        """Deployments, status, stages."""
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
        if self.app.size.height < ROOMY:
            known = headline(known)
        lines = [(s.state, s.title, s.text, "", "") for s in known]
        if status.busy:
            lines = [(State.RUNNING, "Status", "still reading, usually under 5s", "", "")]
        if self._rotation is not None:
            lines.append((self._rotation[0], "Token", self._rotation[1], "", ""))
        self.query_one("#status", StateLines).fill(lines, title_width=14)
        self.query_one("#question", Static).update(self.question())
        for one in ACTIONS:
            self.query_one(f"#{one.name}", Button).disabled = bool(self._reason(one.name))
        self.query_one(Failure).tell(status.error)
        self._show_hint()
        self._show_stages()

    def _show_stages(self) -> None:
        status, events = self._status, self._events
        rows: tuple[ConnectedRow, ...] = ()
        if status.value is not None:
            told = events.error or events.value
            rows = connected_rows(status.value, told, self.label_of, time.time())
        nothing = "still reading the connected stages" if status.busy else "no stage is connected"
        self.query_one(ConnectedTable).fill(rows, "" if status.error else nothing)

    def _show_hint(self) -> None:
        if self._is_remote():
            self.say_hint("Not possible from here: its state is not here. It can be looked at.")
        else:
            action = self._focused()
            self.say_hint(action.help if action else self.HINT)

    def _focused(self) -> Action | None:
        held = self.focused
        return BY_NAME.get(held.id or "") if isinstance(held, Button) else None

    def on_resize(self) -> None:
        """A larger terminal has room for all of the status."""
        if self._alive:
            self.show_status()

    def on_descendant_focus(self) -> None:
        """The line below the question and Next tell of the action that has the focus."""
        self._show_hint()
        self.show_bar()

    def why_not(self) -> str:
        """Always ready."""
        return ""

    def can_go_back(self) -> bool:
        """Home is where one starts."""
        return False

    def _wanted(self) -> Action:
        """What Next does: the action that has the focus, else the first that is possible."""
        return self._focused() or BY_NAME["doctor" if self._is_remote() else "add"]

    def next_label(self) -> str:
        """The action as a verb."""
        return self._wanted().verb

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Another deployment."""
        event.stop()
        for one in self.account.deployments:
            if _key(one) == event.value:
                self._rotation = None
                self.account.open(one)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """A stage, whole."""
        event.stop()
        rows = self.query_one(ConnectedTable).rows
        if event.index < len(rows):
            row = rows[event.index]
            self.app.push_screen(Details(row.label, Text(row.whole), row.whole, "stage"))

    on_rows_toggled = on_rows_chosen

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """An action's button."""
        if event.button.id in BY_NAME:
            event.stop()
            self.action_act(event.button.id)

    # What can be done -----------------------------------------------------------------------------

    def forward(self) -> None:
        """Do what has the focus."""
        self.action_act(self._wanted().name)

    def action_again(self) -> None:
        """Read status and stages again."""
        if not self._status.busy:
            self._read_again()

    def action_whole(self) -> None:
        """Every line of the status."""
        if self._status.value is None:
            return
        lines = status_lines(self._status.value)
        text = "\n".join(f"{one.title:<16}{clean(one.text, 600)}" for one in lines)
        self.app.push_screen(Details(self.session.answers.name_prefix, Text(text), text, "status"))

    def action_act(self, name: str) -> None:
        """Do one of the actions, or say why it is not possible."""
        reason = self._reason(name)
        if reason:
            self.notify(f"Not possible: {reason}.", markup=False)
            return
        if name == "token":
            self._ask_token()
            return
        session, go = self.session, self.mover.go
        self.run.start_anew()
        session.mode = "add" if name == "add" else "settings"
        session.choices.token_kept = name != "new"
        if name == "add":
            session.seen = {"stages"}
            self.account.read_connected()
            session.answer(stages=())
            go("stages")
        elif name in ("remove", "doctor", "uninstall"):
            go(name)
        elif name == "settings":
            self.account.read_connected()
            session.seen |= {s.id for s in STEPS if not s.changes}
            go("aws")
        else:
            session.mode, session.seen = "install", set()
            session.answer(stages=(), name_prefix=f"{session.answers.name_prefix}-2")
            go("aws")

    # The token ------------------------------------------------------------------------------------

    @dataclass
    class TokenRotated(Message):
        """The new token is stored and the node restarts; or why not."""

        of: tuple[str, str]
        found: FirstCheck | WizardError

    def _ask_token(self) -> None:
        name = clean(self.session.answers.name_prefix, 60)
        self.app.push_screen(
            AskToken(
                f"The new Wallarm token of {name}",
                "It is asked for at the Wallarm Cloud first. Then it replaces the stored one, "
                "encrypted, and ECS replaces the node's tasks with ones that use it, 2m – 4m. "
                "Nothing else is changed.",
                act="Store it, restart the node",
            ),
            lambda token: self._rotate(token) if token else None,
        )

    def _rotate(self, token: Secret) -> None:
        self._rotation = (State.RUNNING, "asking the Wallarm Cloud, then storing it")
        self.show_status()
        self._rotate_token(self.session.answers, token)

    @work(thread=True, exclusive=True, group="token", exit_on_error=False)
    def _rotate_token(self, answers: Answers, token: Secret) -> None:
        checks, flow = self.product.account().checks, self.product.deployments()

        def work() -> FirstCheck:
            verdict = checks.check_token(answers, token)
            if verdict.state is not State.FAILED:
                flow.rotate_token(answers, token)
            return verdict

        found = self.boundary.attempt(work)
        self.tell(self.TokenRotated(_place(answers), found))

    @on(TokenRotated)
    def _token_rotated(self, event: TokenRotated) -> None:
        if event.of != _place(self.session.answers):
            return
        found = event.found
        if isinstance(found, WizardError):
            text = f"{found.what}. {found.why} {found.next_step}"
            self._rotation = (State.FAILED, f"not rotated. {text}")
        elif found.state is State.FAILED:
            self._rotation = (State.FAILED, f"not stored, {found.answer}. {found.next_step}")
        else:
            said = "" if found.state is State.DONE else f" ({found.answer})"
            text = f"stored{said}; ECS replaces the node's tasks one by one"
            self._rotation = (State.DONE, text)
        self.show_status()


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
