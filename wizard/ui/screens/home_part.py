"""What the screens behind Home share: they are no steps, and Back leads Home."""

from __future__ import annotations

from wizard.core.text import clean
from wizard.ui.screens.step import StepScreen


class HomePart(StepScreen):
    """A screen of Home."""

    def question(self) -> str:
        """Subclasses say it."""
        raise NotImplementedError

    def label_of(self, ref: str) -> str:
        """`API / stage` where it is known, else the reference."""
        row = self.wizard.state.book.by_ref.get(ref)
        return f"{row.name} / {row.stage}" if row else clean(ref)

    def can_go_back(self) -> bool:
        """Unless something runs."""
        return not self.wizard.state.run.busy

    def action_back(self) -> None:
        """Home."""
        if self.can_go_back():
            self.wizard.go("home")

    def why_not(self) -> str:
        """Subclasses say why Next waits."""
        return ""
