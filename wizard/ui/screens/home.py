"""When the connector is there already: how it does, and what one may want to do with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from wizard.core.answers.steps import STEPS
from wizard.core.events import State
from wizard.core.text import clean, count
from wizard.ui.screens.step import StepScreen
from wizard.ui.state import RunState
from wizard.ui.views import Existing
from wizard.ui.widgets.choices import Choice, Choices
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

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

    def question(self) -> str:
        """Not a step."""
        answers = self.wizard.state.answers
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
        wanted = self.wizard.state.wants.setdefault("home", "add")
        return "doctor" if self._outside() and wanted not in FROM_OUTSIDE else wanted

    def _outside(self) -> bool:
        """Its state is on another computer: it can be looked at, and not changed from here."""
        mine = self._mine()
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
        state = self.wizard.state
        if state.mode == "install" or not state.existing.value:
            self.wizard.jobs.look_up("status")
            return
        state.mode, state.held = "install", frozenset()
        mine = self._mine()
        if mine is not None:
            self.wizard.home_jobs.open(mine)

    def _mine(self) -> Existing | None:
        state = self.wizard.state
        found = state.existing.value or ()
        wanted = (state.answers.name_prefix, state.answers.region)
        mine = [e for e in found if (e.name_prefix, e.region) == wanted]
        return mine[0] if mine else found[0] if found else None

    def show(self, topics: frozenset[str]) -> None:
        """Deployments and status."""
        state = self.wizard.state
        found = state.existing.value or ()
        picker = self.query_one("#existing", PickList)
        picker.display = len(found) > 1
        picker.styles.height = 2 + min(len(found), MOST_ROWS)  # the actions stay in sight
        if topics & {"mount", "existing", "elsewhere"}:
            mine = self._mine()
            picker.fill([_item(e) for e in found], (_key(mine),) if mine else ())
        lines = [(s.state, s.title, s.text, "", "") for s in state.status.value or ()]
        if state.status.busy:
            lines = [(State.RUNNING, "Status", "reading, usually under 5s", "", "")]
        self.query_one("#status", StateLines).fill(lines)
        self.query_one("#question", Static).update(self.question())
        actions = self.query_one("#action", Choices)
        if actions.choices != self._actions():
            actions.show(self._actions(), self._wanted())
            actions.choose(self._wanted())
            self.show_bar()
        self.query_one(Failure).tell(state.status.error)

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
        self.wizard.state.wants["home"] = event.value
        self.show_bar()

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """Another deployment."""
        event.stop()
        for existing in self.wizard.state.existing.value or ():
            if _key(existing) == event.value:
                self.wizard.home_jobs.open(existing)

    def forward(self) -> None:
        """Do what was chosen."""
        wizard, state = self.wizard, self.wizard.state
        action = self._wanted()
        state.run = RunState()
        state.review.reset()
        state.mode = "add" if action == "add" else "settings"
        state.wants["token_kept"] = "" if action == "new" else "yes"
        if action == "add":
            state.seen = {"stages"}
            wizard.jobs.look_up("connected")
            wizard.answer(stages=())
            wizard.go("stages")
        elif action in ("remove", "doctor", "uninstall"):
            wizard.go(action)
        elif action == "settings":
            wizard.jobs.look_up("connected")
            state.seen |= {s.id for s in STEPS if not s.changes}
            wizard.go("aws")
        else:
            state.mode = "install"
            wizard.answer(stages=(), name_prefix=f"{state.answers.name_prefix}-2")
            wizard.go("aws")


def _key(existing: Existing) -> str:
    return f"{existing.account_id}/{existing.region}/{existing.name_prefix}"


def _item(existing: Existing) -> Item:
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
