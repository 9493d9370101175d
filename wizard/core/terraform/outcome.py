"""What Terraform's run came to: its exit code, its events and its state, held against each other.

An exit code alone is not believed: wrappers in CI and version managers hide it. A plan has changes
where the code or the stream says so; an apply is done where its count came, no error was told, and
the state holds what the plan said.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyStart,
    ChangeSummary,
    Event,
    Outputs,
    PlannedChange,
)
from wizard.core.text import count

CHANGES_PENDING = 2
"""`plan -detailed-exitcode` for a plan with changes."""
_NOTHING = ("no-op", "noop", "")
_GONE = ("delete", "remove", "forget")
_MADE = ("create", "update", "replace", "import")


@dataclass
class PlanHeard:
    """What the stream of a plan said."""

    changes: dict[str, PlannedChange] = field(default_factory=dict)
    summary: ChangeSummary | None = None
    changed_outputs: frozenset[str] = frozenset()

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, PlannedChange):
            self.changes[event.address] = event
        elif isinstance(event, ChangeSummary):
            self.summary = event
        elif isinstance(event, Outputs):
            self.changed_outputs |= event.changing

    @property
    def tells_changes(self) -> bool:
        """Whether anything in it says that the plan would change something."""
        counted = self.summary is not None and self.summary.total > 0
        acting = any(one.action not in _NOTHING for one in self.changes.values())
        return counted or acting or bool(self.changed_outputs)

    def has_changes(self, returncode: int) -> bool:
        """Whether the plan would change something, by the exit code or by the stream."""
        return returncode == CHANGES_PENDING or self.tells_changes

    def is_mute(self, returncode: int) -> bool:
        """Whether nothing can be known: no count came, and the exit code says "no changes"."""
        return returncode != CHANGES_PENDING and self.summary is None and not self.tells_changes


@dataclass
class ApplyHeard:
    """What the stream of an apply said about each resource."""

    summary: ChangeSummary | None = None
    begun: dict[str, str] = field(default_factory=dict)  # address → action, while it goes on
    done: dict[str, str] = field(default_factory=dict)  # address → the last action that ended well

    def hear(self, event: Event) -> None:
        """Take in one event. What is only read does not count."""
        if isinstance(event, ChangeSummary):
            if event.operation != "plan":
                self.summary = event
        elif isinstance(event, ApplyStart):
            if event.action != "read":
                self.begun[event.address] = event.action
        elif isinstance(event, (ApplyComplete, ApplyErrored)):
            self.begun.pop(event.address, None)
            if isinstance(event, ApplyComplete) and event.action != "read":
                self.done[event.address] = event.action

    def in_doubt(self, held: Collection[str]) -> tuple[str, ...]:
        """Addresses of which nobody knows whether the state is right: work on them never ended, or
        they were made and are not in it.

        Args:
            held: the addresses in the state.
        """
        lost = {at for at, action in self.done.items() if action == "create" and at not in held}
        return tuple(sorted(lost | set(self.begun)))


def unlike_plan(changes: Iterable[PlannedChange], held: Collection[str]) -> str:
    """How a state differs from what an applied plan must have left; empty where it does not.

    Args:
        held: the addresses in the state.
    """
    missing, left = [], []
    for one in changes:
        if one.action in _MADE and one.address not in held:
            missing.append(one.address)
        elif one.action in _GONE and one.address in held:
            left.append(one.address)
    parts = []
    if missing:
        parts.append(f"{_listed(missing)} should be in the state and not there")
    if left:
        parts.append(f"{_listed(left)} should be gone and still in the state")
    return "; ".join(parts)


def state_addresses(body: bytes) -> tuple[str, ...]:
    """Addresses of the managed resources in a state file, as Terraform writes them.

    Raises ValueError, KeyError, TypeError or AttributeError for what is no state.
    """
    found = []
    for one in json.loads(body)["resources"]:
        if one.get("mode", "managed") != "managed":
            continue
        where = f"{one['module']}." if one.get("module") else ""
        for instance in one.get("instances", ()):
            if not instance.get("deposed"):
                key = _key(instance.get("index_key"))
                found.append(f"{where}{one['type']}.{one['name']}{key}")
    return tuple(found)


def state_attribute(body: bytes, kind: str, name: str, attribute: str) -> str:
    """An attribute of the first instance of a managed resource; empty where there is none."""
    for one in json.loads(body)["resources"]:
        if (one.get("type"), one.get("name")) == (kind, name):
            for instance in one.get("instances", ()):
                return str(instance.get("attributes", {}).get(attribute) or "")
    return ""


def _key(value: Any) -> str:
    if value is None:
        return ""
    return f"[{value}]" if isinstance(value, int) else f"[{json.dumps(value)}]"


def _listed(addresses: list[str], most: int = 5) -> str:
    more = len(addresses) - most
    shown = ", ".join(addresses[:most])
    return f"{shown} and {count(more, 'other')}" if more > 0 else shown
