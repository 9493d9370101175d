"""The frame of every step: top line, steps, question, body, Back and Next, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Button, Footer, Static, TabbedContent, TabPane, Tabs

from wizard.core.answers import steps
from wizard.core.answers.rules import problem
from wizard.core.text import clean
from wizard.ui.navigation import after, before
from wizard.ui.unanswered import LABELS
from wizard.ui.widgets.fields import Field
from wizard.ui.widgets.frame import Bar, Sidebar, StepLine, TooSmall, TopLine

if TYPE_CHECKING:
    from wizard.ui.app import WizardApp


class StepScreen(Screen[None]):
    """Base of the step screens. They show state in `show` and pass intents to the app."""

    STEP: ClassVar[str] = ""
    HINT: ClassVar[str] = ""
    AUTO_FOCUS = "#page *"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="back"),
        Binding("ctrl+n", "next", "Next", id="next", priority=True),
        Binding("question_mark,f1", "help", "Help", id="help"),
        Binding("pageup", "scroll_body(-1)", show=False),
        Binding("pagedown", "scroll_body(1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._alive = False
        self._keys: tuple[bool | None, ...] = ()

    @property
    def wizard(self) -> WizardApp:
        """The app, typed."""
        return cast("WizardApp", self.app)

    def compose(self) -> ComposeResult:
        """The frame; subclasses fill `body`."""
        self._fit_classes()
        yield TooSmall()
        yield TopLine()
        yield StepLine()
        with Horizontal(id="frame"):
            yield Sidebar()
            with Vertical(id="page"):
                yield Static(self.question(), id="question", markup=False)
                yield Static(self.HINT, id="hint", markup=False)
                with Vertical(id="body"):
                    yield from self.body()
        yield Footer(show_command_palette=False)
        yield Bar("Back", "Next", dangerous=self.dangerous())

    def _fit_classes(self) -> None:
        """Textual gives a screen its size classes after the first layout, and then styles every
        widget again; known from the start, they cost nothing."""
        app = self.app
        for size, steps_ in (
            (app.size.width, app.HORIZONTAL_BREAKPOINTS),
            (app.size.height, app.VERTICAL_BREAKPOINTS),
        ):
            fits = [name for least, name in steps_ or () if size >= least]
            self.update_classes({name: name == fits[-1] for _, name in steps_ or ()}, update=False)

    def body(self) -> ComposeResult:
        """The step's own widgets."""
        yield from ()

    def show(self, topics: frozenset[str]) -> None:
        """Bring the widgets in line with the state; `topics` says what changed."""

    def question(self) -> str:
        """The one question of the screen."""
        return steps.step(self.STEP).question

    def next_label(self) -> str:
        """What Next says."""
        following = after(self.wizard.state, self.STEP)
        return f"Next: {following.title}" if following else "Finish"

    def why_not(self) -> str:
        """Why Next cannot go on yet."""
        return self.wizard.step_problem(self.STEP)

    def next_ready(self) -> bool:
        """Whether Next works at all; False while something runs that it must wait for."""
        return True

    def can_go_back(self) -> bool:
        """Whether there is a step to go back to."""
        return before(self.wizard.state, self.STEP) is not None

    def dangerous(self) -> bool:
        """Whether Next destroys something."""
        return False

    def started(self) -> None:
        """The screen is there: fetch what it needs."""

    def on_mount(self) -> None:
        """First view."""
        self._alive = True
        self.state_changed(frozenset({"mount"}))
        self.started()

    def _screen_resized(self, size: Size) -> None:
        """Textual lays a new screen out, then tells it its size and would do all of it again."""
        if size != self._compositor.size:
            super()._screen_resized(size)

    def state_changed(self, topics: frozenset[str]) -> None:
        """Called by the app after every change of state."""
        if not self._alive:
            return
        self.show(topics)
        self.show_bar()
        self._show_keys()
        if topics & {"mount", "identity", "answers", "theme", "run", "token"}:
            for part in (TopLine, StepLine, Sidebar):
                for widget in self.query(part):
                    widget.refresh()

    def _show_keys(self) -> None:
        """Tell the footer, only when a key began or ceased to work: drawing it anew is slow."""
        keys = tuple(
            self.check_action(binding.action, ())
            for bindings in self._bindings.key_to_bindings.values()
            for binding in bindings
            if binding.show
        )
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    def show_bar(self) -> None:
        """Back, Next, and why Next waits."""
        for bar in self.query(Bar):
            bar.tell(
                following=self.next_label(),
                why=self.why_not(),
                back=self.can_go_back(),
                ready=self.next_ready(),
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that can do nothing now are not shown."""
        del parameters
        return self.can_go_back() if action == "back" and self._alive else True

    def say_hint(self, text: str | Text) -> None:
        """Replace the line below the question."""
        self.query_one("#hint", Static).update(text if isinstance(text, Text) else Text(text))

    # Intents ------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """The step before."""
        previous = before(self.wizard.state, self.STEP)
        if previous is not None and self.can_go_back():
            self.wizard.go(previous.id)

    def action_next(self) -> None:
        """The next step, or say why not."""
        why = self.why_not()
        if why:
            self.notify(why[0].upper() + why[1:] + ".", severity="warning", markup=False)
            broken = [f for f in self.query(Field).filter(".-broken") if f.input.focusable]
            if broken:
                broken[0].input.focus()
            return
        self.forward()

    def forward(self) -> None:
        """Go on. Subclasses may do more."""
        following = after(self.wizard.state, self.STEP)
        if following is not None:
            self.wizard.go(following.id)

    def action_scroll_body(self, by: int) -> None:
        """Move what does not fit, wherever the focus is."""
        for body in self.query(VerticalScroll):
            if body.region.height:
                body.scroll_relative(y=by * max(1, body.size.height - 2), animate=False)
                return

    def action_tab(self, by: int) -> None:
        """The tab beside the open one, on screens that have tabs; the keys go to what it shows."""
        for tabs in self.query(TabbedContent):
            names = [pane.id or "" for pane in tabs.query(TabPane)]
            tabs.active = name = names[(names.index(tabs.active) + by) % len(names)]
            inside = [w for w in tabs.get_pane(name).query("*") if w.focusable]
            if inside and not isinstance(self.focused, Tabs):
                self.set_focus(inside[0])

    def action_help(self) -> None:
        """Help for this screen."""
        from wizard.ui.screens.dialogs import HelpDialog

        self.app.push_screen(HelpDialog(self))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """The bar's buttons."""
        action = {"back": self.action_back, "next": self.action_next}.get(event.button.id or "")
        if action is not None:
            event.stop()
            action()
        elif event.button.id == "quit":
            event.stop()
            self.wizard.action_ask_quit()

    # Answers ------------------------------------------------------------------------------------

    def field(self, key: str, rule: str = "", *, placeholder: str = "") -> Field:
        """A field for one answer, with what was typed before even if it was not valid."""
        state = self.wizard.state
        value = getattr(state.answers, key)
        text = state.drafts.get(key, _as_text(value))
        made = Field(key, LABELS[key], text, rule, spaces=key == "tags", placeholder=placeholder)
        if key in state.drafts:
            made.message = self.judge(key, text)[1]
        return made

    def judge(self, key: str, text: str) -> tuple[object, str]:
        """The answer a text means, and what is wrong with it."""
        from wizard.core.answers.parse import from_text
        from wizard.core.errors import UsageError

        try:
            value = from_text(key, text)
        except UsageError as error:
            return None, error.what.removeprefix(f"{key} ")
        return value, problem(key, value)

    def on_field_typed(self, event: Field.Typed) -> None:
        """Take a valid answer; keep an invalid text as a draft and say what is wrong."""
        event.stop()
        self.typed(event.field, event.text)

    def typed(self, field: Field, text: str) -> None:
        """Subclasses handle fields that are no answers."""
        value, wrong = self.judge(field.key, text)
        field.judge(wrong)
        if wrong:
            self.wizard.state.drafts[field.key] = text
            self.wizard.changed("drafts")
        else:
            self.wizard.state.drafts.pop(field.key, None)
            self.wizard.answer(**{field.key: value})
            self.show_bar()


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


class HomePart(StepScreen):
    """A screen of Home."""

    def question(self) -> str:
        """Subclasses say it."""
        raise NotImplementedError

    def label_of(self, ref: str) -> str:
        """`API / stage` where it is known, else the reference."""
        row = self.wizard.state.book.by_ref.get(ref)
        return f"{row.name} / {row.stage}" if row else clean(ref)

    def can_go_back(self) -> bool:
        """Unless something runs."""
        return not self.wizard.state.run.busy

    def action_back(self) -> None:
        """Home."""
        if self.can_go_back():
            self.wizard.go("home")

    def why_not(self) -> str:
        """Subclasses say why Next waits."""
        return ""
