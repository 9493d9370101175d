"""What every use case does that changes a deployment: it holds the workspace while it runs."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

from wizard.flows.deployment.model import Deployment

Held = TypeVar("Held", bound="Holding")


class Holding:
    """A context manager: the workspace's lock is taken at its beginning and given back at its end.

    Attributes:
        deployment: made by the use case itself, under the name that its journal entries carry.
    """

    deployment: Deployment

    def __enter__(self: Held) -> Held:
        self.deployment.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deployment.__exit__(kind, error, trace)
