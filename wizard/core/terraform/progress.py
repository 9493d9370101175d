"""Turns Terraform's events into what a reader wants to know: how far, how long, what is slow.

`ProgressReducer.apply` folds one event in at O(1); `snapshot` gives an immutable `Progress`. The
fold does not care about repeated, missing or reordered events: nothing that was finished becomes
unfinished and the fraction never goes back. Times are seconds of a clock that the caller owns and
passes in (monotonic); the module reads no clock.

Source of the rules: Terraform's `-json` stream. A replacement is two pieces of work, a removal and
a creation, because Terraform reports them so. Data sources (`read`) are not work: they are read
during the plan already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from wizard.core.terraform.durations import usual_seconds
from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    Event,
    PlannedChange,
    Version,
    doing,
)
from wizard.core.terraform.plans import group_of, group_order
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
    def to_go(self) -> str:
        """`about 1m 10s to go`; once something takes longer than usual, that; empty before the
        first guess, after a failure, and at the end."""
        if self.complete:
            return ""
        if self.eta is not None:
            return f"about {duration(self.eta)} to go"
        return "slower than usual" if self.late and not self.failed else ""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Terraform's errors so far."""
        return tuple(d for d in self.diagnostics if d.is_error)

    @property
    def one_line(self) -> str:
        """`31 of 52, about 1m 10s to go; aws_lb.node  creating  41s`, as one line of a log."""
        text = ", ".join(filter(None, (f"{self.done} of {self.total}", self.to_go)))
        if self.running:
            longest = max(self.running, key=lambda u: u.elapsed(self.now))
            text += f"; {longest.line(self.now)}"
        return text


__all__ = ["GroupProgress", "Progress", "ProgressReducer", "Unit", "UnitState"]

# Terraform works on ten things at a time; dependencies leave about this many at once in practice.
_USUAL_PARALLELISM = 3.0
_MAX_UNITS = 20_000
_MAX_DIAGNOSTICS = 200


class ProgressReducer:
    """Folds events. One writer; `snapshot` may be handed to any thread.

    Args:
        learned: medians of this machine, see `durations.usual_seconds`.
    """

    def __init__(self, learned: Mapping[str, float] | None = None) -> None:
        self._learned = learned
        self._units: dict[tuple[str, str], Unit] = {}
        self._running: dict[tuple[str, str], Unit] = {}
        self._groups: dict[str, GroupProgress] = {}
        self._view: tuple[Unit, ...] | None = ()
        self._diagnostics: dict[Diagnostic, None] = {}
        self._summary: ChangeSummary | None = None
        self._version = ""
        self._began: float | None = None
        self._latest = 0.0
        self._weight = 0.0  # usual seconds of all units
        self._weight_done = 0.0  # of those that ended well
        self._weight_failed = 0.0
        self._worked = 0.0  # measured seconds of those that ended well
        self._done = 0
        self._failed = 0
        self._high = 0.0

    def apply(self, event: Event, now: float) -> None:
        """Fold one event in. Unknown kinds change nothing."""
        self._latest = now = max(now, self._latest)
        if isinstance(event, PlannedChange):
            for action in _units_of(event.action):
                self._unit(event.address, event.resource_type, action)
        elif isinstance(event, ApplyStart):
            self._start(event, now)
        elif isinstance(event, ApplyProgress):
            self._start(event, now - event.elapsed)
        elif isinstance(event, ApplyComplete):
            self._end(event, UnitState.DONE, now)
        elif isinstance(event, ApplyErrored):
            self._end(event, UnitState.FAILED, now)
        elif isinstance(event, Diagnostic):
            if len(self._diagnostics) < _MAX_DIAGNOSTICS:
                self._diagnostics.setdefault(event)
        elif isinstance(event, ChangeSummary):
            if event.operation != "plan":
                self._summary = self._summary or event
        elif isinstance(event, Version):
            self._version = self._version or event.terraform

    def snapshot(self, now: float) -> Progress:
        """The present state. Cost: what is running, plus the list if it changed since."""
        self._latest = now = max(now, self._latest)
        if self._view is None:
            self._view = tuple(self._units.values())
        running = tuple(self._running.values())
        return Progress(
            now=now,
            total=len(self._units),
            done=self._done,
            failed=self._failed,
            fraction=self._fraction(running, now),
            eta=self._eta(running, now),
            elapsed=0.0 if self._began is None else max(0.0, now - self._began),
            units=self._view,
            running=running,
            groups=tuple(sorted(self._groups.values(), key=lambda g: group_order(g.name))),
            diagnostics=tuple(self._diagnostics),
            summary=self._summary,
            terraform_version=self._version,
        )

    def measured(self) -> tuple[tuple[str, str, float], ...]:
        """Type, action and seconds of everything that ended well: what can be learned from."""
        return tuple(
            (u.resource_type, u.action, u.ended - u.started)
            for u in self._units.values()
            if u.state is UnitState.DONE and u.ended is not None and u.started is not None
        )

    def _unit(self, address: str, resource_type: str, action: str) -> Unit | None:
        unit = self._units.get((address, action))
        if unit is None and len(self._units) < _MAX_UNITS:
            group = group_of(resource_type, address)
            usual = usual_seconds(resource_type, action, self._learned)
            unit = self._units[address, action] = Unit(address, resource_type, action, group, usual)
            self._view = None
            self._weight += usual
            held = self._groups.get(group, GroupProgress(group))
            self._groups[group] = replace(held, total=held.total + 1)
        return unit

    def _start(self, event: ApplyStart | ApplyProgress, began: float) -> None:
        if event.action not in _WORK:
            return
        unit = self._unit(event.address, event.resource_type, event.action)
        if unit is None or unit.state in (UnitState.DONE, UnitState.FAILED):
            return
        if unit.started is not None and unit.started <= began + 1.0:
            return  # Terraform counts whole seconds: our own start is the better one
        begins = unit.state is UnitState.PENDING
        self._put(replace(unit, state=UnitState.RUNNING, started=began))
        self._began = began if self._began is None else min(self._began, began)
        held = self._groups[unit.group]
        self._groups[unit.group] = replace(
            held,
            running=held.running + begins,
            started=began if held.started is None else min(held.started, began),
        )

    def _end(self, event: ApplyComplete | ApplyErrored, state: UnitState, now: float) -> None:
        if event.action not in _WORK:
            return
        self._start(
            ApplyStart(event.address, event.resource_type, event.action), now - event.elapsed
        )
        unit = self._units.get((event.address, event.action))
        if unit is None or unit.state is not UnitState.RUNNING:
            return
        ended = replace(unit, state=state, ended=now)
        self._put(ended)
        held = self._groups[unit.group]
        good = state is UnitState.DONE
        self._groups[unit.group] = replace(
            held,
            running=held.running - 1,
            done=held.done + good,
            failed=held.failed + (not good),
            ended=now,
        )
        self._done += good
        self._failed += not good
        if good:
            self._weight_done += unit.usual
            self._worked += ended.elapsed(now)
        else:
            self._weight_failed += unit.usual

    def _put(self, unit: Unit) -> None:
        where = (unit.address, unit.action)
        self._units[where] = unit
        self._view = None
        if unit.state is UnitState.RUNNING:
            self._running[where] = unit
        else:
            self._running.pop(where, None)

    def _fraction(self, running: tuple[Unit, ...], now: float) -> float:
        if self._summary is not None and not self._failed:
            self._high = 1.0
        elif self._weight > 0:
            reached = self._weight_done + sum(u.usual * _share(u, now) for u in running)
            self._high = max(self._high, min(0.99, reached / self._weight))
        return self._high

    def _eta(self, running: tuple[Unit, ...], now: float) -> float | None:
        """Work left over the parallelism seen so far, and no less than the longest single wait."""
        if self._summary is not None:
            return 0.0
        if self._began is None or self._failed or any(u.late(now) for u in running):
            return None
        wall = now - self._began
        if wall < 2.0:
            return None
        left = [max(0.0, u.usual - u.elapsed(now)) for u in running]
        waiting = self._weight - self._weight_done - self._weight_failed
        waiting = max(0.0, waiting - sum(u.usual for u in running))
        seen = (self._worked + sum(u.elapsed(now) for u in running)) / wall
        trust = min(1.0, wall / 30.0)
        parallel = max(1.0, _USUAL_PARALLELISM * (1 - trust) + seen * trust)
        return max([(waiting + sum(left)) / parallel, *left])


_WORK = frozenset({"create", "update", "delete"})


def _units_of(action: str) -> tuple[str, ...]:
    """The pieces of work behind a planned action."""
    if action == "replace":
        return ("delete", "create")
    return (action,) if action in _WORK else ()


def _share(unit: Unit, now: float) -> float:
    """How much of a running unit counts as done: fast up to the usual time, then ever slower."""
    ratio = unit.elapsed(now) / unit.usual
    return 0.9 * ratio if ratio <= 1.0 else 0.9 + 0.09 * (1.0 - 1.0 / ratio)
