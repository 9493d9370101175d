"""Everything that would happen, before anything does: changes, stages, cost, policy, answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static, TabbedContent, TabPane

from wizard.core.errors import WizardError
from wizard.core.text import clean, count, duration
from wizard.ui import navigation, theme
from wizard.ui.guide import Guide
from wizard.ui.navigation import after, path
from wizard.ui.screens import review_text
from wizard.ui.screens.dialogs import Confirm, Details, whole
from wizard.ui.screens.home_text import planned
from wizard.ui.screens.stages_text import change
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import Failure, plain
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows

if TYPE_CHECKING:
    from wizard.core.facts import Stage
    from wizard.core.terraform.plans import Attribute
    from wizard.ui.screens.review_text import Reviewed
    from wizard.ui.theme import Ink


class Review(StepScreen):
    """The plan and its price."""

    STEP = "review"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", show=False, priority=True),
        Binding("right", "tab(1)", "Tabs", key_display="←→", priority=True),
        Binding(
            "r",
            "again",
            "Plan again",
            tooltip="Work out every change anew; nothing is changed by it",
        ),
        Binding("c", "copy", "Copy this tab"),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._open: set[str] = set()
        self._told: Reviewed | None = None  # what the tabs show, and in which colours
        self._ink: Ink | None = None
        self._reading = ""  # the address of the resource whose attributes are being read

    def body(self) -> ComposeResult:
        """Five tabs."""
        yield Failure()
        with TabbedContent(id="tabs"):
            with TabPane("Changes", id="changes"):
                yield TreeRows(id="tree", title_share=0.42)
            for name, title in (
                ("stages", "Stages"),
                ("cost", "Cost"),
                ("policy", "IAM policy"),
                ("answers", "Answers"),
            ):
                with TabPane(title, id=name):
                    with VerticalScroll():
                        yield Static("", id=f"{name}-text", markup=False)

    def started(self) -> None:
        """A plan takes a while: keep its clock going."""
        self.follow(self.session.answered, self._plan, self.show)
        self.follow(self.account.changed, self._plan)
        self.follow(self.run.changed, self.show)
        self._plan()
        self.set_interval(0.5, self._tick)

    def _plan(self) -> None:
        """Plan as soon as nothing is missing, unless the plan for these answers is there."""
        item = self.run.review
        if item.value is not None or item.busy or item.error is not None:
            return
        if not any(self.problem_of(step.id) for step in path(self.session)):
            self.run.work_out()

    def _tick(self) -> None:
        if self.run.review.busy:
            self.show()

    def why_not(self) -> str:
        """The first step that is not finished, or the plan that is not there."""
        for step in path(self.session):
            if step.id != "review" and (problem := self.problem_of(step.id)):
                return f"{step.title}: {problem}"
        if self.run.review.busy:
            return "working out the changes"
        if self.run.review.error:
            return "the plan failed, see above"
        return "dry run: stops here" if self.guide.options.dry_run else ""

    def next_ready(self) -> bool:
        """When there is a plan."""
        return self.run.review.value is not None

    def next_label(self) -> str:
        """The verb with its size."""
        found = self.run.review.value
        if found is None:
            return "Deploy"
        if resources := planned(found.plan):
            return f"Deploy {count(len(resources), 'resource')}"
        stages = len(review_text.changes(found, self._read()))
        return f"Change {count(stages, 'stage')}" if stages else "Prove it works"

    def _read(self) -> tuple[Stage, ...]:
        inventory = self.account.inventory.value
        return inventory.stages if inventory is not None else ()

    def show(self) -> None:
        """One line of summary, then the tabs."""
        review, found = self.run.review, self.run.review.value
        self.query_one(Failure).tell(review.error)
        tree = self.query_one(TreeRows)
        if found is None:
            self._told = None
            tree.fill(self._assumptions())
            lines = self.run.now.lines
            tree.nothing = clean(lines[-1], 70) if lines and review.busy else ""
            tree.refresh()
            if review.busy:
                waited = duration(self.guide.clock() - review.since)
                self.say_hint(f"Working out every change: {waited}, usually 20s – 40s.")
            else:
                self.say_hint("Nothing was changed until here.")
            return
        if found is not self._told or theme.ink(self) is not self._ink:
            self._told, self._ink = found, theme.ink(self)
            self._tell(found)

    def _tell(self, found: Reviewed) -> None:
        """The tabs, once for each review."""
        answers = self.session.answers
        tree = self.query_one(TreeRows)
        self._summary(found)
        tree.nothing = "nothing to change: everything is already as you want it"
        self._fill(found)
        self._stages_text(found)
        self._cost_text(found)
        policies = review_text.policies(found, answers, self._account_id())
        self.query_one("#policy-text", Static).update(policies)
        self.query_one("#answers-text", Static).update(
            f"# {self.run.answers_file()}\n{answers.to_json()}"
        )

    def _fill(self, found: Reviewed) -> None:
        rows = review_text.tree(found, self._read(), self._open, self._assumptions())
        self.query_one(TreeRows).fill(rows)

    def _assumptions(self) -> list[TreeRow]:
        passed = [step.id for step in navigation.assumed(self.session, self.account)]
        return review_text.assumptions(path(self.session), passed, self.session.answers)

    def _account_id(self) -> str:
        return self.guide.options.env.get("WALLARM_APIGW_ACCOUNT_ID", "")

    def _summary(self, found: Reviewed) -> None:
        ink, resources = theme.ink(self), planned(found.plan)
        number = {a: sum(r.action == a for r in resources) for a in review_text.SIGNS}
        stages = len(review_text.changes(found, self._read()))
        text = Text(f"{number['create']} to add, {number['update']} to change, ")
        destroyed = number["delete"] + number["replace"]
        text.append(f"{destroyed} to destroy", ink.bad + ink.strong if destroyed else ink.muted)
        if imported := number["import"]:
            text.append(f", {imported} to import")
        text.append(f"; {count(stages, 'stage')} to switch on; ")
        total = review_text.cost(found, self.session.answers).total
        text.append(f"${total:,.0f}/month. ")
        text.append("Nothing was changed until here.", ink.good)
        self.say_hint(text)

    def _stages_text(self, found: Reviewed) -> None:
        ink, text = theme.ink(self), Text()
        for label, stage in review_text.changes(found, self._read()):
            text.append(f"{clean(label)}\n", ink.bold)
            for name, was, will in stage.planned:
                text.append("  ")
                text.append_text(change(ink, name, was, will))
                text.append("\n")
            for note in stage.notes:
                text.append(f"  ! {clean(note)}\n", ink.warn)
            for line in stage.diff:
                style = {"+": ink.good, "-": ink.bad}.get(line[:1], ink.muted)
                text.append(f"    {clean(line)}\n", style)
            text.append("\n")
        for label, reason in review_text.skipped(found):
            text.append(f"{clean(label)}  skipped: {clean(reason)}\n", ink.muted)
        self.query_one("#stages-text", Static).update(text)

    def _cost_text(self, found: Reviewed) -> None:
        ink, cost = theme.ink(self), review_text.cost(found, self.session.answers)
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(ratio=1)
        for line in cost.lines:
            grid.add_row(
                Text(clean(line.name), ink.plain),
                Text(f"${line.per_month:,.2f}", ink.plain),
                Text(clean(line.assumption), ink.muted),
            )
        total = Text(f"${cost.total:,.2f}/month", ink.bold)
        grid.add_row(Text("Together", ink.bold), total, Text(clean(str(cost.dated)), ink.muted))
        self.query_one("#cost-text", Static).update(grid)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a group; show a resource's attributes, or another line whole."""
        event.stop()
        tree = self.query_one(TreeRows)
        if event.index >= len(tree.lines):
            return
        key = tree.lines[event.index].key
        found = self.run.review.value
        if key.startswith(review_text.RESOURCE):
            self._open_resource(key.removeprefix(review_text.RESOURCE))
        elif key.startswith(review_text.STEP):
            self.mover.visit(key.removeprefix(review_text.STEP))
        elif not key:
            self.app.push_screen(whole(tree.lines[event.index]))
        elif found is not None:
            self._open ^= {key}
            self._fill(found)

    on_rows_toggled = on_rows_chosen

    @dataclass
    class AttributesRead(Message):
        """What the plan does to a resource is known."""

        address: str
        found: tuple[Attribute, ...] | WizardError

    def _open_resource(self, address: str) -> None:
        self._reading = address
        self.say_hint(f"Reading {address} from the plan: usually 1s – 5s.")
        self._read_attributes(address)

    @work(thread=True, exclusive=True, group="attributes", exit_on_error=False)
    def _read_attributes(self, address: str) -> None:
        found = self.boundary.attempt(lambda: self.run.attributes(address))
        self.tell(self.AttributesRead(address, found))

    @on(AttributesRead)
    def _attributes_read(self, event: AttributesRead) -> None:
        if event.address != self._reading or self.app.screen is not self:
            return
        self._reading = ""
        if self.run.review.value is not None:
            self._summary(self.run.review.value)
        if isinstance(event.found, WizardError):
            self.notify(str(event.found), severity="error", markup=False)
            return
        shown = review_text.attributes_text(theme.ink(self), event.found)
        self.app.push_screen(Details(clean(event.address), shown, shown.plain, "attributes"))

    def action_again(self) -> None:
        """Plan again."""
        if not self.run.review.busy:
            self.run.forget_review()
            self.run.work_out()

    def action_copy(self) -> None:
        """The open tab as text."""
        review, answers = self.run.review, self.session.answers
        tab = self.query_one(TabbedContent).active
        if review.error is not None:
            self.mover.copy(plain(review.error), "Error")
        elif review.value is not None:
            text = review_text.copied(tab, review.value, self._read(), answers, self._account_id())
            self.mover.copy(text, "Tab")

    def forward(self) -> None:
        """Deploy; where something is destroyed, ask once more."""
        found = self.run.review.value
        if found is None:
            return
        gone = review_text.dangerous(found)
        if not gone:
            self._deploy(True)
            return
        names = "\n".join(f"- {r.address}" for r in gone[:8])
        self.app.push_screen(
            Confirm(
                f"{count(len(gone), 'resource')} will be destroyed or made anew",
                names,
                keep="Back to the review",
                act=f"Destroy {len(gone)}, deploy the rest",
            ),
            self._deploy,
        )

    def _deploy(self, yes: bool | None) -> None:
        if yes:
            following = after(self.session, self.STEP)
            self.mover.go(following.id if following else "deploy")
            self.run.start()


SCREEN = Review
