"""One request followed hop by hop, then where to look from now on."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from wizard.core.events import Hop, State
from wizard.core.text import clean
from wizard.ui import theme
from wizard.ui.guide import Guide
from wizard.ui.screens.step import StepScreen
from wizard.ui.widgets.lines import Failure, StateLines, plain

TRAFFIC = (
    "API Discovery lists an endpoint after at least two successful requests, one of them more than "
    "five minutes after the first. Let your APIs be used, then look into Wallarm Console."
)


_NOT_SENT = "No request could be sent from here; see the notes in the log."
_NO_CLIENT = "No client made a request meanwhile. Nothing was sent; Try again waits once more."


class Proof(StepScreen):
    """The journey and the summary."""

    STEP = "proof"
    AUTO_FOCUS = "#next"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "retry", "Try again"),
        Binding("y", "copy", "Copy summary"),
    ]

    def __init__(self, guide: Guide) -> None:
        super().__init__(guide)
        self._over = False  # nothing runs any more

    def body(self) -> ComposeResult:
        """Hops, one sentence, what now."""
        with VerticalScroll():
            yield StateLines(id="hops")
            yield StateLines(id="stages", classes="gap-above")
            yield Static("", id="sentence", classes="gap-above", markup=False)
            yield Failure()
            yield Static("What now", id="what-now", classes="section", markup=False)
            yield Static(TRAFFIC, id="traffic", markup=False)
            yield StateLines(id="links", classes="gap-above")
            with Horizontal(classes="actions"):
                yield Button(Text("Try again"), compact=True, id="retry")
                yield Button(Text("Stop waiting"), compact=True, id="stop")
                yield Button(Text("Copy summary"), compact=True, id="copy")

    def started(self) -> None:
        """The hops come by themselves."""
        self.follow(self.run.changed, self.show)

    def show(self) -> None:
        """Hops as they are reached."""
        run, ink = self.run.now, theme.ink(self)
        self.query_one("#hops", StateLines).fill(_lines(tuple(run.hops.values())), title_width=44)
        stages = run.proof.stages if run.proof is not None else ()
        self.query_one("#stages", StateLines).fill(
            [(s.state, f"{s.api_name} / {s.ref.stage}", s.text, "", "") for s in stages]
            if len(stages) > 1
            else [],
            title_width=34,
        )
        request = next((n.text for n in run.notes if n.subject == "Request"), "")
        waiting = run.busy and self.STEP not in run.done
        self.say_hint(request or ("waiting for the request to be sent" if waiting else ""))
        sentence = Text()
        if run.proof is not None:
            good = run.proof.complete
            sentence = Text(clean(run.proof.summary), ink.good + ink.strong if good else ink.warn)
        elif self.STEP in run.done:
            waits = self.session.answers.proof == "wait"
            sentence = Text(_NO_CLIENT if waits else _NOT_SENT, ink.warn)
        elif waiting:
            sentence = Text(
                "Usually under 1m; the first line of a new stage can take 5m.", ink.muted
            )
        self.query_one("#sentence", Static).update(sentence)
        error = run.error if run.error_phase == self.STEP else None
        self.query_one(Failure).tell(error)
        ended = not run.busy and self.STEP in run.done
        for name in ("#what-now", "#traffic", "#links"):
            self.query_one(name).display = ended
        self.query_one("#links", StateLines).fill(
            [(State.DONE, i.title, i.text, "", i.url) for i in run.links], title_width=20
        )
        incomplete = run.proof is None or not run.proof.complete
        self.query_one("#retry", Button).display = not run.busy and (
            error is not None or (ended and incomplete)
        )
        self.query_one("#stop", Button).display = waiting
        self.query_one("#copy", Button).display = ended
        if not run.busy and not self._over:
            self._over = True
            self.call_after_refresh(self._offer_next)

    def _offer_next(self) -> None:
        """The run is over: what had the keys while it went on is gone, and Home is what comes."""
        forward = self.query_one("#next", Button)
        kept = isinstance(self.focused, Button) and self.focused.id not in ("back", "stop")
        if forward.focusable and not kept:
            self.set_focus(forward)

    def question(self) -> str:
        """What is shown."""
        return "Follow a request of each stage to the node"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Another try and a summary only when nothing runs."""
        if action in ("retry", "copy"):
            return not self.run.now.busy
        return super().check_action(action, parameters)

    def next_ready(self) -> bool:
        """When nothing runs any more."""
        return not self.run.now.busy

    def why_not(self) -> str:
        """Home is there when nothing runs."""
        return "following the request" if self.run.now.busy else ""

    def next_label(self) -> str:
        """What comes after the run."""
        return "Next: Home"

    def forward(self) -> None:
        """Home: from there one adds, removes, looks."""
        self.go_home()

    def action_retry(self) -> None:
        """Send another request."""
        run = self.run.now
        if not run.busy:
            run.done.discard(self.STEP)
            run.proof = None
            self.run.start()

    def action_copy(self) -> None:
        """The summary as text."""
        run = self.run.now
        lines = [run.proof.summary] if run.proof else []
        lines += [f"{i.title}: {i.text} {i.url}".strip() for i in run.links]
        if run.error is not None:
            lines.append(plain(run.error))
        self.mover.copy("\n".join(lines), "Summary")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Retry, stop, copy."""
        actions = {
            "retry": self.action_retry,
            "copy": self.action_copy,
            "stop": self.run.stop_waiting,
        }
        action = actions.get(event.button.id or "")
        if action is not None:
            event.stop()
            action()


def _lines(hops: tuple[Hop, ...]) -> list[tuple[State, str, str, str, str]]:
    lines = []
    before = 0.0
    for hop in hops:
        at = ""
        if hop.at:
            moment = datetime.fromtimestamp(hop.at, timezone.utc)
            at = f"{moment:%H:%M:%S.%f}"[:-3]
            at += f"  + {max(0.0, hop.at - before):.1f}s" if before else " UTC"
            before = hop.at
        word = "" if hop.at else hop.state.value
        lines.append((hop.state, hop.title, at or word, "", hop.detail))
    return lines


SCREEN = Proof
