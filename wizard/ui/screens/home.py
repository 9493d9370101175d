"""When the connector is there already: how it does, and what one may want to do with it."""

from __future__ import annotations

from datetime import datetime, timezone

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from wizard.core.report import State
from wizard.core.text import count
from wizard.ui.backend import Existing
from wizard.ui.screens.base import StepScreen
from wizard.ui.widgets.choices import Choice, Choices
from wizard.ui.widgets.lines import Failure, StateLines
from wizard.ui.widgets.picklist import Item, PickList

COMMANDS = {
    "troubleshoot": "wallarm-apigw doctor",
    "uninstall": "wallarm-apigw uninstall",
}


class Home(StepScreen):
    """Status and the next action."""

    STEP = "home"
    AUTO_FOCUS = "#action"
    HINT = "Nothing is changed before Review, whatever you choose here."

    def question(self) -> str:
        """Not a step."""
        return "The connector is deployed here. What would you like to do?"

    def body(self) -> ComposeResult:
        """Which deployment, its status, the actions."""
        with VerticalScroll():
            yield PickList("Deployments on this machine", id="existing")
            yield StateLines(id="status")
            yield Failure()
            yield Static("", classes="gap-above")
            yield Choices(
                (
                    Choice("stages", "Add or remove stages", "Terraform runs only if it must"),
                    Choice("settings", "Change settings", "all steps, with the saved answers"),
                    Choice("troubleshoot", "Find what is wrong", COMMANDS["troubleshoot"]),
                    Choice("uninstall", "Take it away", COMMANDS["uninstall"]),
                    Choice("new", "Deploy another one", "another prefix, account or Region"),
                ),
                self.wizard.state.wants.setdefault("home", "stages"),
                id="action",
            )

    def started(self) -> None:
        """Read the status."""
        self.wizard.jobs.look_up("status")

    def show(self, topics: frozenset[str]) -> None:
        """Deployments and status."""
        state = self.wizard.state
        found = state.existing.value or ()
        picker = self.query_one("#existing", PickList)
        picker.display = len(found) > 1
        if topics & {"mount", "existing"}:
            answers = state.answers
            mine = next((e for e in found if e.name_prefix == answers.name_prefix
                         and e.region == answers.region), found[0] if found else None)  # fmt: skip
            picker.fill([_item(e) for e in found], (_key(mine),) if mine else ())
        lines = [(s.state, s.title, s.text, "", "") for s in state.status.value or ()]
        if state.status.busy:
            lines = [(State.RUNNING, "Status", "reading, usually under 5s", "", "")]
        self.query_one("#status", StateLines).fill(lines)
        self.query_one(Failure).tell(state.status.error)

    def why_not(self) -> str:
        """Always ready."""
        return ""

    def can_go_back(self) -> bool:
        """Home is where one starts."""
        return False

    def next_label(self) -> str:
        """The chosen action as a verb."""
        return {
            "stages": "Choose stages",
            "settings": "Go through the steps",
            "troubleshoot": "Quit and run doctor",
            "uninstall": "Quit and uninstall",
            "new": "Start",
        }[self.wizard.state.wants.get("home", "stages")]

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
                self.wizard.open_existing(existing)

    def forward(self) -> None:
        """Do what was chosen."""
        wizard = self.wizard
        action = wizard.state.wants.get("home", "stages")
        if action in COMMANDS:
            wizard.then = COMMANDS[action].split()[1]
            wizard.leave(0)
        elif action == "stages":
            for step_id in ("welcome", "aws", "logs", "wallarm", "node", "options"):
                wizard.state.seen.add(step_id)
            wizard.go("stages")
        else:
            wizard.go("welcome")


def _key(existing: Existing) -> str:
    return f"{existing.account_id}/{existing.region}/{existing.name_prefix}"


def _item(existing: Existing) -> Item:
    when = datetime.fromtimestamp(existing.changed, timezone.utc).strftime("%Y-%m-%d")
    number = "state cannot be read" if existing.resources is None else count(
        existing.resources, "resource"
    )  # fmt: skip
    return Item(
        _key(existing),
        f"{existing.name_prefix} in {existing.region}",
        f"{existing.account_id}  {number}  {when}",
    )


SCREEN = Home
