"""Log lines, told: when a stage wrote its last one, how many the forwarder could read.

The forwarder writes one metric line for each batch, and for the first lines of a batch that it
cannot read or send one entry each (lambda/cw-resend-lambda/observe.py): never a value of the line,
only its shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wizard.core.facts import StageRef
from wizard.core.text import clean, count, duration, json_object

# What a filter pattern of CloudWatch Logs finds these entries by.
BATCHES, EXAMPLES = '"received"', '"shape"'
DAY = 86_400.0  # seconds
MOST_PERCENT = 5.0  # of the lines may be malformed before that is a failure: clients can cause some


@dataclass(frozen=True)
class LineCounts:
    """Lines of some batches: `skipped` are WebSocket events, `malformed` cannot be read or sent."""

    received: int = 0
    malformed: int = 0
    skipped: int = 0

    def percent(self, number: int) -> float:
        """A share of what was received, 0 to 100."""
        return 100 * number / self.received if self.received else 0.0

    @property
    def alarming(self) -> bool:
        """Whether more is malformed than a few clients would cause."""
        return self.percent(self.malformed) >= MOST_PERCENT

    def __str__(self) -> str:
        said = f"{self.malformed:,} of {self.received:,} malformed"
        said += f" ({_percent(self.percent(self.malformed))})" if self.malformed else ""
        skipped = (
            f"{self.skipped:,} WebSocket events skipped ({_percent(self.percent(self.skipped))})"
        )
        return f"{said}, {skipped}" if self.skipped else said


@dataclass(frozen=True)
class MalformedLine:
    """One line that was given up. `api` and `stage` are empty where AWS's own words do not tell."""

    reason: str
    shape: str
    log_group: str = ""
    api: str = ""
    stage: str = ""
    event_id: str = ""

    def origin(self, groups: Mapping[StageRef, str]) -> str:
        """Where it came from, as far as that is known.

        Args:
            groups: the log group of each connected stage.
        """
        if self.api and self.stage:
            known = StageRef(self.api, self.stage) in groups
            return f"{self.api}/{self.stage}" + ("" if known else ", which is not connected")
        near = [str(ref) for ref, group in groups.items() if group == self.log_group]
        if not near:
            return self.log_group or "an unknown log group"
        shown = ", ".join(near[:3]) + (" …" if len(near) > 3 else "")
        return f"{self.log_group}, to which {shown} log" + ("s" if len(near) == 1 else "")


@dataclass(frozen=True)
class LastEvent:
    """The newest log line of a stage that was seen in its log group.

    Attributes:
        at: its time in epoch seconds; None where none was seen.
        since: epoch seconds. Everything after it was looked through; 0 where nothing was.
        problem: why nothing, or nothing further back, could be told.
    """

    at: float | None = None
    since: float = 0.0
    problem: str = ""

    def words(self, now: float) -> str:
        """`12s ago`, `none in 7 days`, or why it is not known. `now` is in epoch seconds."""
        if self.at is not None:
            return f"{_age(now - self.at)} ago"
        looked = f"none in {_age(now - self.since)}" if self.since else ""
        return "; ".join(filter(None, (looked, self.problem)))


def silent_stages(
    events: Mapping[StageRef, LastEvent], connected: Mapping[StageRef, str], now: float
) -> tuple[StageRef, ...]:
    """Stages that logged nothing for a day while another one did.

    Where all are as quiet, none is named: then there was no traffic, or what stops it stops all.
    Nor is one that was connected less than a day ago, or whose log could not be looked through so
    far.

    Args:
        connected: since when each is connected (ISO 8601); unknown is empty.
        now: epoch seconds.
    """
    day_ago = now - DAY
    if not any(event.at is not None and event.at >= day_ago for event in events.values()):
        return ()
    return tuple(
        ref
        for ref, event in events.items()
        if _quiet_since(event) <= day_ago and _long_connected(connected.get(ref, ""), day_ago)
    )


def _quiet_since(event: LastEvent) -> float:
    """From when on it is known to have logged nothing; for ever in the future where it is not."""
    if event.at is not None:
        return event.at
    return event.since or float("inf")


def _long_connected(since: str, day_ago: float) -> bool:
    try:
        return datetime.fromisoformat(since.replace("Z", "+00:00")).timestamp() <= day_ago
    except ValueError:
        return False


def count_lines(messages: Iterable[str]) -> LineCounts:
    """The lines of every batch whose metric line is among these; other messages are passed over."""
    received = malformed = skipped = 0
    for message in messages:
        data = json_object(message)
        if not _number(data, "received") or "_aws" not in data:
            continue
        received += _number(data, "received")
        malformed += _number(data, "malformed")
        skipped += _number(data, "skipped")
    return LineCounts(received, malformed, skipped)


def count_by_stage(messages: Iterable[str]) -> dict[StageRef, LineCounts]:
    """The same for each stage, where the metric lines tell it: an older forwarder's do not."""
    found: dict[StageRef, LineCounts] = {}
    for message in messages:
        data = json_object(message)
        stages = data.get("stages")
        if "_aws" not in data or not isinstance(stages, dict):
            continue
        for name, numbers in stages.items():
            try:
                ref, (received, malformed) = StageRef.parse(name), numbers
            except (ValueError, TypeError):
                continue
            if type(received) is int and type(malformed) is int and received >= malformed >= 0:
                was = found.get(ref, LineCounts())
                found[ref] = LineCounts(was.received + received, was.malformed + malformed)
    return found


def find_example(messages: Iterable[str]) -> MalformedLine | None:
    """The last line that was given up, of those among these messages."""
    found = None
    for message in messages:
        data = json_object(message)
        if data.get("event") == "malformed":
            found = MalformedLine(
                *(
                    clean(str(data.get(name, "")), 400)
                    for name in ("reason", "shape", "log_group", "api", "stage", "log_event_id")
                )
            )
    return found


def _age(seconds: float) -> str:
    return count(round(seconds / DAY), "day") if seconds >= 2 * DAY else duration(seconds)


def _number(data: Mapping[str, Any], name: str) -> int:
    value = data.get(name, 0)
    return value if type(value) is int and value > 0 else 0


def _percent(value: float) -> str:
    return f"{value:.0f} %" if value >= 1 else f"{value:.1g} %"
