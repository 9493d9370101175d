"""Something that is fetched in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from wizard.core.errors import WizardError

T = TypeVar("T")


@dataclass
class Loaded(Generic[T]):
    """Something that is fetched in the background: the value, or why there is none."""

    value: T | None = None
    error: WizardError | None = None
    busy: bool = False
    since: float = 0.0
    turn: int = 0  # an answer to an older question is ignored

    def begin(self, now: float) -> int:
        """A new fetch starts; what is known stays until it ends."""
        self.turn += 1
        self.busy, self.error, self.since = True, None, now
        return self.turn

    def reset(self) -> None:
        """Forget it: the question changed."""
        self.turn += 1
        self.value, self.error, self.busy = None, None, False
