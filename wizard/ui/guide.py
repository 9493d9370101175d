"""What every screen is given: the session, the flows, the two models, and the ways to move on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wizard.flows.context import Options
    from wizard.ui.account import Account
    from wizard.ui.deployment_run import DeploymentRun
    from wizard.ui.product import Product
    from wizard.ui.session import Session
    from wizard.ui.workers import Workers


class Mover(Protocol):
    """Where a screen can have the app go.

    `advancing`: the run shows its next part by itself, at this moment.
    """

    advancing: bool

    def go(self, step_id: str) -> None:
        """Show a step, `home`, or a screen of Home."""

    def visit(self, step_id: str) -> None:
        """The same, where that is allowed from here: from the sidebar or the palette."""

    def leave(self, code: int | None = None) -> None:
        """Save what is unsaved and end; without a code with that of the run."""

    def stop_and_leave(self) -> None:
        """Stop the run gracefully and end when it has stopped."""

    def copy(self, text: str, what: str) -> None:
        """Copy, and say where the text went."""

    def open_page(self, url: str) -> None:
        """Open a page in the browser; where there is none, its address goes to the clipboard."""


@dataclass(frozen=True)
class Guide:
    """The parts that screens work with. `clock` gives seconds, for durations."""

    options: Options
    session: Session
    product: Product
    account: Account
    run: DeploymentRun
    workers: Workers
    clock: Callable[[], float]
    mover: Mover
