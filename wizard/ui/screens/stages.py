"""Which stages to connect: fills while it loads, filters as one types, shows what would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Button, Input, Static
from textual.worker import get_current_worker

from wizard.core.errors import WizardError
from wizard.core.stages.rules import Effect, chosen_by, effect_of, parse_rules, question
from wizard.core.text import clean, count, duration
from wizard.ui import theme
from wizard.ui.screens.dialogs import Details, Dialog
from wizard.ui.screens.stages_text import (
    RULE_WORDS,
    StageView,
    effect_text,
    full_view,
    short_view,
    stage_view,
)
from wizard.ui.screens.step import StepScreen
from wizard.ui.stage_list import SORTS
from wizard.ui.widgets.fields import CleanInput
from wizard.ui.widgets.lines import Failure
from wizard.ui.widgets.rows import Rows, fit
from wizard.ui.widgets.stage_table import StageTable

if TYPE_CHECKING:
    from wizard.core.facts import Stage


class Stages(StepScreen):
    """The stages of the Region."""

    STEP = "stages"
    AUTO_FOCUS = "StageTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "all", "All", tooltip="Select every stage that the filter shows, or none"),
        # With priority: what is typed behind it at once must not reach the table, where keys act.
        Binding("slash", "filter", "Find", key_display="/", priority=True),
        Binding("d", "details", "Details", tooltip="Everything about the stage under the cursor"),
        Binding("u", "rules", "Rules", tooltip="Choose stages by what they are, later ones too"),
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
            self.session.selected,
            self._held(),
            nothing,
            reading=reading,
            rules=parse_rules(self._rules()),
        )
        self._show_counts()
        self._show_pane()
        self.query_one(Failure).tell(self.account.inventory.error)

    def _rules(self) -> tuple[str, ...]:
        """They choose in the answers; further stages of what is deployed are picked one by one."""
        return () if self.session.mode == "add" else self.session.answers.stage_rules

    def _held(self) -> frozenset[str]:
        """The stages that are connected already, while further ones are chosen."""
        if self.session.mode == "install":
            return frozenset()
        return frozenset(str(one.ref) for one in self.account.connected.value or ())

    def _show_counts(self) -> None:
        account, book = self.account, self.account.book
        text = (
            f"{len(book.shown):,} of {len(book):,} shown, {len(self.session.selected):,} selected"
        )
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
        if rules := self._rules():
            hint += f". {count(len(rules), 'rule')} beside: [r]" if hint else ""
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
        rule = chosen_by(parse_rules(self._rules()), row.source) if row.source else None
        if rule is not None and row.ref not in now:
            self.notify(f"The rule `{rule.text}` chooses it: u shows the rules.", markup=False)
            return
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

    def action_rules(self) -> None:
        """Rules that choose stages, those of tomorrow too."""
        if self.session.mode == "add":
            self.notify("Rules are settings: Home, Change settings.", markup=False)
            return

        def take(rules: tuple[str, ...] | None) -> None:
            if rules is not None:
                self.session.answer(stage_rules=rules)

        self.app.push_screen(Rules(self.session.answers.stage_rules, self._read_so_far), take)

    def _read_so_far(self) -> tuple[Stage, ...]:
        rows = self.account.book.by_ref.values()
        return tuple(row.source for row in rows if row.source is not None)

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


LOOK_SECONDS = 0.5  # between two looks at stages that are still read


class KeptRules(Rows):
    """The rules so far, one a line."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(id="kept")
        self.kept = kept

    def total(self) -> int:
        """How many there are."""
        return len(self.kept)

    def empty(self) -> str:
        """None yet."""
        return "no rule yet"

    def row(self, index: int, width: int) -> Text:
        """One rule."""
        return Text(fit(clean(self.kept[index]), width))


class Rules(Dialog[tuple[str, ...]]):
    """Writes rules: what one would take is shown while it is typed, and Enter keeps it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace", "take_out", "Take out", show=False),
        Binding("ctrl+s", "done", "Use the rules", show=False, priority=True),
    ]
    LINES = 5  # for what a rule would take

    @dataclass
    class Found(Message):
        """What a rule would do, or what is wrong with it."""

        text: str
        effect: Effect | WizardError
        known: int

    def __init__(self, rules: tuple[str, ...], stages: Callable[[], tuple[Stage, ...]]) -> None:
        super().__init__()
        self._kept = list(rules)
        self._stages = stages
        self._found: Rules.Found | None = None
        self._asked = ""  # the rule whose many stages were asked about

    def compose(self) -> ComposeResult:
        """A rule to write, what it would take, the rules so far."""
        with Vertical(classes="dialog"):
            yield Static("Rules that choose stages, now and later", classes="title", markup=False)
            yield CleanInput(spaces=True, id="rule", placeholder="api:orders-* stage:prod")
            yield Static("", id="effect", markup=False)
            yield Static("Kept (Delete takes one out):", classes="muted", markup=False)
            yield KeptRules(self._kept)
            with Horizontal(classes="actions"):
                yield Button("Use these rules", compact=True, id="done", variant="primary")
                yield Button("Cancel", compact=True, id="cancel")

    def on_mount(self) -> None:
        """What can be written; stages that are still read count as they come."""
        self._show()
        self.query_one(KeptRules).reload()
        self.set_interval(LOOK_SECONDS, self._look_again)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the list up and down move, Delete takes out; in the field Enter keeps the rule."""
        listed = isinstance(self.focused, KeptRules)
        if action == "line":
            return not listed
        if action == "take_out":
            return listed
        if action == "answer":
            return not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Look what it would take."""
        event.stop()
        self._found, self._asked = None, ""
        text = event.value.strip()
        if text:
            self._look(text, tuple(self._kept))
        self._show()

    def _look_again(self) -> None:
        found = self._found
        if found is not None and found.known != len(self._stages()):
            self._look(found.text, tuple(self._kept))

    @work(thread=True, exclusive=True, group="rule", exit_on_error=False)
    def _look(self, text: str, kept: tuple[str, ...]) -> None:
        stages = self._stages()
        found: Effect | WizardError
        try:
            found = effect_of(text, kept, stages)
        except WizardError as error:
            found = error
        if not get_current_worker().is_cancelled:
            self.post_message(self.Found(text, found, len(stages)))

    @on(Found)
    def _looked(self, event: Found) -> None:
        if event.text == self.query_one("#rule", CleanInput).value.strip():
            self._found = event
            self._show()

    def _show(self) -> None:
        ink, found = theme.ink(self), self._found
        if found is None:
            text = Text(RULE_WORDS, ink.muted)
        elif isinstance(found.effect, WizardError):
            text = Text(clean(found.effect.why), ink.warn)
        else:
            text = effect_text(ink, found.effect, found.known, self.LINES)
        self.query_one("#effect", Static).update(text)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the rule; so many stages as nobody expects are agreed to by a second Enter."""
        event.stop()
        found = self._found
        if not event.value.strip():
            self.action_done()
        elif found is not None and isinstance(found.effect, Effect):
            many = not found.effect.rule.takes_away and question(found.effect.chosen)
            if many and self._asked != found.text:
                self._asked = found.text
                self.notify(f"{many} Enter again keeps the rule.", markup=False)
                return
            if found.text not in self._kept:
                self._kept.append(found.text)
            event.input.value = ""
            self.query_one(KeptRules).reload()

    def action_take_out(self) -> None:
        """The rule under the cursor."""
        rows = self.query_one(KeptRules)
        if rows.kept:
            del rows.kept[rows.cursor]
            rows.reload()

    def action_done(self) -> None:
        """These are the rules."""
        self.dismiss(tuple(self._kept))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Use them, or leave all as it was."""
        self.dismiss(tuple(self._kept) if event.button.id == "done" else None)


def _age(seconds: float) -> str:
    days = int(seconds // 86400)
    return count(days, "day") if days else duration(seconds)


SCREEN = Stages
