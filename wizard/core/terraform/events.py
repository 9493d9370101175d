"""What Terraform says while it works, as values: one frozen dataclass per kind of line.

Source: the machine-readable UI of `terraform plan|apply -json` (UI version 1.x), as measured with
Terraform 1.11. Seconds are whole seconds as Terraform counts them; addresses are Terraform's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wizard.core.text import duration


@dataclass(frozen=True)
class Version:
    """The first line of every run: Terraform's version and the version of its line format."""

    terraform: str
    ui: str = ""


@dataclass(frozen=True)
class PlannedChange:
    """One change the plan holds. `action` is create, update, delete, replace, read, move, …"""

    address: str
    resource_type: str
    action: str
    reason: str = ""
    previous_address: str = ""


@dataclass(frozen=True)
class DriftFound:
    """Something was changed outside Terraform since the last run."""

    address: str
    resource_type: str
    action: str


@dataclass(frozen=True)
class ApplyStart:
    """Work on one resource began."""

    address: str
    resource_type: str
    action: str


@dataclass(frozen=True)
class ApplyProgress:
    """Work on one resource goes on (Terraform says so every ten seconds)."""

    address: str
    resource_type: str
    action: str
    elapsed: float


@dataclass(frozen=True)
class ApplyComplete:
    """Work on one resource ended well. `resource_id` is the provider's id, where there is one."""

    address: str
    resource_type: str
    action: str
    elapsed: float
    resource_id: str = ""


@dataclass(frozen=True)
class ApplyErrored:
    """Work on one resource failed; the reason follows as a `Diagnostic`."""

    address: str
    resource_type: str
    action: str
    elapsed: float


@dataclass(frozen=True)
class Refresh:
    """Terraform reads the present state of one resource (`done`: has read it)."""

    address: str
    resource_type: str
    done: bool


@dataclass(frozen=True)
class ChangeSummary:
    """The final count. `operation` is plan, apply or destroy; after a failure it never comes."""

    add: int
    change: int
    remove: int
    imported: int = 0
    operation: str = "plan"

    @property
    def total(self) -> int:
        """All changes together."""
        return self.add + self.change + self.remove + self.imported


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning in Terraform's own words. `filename:line` points into the module."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    filename: str = ""
    line: int = 0

    @property
    def is_error(self) -> bool:
        """Whether the run failed because of it."""
        return self.severity == "error"

    @property
    def text(self) -> str:
        """Summary, place and detail, as Terraform prints them."""
        place = f"\n  with {self.address}" if self.address else ""
        where = f"\n  on {self.filename} line {self.line}" if self.filename else ""
        return f"{self.summary}{place}{where}" + (f"\n{self.detail}" if self.detail else "")


@dataclass(frozen=True)
class Outputs:
    """The outputs after an apply; sensitive ones are named, never shown (value None).

    In a plan there are no values; `changing` are those that it would change.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    sensitive: frozenset[str] = frozenset()
    changing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LogLine:
    """A line that is none of the above: kept as text, means nothing to the progress."""

    text: str
    level: str = "info"


Event = (
    Version
    | PlannedChange
    | DriftFound
    | ApplyStart
    | ApplyProgress
    | ApplyComplete
    | ApplyErrored
    | Refresh
    | ChangeSummary
    | Diagnostic
    | Outputs
    | LogLine
)

_DOING = {"create": "creating", "update": "updating", "delete": "removing", "read": "reading"}
_DONE = {"create": "created", "update": "updated", "delete": "removed", "read": "read"}


def doing(action: str) -> str:
    """`creating`, `updating`, `removing`: the word for work that is going on."""
    return _DOING.get(action, action)


def describe(event: Event) -> str:
    """One event as one line of text for a log; empty where there is nothing to tell."""
    if isinstance(event, Version):
        return f"Terraform {event.terraform}"
    if isinstance(event, PlannedChange):
        return f"{event.address}: plan to {event.action}"
    if isinstance(event, DriftFound):
        return f"{event.address}: changed outside Terraform ({event.action})"
    if isinstance(event, ApplyStart):
        return f"{event.address}: {doing(event.action)}"
    if isinstance(event, ApplyProgress):
        return f"{event.address}: still {doing(event.action)}, {duration(event.elapsed)}"
    if isinstance(event, ApplyComplete):
        done = _DONE.get(event.action, event.action)
        return f"{event.address}: {done} after {duration(event.elapsed)}"
    if isinstance(event, ApplyErrored):
        return f"{event.address}: {event.action} failed after {duration(event.elapsed)}"
    if isinstance(event, Refresh):
        return "" if event.done else f"{event.address}: reading its present state"
    if isinstance(event, ChangeSummary):
        return (
            f"{event.operation}: {event.add} to add, {event.change} to change, "
            f"{event.remove} to destroy"
            if event.operation == "plan"
            else f"{event.operation} complete: {event.add} added, {event.change} changed, "
            f"{event.remove} destroyed"
        )
    if isinstance(event, Diagnostic):
        return f"{event.severity}: {event.text}"
    if isinstance(event, Outputs):
        return ""
    return event.text
