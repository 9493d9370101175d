"""What stages had lately: how many requests (GetMetricStatistics), and when each logged its last
line (FilterLogEvents).

CloudWatch counts REST stages under the API's name, HTTP and WebSocket stages under its id. It keeps
no zeros: a stage without data had no traffic, or its metrics are switched off.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.facts import AccessLog, ApiType, Stage, StageRef
from wizard.core.stages.lines import DAY, LastEvent
from wizard.core.stages.log_format import line_start, log_group_name
from wizard.core.text import count
from wizard.services.aws.errors import explained, is_not_found
from wizard.services.threads import ReadingPool

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

DAYS = 14
PERIOD = 86_400  # seconds; one figure a day
WORKERS = 8
LOOK_BACK = (60.0, 3600.0, DAY, 7 * DAY)  # seconds before now
NARROWEST = 60.0  # seconds; of a log busier than can be read the last event is known to the minute
MOST_PAGES = 3  # of one stretch of time, before it is halved
MOST_READS = 60  # of one log group, or of one stage in a busy one
LOG_READERS = 3  # `FilterLogEvents` has a small budget, which the whole account shares
_NAMESPACE = "AWS/ApiGateway"


@dataclass(frozen=True)
class Traffic:
    """Requests of each stage in the last `days`; a stage that nothing was counted for has 0."""

    requests: dict[StageRef, int] = field(default_factory=dict)
    days: int = DAYS
    http: frozenset[StageRef] = frozenset()  # those of them that are stages of HTTP APIs

    @property
    def total(self) -> int:
        """Requests of all of them."""
        return sum(self.requests.values())

    @property
    def per_second(self) -> float:
        """The mean load of all of them."""
        return self.total / (self.days * 86_400)

    @property
    def per_second_of_http(self) -> float:
        """The part of it that goes to HTTP APIs, which have no execution logs."""
        return sum(self.requests.get(ref, 0) for ref in self.http) / (self.days * 86_400)

    def words(self, *, filtered: bool) -> str:
        """One sentence for the review; empty where nothing was counted.

        Args:
            filtered: a subscription filter pattern leaves lines out.
        """
        if not self.total:
            return ""
        said = f"{count(self.total, 'request')} in the last {self.days} days; the costs go by them"
        saves = "; the filter pattern saves forwarding, not log ingestion" if filtered else ""
        return said + saves


def read_traffic(session: Session, stages: Iterable[Stage], *, days: int = DAYS) -> Traffic:
    """Count the requests of these stages. Raises WizardError where AWS refuses to say."""
    asked = tuple(stages)
    client = session.client("cloudwatch")
    end = datetime.now(timezone.utc)

    def read(stage: Stage) -> int:
        with explained("Reading the traffic of the stages", session.profile):
            answer = client.get_metric_statistics(
                Namespace=_NAMESPACE,
                StartTime=end - timedelta(days=days),
                EndTime=end,
                Period=PERIOD,
                Statistics=["Sum"],
                **_metric(stage),
            )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    with ReadingPool(WORKERS) as pool:
        counted = dict(zip((stage.ref for stage in asked), pool.map(read, asked), strict=True))
    http = frozenset(stage.ref for stage in asked if stage.api.api_type is ApiType.HTTP)
    return Traffic(counted, days, http)


def _metric(stage: Stage) -> dict[str, Any]:
    """One stage's count. A WebSocket's messages are what it logs, not its connections."""
    api = {"Name": "ApiId", "Value": stage.api.api_id}
    if stage.api.api_type is ApiType.REST:
        api = {"Name": "ApiName", "Value": stage.api.name}
    return {
        "MetricName": "MessageCount" if stage.api.api_type is ApiType.WEBSOCKET else "Count",
        "Dimensions": [api, {"Name": "Stage", "Value": stage.name}],
    }


def read_last_events(
    session: Session, logs_of: Mapping[StageRef, AccessLog]
) -> dict[StageRef, LastEvent]:
    """When each of these stages wrote its last log line, as far back as `LOOK_BACK` goes.

    Only a line counts that begins as API Gateway begins this stage's lines: what stands there no
    client can write. What AWS refuses to say is told for the stages of that log group.
    """
    groups: dict[str, dict[StageRef, str]] = {}
    found: dict[StageRef, LastEvent] = {}
    for ref, log in logs_of.items():
        name, start = log_group_name(log.destination_arn), line_start(log.format, ref)
        if not name:
            found[ref] = LastEvent(problem="it does not log to a log group")
        elif not start:
            found[ref] = LastEvent(problem="its lines do not begin with their stage")
        else:
            groups.setdefault(name, {})[ref] = start
    session.client("logs")  # made before the threads are
    with ReadingPool(LOG_READERS, thread_name_prefix="last-events") as pool:
        for part in pool.map(lambda one: _last_in(session, *one), groups.items()):
            found |= part
    return {ref: found[ref] for ref in logs_of}


def _last_in(
    session: Session, group: str, starts: Mapping[StageRef, str]
) -> dict[StageRef, LastEvent]:
    """The last events of the stages that share a log group."""
    search = _Search(session.client("logs"), group, starts)
    problem = ""
    try:
        with explained(f"Reading the log group {group}", session.login_profile):
            search.look_back(tuple(starts), "")
            for ref, start in starts.items():  # what a busy log hides is asked for by itself
                if ref not in search.newest:
                    search.look_back((ref,), _pattern(start, ref))
    except WizardError as error:
        missing = error.__cause__ is not None and is_not_found(error.__cause__)
        problem = f"{group} does not exist" if missing else f"{error.what}. {error.why}"
    return {ref: search.told(ref, problem.rstrip(" .")) for ref in starts}


def _pattern(start: str, ref: StageRef) -> str:
    """A filter pattern for lines of one stage: two phrases, both wanted."""
    kind = next((kind for kind in ("http", "websocket") if f"{kind}/{ref.api_id}" in start), "")
    return f'"{kind}/{ref.api_id}" "{ref.stage}"' if kind else f'"{ref.api_id}" "{ref.stage}"'


class _Search:
    """Looks through a log group from now back, in stretches of time.

    AWS gives the oldest lines first. So a stretch with more of them than are read is halved, and
    its newer half is looked at first: what was looked through has no gaps.
    """

    def __init__(self, logs: Any, group: str, starts: Mapping[StageRef, str]) -> None:
        self._logs, self._group = logs, group
        self._now = time.time()
        self._by_length: dict[int, dict[str, StageRef]] = {}
        for ref, start in starts.items():
            self._by_length.setdefault(len(start), {})[start] = ref
        self._since = dict.fromkeys(starts, self._now)
        self.newest: dict[StageRef, float] = {}

    def told(self, ref: StageRef, problem: str) -> LastEvent:
        """What is known of a stage; `problem` is what ended the search, if anything did."""
        at, since = self.newest.get(ref), self._since[ref]
        if at is not None:
            return LastEvent(at, since)
        if not problem and since > self._now - LOOK_BACK[-1]:
            problem = "more was logged than is looked through"
        return LastEvent(None, since if since < self._now else 0.0, problem)

    def look_back(self, wanted: tuple[StageRef, ...], pattern: str) -> None:
        """Go on where the search for these stages stopped, until each was seen."""
        since = max(self._since[ref] for ref in wanted)
        edges = [since, *(self._now - back for back in LOOK_BACK if self._now - back < since)]
        waiting = [*zip(edges[1:], edges, strict=False)][::-1]
        reads = MOST_READS
        while waiting and reads > 0 and not all(ref in self.newest for ref in wanted):
            begin, end = waiting.pop()
            seen, whole, pages = self._read(begin, end, pattern)
            reads -= pages
            if not whole and end - begin > NARROWEST:
                middle = (begin + end) / 2
                waiting += [(begin, middle), (middle, end)]
                continue
            for ref, at in seen.items():
                self.newest[ref] = max(at, self.newest.get(ref, 0.0))
            if not whole:
                return
            for ref in wanted:
                self._since[ref] = begin

    def _read(
        self, begin: float, end: float, pattern: str
    ) -> tuple[dict[StageRef, float], bool, int]:
        """(newest line of each stage, whether all was read, pages read) of a stretch of time."""
        request: dict[str, Any] = {"logGroupName": self._group, "startTime": int(begin * 1000)}
        if end < self._now:  # this computer's clock may be slow
            request["endTime"] = int(end * 1000)
        if pattern:
            request["filterPattern"] = pattern
        seen: dict[StageRef, float] = {}
        for page in range(1, MOST_PAGES + 1):
            answer = self._logs.filter_log_events(**request)
            for event in answer.get("events", []):
                ref = self._stage_of(event["message"])
                if ref is not None:
                    seen[ref] = max(event["timestamp"] / 1000, seen.get(ref, 0.0))
            if not answer.get("nextToken"):
                return seen, True, page
            request["nextToken"] = answer["nextToken"]
        return seen, False, MOST_PAGES

    def _stage_of(self, message: str) -> StageRef | None:
        for length, starts in self._by_length.items():
            ref = starts.get(message[:length])
            if ref is not None:
                return ref
        return None
