"""What a plan and an apply give back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wizard.core.terraform.events import ChangeSummary, Diagnostic, DriftFound, PlannedChange


@dataclass(frozen=True)
class PlanResult:
    """A saved plan and what it holds. `digest` is the SHA-256 of the file that was reviewed.

    `summary` counts what would be added, changed and removed; `drift` is what was changed outside
    Terraform since the last run. The file holds sensitive values: it goes when it is used.
    """

    path: Path
    digest: str
    destroy: bool
    has_changes: bool
    summary: ChangeSummary
    changes: tuple[PlannedChange, ...]
    drift: tuple[DriftFound, ...]
    warnings: tuple[Diagnostic, ...] = ()

    def discard(self) -> None:
        """Delete the saved plan."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class ApplyResult:
    """A finished apply: Terraform's own count and the wall time in seconds."""

    summary: ChangeSummary
    seconds: float
    warnings: tuple[Diagnostic, ...] = ()
