"""Take stages off: their logging is put back exactly as it was, and nothing else is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from wizard.core.events import Phase, State
from wizard.core.text import clean, count
from wizard.ui.guide import Guide
from wizard.ui.screens.dialogs import Confirm, Details
from wizard.ui.screens.step import HomePart
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows

if TYPE_CHECKING:
    from wizard.flows.status import StageStatus


class Remove(HomePart):
    """The connected stages."""

    STEP = "remove"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "all", "All")]

    QUESTION = "Which stages should Wallarm no longer learn from?"

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._leaving: tuple[str, ...] = ()  # connected stages that are to be put back

    def body(self) -> ComposeResult:
        """The list."""
        yield TreeRows(id="connected", title_share=0.5)
        yield Failure()

    def started(self) -> None:
        """Read what is connected."""
        self.follow(self.account.changed, self.show)
        self.follow(self.account.rows_changed, self.show)
        self.follow(self.run.changed, self.show)
        self.account.read_connected()

    def show(self) -> None:
        """Every connected stage, then what became of those that were put back."""
        run, connected = self.run.now, self.account.connected
        tree = self.query_one(TreeRows)
        tree.nothing = (
            "reading the connected stages" if connected.busy else ("no stage is connected")
        )
        if run.busy or run.reports:
            warned = (n for n in run.notes if n.state is State.WARNING)
            notes = [TreeRow(n.state, clean(n.subject or "Note"), clean(n.text)) for n in warned]
            tree.fill([*(self._after(ref) for ref in run.leaving), *notes])
        else:
            tree.fill([self._row(c) for c in connected.value or ()])
        self.query_one(Failure).tell(run.error or connected.error)
        self.say_hint(self._hint())

    def _hint(self) -> str:
        run = self.run.now
        if run.busy:
            working = [p for p in run.phases.values() if p.state is State.RUNNING]
            if working and working[-1].phase in (Phase.PLAN, Phase.DEPLOY):
                usual = f", usually {working[-1].usual}" if working[-1].usual else ""
                return f"{working[-1].title}{usual}."
            return "Putting back, one after the other; each is read back."
        if run.reports:
            done = sum(r.state is State.DONE for r in run.reports.values())
            return f"{done} of {count(len(run.leaving), 'stage')} put back. Nothing else changed."
        return "Space selects. Their access log becomes what it was before; nothing else changes."

    def _row(self, one: StageStatus) -> TreeRow:
        state = (
            State.WARNING
            if one.same is False
            else (State.UNCHECKED if one.same is None else State.DONE)
        )
        ref = str(one.ref)
        chosen = ref in self._leaving
        note = one.note or f"logs to {one.log_group}"
        return TreeRow(state, self.label_of(ref), note, sign="[x]" if chosen else "[ ]")

    def _after(self, ref: str) -> TreeRow:
        report = self.run.now.reports.get(ref)
        if report is None:
            return TreeRow(State.TODO, self.label_of(ref), State.TODO.value)
        return TreeRow(
            report.state,
            self.label_of(ref),
            report.message,
            report.state.value,
            loud=report.state is State.FAILED,
        )

    def on_rows_toggled(self, event: Rows.Toggled) -> None:
        """Select or deselect."""
        event.stop()
        found = self.account.connected.value or ()
        if self._over():
            self._tell_whole(event.index)
            return
        if event.index >= len(found):
            return
        ref = str(found[event.index].ref)
        if ref in self._leaving:
            self._leaving = tuple(r for r in self._leaving if r != ref)
        else:
            self._leaving = (*self._leaving, ref)
        self.show_all()

    on_rows_chosen = on_rows_toggled

    def _tell_whole(self, index: int) -> None:
        lines = self.query_one(TreeRows).lines
        if index < len(lines):
            line = lines[index]
            self.app.push_screen(Details(line.title, Text(line.middle), line.middle, "message"))

    def action_all(self) -> None:
        """All, or none."""
        every = tuple(str(c.ref) for c in self.account.connected.value or ())
        if not self._over():
            self._leaving = () if len(self._leaving) == len(every) else every
            self.show_all()

    def _over(self) -> bool:
        run = self.run.now
        return run.busy or bool(run.reports)

    def next_label(self) -> str:
        """The verb with its size."""
        if self.run.now.reports:
            return "Home"
        return f"Put {count(len(self._leaving), 'stage')} back"

    def next_ready(self) -> bool:
        """When something is selected, or everything is done."""
        run = self.run.now
        return not run.busy and bool(run.reports or self._leaving)

    def forward(self) -> None:
        """Ask once, then do it."""
        if self.run.now.busy:
            return
        if self.run.now.reports:
            self.mover.go("home")
            return
        refs = self._leaving
        if not refs:
            self.notify("Select at least one stage.", markup=False)
            return
        self.app.push_screen(
            Confirm(
                f"Put {count(len(refs), 'stage')} back?",
                "Their access-log settings become exactly what they were before. Wallarm learns "
                "nothing more from them; a log group that only they used is unsubscribed. A stage "
                "that somebody changed since is asked about.",
                keep="Leave them connected",
                act=f"Put {count(len(refs), 'stage')} back",
            ),
            lambda yes: self.run.remove(refs) if yes else None,
        )


SCREEN = Remove
