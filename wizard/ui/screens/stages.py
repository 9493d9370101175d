"""Which stages to connect: fills while it loads, filters as one types, shows what would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from wizard.core.text import count, duration
from wizard.ui import theme
from wizard.ui.screens.dialogs import Details
from wizard.ui.screens.stages_text import StageView, full_view, short_view, stage_view
from wizard.ui.screens.step import StepScreen
from wizard.ui.stage_list import SORTS
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.stage_table import StageTable

if TYPE_CHECKING:
    from wizard.core.facts import Stage


class Stages(StepScreen):
    """The stages of the Region."""

    STEP = "stages"
    AUTO_FOCUS = "StageTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "a", "all", "All shown", tooltip="Select every stage that the filter shows, or none"
        ),
        # With priority: what is typed behind it at once must not reach the table, where keys act.
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
        Binding("d", "details", "Details", tooltip="Everything about the stage under the cursor"),
        Binding("s", "sort", "Sort", tooltip="By name, type, logging or selection"),
        Binding("r", "reload", "Reload", tooltip="Read the APIs of the Region again"),
    ]

    def body(self) -> ComposeResult:
        """Filter, table, what would change."""
        book = self.account.book
        with Horizontal(id="filter-line"):
            yield Static("Filter ", classes="muted", markup=False)
            yield CleanInput(
                value=book.filter, spaces=True, id="filter", placeholder="name, type, stage, stack…"
            )
            yield Static("", id="counts", markup=False)
        yield StageTable(book, id="stages")
        yield Failure()
        yield Static("", id="pane")

    def question(self) -> str:
        """Which ones, or which further ones."""
        if self.session.mode == "add":
            return "Which further stages should Wallarm learn from?"
        return super().question()

    def can_go_back(self) -> bool:
        """Home, when stages are added."""
        return self.session.mode == "add" or super().can_go_back()

    def action_back(self) -> None:
        """The step before, or Home."""
        if self.session.mode == "add":
            self.mover.go("home")
        else:
            super().action_back()

    def started(self) -> None:
        """Start reading if nothing was read yet."""
        self.follow(self.session.answered, self._show_chosen)
        self.follow(self.account.changed, self._show_chosen)
        self.follow(self.account.rows_changed, self.show)
        if self.account.identity.value is not None:
            self.account.read_stages()

    def show(self) -> None:
        """Rows, counts, and the lower part."""
        self.query_one(StageTable).reload()
        self._show_chosen()

    def _show_chosen(self) -> None:
        reading = self.account.inventory.busy
        nothing = "reading the APIs of this Region" if reading else "this Region has no API stages"
        self.query_one(StageTable).show(
            self.session.selected, self._held(), nothing, reading=reading
        )
        self._show_counts()
        self._show_pane()
        self.query_one(Failure).tell(self.account.inventory.error)

    def _held(self) -> frozenset[str]:
        """The stages that are connected already, while further ones are chosen."""
        if self.session.mode == "install":
            return frozenset()
        return frozenset(str(one.ref) for one in self.account.connected.value or ())

    def _show_counts(self) -> None:
        account, book = self.account, self.account.book
        text = f"{len(book.shown):,} of {len(book):,} shown, {len(self.session.selected):,} on"
        self.query_one("#counts", Static).update(text)
        read, known = account.apis_read
        problems = len(book.problems)
        inventory, old = account.inventory, account.cached_age
        if inventory.busy:
            word = "●" if theme.ink(self).unicode else "[..]"
            hint = f"{word} reading: {read:,} of {known or '?'} APIs. "
            hint += "Select while it goes on." if old is None else f"The rest is {_age(old)} old."
        elif old is not None:
            hint = f"This list is {_age(old)} old; reading it anew failed."
        elif inventory.value is not None:
            hint = f"{count(len(inventory.value.apis), 'API')} read"
            at = inventory.value.read_at[11:19]
            hint += f" at {at} UTC" if at else ""
            hint += f", {problems} could not be read" if problems else ""
        else:
            hint = ""
        self.say_hint(hint)

    def _show_pane(self) -> None:
        row = self.query_one(StageTable).current()
        pane = self.query_one("#pane", Static)
        ink = theme.ink(self)
        if row is None:
            pane.update("")
        elif row.source is None:
            pane.update(Text.assemble((row.name, ink.bold), f"\n{row.reason}"))
        else:
            view = self._view_of(row.source)
            room = max(3, pane.content_size.height or 5)
            pane.update(short_view(ink, row, view, room))

    def _view_of(self, stage: Stage) -> StageView:
        account = self.account
        group = account.log_group_arn if self.session.mode != "install" else ""
        return stage_view(stage, self.session.answers, account.identity.value, group)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """The lower part follows the cursor."""
        if not isinstance(event, Rows.Chosen):
            self._show_pane()

    def on_rows_toggled(self, event: Rows.Toggled) -> None:
        """Select or deselect."""
        event.stop()
        row = self.query_one(StageTable).current()
        if row is None:
            return
        if not row.selectable:
            self.notify(row.reason[0].upper() + row.reason[1:] + ".", markup=False)
            return
        if row.ref in self._held():
            self.notify("It is connected. Home, Remove stages takes it off.", markup=False)
            return
        now = dict.fromkeys(self.session.answers.stages)
        if row.ref in now:
            del now[row.ref]
        else:
            now[row.ref] = None
        self.session.answer(stages=tuple(now))

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Enter shows the details."""
        event.stop()
        self.action_details()

    def action_all(self) -> None:
        """Select all shown; if they all are already, deselect them."""
        held, on = self._held(), self.session.selected
        refs = [r.ref for r in self.account.book.shown if not r.reason and r.ref not in held]
        if not refs:
            return
        chosen = self.session.answers.stages
        off = [ref for ref in refs if ref not in on]
        if off:
            chosen = (*chosen, *off)
        else:
            gone = set(refs)
            chosen = tuple(ref for ref in chosen if ref not in gone)
        self.session.answer(stages=chosen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the filter field a slash is a slash."""
        if action == "filter" and self.focused is not None and self.focused.id == "filter":
            return None
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        """To the filter field."""
        self.set_focus(self.query_one("#filter", CleanInput))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types."""
        event.stop()
        book = self.account.book
        if event.value != book.filter:
            book.filter = event.value
            book.apply(self.session.selected)
            table = self.query_one(StageTable)
            table.cursor = 0
            table.scroll_to(y=0, animate=False, immediate=True)
            table.reload()
            self._show_chosen()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the filter goes to the rows."""
        event.stop()
        self.set_focus(self.query_one(StageTable))

    def key_down(self) -> None:
        """Down in the filter goes to the rows."""
        if self.query_one("#filter", CleanInput).has_focus:
            self.set_focus(self.query_one(StageTable))

    def action_sort(self) -> None:
        """The next order."""
        book = self.account.book
        book.sort = SORTS[(SORTS.index(book.sort) + 1) % len(SORTS)]
        book.apply(self.session.selected)
        self.show()

    def action_reload(self) -> None:
        """Read everything again; the selection stays."""
        self.account.read_stages(again=True)

    def action_details(self) -> None:
        """Everything about the stage: format, diff, owner."""
        row = self.query_one(StageTable).current()
        if row is None:
            return
        if row.source is None:
            self.app.push_screen(Details(row.name, Text(row.reason), row.reason, "message"))
            return
        view = self._view_of(row.source)
        title = f"{row.name} / {row.stage}"
        text = full_view(theme.ink(self), row, view)
        self.app.push_screen(Details(title, text, view.snippet, "snippet"))


def _age(seconds: float) -> str:
    days = int(seconds // 86400)
    return count(days, "day") if days else duration(seconds)


SCREEN = Stages
