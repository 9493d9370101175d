"""What a display sees of a running apply: immutable views that `progress` makes.

Times are seconds of the clock that the reducer was fed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wizard.core.terraform.events import ChangeSummary, Diagnostic, doing
from wizard.core.text import duration

_LATE_FACTOR = 1.5
_LATE_SLACK = 10.0  # seconds; below that nobody wonders


class UnitState(str, Enum):
    """Where one piece of work stands."""

    PENDING = "to do"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Unit:
    """One piece of work: one action on one resource.

    `usual` is the expected time in seconds; `started` and `ended` are on the caller's clock.
    """

    address: str
    resource_type: str
    action: str
    group: str
    usual: float
    state: UnitState = UnitState.PENDING
    started: float | None = None
    ended: float | None = None

    def elapsed(self, now: float) -> float:
        """Seconds worked on it so far, or altogether."""
        if self.started is None:
            return 0.0
        return max(0.0, (now if self.ended is None else self.ended) - self.started)

    def late(self, now: float) -> bool:
        """Whether it runs and takes longer than usual."""
        limit = max(self.usual * _LATE_FACTOR, self.usual + _LATE_SLACK)
        return self.state is UnitState.RUNNING and self.elapsed(now) > limit

    def line(self, now: float) -> str:
        """`aws_lb.node  creating  41s, usually 2m 40s`."""
        text = f"{self.address}  {doing(self.action)}  {duration(self.elapsed(now))}"
        if self.late(now):
            return f"{text}, longer than the usual {duration(self.usual)}"
        return f"{text}, usually {duration(self.usual)}" if self.usual >= 10 else text


@dataclass(frozen=True)
class GroupProgress:
    """One group of resources in the reader's words. Times on the caller's clock."""

    name: str
    total: int = 0
    done: int = 0
    running: int = 0
    failed: int = 0
    started: float | None = None
    ended: float | None = None

    @property
    def state(self) -> UnitState:
        """Failed beats running beats done."""
        if self.failed:
            return UnitState.FAILED
        if self.total and self.done == self.total:
            return UnitState.DONE
        return UnitState.RUNNING if self.running or self.done else UnitState.PENDING

    def elapsed(self, now: float) -> float:
        """Seconds since its first resource began, up to its last one's end."""
        if self.started is None:
            return 0.0
        closed = self.done + self.failed == self.total and self.ended is not None
        return max(0.0, (self.ended if closed and self.ended else now) - self.started)


@dataclass(frozen=True)
class Progress:
    """Everything a display needs at one moment. Shares its parts with earlier snapshots.

    Attributes:
        fraction: 0.0 to 1.0, weighted by usual durations; 1.0 only when all is done.
        eta: seconds still to go, None while that would be a guess.
        summary: Terraform's final count of an apply; None until it came.
    """

    now: float
    total: int
    done: int
    failed: int
    fraction: float
    eta: float | None
    elapsed: float
    units: tuple[Unit, ...]
    running: tuple[Unit, ...]
    groups: tuple[GroupProgress, ...]
    diagnostics: tuple[Diagnostic, ...]
    summary: ChangeSummary | None = None
    terraform_version: str = ""

    @property
    def complete(self) -> bool:
        """Terraform's final count came: nothing is left to do."""
        return self.summary is not None

    @property
    def late(self) -> tuple[Unit, ...]:
        """What takes longer than usual, the latest first."""
        late = [u for u in self.running if u.late(self.now)]
        return tuple(sorted(late, key=lambda u: u.usual - u.elapsed(self.now)))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Terraform's errors so far."""
        return tuple(d for d in self.diagnostics if d.is_error)

    @property
    def one_line(self) -> str:
        """`31 of 52, about 1m 10s; aws_lb.node  creating  41s`, for a log or a status line."""
        parts = [f"{self.done} of {self.total}"]
        if self.eta is not None and not self.complete:
            parts.append(f"about {duration(self.eta)}")
        text = ", ".join(parts)
        if self.running:
            longest = max(self.running, key=lambda u: u.elapsed(self.now))
            text += f"; {longest.line(self.now)}"
        return text
