"""Terraform's state in a workspace's own folder, and the copy of it that outlives a bad day.

Terraform takes a state that is empty or gone for an empty account and would deploy everything a
second time. The copy of the last run that ended is what tells the one from the other.
"""

from __future__ import annotations

import time
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.services.files import write_private
from wizard.services.state_file import StateFacts, count_resources, read_state


class LocalState:
    """The state at `folder/terraform.tfstate`, and its copy beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "terraform.tfstate"
        self.kept = folder / "last-good.tfstate"

    @property
    def exists(self) -> bool:
        """Whether there is something in it; Terraform begins with an empty file."""
        return self.path.exists() and self.path.stat().st_size > 0

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever recorded here."""
        return not self.path.exists() and not self.kept.exists()

    def facts(self) -> StateFacts | None:
        """What tells this state from another; None without one."""
        return read_state(self.path.read_bytes()) if self.exists else None

    def resources(self) -> int:
        """Number of its resources. Raises WizardError WAG-E-WS-020 when it is damaged."""
        return count_resources(self.path, self.kept)

    def check(self) -> int:
        """The same; raises WAG-E-WS-021, too, when it is empty or gone though something was
        deployed."""
        known = count_resources(self.kept, self.kept) if self.kept.exists() else 0
        if self.exists:
            return self.resources()
        if known:
            raise WizardError(
                "WAG-E-WS-021",
                "Terraform's state of this deployment is gone, but the deployment is not",
                why=f"{self.path} is empty or missing; after the last run it held "
                f"{known} resources.",
                next_step="`wallarm-apigw install` offers to put the copy of the last run in "
                f"place: {self.kept}",
            )
        return 0

    def keep(self) -> None:
        """Keep a copy, if it can be read: what `check` compares with."""
        if self.exists:
            self.resources()
            write_private(self.kept, self.path.read_bytes())

    def kept_facts(self) -> tuple[StateFacts, float] | None:
        """The facts of the copy and its age in seconds; None where there is no readable one."""
        try:
            facts = read_state(self.kept.read_bytes())
            return facts, max(0.0, time.time() - self.kept.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def restore(self) -> Path | None:
        """Put the copy in the state's place. Returns where a damaged state was moved to."""
        aside = _aside(self.path, "damaged") if self.exists else None
        write_private(self.path, self.kept.read_bytes())
        return aside

    def put_away(self) -> None:
        """Rename it once it is elsewhere, so that nobody takes it for the present."""
        for path in (self.path, self.kept):
            if path.exists():
                _aside(path, "moved")


class UnsavedStates:
    """State that Terraform could not store where it belongs and left in its folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def files(self) -> tuple[Path, ...]:
        """Where it lies; empty when everything was stored."""
        return tuple(sorted(self._root.glob("module-*/errored.tfstate")))

    def check(self) -> None:
        """Raises WizardError WAG-E-WS-022 while one waits to be dealt with.

        Planning without it would deploy a second time what it records.
        """
        if self.files:
            names = ", ".join(str(path) for path in self.files)
            raise WizardError(
                "WAG-E-WS-022",
                "Terraform could not store its state in an earlier run",
                why=f"What it did then is recorded in {names}.",
                next_step="`wallarm-apigw install` offers to put that record back, or to set it "
                "aside if it is obsolete.",
            )

    @staticmethod
    def set_aside(path: Path) -> Path:
        """Rename an obsolete one so that it no longer counts; nothing is deleted."""
        return _aside(path, "set-aside")


def _aside(path: Path, why: str) -> Path:
    return path.rename(path.with_name(f"{path.name}.{why}-{time.strftime('%Y%m%dT%H%M%S')}"))
