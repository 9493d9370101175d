"""What a running flow tells its reader: one typed event per thing worth saying.

The same events feed the screens, the live display in a terminal, plain log lines and `--json`.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wizard.core.facts import StageRef
from wizard.core.text import count


class Phase(str, Enum):
    """The parts of an install, in order."""

    DISCOVER = "discover"
    PLAN = "plan"
    TOKEN = "token"  # noqa: S105 - a phase's name
    DEPLOY = "deploy"
    NODE = "node"
    STAGES = "stages"
    PROOF = "proof"
    DESTROY = "destroy"
    CLEANUP = "cleanup"


class State(str, Enum):
    """State of a phase, a stage or a hop; always shown as glyph and word."""

    TODO = "to do"
    RUNNING = "running"
    DONE = "done"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCHECKED = "not checked"


_UNICODE = {
    State.DONE: "✓",
    State.RUNNING: "●",
    State.TODO: "○",
    State.WARNING: "!",
    State.FAILED: "✗",
    State.SKIPPED: "–",
    State.UNCHECKED: "?",
}
_ASCII = {
    State.DONE: "[ok]",
    State.RUNNING: "[..]",
    State.TODO: "[  ]",
    State.WARNING: "[!!]",
    State.FAILED: "[XX]",
    State.SKIPPED: "[--]",
    State.UNCHECKED: "[??]",
}


def glyph(state: State, *, unicode: bool) -> str:
    """The sign of a state; the word always stands beside it."""
    return (_UNICODE if unicode else _ASCII)[state]


@dataclass(frozen=True)
class PhaseChanged:
    """A phase began or ended. `usual` says in words how long it takes."""

    phase: Phase
    state: State
    title: str
    usual: str = ""


@dataclass(frozen=True)
class Note:
    """A line for the reader; `subject` names what it is about."""

    text: str
    state: State = State.DONE
    subject: str = ""


@dataclass(frozen=True)
class StageReport:
    """What became of one stage's logging."""

    ref: StageRef
    api_name: str
    state: State
    message: str

    @property
    def label(self) -> str:
        """Which stage, for a reader."""
        return self.ref.label(self.api_name)


def count_reports(reports: Iterable[StageReport], done: str) -> str:
    """`5 stages connected, 1 failed, 2 left alone`: what there was none of is left out.

    Args:
        done: what was done to a stage that is done.
    """
    states = Counter(report.state for report in reports)
    good, failed = states[State.DONE], states[State.FAILED]
    words = [f"{count(good, 'stage')} {done}"] if good or not states else []
    words += [f"{count(failed, 'stage') if not words else failed} failed"] if failed else []
    left = sum(states.values()) - good - failed
    words += [f"{count(left, 'stage') if not words else left} left alone"] if left else []
    return ", ".join(words)


@dataclass(frozen=True)
class Hop:
    """One station of the followed request. `at` is epoch seconds, 0.0 where not reached."""

    key: str
    title: str
    state: State
    at: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class HopChanged:
    """A hop was reached, or given up."""

    hop: Hop


@dataclass(frozen=True)
class StageFollowed:
    """How far the request of one stage has come, where several are followed."""

    ref: StageRef
    api_name: str
    state: State
    text: str

    @property
    def label(self) -> str:
        """Which stage, for a reader."""
        return self.ref.label(self.api_name)


@dataclass(frozen=True)
class TerraformChanged:
    """Terraform did something; `snapshot` is the reducer's state (`core.progress.Progress`).

    `tick` marks a line that only says that time passes.
    """

    snapshot: Any
    line: str = ""
    tick: bool = False


FlowEvent = PhaseChanged | Note | StageReport | HopChanged | StageFollowed | TerraformChanged
Listener = Callable[[FlowEvent], None]


def as_dict(event: FlowEvent) -> dict[str, Any]:
    """An event as plain JSON types, for `--json`; `type` names its class."""
    data: dict[str, Any] = {"type": type(event).__name__}
    if isinstance(event, TerraformChanged):
        data["line"] = event.line
        return data
    for item in dataclasses.fields(event):
        value = getattr(event, item.name)
        if isinstance(value, Enum):
            value = value.value
        elif isinstance(value, StageRef):
            value = str(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {
                k: v.value if isinstance(v, Enum) else v
                for k, v in dataclasses.asdict(value).items()
            }
        data[item.name] = value
    return data
