"""A run that can die at any of its writes to AWS, before or after the write is done."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session
from wizard.services.workspace.journal import Journal

Meddler = Callable[[str, Any], None]
READS = ("Get", "Describe", "List")


class Killed(BaseException):
    """As `kill -9` does it: nothing that handles errors sees it."""


class Mortal(Session):
    """A session that knows every write it made, and dies at one of them when it is told to."""

    def __init__(self, region: str, env: Mapping[str, str]) -> None:
        super().__init__(region=region, env=env, bucket=TokenBucket(100_000, 100_000))
        self.writes: list[str] = []
        self._nth, self._after = 0, False
        self.before: Meddler = lambda operation, arguments: None
        self.behind: Meddler = lambda operation, arguments: None

    def begin(self, nth: int = 0, *, after: bool = False) -> Mortal:
        """A new run, which dies at its `nth` write (from 1; 0 never), before or after it is done.

        `before` and `behind` see every call, reads too, and may raise what AWS would answer.
        The clients are those of the last one: making them is what takes time.
        """
        self.writes = []
        self._nth, self._after = nth, after
        self.before = self.behind = lambda operation, arguments: None
        return self

    def client(self, service: str) -> Any:
        client = super().client(service)
        if not hasattr(client, "_mortal"):
            client._mortal = True
            call = client._make_api_call

            def make(operation: str, arguments: Any) -> Any:
                self.before(operation, arguments)
                if operation.startswith(READS):
                    return call(operation, arguments)
                self.writes.append(operation)
                fatal = len(self.writes) == self._nth
                if fatal and not self._after:
                    raise Killed
                answer = call(operation, arguments)
                self.behind(operation, arguments)
                if fatal:
                    raise Killed
                return answer

            client._make_api_call = make
        return client


@dataclass
class Pen:
    """How many lines of the record were begun."""

    lines: int = 0


@contextmanager
def torn(nth: int) -> Iterator[Pen]:
    """Every run in it dies when half of its `nth` line of the record (from 1) is on the disk."""
    pen = Pen()
    whole = Journal._append

    def append(journal: Journal, line: str) -> None:
        pen.lines += 1
        if pen.lines != nth:
            whole(journal, line)
            return
        whole(journal, line)
        written = len(line.encode()) + 1
        os.truncate(journal._path, journal._path.stat().st_size - written // 2)
        raise Killed

    with mock.patch.object(Journal, "_append", append):
        yield pen
