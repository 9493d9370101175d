"""When each stage logged its last line: real requests to a local AWS, and a log that pages."""

from __future__ import annotations

import time
import uuid
from typing import Any, cast

import pytest
from botocore.stub import Stubber

from tests.services.aws.conftest import World, unlimited
from wizard.core.facts import AccessLog, ApiType, StageRef
from wizard.core.stages.lines import LastEvent
from wizard.core.stages.log_format import line_start, render_format
from wizard.services.aws import traffic
from wizard.services.aws.session import Session
from wizard.services.aws.traffic import read_last_events

FORMAT = render_format(ApiType.HTTP)
PROD, TEST = StageRef("a1b2c3", "prod"), StageRef("a1b2c3", "test")


def line(ref: StageRef, behind: str = "200") -> str:
    return f'{line_start(FORMAT, ref)}{behind}","userAgent":"curl"}}'


def put(world: World, group: str, *lines: tuple[str, float]) -> None:
    """Lines with their age in seconds."""
    stream = uuid.uuid4().hex
    world.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = time.time()
    events = [{"timestamp": int((now - age) * 1000), "message": text} for text, age in lines]
    events.sort(key=lambda event: int(cast(int, event["timestamp"])))
    world.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def age(found: LastEvent) -> float:
    assert found.at is not None, found
    return time.time() - found.at


def test_each_stage_of_a_shared_log_group_has_its_own_last_event(world: World) -> None:
    group = world.log_group()
    log = AccessLog(world.arn(group), FORMAT)
    silent = StageRef("ffffff", "prod")
    put(world, group, (line(PROD), 7200), (line(PROD), 90), (line(TEST), 3 * 3600))
    found = read_last_events(world.session, {PROD: log, TEST: log, silent: log})
    assert list(found) == [PROD, TEST, silent]
    assert age(found[PROD]) == pytest.approx(90, abs=20)
    assert age(found[TEST]) == pytest.approx(3 * 3600, abs=20)
    assert found[silent].words(time.time()) == "none in 7 days"


def test_a_line_counts_for_the_stage_that_aws_names_and_not_for_one_a_client_names(
    world: World,
) -> None:
    group = world.log_group()
    forged = line(PROD, f'200","userAgent":"{line(TEST)}')
    put(world, group, (forged, 30), (f"x{line(TEST)}", 20))
    log = AccessLog(world.arn(group), FORMAT)
    found = read_last_events(world.session, {PROD: log, TEST: log})
    assert age(found[PROD]) == pytest.approx(30, abs=20)
    assert found[TEST].at is None


def test_what_cannot_be_told_says_why(world: World) -> None:
    gone = AccessLog(world.arn("/not/there"), FORMAT)
    older = AccessLog(world.arn("/any"), '{"requestId":"$context.requestId"}')
    firehose = AccessLog("arn:aws:firehose:eu-central-1:1:deliverystream/x", FORMAT)
    refs = [StageRef(f"a{n}", "prod") for n in range(3)]
    found = read_last_events(world.session, dict(zip(refs, (gone, older, firehose), strict=True)))
    assert [found[ref].words(0) for ref in refs] == [
        "/not/there does not exist",
        "its lines do not begin with their stage",
        "it does not log to a log group",
    ]


def test_a_refusal_is_told_in_the_words_of_aws(env: dict[str, str], world: World) -> None:
    session = Session(region="eu-north-1", env=env, bucket=unlimited())
    with Stubber(session.client("logs")) as answers:
        answers.add_client_error("filter_log_events", "AccessDenied", "no identity-based policy")
        found = read_last_events(session, {PROD: AccessLog(world.arn("/any"), FORMAT)})
    assert "no identity-based policy" in found[PROD].words(0)


class Paging:
    """A log group that answers in pages, oldest first, as AWS does; the local AWS never pages."""

    login_profile = ""

    def __init__(self, page: int, lines: list[tuple[float, str]]) -> None:
        self.page, self.lines, self.asked = page, sorted(lines), 0

    def client(self, _service: str) -> Any:
        return self

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked += 1
        begin, end = request["startTime"] / 1000, request.get("endTime", 9e15) / 1000
        phrases = request.get("filterPattern", "").replace('"', "").split()
        held = [
            {"timestamp": at * 1000, "message": text}
            for at, text in self.lines
            if begin <= at <= end and all(phrase in text for phrase in phrases)
        ]
        first = int(request.get("nextToken", 0))
        after = first + self.page
        more = {"nextToken": str(after)} if len(held) > after else {}
        return {"events": held[first:after], **more}


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("busy", "quiet", "words"),
    [
        # Lines a second, age of the quiet stage's only line, what is said of it.
        (0.1, 4000, "1h 06m ago"),
        (1, 2.5 * 86_400, "2 days ago"),
        (1, 10, "10s ago"),
        (1, 8 * 86_400, "none in 7 days"),
    ],
)
def test_a_busy_stage_hides_no_quiet_one(
    monkeypatch: pytest.MonkeyPatch, busy: float, quiet: float, words: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    lines = [(NOW - n / busy, line(PROD)) for n in range(int(2 * 3600 * busy))]
    logs = Paging(10, [*lines, (NOW - quiet, line(TEST))])
    log = AccessLog("arn:aws:logs:eu-central-1:1:log-group:/g", FORMAT)
    found = read_last_events(cast(Session, logs), {PROD: log, TEST: log})
    newest = found[PROD].at
    assert newest is not None
    assert NOW - newest <= traffic.NARROWEST
    assert found[TEST].words(NOW) == words
    assert logs.asked <= 2 * traffic.MOST_READS


def test_a_log_with_more_than_is_looked_through_says_how_far_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two stages of one API whose names are alike a phrase finds both."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    loud, low = StageRef("a1b2c3", "prod"), StageRef("a1b2c3", "p")
    lines = [(NOW - n / 10, line(loud)) for n in range(20_000)]
    logs = Paging(50, [*lines, (NOW - 5000, line(low))])
    log = AccessLog("arn:aws:logs:eu-central-1:1:log-group:/g", FORMAT)
    found = read_last_events(cast(Session, logs), {loud: log, low: log})
    assert found[low] == LastEvent(None, 0.0, "more was logged than is looked through")
