"""The four logs of a deployment, read a piece at a time: node, forwarder, access logs, ECS events.

Read-only. CloudWatch Logs allows few `FilterLogEvents` calls a second for the whole account, so a
caller asks for one log every two seconds or so, not more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.answers.model import Answers
from wizard.core.text import clean
from wizard.flows.context import Context
from wizard.flows.doctor import examine
from wizard.services.checks.examination import Examination, absent, error_words, newest_events

MOST_LINES = 200
MOST_CHARACTERS = 4000
# Log lines may become readable this many seconds after their own time, out of order.
OVERLAP_SECONDS = 30.0


@dataclass(frozen=True)
class LogSource:
    """One of the four logs. `place` is its log group, or the ECS service."""

    key: str
    title: str
    place: str


@dataclass(frozen=True)
class LogLine:
    """One line. `at` is epoch seconds; `line_id` is the same each time the line is read; `text` is
    foreign, on one line, without control characters."""

    at: float
    line_id: str
    text: str


@dataclass(frozen=True)
class Tail:
    """What was read, oldest first. `problem` says why nothing could be; lines are empty then."""

    lines: tuple[LogLine, ...] = ()
    problem: str = ""


def sources(exam: Examination) -> tuple[LogSource, ...]:
    """The logs this deployment has; a node of one's own has none that AWS knows."""
    outputs = exam.outputs
    found = [
        LogSource("node", "Node", outputs.node_log_group),
        LogSource("forwarder", "Forwarder (Lambda)", outputs.lambda_log_group),
        *(
            LogSource(f"access:{group}", "Access logs (API Gateway)", group)
            for group in exam.log_groups
        ),
        LogSource("ecs", "ECS service events", outputs.ecs_service),
    ]
    return tuple(source for source in found if source.place)


def read_source(exam: Examination, source: LogSource, since: float) -> Tail:
    """The newest lines since a time (epoch seconds), at most `MOST_LINES`, oldest first."""
    try:
        lines = _events(exam) if source.key == "ecs" else _lines(exam, source.place, since)
    except ClientError as error:
        if absent(error):
            return Tail(problem=f"{source.place} does not exist")
        return Tail(problem=error_words(error))
    except BotoCoreError as error:
        return Tail(problem=error_words(error))
    return Tail(tuple(line for line in lines if line.at >= since)[-MOST_LINES:])


class Follower:
    """Reads one log again and again and gives every line once."""

    def __init__(self, exam: Examination, source: LogSource, since: float) -> None:
        self._exam = exam
        self.source = source
        self._since = since
        self._seen: set[str] = set()

    def news(self) -> Tail:
        """The lines that were not there last time."""
        began = time.time()
        found = read_source(self._exam, self.source, self._since)
        if found.problem:
            return found
        new = tuple(line for line in found.lines if line.line_id not in self._seen)
        self._since = max(self._since, began - OVERLAP_SECONDS)
        self._seen = {line.line_id for line in found.lines if line.at >= self._since}
        return Tail(new)


def _lines(exam: Examination, group: str, since: float) -> list[LogLine]:
    events = newest_events(exam, group, since, most=MOST_LINES)
    return [
        LogLine(
            event["timestamp"] / 1000,
            str(event.get("eventId", "")) or f"{event['timestamp']} {event['message']}",
            clean(event["message"].rstrip(), MOST_CHARACTERS),
        )
        for event in events
    ]


def _events(exam: Examination) -> list[LogLine]:
    """The service's events; ECS keeps the last hundred."""
    services = exam.aws("ecs").describe_services(
        cluster=exam.outputs.ecs_cluster, services=[exam.outputs.ecs_service]
    )["services"]
    events = services[0].get("events", []) if services else []
    lines = [
        LogLine(_epoch(e["createdAt"]), str(e["id"]), clean(e["message"], MOST_CHARACTERS))
        for e in events
    ]
    return sorted(lines, key=lambda line: line.at)


def _epoch(moment: datetime | float) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


FIRST_SECONDS = 15 * 60.0
"""How far back the first look goes."""


def followers(
    context: Context,
    answers: Answers,
    *,
    exam: Examination | None = None,
    back_seconds: float = FIRST_SECONDS,
) -> tuple[Follower, ...]:
    """One follower per log of the deployment; call `news()` of the one on screen every 2 s or more.

    Args:
        exam: what was examined, if the caller still has it; otherwise it is collected (a second
            or two: it reads Terraform's outputs).
    Empty when nothing is deployed.
    """
    place = exam or examine.open_examination(context, answers)
    since = time.time() - back_seconds
    return tuple(Follower(place, source, since) for source in sources(place))


__all__ = ["Follower", "LogLine", "LogSource", "Tail", "followers"]
