"""Whether a plan that was made anew stays within the one that a person has reviewed."""

from __future__ import annotations

from collections.abc import Iterable

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
