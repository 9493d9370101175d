"""The logs of a deployment as the app knows them: which there are, and what was read so far."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wizard.ui.loaded import Loaded

if TYPE_CHECKING:
    from wizard.flows.doctor.logs import LogLine, Tail
    from wizard.ui.backend import LogFollower

MOST_LINES = 1_000
SECONDS = 2.0  # between two looks at a log; CloudWatch Logs allows few calls for the whole account


@dataclass
class OneLog:
    """What one log said. `told` counts every line there ever was, so that a screen can append."""

    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    told: int = 0
    problem: str = ""
    read: bool = False


class Tails:
    """The logs that are followed, by the key of their source."""

    def __init__(self) -> None:
        self.followers: Loaded[tuple[LogFollower, ...]] = Loaded()
        self.news: Loaded[tuple[str, Tail]] = Loaded()
        self.logs: dict[str, OneLog] = {}

    def hear(self, key: str, tail: Tail) -> None:
        """Take what a look at one log brought."""
        log = self.logs.setdefault(key, OneLog())
        log.read, log.problem = True, tail.problem
        log.lines.extend(tail.lines)
        log.told += len(tail.lines)

    def forget(self) -> None:
        """Another deployment, or a changed one."""
        self.followers.reset()
        self.news.reset()
        self.logs.clear()
