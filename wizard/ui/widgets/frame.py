"""The parts around every step: top line, steps, Back and Next, the small-terminal note."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Static

from wizard.core.answers import steps
from wizard.core.events import State, glyph
from wizard.core.text import clean
from wizard.ui.navigation import HOME, path
from wizard.ui.widgets.rows import fit

if TYPE_CHECKING:
    from wizard.core.answers.steps import Step
    from wizard.ui.app import WizardApp


class Part(Widget):
    """A drawn part that knows the app."""

    ALLOW_SELECT = False

    @property
    def wizard(self) -> WizardApp:
        """The app, typed."""
        return cast("WizardApp", self.app)


def step_state(app: WizardApp, step: Step) -> State:
    """Where a step stands, for the sidebar."""
    state = app.state
    if step.id in state.run.done:
        return State.DONE
    if state.run.error is not None and state.run.error_phase == step.id:
        return State.FAILED
    if step.id == state.at:
        return State.RUNNING
    if step.changes:
        return State.TODO
    if step.id in state.seen:
        problem = app.step_problem(step.id)
        return State.WARNING if problem else State.DONE
    return State.TODO


class TopLine(Part):
    """Product, account, Region: visible on every screen."""

    DEFAULT_CSS = "TopLine { height: 1; dock: top; background: $panel; }"

    def render(self) -> Text:
        """One line; the account is what is cut last."""
        app, width = self.wizard, self.size.width
        identity = app.state.identity.value
        region = app.state.answers.region
        if app.options.dry_run:
            region = f"dry run  {region}"
        if identity is None:
            account = "checking the AWS account…" if app.state.identity.busy else "no AWS account"
        else:
            alias = clean(identity.alias, 40)
            who = f"({clean(identity.principal, 40)})"
            account = " ".join(x for x in (alias, identity.account_id, who) if x)
        left, right = " wallarm-apigw", f"{region} "
        room = width - cell_len(left) - cell_len(right) - 2
        middle = fit(account, min(room, cell_len(account)))
        gap = max(1, (width - cell_len(middle)) // 2 - cell_len(left))
        gap = min(gap, width - cell_len(left) - cell_len(middle) - cell_len(right) - 1)
        rest = width - cell_len(left) - gap - cell_len(middle) - cell_len(right)
        ink = app.ink
        return Text.assemble(
            (left, ink.accent),
            " " * max(1, gap),
            (middle, ink.bold),
            " " * max(1, rest),
            (right, ink.bold),
            no_wrap=True,
        )


class StepLine(Part):
    """The steps on one line, for narrow terminals."""

    DEFAULT_CSS = "StepLine { height: 1; dock: top; margin-top: 1; }"

    def render(self) -> Text:
        """`Step 3 of 11   AWS › STAGES › Logs › …`."""
        app, width = self.wizard, self.size.width
        home = dict(HOME)
        if app.state.at in home:
            text = Text(" Home", app.ink.muted, no_wrap=True)
            if app.state.at != "home":
                text.append(" › ").append(home[app.state.at].upper(), app.ink.accent)
            return text
        order = path(app.state)
        at = next((i for i, s in enumerate(order) if s.id == app.state.at), 0)
        lead = f" Step {at + 1} of {len(order)}   "
        first, last = at, at + 1

        def length(a: int, b: int) -> int:
            inner = sum(len(s.title) + 3 for s in order[a:b]) - 3
            return len(lead) + inner + (2 if a else 0) + (4 if b < len(order) else 0) + 1

        grew = True
        while grew:
            grew = False
            if last < len(order) and length(first, last + 1) <= width:
                last, grew = last + 1, True
            if first > 0 and length(first - 1, last) <= width:
                first, grew = first - 1, True
        ink = app.ink
        text = Text(lead, ink.muted, no_wrap=True)
        if first:
            text.append("… ", ink.muted)
        for index in range(first, last):
            if index > first:
                text.append(" › ", ink.muted)
            here = index == at
            title = order[index].title.upper() if here else order[index].title
            text.append(title, ink.accent + ink.strong if here else ink.muted)
        if last < len(order):
            text.append(" › …", ink.muted)
        return text


class Sidebar(Part):
    """The steps, where one is, and what was chosen. A click goes back to a step."""

    DEFAULT_CSS = "Sidebar { width: 20; height: 1fr; padding: 1 0 0 1; background: $surface; }"

    def _tall(self) -> bool:
        return self.size.height >= 2 * len(steps.STEPS) + 1

    def render(self) -> Text:
        """Sign and title; below it, where there is room, what was chosen."""
        app = self.wizard
        ink = app.ink
        text = Text(no_wrap=True)
        if app.state.at in dict(HOME):
            for name, title in HOME:
                here = name == app.state.at
                style = ink.accent + ink.strong if here else ink.plain
                text.append("● " if here else "  ", ink.accent)
                text.append((title.upper() if here else title) + "\n\n", style)
            return text
        for step in path(app.state):
            state = step_state(app, step)
            here = step.id == app.state.at
            sign = glyph(state, unicode=app.unicode)
            text.append(f"{sign} ", ink.of(state))
            style = (
                ink.accent + ink.strong
                if here
                else (ink.muted if state is State.TODO else ink.plain)
            )
            text.append(step.title.upper() if here else step.title, style)
            text.append("\n")
            if self._tall():
                show = step.id in app.state.seen or step.id in app.state.run.done
                chosen = clean(step.chosen(app.state.answers)) if show else ""
                text.append("  " + fit(chosen, 16).rstrip() + "\n", ink.muted)
        return text

    def on_click(self, event: events.Click) -> None:
        """Go to the clicked step if it was seen already."""
        line = event.y - 1
        state = self.wizard.state
        if state.at in dict(HOME):
            if line % 2 == 0 and 0 <= line // 2 < len(HOME) and not state.run.busy:
                self.wizard.go(HOME[line // 2][0])
            return
        index = line // 2 if self._tall() else line
        order = path(state)
        if 0 <= index < len(order):
            self.wizard.visit(order[index].id)


class Bar(Horizontal):
    """Back, Quit and Next: always there, always in the same place."""

    DEFAULT_CSS = """
    Bar { height: 1; dock: bottom; margin-bottom: 1; padding: 0 1; background: $panel; }
    Bar Button { margin: 0 1 0 0; }
    Bar .gap { width: 1fr; height: 1; content-align: center middle; color: $text-muted; }
    """

    def __init__(self, back: str, following: str, *, dangerous: bool = False) -> None:
        super().__init__()
        self._back = back
        self._next = following
        self._dangerous = dangerous

    def compose(self) -> ComposeResult:
        """Back left, Next right, Quit beside Back."""
        yield Button(Text(self._back), compact=True, id="back")
        yield Button(Text("Quit"), compact=True, id="quit")
        yield Static("", classes="gap", id="why", markup=False)
        yield Button(
            Text(self._next),
            compact=True,
            id="next",
            variant="error" if self._dangerous else "primary",
        )

    def tell(self, *, following: str, why: str = "", back: bool = True, ready: bool = True) -> None:
        """Change what Next says and whether the buttons work; `why` says why not."""
        forward = self.query_one("#next", Button)
        if str(forward.label) != following:
            forward.label = Text(following)
            forward.refresh(layout=True)
        forward.display = bool(following)
        forward.disabled = not ready
        self.query_one("#back", Button).disabled = not back
        self.query_one("#why", Static).update(Text(why))


class TooSmall(Static):
    """Covers everything while the terminal is smaller than 80×24."""

    DEFAULT_CSS = """
    TooSmall {
        display: none; layer: cover; width: 100%; height: 100%; dock: top;
        background: $background; content-align: center middle; text-align: center;
    }
    """

    def on_resize(self) -> None:
        """Say how large it is and how large it should be."""
        self.refresh()

    def render(self) -> Text:
        """A polite note."""
        width, height = self.app.size
        return Text(
            f"This terminal is {width} x {height}.\nThe wizard needs 80 x 24.\n\n"
            "Make the window larger: nothing is lost.\nCtrl+Q quits."
        )
