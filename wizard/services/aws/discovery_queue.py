"""What is between those who list APIs and those who read their stages: an order, and listeners."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from wizard.core.facts import Api, Stage


def api_order(api: Api) -> tuple[str, str]:
    """The order of the table."""
    return (api.name.lower(), api.api_id)


class ApiQueue:
    """APIs whose stages are still to be read; what somebody looks at comes out first.

    Else they come in the order of the table, so that it fills from the top, where one looks.
    """

    def __init__(self, prefer: Callable[[], Iterable[str]] | None) -> None:
        self._prefer = prefer
        self._pending: dict[str, Api] = {}
        self._listers = 0
        self._changed = threading.Condition()

    def open(self, listers: int) -> None:
        """So many will list APIs."""
        self._listers = listers

    def put(self, apis: Iterable[Api]) -> None:
        """Their stages are to be read."""
        with self._changed:
            known = sorted([*self._pending.values(), *apis], key=api_order)
            self._pending = {api.api_id: api for api in known}
            self._changed.notify_all()

    def lister_done(self) -> None:
        """One of them has listed all."""
        with self._changed:
            self._listers -= 1
            self._changed.notify_all()

    def pop(self, cancelled: Callable[[], bool]) -> Api | None:
        """The next API; None when there will be none."""
        with self._changed:
            while not self._pending and self._listers and not cancelled():
                self._changed.wait(0.1)
            if not self._pending or cancelled():
                return None
            for api_id in self._prefer() if self._prefer else ():
                if api_id in self._pending:
                    return self._pending.pop(api_id)
            return self._pending.pop(next(iter(self._pending)))

    def __len__(self) -> int:
        return len(self._pending)


class Listeners:
    """The listeners, called one at a time."""

    def __init__(
        self,
        on_batch: Callable[[tuple[Stage, ...]], None] | None,
        on_apis: Callable[[tuple[Api, ...]], None] | None,
        on_count: Callable[[int, int], None] | None,
    ) -> None:
        self._on_batch = on_batch
        self._on_apis = on_apis
        self._on_count = on_count
        self._lock = threading.Lock()
        self._read = 0
        self._known = 0

    def apis(self, page: list[Api]) -> None:
        """These were listed."""
        with self._lock:
            self._known += len(page)
            if self._on_apis and page:
                self._on_apis(tuple(page))
            self._counted()

    def stages(self, stages: list[Stage]) -> None:
        """One more API was read; it has these."""
        with self._lock:
            self._read += 1
            if self._on_batch and stages:
                self._on_batch(tuple(stages))
            self._counted()

    def _counted(self) -> None:
        if self._on_count:
            self._on_count(self._read, self._known)
