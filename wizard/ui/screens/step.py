"""The frame of every step: top line, steps, question, body, Back and Next, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.signal import Signal
from textual.widget import Widget
from textual.widgets import Button, Footer, Input, Static, TabbedContent, TabPane, Tabs
from textual.worker import get_current_worker

from wizard.core.answers import steps
from wizard.core.answers.rules import problem
from wizard.core.answers.steps import Step
from wizard.core.events import State
from wizard.core.text import clean
from wizard.ui import navigation, theme, unanswered
from wizard.ui.guide import Guide
from wizard.ui.help import HELP
from wizard.ui.navigation import HOME, before, path
from wizard.ui.unanswered import LABELS
from wizard.ui.widgets.fields import Field
from wizard.ui.widgets.frame import Bar, Place, Sidebar, StepLine, TooSmall, TopLine

T = TypeVar("T")


class StepScreen(Screen[None]):
    """Base of the step screens.

    A screen shows what session, account and run know, and starts its own work: a method with
    `@work(thread=True, exclusive=True, group=…, exit_on_error=False)` goes through
    `self.boundary.attempt` and hands a message of the screen over with `tell`; `@on` shows it.
    """

    STEP: ClassVar[str] = ""
    HINT: ClassVar[str] = ""
    AUTO_FOCUS = "#page *"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "escape", "Back", id="back"),
        Binding("ctrl+n", "next", "Next", id="next", priority=True),
        Binding("question_mark,f1", "help", "Help", id="help"),
        *(Binding(str(n), f"step({n})", show=False) for n in range(1, 10)),
        Binding("pageup", "scroll_body(-1)", show=False),
        Binding("pagedown", "scroll_body(1)", show=False),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__()
        self.guide = guide
        self.session, self.account, self.run = guide.session, guide.account, guide.run
        self.product, self.boundary, self.mover = guide.product, guide.workers, guide.mover
        self._followed: list[Signal[Any]] = []
        self._alive = False
        self._keys: tuple[bool | None, ...] = ()

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

    # What subclasses say --------------------------------------------------------------------------

    def body(self) -> ComposeResult:
        """The step's own widgets."""
        yield from ()

    def show(self) -> None:
        """Bring the widgets in line with what is known: at first, and in another theme."""

    def started(self) -> None:
        """The screen is there: subscribe with `follow`, start what it needs."""

    def question(self) -> str:
        """The one question of the screen."""
        return steps.step(self.STEP).question

    def next_label(self) -> str:
        """What Next says."""
        following = self.following()
        return f"Next: {following.title}" if following else "Finish"

    def following(self) -> Step | None:
        """The step Next leads to: the next question that needs a person."""
        return navigation.following(self.session, self.account, self.STEP)

    def why_not(self) -> str:
        """Why Next cannot go on yet."""
        return self.problem_of(self.STEP)

    def next_ready(self) -> bool:
        """Whether Next works at all; False while something runs that it must wait for."""
        return True

    def can_go_back(self) -> bool:
        """Whether there is a step to go back to."""
        return before(self.session, self.STEP) is not None

    def dangerous(self) -> bool:
        """Whether Next destroys something."""
        return False

    def problem_of(self, step_id: str) -> str:
        """Why a step is not finished yet, in words; empty when it is."""
        return unanswered.problem(self.session, self.account, step_id)

    # What is shown --------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """First view."""
        self._alive = True
        self.show()
        self.show_frame()
        self.follow(self.app.theme_changed_signal, self.show, self._repaint)
        self.started()
        if doubt := self._doubt():
            self.say_hint(Text(f"Asked because {doubt}.", theme.ink(self).warn))
        for signal in (self.session.answered, self.account.changed, self.run.changed):
            if signal not in self._followed:
                self.follow(signal)

    def _doubt(self) -> str:
        """Why this question is asked although it has a default."""
        if not self.HINT or self.STEP not in [step.id for step in path(self.session)]:
            return ""
        return clean(navigation.doubt(self.session, self.account, self.STEP).rstrip("."))

    def follow(self, signal: Signal[Any], *shows: Callable[[], None]) -> None:
        """After this signal have these parts shown anew, then frame, bar and keys."""

        def take(_: Any) -> None:
            for show in shows:
                show()

        self.hear(signal, take)

    def hear(self, signal: Signal[T], take: Callable[[T], None]) -> None:
        """The same for a part that has to know what was told."""

        def published(told: T) -> None:
            take(told)
            self.show_frame()

        self._followed.append(signal)
        signal.subscribe(self, published)

    def on_unmount(self) -> None:
        """It was left: nothing holds it any more."""
        for signal in self._followed:
            signal.unsubscribe(self)

    def _repaint(self) -> None:
        for part in (TopLine, StepLine, Sidebar):
            self.query_one(part).refresh()

    def tell(self, message: Message) -> None:
        """From a worker of this screen: hand a result over, unless nobody waits for it any more."""
        if not get_current_worker().is_cancelled:
            self.post_message(message)

    def show_all(self) -> None:
        """Everything anew."""
        if self._alive:
            self.show()
            self.show_frame()

    def show_frame(self) -> None:
        """What stands around the body."""
        self.show_bar()
        self._show_keys()
        places = self._places()
        self.query_one(TopLine).show(self._who(), self._region())
        self.query_one(StepLine).show(places)
        self.query_one(Sidebar).show(places)

    def _who(self) -> str:
        identity = self.account.identity.value
        if identity is None:
            return "checking the AWS account…" if self.account.identity.busy else "no AWS account"
        who = f"({clean(identity.principal, 40)})"
        return " ".join(x for x in (clean(identity.alias, 40), identity.account_id, who) if x)

    def _region(self) -> str:
        region = self.session.answers.region
        return f"dry run  {region}" if self.guide.options.dry_run else region

    def _places(self) -> tuple[Place, ...]:
        at, run, answers = self.session.at, self.run.now, self.session.answers
        assumed = {one.id for one in navigation.assumed(self.session, self.account)} - run.done
        if at in dict(HOME):
            return tuple(Place(name, title, name == at) for name, title in HOME)
        return tuple(
            Place(
                step.id,
                step.title,
                step.id == at,
                self._state_of(step),
                clean(step.chosen(answers))
                if step.id in self.session.seen or step.id in run.done or step.id in assumed
                else "",
                ("default" if steps.is_default(step, answers) else "given")
                if step.id in assumed
                else "",
            )
            for step in path(self.session)
        )

    def _state_of(self, step: Step) -> State:
        """Where a step stands, for the sidebar."""
        run = self.run.now
        if step.id in run.done:
            return State.DONE
        if run.error is not None and run.error_phase == step.id:
            return State.FAILED
        if step.id == self.session.at:
            return State.RUNNING
        if step.changes:
            return State.TODO
        if step.id in self.session.seen:
            return State.WARNING if self.problem_of(step.id) else State.DONE
        return State.TODO

    def _screen_resized(self, size: Size) -> None:
        """Textual lays a new screen out, then tells it its size and would do all of it again."""
        if size != self._compositor.size:
            super()._screen_resized(size)

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
        if action == "escape" and isinstance(self.focused, Input):
            return True
        return self.can_go_back() if action in ("back", "escape") and self._alive else True

    def say_hint(self, text: str | Text) -> None:
        """Replace the line below the question."""
        self.query_one("#hint", Static).update(text if isinstance(text, Text) else Text(text))

    # Intents ------------------------------------------------------------------------------------

    def action_escape(self) -> None:
        """Out of the field that is typed in, to the list behind it or to Next; else a step back."""
        field = self.focused
        if not isinstance(field, Input):
            self.action_back()
            return
        behind = self.focus_chain[self.focus_chain.index(field) + 1 :]
        rows = next((w for w in behind if not isinstance(w, (Input, Button))), None)
        forward = self.query_one("#next", Button)
        self.set_focus(rows or (forward if forward.focusable else None))

    def missing(self) -> Widget | None:
        """Where to put right what Next waits for, if that is one field."""
        return next(
            (f.input for f in self.query(Field).filter(".-broken") if f.input.focusable), None
        )

    def action_back(self) -> None:
        """The step before."""
        previous = before(self.session, self.STEP)
        if previous is not None and self.can_go_back():
            self.mover.go(previous.id)

    def action_next(self) -> None:
        """The next step, or say why not; nothing while the screens go on by themselves."""
        if self.mover.advancing:
            return
        why = self.why_not()
        if why:
            self.notify(why[0].upper() + why[1:] + ".", severity="warning", markup=False)
            field = self.missing()
            if field is not None:
                field.focus()
            return
        self.forward()

    def forward(self) -> None:
        """Go on. Subclasses may do more."""
        following = self.following()
        if following is not None:
            self.mover.go(following.id)

    def action_step(self, number: int) -> None:
        """Straight to a step, by its number."""
        order = path(self.session)
        if self.STEP in [step.id for step in order] and number <= len(order):
            self.mover.visit(order[number - 1].id)

    def go_home(self) -> None:
        """After a run: Home, where what was just made is among the deployments."""
        self.account.find_here(again=True)
        self.mover.go("home")

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

    def label_of(self, ref: str, api_name: str = "") -> str:
        """`API / stage` where it is known, with the id where names are alike; else `id/stage`.

        Args:
            api_name: as it was recorded, for a stage that was not read yet.
        """
        row = self.account.row(ref)
        if row is None:
            return clean(f"{api_name} / {ref.partition('/')[2]}") if api_name else clean(ref)
        alike = f" ({row.api_id})" if self.account.book.is_ambiguous(row) else ""
        return f"{row.name}{alike} / {row.stage}"

    def action_help(self) -> None:
        """Help for this screen."""
        from wizard.ui.screens.dialogs import HelpDialog

        self.app.push_screen(HelpDialog(self.question(), HELP.get(self.STEP, "")))

    @on(Button.Pressed, "#back, #next, #quit")
    def _bar_pressed(self, event: Button.Pressed) -> None:
        """Textual calls it besides a screen's own handler: two calls of Next would go two steps."""
        event.stop()
        actions = {"back": self.action_back, "next": self.action_next}
        if event.button.id in actions:
            actions[event.button.id]()
        else:
            self.call_next(self.app.run_action, "ask_quit")

    @on(Sidebar.Picked)
    def _place_picked(self, event: Sidebar.Picked) -> None:
        event.stop()
        self.mover.visit(event.name)

    # Answers ------------------------------------------------------------------------------------

    def field(self, key: str, rule: str = "", *, placeholder: str = "") -> Field:
        """A field for one answer, with what was typed before even if it was not valid."""
        value = getattr(self.session.answers, key)
        text = self.session.drafts.get(key, _as_text(value))
        made = Field(key, LABELS[key], text, rule, spaces=key == "tags", placeholder=placeholder)
        if key in self.session.drafts:
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
            self.session.drafts[field.key] = text
            self.show_all()
        else:
            self.session.drafts.pop(field.key, None)
            self.session.answer(**{field.key: value})
            self.show_bar()


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


class HomePart(StepScreen):
    """A screen of Home. It is no step: it says its question itself."""

    QUESTION: ClassVar[str] = ""

    def question(self) -> str:
        """What the screen is for."""
        return self.QUESTION

    def can_go_back(self) -> bool:
        """Unless something runs."""
        return not self.run.now.busy

    def action_back(self) -> None:
        """Home."""
        if self.can_go_back():
            self.mover.go("home")

    def why_not(self) -> str:
        """Subclasses say why Next waits."""
        return ""
