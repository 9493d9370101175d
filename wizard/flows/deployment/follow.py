"""Terraform's events as progress for a reader: the reducer's state and a line for the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from wizard.core.events import Listener, TerraformChanged
from wizard.core.terraform.events import ApplyProgress, Event, PlannedChange, describe
from wizard.core.terraform.progress import ProgressReducer


def follow(emit: Listener, learned: Mapping[str, float] | None = None) -> Callable[[Event], None]:
    """A listener for Terraform that tells `emit` what each event changed.

    Args:
        learned: medians of this machine, see `durations.usual_seconds`.
    """
    reducer = ProgressReducer(learned)

    def listen(event: Event) -> None:
        now = time.monotonic()
        reducer.apply(event, now)
        # An apply repeats the whole plan, which the reader has just seen.
        line = "" if isinstance(event, PlannedChange) else describe(event)
        emit(TerraformChanged(reducer.snapshot(now), line, isinstance(event, ApplyProgress)))

    return listen
