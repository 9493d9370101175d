"""What a plan would do, compared with another one: the reviewed and the one that was made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from wizard.core.terraform.events import PlannedChange

_ACTING = ("create", "update", "delete", "replace")
# What may be left to do of a reviewed action when a run was cut short. What it made may be there
# but half done: then it is changed, or made anew.
_WITHIN = {
    "create": ("create", "update", "replace"),
    "update": ("update",),
    "delete": ("delete",),
    "replace": ("replace", "create", "update", "delete"),
}


def beyond(
    reviewed: Iterable[PlannedChange], fresh: Iterable[PlannedChange]
) -> tuple[PlannedChange, ...]:
    """The changes of the fresh plan that nobody has seen: they need a review of their own."""
    seen = {change.address: change.action for change in reviewed}
    return tuple(
        change
        for change in fresh
        if change.action in _ACTING
        and change.action not in _WITHIN.get(seen.get(change.address, ""), ())
    )


_NAMED = 5  # changes that are named, of each kind


def meaning(plan: Mapping[str, Any]) -> str:
    """A digest of everything a plan would do; two plans with the same one do the same.

    Args:
        plan: as `terraform show -json` gives it.
    """
    changes = sorted(
        json.dumps([c["address"], c["change"]], sort_keys=True)
        for c in plan.get("resource_changes", ())
        if c["change"]["actions"] != ["no-op"]
    )
    return hashlib.sha256("\n".join(changes).encode()).hexdigest()


def listed(names: list[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
