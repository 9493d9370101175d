"""The parts around every step: top line, steps, Back and Next, the small-terminal note."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from wizard.core.answers.steps import STEPS
from wizard.core.events import State
from wizard.ui import theme
from wizard.ui.widgets.rows import fit


class TopLine(Widget):
    """Product, account, Region: visible on every screen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "TopLine { height: 1; dock: top; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._account = self._region = ""

    def show(self, account: str, region: str) -> None:
        """Show these."""
        if (account, region) != (self._account, self._region):
            self._account, self._region = account, region
            self.refresh()

    def render(self) -> Text:
        """One line; the account is what is cut last."""
        width = self.size.width
        left, right = " wallarm-apigw", f"{self._region} "
        room = width - cell_len(left) - cell_len(right) - 2
        middle = fit(self._account, min(room, cell_len(self._account)))
        gap = max(1, (width - cell_len(middle)) // 2 - cell_len(left))
        gap = min(gap, width - cell_len(left) - cell_len(middle) - cell_len(right) - 1)
        rest = width - cell_len(left) - gap - cell_len(middle) - cell_len(right)
        ink = theme.ink(self)
        return Text.assemble(
            (left, ink.accent),
            " " * max(1, gap),
            (middle, ink.bold),
            " " * max(1, rest),
            (right, ink.bold),
            no_wrap=True,
        )


@dataclass(frozen=True)
class Place:
    """A step, or a screen of Home, in the lists of them.

    `state` is None on the screens of Home: they are no steps that could be done.
    """

    name: str
    title: str
    here: bool = False
    state: State | None = None
    chosen: str = ""
    assumed: str = ""  # `default` or `given`: nobody has looked at it


class StepLine(Widget):
    """The steps on one line, for narrow terminals."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "StepLine { height: 1; dock: top; margin-top: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._places: tuple[Place, ...] = ()

    def show(self, places: tuple[Place, ...]) -> None:
        """Show these."""
        if places != self._places:
            self._places = places
            self.refresh()

    def render(self) -> Text:
        """`Step 3 of 11   AWS › STAGES › Logs › …`."""
        ink, width, order = theme.ink(self), self.size.width, self._places
        at = next((i for i, place in enumerate(order) if place.here), 0)
        if order and order[0].state is None:
            text = Text(" Home", ink.muted, no_wrap=True)
            if at:
                text.append(" › ").append(order[at].title.upper(), ink.accent)
            return text
        lead = f" Step {at + 1} of {len(order)}   "
        first, last = at, at + 1

        def length(a: int, b: int) -> int:
            inner = sum(len(place.title) + 3 for place in order[a:b]) - 3
            return len(lead) + inner + (2 if a else 0) + (4 if b < len(order) else 0) + 1

        grew = True
        while grew:
            grew = False
            if last < len(order) and length(first, last + 1) <= width:
                last, grew = last + 1, True
            if first > 0 and length(first - 1, last) <= width:
                first, grew = first - 1, True
        text = Text(lead, ink.muted, no_wrap=True)
        if first:
            text.append("… ", ink.muted)
        for index in range(first, min(last, len(order))):
            if index > first:
                text.append(" › ", ink.muted)
            here = index == at
            title = order[index].title.upper() if here else order[index].title
            text.append(title, ink.accent + ink.strong if here else ink.muted)
        if last < len(order):
            text.append(" › …", ink.muted)
        return text


class Sidebar(Widget):
    """The steps, where one is, and what was chosen. A click goes back to a step."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Sidebar { width: 20; height: 1fr; padding: 1 0 0 1; background: $surface; }"

    class Picked(Message):
        """A step was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self) -> None:
        super().__init__()
        self._places: tuple[Place, ...] = ()

    def show(self, places: tuple[Place, ...]) -> None:
        """Show these."""
        if places != self._places:
            self._places = places
            self.refresh()

    def _of_home(self) -> bool:
        return bool(self._places) and self._places[0].state is None

    def _tall(self) -> bool:
        return self.size.height >= 2 * len(STEPS) + 1

    def render(self) -> Text:
        """Sign and title; below it, where there is room, what was chosen."""
        ink = theme.ink(self)
        text = Text(no_wrap=True)
        for place in self._places:
            title = place.title.upper() if place.here else place.title
            style = ink.accent + ink.strong if place.here else ink.plain
            if place.state is None:
                text.append("● " if place.here else "  ", ink.accent)
                text.append(title + "\n\n", style)
                continue
            if not place.here and place.state is State.TODO:
                style = ink.muted
            state = State.SKIPPED if place.assumed else place.state
            text.append(f"{ink.mark(state).plain} ", ink.of(state))
            text.append(title, style)
            text.append(f"  {place.assumed}\n" if place.assumed else "\n", ink.muted)
            if self._tall():
                text.append("  " + fit(place.chosen, 16).rstrip() + "\n", ink.muted)
        return text

    def on_click(self, event: events.Click) -> None:
        """Tell which step was clicked."""
        line = event.y - 1
        if self._of_home() and line % 2:
            return
        index = line // 2 if self._tall() or self._of_home() else line
        if 0 <= index < len(self._places):
            self.post_message(self.Picked(self._places[index].name))


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
