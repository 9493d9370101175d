"""Where the access logs go: a new group, an existing one, and what happens to stages that log."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from wizard.core.cost import execution_price
from wizard.core.facts import LogGroup
from wizard.core.stages.log_format import LoggingState
from wizard.core.text import count
from wizard.core.tfvars import OUR_LOG_GROUPS
from wizard.ui import unanswered
from wizard.ui.screens.step import StepScreen
from wizard.ui.session import Loaded
from wizard.ui.stage_list import logging_state
from wizard.ui.widgets.fields import Choice, Choices
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.picklist import Item, PickList


class Logs(StepScreen):
    """Log destination and what happens to logs that exist."""

    STEP = "logs"
    HINT = "API Gateway writes there; the forwarder is subscribed to it."
    AUTO_FOCUS = "Choices"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "reload", "Reload groups")]

    def body(self) -> ComposeResult:
        """Two questions, the list of groups where it is needed, retention."""
        wants = unanswered.logs(self.session)
        with VerticalScroll():
            yield Choices(
                (
                    Choice("new", "New log group", f"{OUR_LOG_GROUPS[0]}…"),
                    Choice("existing", "Existing log group", "pick one; its other readers stay"),
                    Choice("vended", "New, vended", "/aws/vendedlogs/…, where policies are full"),
                ),
                wants,
                id="destination",
            )
            yield PickList("Log groups", id="groups")
            yield Failure()
            yield Static("", id="which", classes="section", markup=False)
            yield Choices(
                self._keep_choices(), self.session.answers.existing_logging, id="existing"
            )
            yield Static(
                "Execution logs of REST and WebSocket stages", classes="section", markup=False
            )
            yield Choices(
                _execution_choices(), self.session.answers.execution_logging, id="execution"
            )
            yield Static("Retention and filter", classes="section", markup=False)
            yield self.field(
                "log_retention_days",
                "1, 3, 5, 7, 14, 30, 60, 90 … for groups created here",
            )
            yield self.field("subscription_filter_pattern", "empty forwards every line")

    def started(self) -> None:
        """Fetch the groups when they are asked for."""
        self.follow(self.session.answered, self._show_choice)
        self.hear(self.account.changed, self._account_read)
        if self._existing():
            self.account.read_log_groups()

    def _existing(self) -> bool:
        return unanswered.logs(self.session) == "existing"

    def _with_another_log(self) -> int:
        rows = [self.account.row(ref) for ref in self.session.answers.stages]
        return sum(
            logging_state(r.source) in (LoggingState.OTHER, LoggingState.FIREHOSE)
            for r in rows
            if r is not None and r.source is not None
        )

    @staticmethod
    def _keep_choices() -> tuple[Choice, ...]:
        return (
            Choice("keep", "Keep their log group", "subscribe to it; add missing fields to JSON"),
            Choice("switch", "Switch them over", "their old log gets nothing more from them"),
            Choice("skip", "Skip those stages", "they stay exactly as they are"),
        )

    def show(self) -> None:
        """Groups, and how many stages the second question is about."""
        self._show_choice()
        self._fill_groups()

    def _account_read(self, what: Loaded[Any]) -> None:
        self._show_choice()
        if what is self.account.log_groups:
            self._fill_groups()

    def _show_choice(self) -> None:
        picker = self.query_one("#groups", PickList)
        picker.display = self._existing()
        groups = self.account.log_groups
        self.query_one(Failure).tell(groups.error if self._existing() else None)
        number = self._with_another_log()
        title = (
            f"{count(number, 'selected stage')} already log elsewhere"
            if number > 1
            else "1 selected stage already logs elsewhere"
            if number
            else "Stages that already log elsewhere (none selected)"
        )
        self.query_one("#which", Static).update(title)

    def _fill_groups(self) -> None:
        picker, groups = self.query_one("#groups", PickList), self.account.log_groups.value
        if groups is None:
            picker.say("reading the log groups")
            return
        items = [Item(g.name, g.name, _detail(g), _why_not(g)) for g in groups]
        picker.fill(items, (self.session.answers.api_gateway_log_group_name,))

    def on_choices_picked(self, event: Choices.Picked) -> None:
        """Take the choice."""
        event.stop()
        if event.group.id == "existing":
            self.session.answer(existing_logging=event.value)
            return
        if event.group.id == "execution":
            self.session.answer(execution_logging=event.value)
            return
        self.session.choices.logs = event.value
        self.session.answer(vended_log_group=event.value == "vended")
        if event.value != "existing":
            self.session.set_aside(("api_gateway_log_group_name",))
        else:
            self.account.read_log_groups()
            self.session.bring_back(("api_gateway_log_group_name",))
        self.show_all()

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        """A group was picked."""
        event.stop()
        self.session.answer(api_gateway_log_group_name=event.value)

    def action_reload(self) -> None:
        """Read the groups again."""
        self.account.read_log_groups(again=True)


def _execution_choices() -> tuple[Choice, ...]:
    """What becomes of their level, with what CloudWatch takes at one request a second."""
    many = f"${execution_price('info', 1.0):,.2f}/month for each request/s"
    return (
        Choice("info", "Errors and info", f"as documented; {many}"),
        Choice("error", "Errors only", "where they are off; pays for failing requests alone"),
        Choice("leave", "Leave as they are", "$0 more; access logs do not need them"),
    )


def _detail(group: LogGroup) -> str:
    kept = f"kept {group.retention_days} days" if group.retention_days else "kept forever"
    filters = "" if group.filters is None else f", {count(len(group.filters), 'filter')}"
    return f"{group.log_class}, {kept}{filters}"


def _why_not(group: LogGroup) -> str:
    if group.log_class == "STANDARD":
        return ""
    return f"class {group.log_class} has no subscription filters"


SCREEN = Logs
