"""A deployment that is known here: from its folder on this computer, a bucket, or its tag."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.core.journal.unfinished import Unfinished


@dataclass(frozen=True)
class KnownDeployment:
    """One deployment, as far as it can be told without opening it.

    Attributes:
        resources: how many things its state knows; None where that cannot be read from here at
            once.
        changed: epoch seconds of the last change of its state; 0.0 where none is known.
        root: its folder on this computer; None where it has none here.
        unfinished: its last run, if that did not come to its end.
        bucket: where its state is kept, when that is not on this computer.
        remote: its state is on another computer: it can be looked at, not changed.
        forwarder: name of its function, where it was found by its tag.
        holder: who is working on it, on this computer, right now; empty where nobody is.
    """

    name_prefix: str
    account_id: str
    region: str
    resources: int | None = None
    changed: float = 0.0
    root: Path | None = None
    unfinished: Unfinished | None = None
    bucket: str = ""
    remote: bool = False
    forwarder: str = ""
    holder: str = ""
