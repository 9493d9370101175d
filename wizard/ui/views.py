"""What the screens show, in the reader's words: the values that a backend hands them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.core.known_deployment import KnownDeployment

if TYPE_CHECKING:
    from wizard.core.events import State


Existing = KnownDeployment


@dataclass(frozen=True)
class StageView:
    """What would happen to one stage: facts and diff in the reader's words.

    Attributes:
        today: how it logs now, one line.
        planned: (setting, before, after) for every setting that would change.
        diff: unified diff lines of the access-log format, empty when it stays as it is.
        owner: who else manages the stage, or empty.
        snippet: what to put into the owner's template, ready to copy.
        reason: why it cannot be changed, or is skipped; empty when it can.
    """

    today: str
    planned: tuple[tuple[str, str, str], ...] = ()
    diff: tuple[str, ...] = ()
    owner: str = ""
    snippet: str = ""
    reason: str = ""
    format: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedResource:
    """One resource of the plan. `action` is create, update, delete or replace."""

    address: str
    action: str
    group: str
    reason: str = ""


@dataclass(frozen=True)
class ReviewView:
    """Everything that would happen, ready to be shown.

    `cost` holds (what, dollars per month, assumption); `policies` maps a purpose to a JSON text;
    `stages` pairs a stage's label with its view; `skipped` pairs a label with the reason; `used`
    pairs what is the user's and stays with words about it.
    """

    resources: tuple[PlannedResource, ...]
    stages: tuple[tuple[str, StageView], ...]
    skipped: tuple[tuple[str, str], ...]
    cost: tuple[tuple[str, float, str], ...]
    cost_total: float
    cost_dated: str
    policies: dict[str, str]
    answers_file: str
    warnings: tuple[str, ...] = ()
    used: tuple[tuple[str, str], ...] = ()

    @property
    def dangerous(self) -> tuple[PlannedResource, ...]:
        """What would be destroyed, or destroyed and made anew."""
        return tuple(r for r in self.resources if r.action in ("delete", "replace"))

    @property
    def nothing_to_do(self) -> bool:
        """The account is already as the answers want it."""
        return not self.resources and not self.stages


@dataclass(frozen=True)
class Link:
    """A line of the summary at the end: a title, a text, and a console address or empty."""

    title: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class StatusLine:
    """One line of the status of a deployment."""

    title: str
    state: State
    text: str


@dataclass(frozen=True)
class Connected:
    """A connected stage. `same` is False where somebody changed its logging since, None unknown."""

    ref: str
    log_group: str
    same: bool | None = True
    note: str = ""


@dataclass(frozen=True)
class RemovalView:
    """What an uninstall would do: stages put back, resources destroyed, and what stays and why."""

    stages: tuple[str, ...]
    resources: tuple[PlannedResource, ...]
    token_parameter: str
    stays: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()  # made here; kept with their data unless somebody says so
    policies: tuple[str, ...] = ()  # log groups whose resource policy is put back

    @property
    def nothing_to_do(self) -> bool:
        """Nothing of this deployment is left, but log data that was kept."""
        return not (self.stages or self.resources or self.token_parameter or self.policies)


@dataclass(frozen=True)
class RemovedView:
    """What an uninstall did, and what is left and why."""

    destroyed: int
    left: tuple[str, ...]
    complete: bool
