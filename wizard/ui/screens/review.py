"""Everything that would happen, before anything does: changes, stages, cost, policy, answers."""

from __future__ import annotations

import json
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static, TabbedContent, TabPane

from wizard.core.events import State
from wizard.core.terraform.groups import group_order
from wizard.core.text import clean, count, duration
from wizard.ui.navigation import after, path
from wizard.ui.screens.dialogs import Confirm
from wizard.ui.screens.step import StepScreen
from wizard.ui.views import PlannedResource, ReviewView
from wizard.ui.widgets.lines import Failure, plain
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.tree import TreeRow, TreeRows

_SIGNS = {"create": "+", "update": "~", "delete": "-", "replace": "±"}
_WORDS = {"create": "add", "update": "change", "delete": "DESTROY", "replace": "REPLACE"}
_STATES = {
    "create": State.DONE,
    "update": State.RUNNING,
    "delete": State.FAILED,
    "replace": State.WARNING,
}


class Review(StepScreen):
    """The plan and its price."""

    STEP = "review"
    AUTO_FOCUS = "TreeRows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", show=False, priority=True),
        Binding("right", "tab(1)", "Tabs", key_display="←→", priority=True),
        Binding("r", "again", "Plan again"),
        Binding("c", "copy", "Copy this tab"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._open: set[str] = set()

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
        self._plan()
        self.set_interval(0.5, self._tick)

    def _plan(self) -> None:
        """Plan as soon as nothing is missing, unless the plan for these answers is there."""
        state = self.wizard.state
        item = state.review
        if item.value is not None or item.busy or item.error is not None:
            return
        if not any(self.wizard.step_problem(s.id) for s in path(state)):
            self.wizard.jobs.review()

    def _tick(self) -> None:
        if self.wizard.state.review.busy:
            self.show(frozenset({"tick"}))

    def why_not(self) -> str:
        """The first step that is not finished, or the plan that is not there."""
        state = self.wizard.state
        for step in path(state):
            if step.id != "review" and (problem := self.wizard.step_problem(step.id)):
                return f"{step.title}: {problem}"
        if state.review.busy:
            return "working out the changes"
        if state.review.error:
            return "the plan failed, see above"
        return "dry run: stops here" if self.wizard.options.dry_run else ""

    def next_ready(self) -> bool:
        """When there is a plan."""
        return self.wizard.state.review.value is not None

    def next_label(self) -> str:
        """The verb with its size."""
        view = self.wizard.state.review.value
        if view is None:
            return "Deploy"
        if view.resources:
            return f"Deploy {count(len(view.resources), 'resource')}"
        return f"Change {count(len(view.stages), 'stage')}" if view.stages else "Prove it works"

    def show(self, topics: frozenset[str]) -> None:
        """One line of summary, then the tabs."""
        state = self.wizard.state
        if topics & {"identity", "inventory", "answers"}:
            self._plan()
        self.query_one(Failure).tell(state.review.error)
        view = state.review.value
        tree = self.query_one(TreeRows)
        if view is None:
            tree.fill([])
            last = state.run.lines[-1] if state.run.lines else ""
            tree.nothing = clean(last, 70) if state.review.busy else ""
            tree.refresh()
            if state.review.busy:
                waited = duration(self._waited())
                self.say_hint(f"Working out every change: {waited}, usually 20s – 40s.")
            else:
                self.say_hint("Nothing was changed until here.")
            return
        if topics == {"tick"} or topics == {"run"}:
            return
        self._summary(view)
        tree.nothing = "nothing to change: everything is already as you want it"
        tree.fill(self._tree(view))
        self._stages_text(view)
        self._cost_text(view)
        self.query_one("#policy-text", Static).update(_policies(view))
        self.query_one("#answers-text", Static).update(
            f"# {view.answers_file}\n{state.answers.to_json()}"
        )

    def _waited(self) -> float:
        return self.wizard.clock() - self.wizard.state.review.since

    def _summary(self, view: ReviewView) -> None:
        ink = self.wizard.ink
        number = {a: sum(r.action == a for r in view.resources) for a in _SIGNS}
        text = Text(f"{number['create']} to add, {number['update']} to change, ")
        destroyed = number["delete"] + number["replace"]
        text.append(f"{destroyed} to destroy", ink.bad + ink.strong if destroyed else ink.muted)
        text.append(f"; {count(len(view.stages), 'stage')} to switch on; ")
        text.append(f"${view.cost_total:,.0f}/month. ")
        text.append("Nothing was changed until here.", ink.good)
        self.say_hint(text)

    def _tree(self, view: ReviewView) -> list[TreeRow]:
        lines: list[TreeRow] = [
            TreeRow(State.WARNING, clean(w), "", "", loud=True) for w in view.warnings
        ]
        lines.extend(_leaf(item, 0) for item in view.dangerous)
        groups: dict[str, list[PlannedResource]] = {}
        for item in view.resources:
            groups.setdefault(item.group, []).append(item)
        for name in sorted(groups, key=group_order):
            held = groups[name]
            parts = [
                f"{n} to {_WORDS[a]}" for a in _SIGNS if (n := sum(r.action == a for r in held))
            ]
            sign = "▾" if name in self._open else "▸"
            lines.append(TreeRow(State.RUNNING, name, ", ".join(parts), "", key=name, sign=sign))
            if name in self._open:
                lines += [_leaf(r, 1) for r in held]
        for label, stage in view.stages:
            change = ", ".join(f"{n} {b} → {a}" for n, b, a in stage.planned)
            lines.append(TreeRow(State.RUNNING, label, clean(change), sign="~"))
        for label, words in view.used:
            lines.append(TreeRow(State.DONE, clean(label), clean(words)))
        for label, reason in view.skipped:
            lines.append(TreeRow(State.SKIPPED, label, clean(reason)))
        return lines

    def _stages_text(self, view: ReviewView) -> None:
        from wizard.ui.screens.stages_text import change

        ink, text = self.wizard.ink, Text()
        for label, stage in view.stages:
            text.append(f"{clean(label)}\n", ink.bold)
            for name, was, will in stage.planned:
                text.append("  ")
                text.append_text(change(self.wizard, name, was, will))
                text.append("\n")
            for note in stage.notes:
                text.append(f"  ! {clean(note)}\n", ink.warn)
            for line in stage.diff:
                style = {"+": ink.good, "-": ink.bad}.get(line[:1], ink.muted)
                text.append(f"    {clean(line)}\n", style)
            text.append("\n")
        for label, reason in view.skipped:
            text.append(f"{clean(label)}  skipped: {clean(reason)}\n", ink.muted)
        self.query_one("#stages-text", Static).update(text)

    def _cost_text(self, view: ReviewView) -> None:
        ink = self.wizard.ink
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(ratio=1)
        for name, dollars, assumption in view.cost:
            grid.add_row(
                Text(clean(name), ink.plain),
                Text(f"${dollars:,.2f}", ink.plain),
                Text(clean(assumption), ink.muted),
            )
        total = Text(f"${view.cost_total:,.2f}/month", ink.bold)
        grid.add_row(Text("Together", ink.bold), total, Text(clean(view.cost_dated), ink.muted))
        self.query_one("#cost-text", Static).update(grid)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open or close a group."""
        event.stop()
        tree = self.query_one(TreeRows)
        key = tree.lines[event.index].key
        view = self.wizard.state.review.value
        if key and view is not None:
            self._open ^= {key}
            tree.fill(self._tree(view))

    on_rows_toggled = on_rows_chosen

    def action_again(self) -> None:
        """Plan again."""
        if not self.wizard.state.review.busy:
            self.wizard.state.review.reset()
            self.wizard.jobs.review()

    def action_copy(self) -> None:
        """The open tab as text."""
        state = self.wizard.state
        tab = self.query_one(TabbedContent).active
        if state.review.error is not None:
            self.wizard.copy(plain(state.review.error), "Error")
        elif state.review.value is not None:
            self.wizard.copy(_tab_text(tab, state.review.value, state.answers.to_json()), "Tab")

    def forward(self) -> None:
        """Deploy; where something is destroyed, ask once more."""
        view = self.wizard.state.review.value
        if view is None:
            return
        if not view.dangerous:
            self._deploy(True)
            return
        names = "\n".join(f"- {r.address}" for r in view.dangerous[:8])
        self.app.push_screen(
            Confirm(
                f"{count(len(view.dangerous), 'resource')} will be destroyed or made anew",
                names,
                keep="Back to the review",
                act=f"Destroy {len(view.dangerous)}, deploy the rest",
            ),
            self._deploy,
        )

    def _deploy(self, yes: bool | None) -> None:
        if yes:
            following = after(self.wizard.state, self.STEP)
            self.wizard.go(following.id if following else "deploy")
            self.wizard.jobs.run()


def _leaf(item: PlannedResource, depth: int) -> TreeRow:
    loud = item.action in ("delete", "replace")
    middle = f"{_WORDS[item.action]} {clean(item.reason, 60)}".strip()
    return TreeRow(
        _STATES[item.action],
        clean(item.address),
        middle,
        depth=depth,
        loud=loud,
        sign=_SIGNS[item.action],
    )


def _policies(view: ReviewView) -> Text:
    return Text("\n\n".join(f"# {name}\n{body}" for name, body in view.policies.items()))


def _tab_text(tab: str, view: ReviewView, answers: str) -> str:
    if tab == "answers":
        return answers
    if tab == "policy":
        return _policies(view).plain
    if tab == "cost":
        return "\n".join(f"{n}\t{d:.2f}\t{a}" for n, d, a in view.cost)
    if tab == "stages":
        return json.dumps({k: v.planned for k, v in view.stages}, indent=2, ensure_ascii=False)
    return "\n".join(f"{_SIGNS[r.action]} {r.address}" for r in view.resources)


SCREEN = Review
