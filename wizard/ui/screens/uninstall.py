"""Take everything away: shown first, asked about, then followed live; says what is left and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from wizard.core.cost import STORAGE_GB_MONTH
from wizard.core.events import Phase, State
from wizard.core.text import clean, count, duration
from wizard.ui.guide import Guide
from wizard.ui.screens.dialogs import Confirm, Details
from wizard.ui.screens.home_text import by_group, planned, undo_row, undo_text
from wizard.ui.screens.progress_rows import progress_rows, settling
from wizard.ui.screens.step import HomePart
from wizard.ui.widgets.lines import Failure, plain
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows

if TYPE_CHECKING:
    from wizard.flows.uninstall import Removal

LOGS = "log data"


class Uninstall(HomePart):
    """The removal."""

    STEP = "uninstall"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "stop", "Stop", tooltip="Stop when what is running is finished"),
        Binding("y", "copy", "Copy", tooltip="Copy what is shown as text"),
        Binding("l", "logs", "Keep/delete logs"),
    ]

    QUESTION = "Take the connector away"

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._open: set[str] = set()

    def dangerous(self) -> bool:
        """It destroys."""
        return True

    def body(self) -> ComposeResult:
        """One tree: the plan, then how it goes."""
        yield Failure()
        yield TreeRows(id="tree", title_share=0.4)

    def started(self) -> None:
        """Work out the removal; a plan takes a while: keep its clock going."""
        self.follow(self.account.rows_changed, self.show)
        self.follow(self.run.changed, self.show)
        if not self._over() and not self.run.now.busy:
            self.run.work_out_removal()
        self.set_interval(0.5, self._tick)

    def _tick(self) -> None:
        if self.run.removal.busy:
            self.show_all()

    def _over(self) -> bool:
        return self.run.now.removed is not None

    def show(self) -> None:
        """Everything from the run."""
        run, removal = self.run.now, self.run.removal
        tree = self.query_one(TreeRows)
        error = run.error if not run.busy else None
        self.query_one(Failure).tell(error or removal.error)
        if run.busy or run.started:
            tree.fill(self._live())
        elif removal.value is not None:
            tree.nothing = "nothing of this deployment is left"
            tree.fill(self._plan(removal.value))
        else:
            tree.nothing = "working out the removal" if removal.busy else ""
            tree.fill([])
            tree.refresh()
        self.say_hint(self._hint())

    def _hint(self) -> str:
        run, removal, now = self.run.now, self.run.removal, self.guide.clock()
        if run.removed is not None:
            left = len(run.removed.left)
            end = f"{left} left, see below." if left else "Nothing is left."
            return f"Removed in {duration(run.ended - run.started)}. {end}"
        if run.busy:
            words = (
                f"Stopping. {settling(run.progress)}"
                if run.cancelling
                else (
                    "Your APIs are not touched. The forwarder's network interfaces can hold up its "
                    "security group for 20m – 60m."
                )
            )
            return f"{duration(now - run.started)}. {words}"
        if run.error is not None:
            return "Stopped. What is done is recorded; Next goes on from there."
        if removal.busy:
            waited = duration(now - removal.since)
            return f"Working out the removal: {waited}, usually 20s – 40s. Nothing is changed."
        return "Nothing is changed before you agree. Log data stays unless you say otherwise."

    def _deletes_logs(self) -> bool:
        return self.session.choices.delete_logs

    def _plan(self, view: Removal) -> list[TreeRow]:
        undos = {one.held.ref: one for one in view.undos}
        lines = [
            undo_row(self.label_of(str(held.ref), held.api_name), undos.get(held.ref))
            for held in view.stages
        ]
        for name, changes in by_group(planned(view.plan)).items():
            sign = "▾" if name in self._open else "▸"
            lines.append(
                TreeRow(State.FAILED, name, f"{len(changes)} to destroy", key=name, sign=sign)
            )
            if name in self._open:
                lines += [
                    TreeRow(State.FAILED, clean(c.address), "destroy", depth=1, sign="-")
                    for c in changes
                ]
        lines += [
            TreeRow(
                State.RUNNING, "Log policy", f"its statement taken out of {clean(name)}", sign="~"
            )
            for name in view.policies
        ]
        if view.token_parameter:
            lines.append(
                TreeRow(State.FAILED, "Wallarm token", f"{view.token_parameter} deleted", sign="-")
            )
        if view.logs:
            lines.append(self._logs_row(view))
        lines += [TreeRow(State.SKIPPED, "Stays", clean(text)) for text in view.stays]
        return lines

    def _logs_row(self, view: Removal) -> TreeRow:
        groups = count(len(view.logs), "log group")
        if self._deletes_logs():
            return TreeRow(
                State.FAILED,
                "Log data",
                f"{groups} deleted with all data; l keeps it",
                key=LOGS,
                sign="-",
            )
        days = self.session.answers.log_retention_days
        price = f"${STORAGE_GB_MONTH:.2f}/GB a month"
        return TreeRow(
            State.SKIPPED,
            "Log data",
            f"{groups} kept, {price}; data for {days} days; l deletes it",
            key=LOGS,
            sign="=",
        )

    def _live(self) -> list[TreeRow]:
        run = self.run.now
        lines = [
            TreeRow(r.state, self.label_of(ref, r.api_name), r.message, r.state.value)
            for ref, r in run.reports.items()
        ]
        if run.progress is not None:
            lines += progress_rows(run, self.guide.clock(), self._open)
        for phase, title in ((Phase.PLAN, "Removal worked out"), (Phase.CLEANUP, "Wallarm token")):
            told = run.phases.get(phase)
            if told is not None:
                lines.append(TreeRow(told.state, title, told.state.value))
        if run.removed is not None:
            lines += [TreeRow(State.WARNING, "Left", clean(t)) for t in run.removed.left]
        return lines

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a group; show a longer line whole."""
        event.stop()
        tree = self.query_one(TreeRows)
        if event.index >= len(tree.lines):
            return
        line = tree.lines[event.index]
        if line.key == LOGS:
            self.action_logs()
        elif line.key:
            self._open ^= {line.key}
            self.show_all()
        else:
            view, text = self.run.removal.value, line.middle
            if view is not None and not self.run.now.started and event.index < len(view.undos):
                text = "\n".join(undo_text(view.undos[event.index]))
            self.app.push_screen(Details(line.title, Text(text), text, "line"))

    on_rows_toggled = on_rows_chosen

    def next_label(self) -> str:
        """The verb with its size."""
        if self._over():
            return ""
        if self.run.now.error is not None:
            return "Go on removing"
        view = self.run.removal.value
        resources = planned(view.plan) if view is not None else ()
        return f"Destroy {count(len(resources), 'resource')}" if resources else "Take it away"

    def next_ready(self) -> bool:
        """When the removal is known and nothing runs."""
        run, view = self.run.now, self.run.removal.value
        if self._over() or (run.error is not None and not run.busy):
            return True
        if run.busy or view is None:
            return False
        return not _nothing_to_do(view) or bool(view.logs and self._deletes_logs())

    def why_not(self) -> str:
        """What Next waits for."""
        if self._over():
            return "everything is done: Ctrl+Q quits"
        return "removing" if self.run.now.busy else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop while it runs; Copy after a failure."""
        run = self.run.now
        if action == "stop":
            return run.busy and not run.cancelling
        if action == "logs":
            view = self.run.removal.value
            return view is not None and bool(view.logs) and not run.started
        if action == "copy":
            return run.error is not None and not run.busy
        return super().check_action(action, parameters)

    def forward(self) -> None:
        """Ask, then do it; after a failure work out again what is left."""
        if self.run.now.error is not None:
            self.run.start_anew()
            self.run.work_out_removal()
            return
        view = self.run.removal.value
        if view is None or not self.next_ready():
            return
        resources = planned(view.plan)
        logs = "the log groups with their data" if self._deletes_logs() else "except the log data"
        self.app.push_screen(
            Confirm(
                f"Destroy {count(len(resources), 'resource')}?"
                if resources
                else "Take away what is left?",
                f"{count(len(view.stages), 'stage')} get their old logging back first. Then "
                f"everything that was made is destroyed, {logs}, and the "
                "stored Wallarm token is deleted. Your APIs keep working all the time.",
                keep="Keep the connector",
                act="Take it away",
            ),
            lambda yes: self.run.uninstall() if yes else None,
        )

    def action_logs(self) -> None:
        """Keep the log data, or let it go."""
        self.session.choices.delete_logs = not self.session.choices.delete_logs
        self.show_all()

    def action_stop(self) -> None:
        """Ask, then stop gracefully."""
        if not self.run.now.busy:
            return
        self.app.push_screen(
            Confirm(
                "Stop the removal?",
                "What runs at this moment is finished, and what is done is recorded. The removal "
                "can go on later from there.",
                keep="Go on",
                act="Stop",
                danger=False,
            ),
            lambda yes: self.run.stop() if yes else None,
        )

    def action_copy(self) -> None:
        """The failure as text."""
        run = self.run.now
        if run.error is not None:
            self.mover.copy(plain(run.error), "Error")


def _nothing_to_do(view: Removal) -> bool:
    """Nothing of this deployment is left, but log data that was kept."""
    return not (view.stages or planned(view.plan) or view.token_parameter or view.policies)


SCREEN = Uninstall
