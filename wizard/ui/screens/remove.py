"""Take stages off: chosen, shown with what changes, put back; nothing else is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from wizard.core.events import Phase, State
from wizard.core.text import clean, count, duration
from wizard.ui.guide import Guide
from wizard.ui.screens.dialogs import Details
from wizard.ui.screens.home_text import planned, undo_row, undo_text
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All"),
        Binding("escape", "escape", "Back", id="back"),
    ]

    QUESTION = "Which stages should Wallarm no longer learn from?"

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._leaving: tuple[str, ...] = ()  # connected stages that are to be put back

    def body(self) -> ComposeResult:
        """The list."""
        yield TreeRows(id="connected", title_share=0.4)
        yield Failure()

    def started(self) -> None:
        """Read what is connected."""
        self.follow(self.account.changed, self.show)
        self.follow(self.account.rows_changed, self.show)
        self.follow(self.run.changed, self.show)
        if not self._over():
            self.run.withdrawal.reset()  # that was another choice
        self.account.read_connected()
        self.set_interval(0.5, self._tick)

    def _tick(self) -> None:
        if self.run.withdrawal.busy:
            self.show_all()

    def show(self) -> None:
        """Every connected stage, then what became of those that were put back."""
        run, connected = self.run.now, self.account.connected
        tree = self.query_one(TreeRows)
        waits = "still reading the connected stages" if connected.busy else "no stage is connected"
        tree.nothing = "" if self._reviewing() else waits
        if run.busy or run.reports:
            warned = (n for n in run.notes if n.state is State.WARNING)
            notes = [TreeRow(n.state, clean(n.subject or "Note"), clean(n.text)) for n in warned]
            tree.fill([*(self._after(ref) for ref in run.leaving), *notes])
        elif self._reviewing():
            tree.fill(self._planned())
        else:
            tree.fill([self._row(c) for c in connected.value or ()])
        self.query_one(Failure).tell(run.error or self.run.withdrawal.error or connected.error)
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
        review = self.run.withdrawal
        if review.busy:
            waited = duration(self.guide.clock() - review.since)
            return f"Working out what changes: {waited}, usually under 10s. Nothing is changed."
        if review.value is not None:
            return "What each stage has now → what it gets back. Nothing was changed until here."
        return "Space selects. Their access log becomes what it was before; nothing else changes."

    def _reviewing(self) -> bool:
        """Whether what would change is shown, or worked out."""
        review = self.run.withdrawal
        return review.busy or review.value is not None

    def _planned(self) -> list[TreeRow]:
        found = self.run.withdrawal.value
        if found is None:
            return []
        lines = [
            undo_row(self.label_of(str(one.held.ref), one.held.api_name), one)
            for one in found.undos
        ]
        lines += [
            TreeRow(State.SKIPPED, self.label_of(ref), "put back already") for ref in found.back
        ]
        lines += [
            TreeRow(State.FAILED, clean(c.address), c.action, sign="-") for c in planned(found.plan)
        ]
        return lines

    def _row(self, one: StageStatus) -> TreeRow:
        state = (
            State.WARNING
            if one.same is False
            else (State.UNCHECKED if one.same is None else State.DONE)
        )
        ref = str(one.ref)
        chosen = ref in self._leaving
        note = one.note or f"logs to {one.log_group}"
        return TreeRow(
            state, self.label_of(ref, one.api_name), note, sign="[x]" if chosen else "[ ]"
        )

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
        if self._over() or self._reviewing():
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
        found = self.run.withdrawal.value
        if index >= len(lines):
            return
        line = lines[index]
        text = line.middle
        if found is not None and index < len(found.undos):
            text = "\n".join(undo_text(found.undos[index]))
        self.app.push_screen(Details(line.title, Text(text), text, "message"))

    def action_all(self) -> None:
        """All, or none."""
        every = tuple(str(c.ref) for c in self.account.connected.value or ())
        if not self._over() and not self._reviewing():
            self._leaving = () if len(self._leaving) == len(every) else every
            self.show_all()

    def _over(self) -> bool:
        run = self.run.now
        return run.busy or bool(run.reports)

    def next_label(self) -> str:
        """The verb with its size."""
        if self.run.now.reports:
            return "Home"
        number = count(len(self._leaving), "stage")
        return f"Put {number} back" if self._reviewing() else f"Review {number}"

    def next_ready(self) -> bool:
        """When something is selected, or everything is done."""
        run = self.run.now
        review = self.run.withdrawal
        return not run.busy and not review.busy and bool(run.reports or self._leaving)

    def action_back(self) -> None:
        """From what would change to the choice; from there Home."""
        if self._reviewing() and not self._over():
            self.run.forget_withdrawal()
            self.show_all()
        else:
            super().action_back()

    def forward(self) -> None:
        """Show what would change, then do it."""
        if self.run.now.busy:
            return
        if self.run.now.reports:
            self.mover.go("home")
            return
        refs = self._leaving
        if not refs:
            self.notify("Select at least one stage.", markup=False)
            return
        if self.run.withdrawal.value is not None:
            self.run.remove()
        elif not self.run.withdrawal.busy:
            self.run.start_anew()
            self.run.work_out_withdrawal(refs)


SCREEN = Remove
