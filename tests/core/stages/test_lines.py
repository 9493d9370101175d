"""What the forwarder says about lines is added up; of one that it gave up the shape is shown."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from benchmarks.batches import batch, line
from benchmarks.invoking import environment, forwarder, invoke
from wizard.core.facts import StageRef
from wizard.core.stages.lines import (
    DAY,
    LastEvent,
    LineCounts,
    MalformedLine,
    count_by_stage,
    count_lines,
    find_example,
    silent_stages,
)

PROD, TEST = StageRef("a1b2c3d4e5", "prod"), StageRef("ffff000000", "test")
GROUPS = {PROD: "/ours", TEST: "/theirs"}


def test_the_forwarders_own_metric_lines_are_added_up() -> None:
    """As the forwarder itself writes them; a node is not there, which is another matter."""
    forwarder()
    logs = []
    with environment(X_NODE_URL="127.0.0.1:1"):
        for size in (3, 4):
            _, _, log = invoke(batch(size), 0.1)
            logs += log.splitlines()
    assert count_lines(logs) == LineCounts(7, 0, 0)


def test_the_forwarder_tells_the_lines_of_each_stage_as_far_as_aws_names_it() -> None:
    forwarder()
    twice = line(1).replace('"path":"', '"path":"/x","path":"')
    lines = [line(1), line(2), twice, "REPORT RequestId: 1", line(3).replace('"prod"', '"test"')]
    with environment(X_NODE_URL="127.0.0.1:1"):
        _, _, log = invoke(of_lines(lines), 0.1)
    found = count_by_stage(log.splitlines())
    assert found == {
        StageRef("a1b2c3d4e5", "prod"): LineCounts(3, 1),
        StageRef("a1b2c3d4e5", "test"): LineCounts(1, 0),
    }
    assert count_lines(log.splitlines()) == LineCounts(5, 2), "one is nobody's"


def test_lines_by_stage_are_added_up_and_nonsense_counts_for_nothing() -> None:
    messages = [
        said(received=3, stages={"a/prod": [3, 1]}),
        said(received=4, stages={"a/prod": [2, 0], "b/x": [2, 2]}),
        said(received=4, stages={"no slash": [1, 0], "c/x": [1], "d/x": ["1", 0], "e/x": [1, 2],
                                 "f/x": [1, -1], "g/x": None, "h/x": [True, False]}),
        said(received=1, stages=[1]), said(received=1), '{"stages":{"z/z":[1,0]}}', "x",
    ]  # fmt: skip
    assert count_by_stage(messages) == {
        StageRef("a", "prod"): LineCounts(5, 1),
        StageRef("b", "x"): LineCounts(2, 2),
    }


def of_lines(lines: list[str]) -> dict[str, object]:
    events = [{"id": str(n), "timestamp": 1, "message": m} for n, m in enumerate(lines)]
    body = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events}
    return {
        "awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()}
    }


def said(**values: object) -> str:
    return json.dumps({"_aws": {}, **values})


def test_other_messages_and_wrong_numbers_count_for_nothing() -> None:
    messages = [
        said(received=100, malformed=80, skipped=10), said(received=20, malformed=20),
        said(received=0), said(received="7"), said(received=True), said(received=-5),
        '{"received":9}', "START RequestId: 1", "[]", "{", "null",
    ]  # fmt: skip
    assert count_lines(messages) == LineCounts(120, 100, 10)
    assert count_lines([]) == LineCounts()


@pytest.mark.parametrize(
    ("counts", "text", "alarming"),
    [
        (LineCounts(120, 100, 0), "100 of 120 malformed (83 %)", True),
        (LineCounts(100, 5, 0), "5 of 100 malformed (5 %)", True),
        (LineCounts(1000, 49, 0), "49 of 1,000 malformed (5 %)", False),
        (LineCounts(1000, 1, 900),
         "1 of 1,000 malformed (0.1 %), 900 WebSocket events skipped (90 %)", False),
        (LineCounts(5, 0, 0), "0 of 5 malformed", False),
        (LineCounts(), "0 of 0 malformed", False),
    ],
)  # fmt: skip
def test_shares_are_told_in_words(counts: LineCounts, text: str, alarming: bool) -> None:
    assert (str(counts), counts.alarming) == (text, alarming)


def test_the_last_line_that_was_given_up_is_the_example() -> None:
    def entry(reason: str) -> str:
        return json.dumps({"event": "malformed", "reason": reason, "shape": '{"?":…}\x1b[31m',
                           "log_group": "/ours", "api": "a1", "stage": "prod",
                           "log_event_id": "7"})  # fmt: skip

    found = find_example([entry("first"), '{"event":"quarantined"}', entry("last"), "x"])
    assert found == MalformedLine("last", '{"?":…}[31m', "/ours", "a1", "prod", "7") or (
        found is not None and "\x1b" not in found.shape
    )
    assert find_example(['{"event":"start"}']) is None


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        (MalformedLine("r", "s", "/ours", "a1b2c3d4e5", "prod"), "a1b2c3d4e5/prod"),
        (MalformedLine("r", "s", "/ours", "a1b2c3d4e5", "dev"),
         "a1b2c3d4e5/dev, which is not connected"),
        (MalformedLine("r", "s", "/theirs"), "/theirs, to which ffff000000/test logs"),
        (MalformedLine("r", "s", "/other"), "/other"),
        (MalformedLine("r", "s"), "an unknown log group"),
    ],
)  # fmt: skip
def test_where_a_line_came_from_is_told_as_far_as_it_is_known(
    line: MalformedLine, origin: str
) -> None:
    assert line.origin(GROUPS) == origin


def test_of_many_stages_in_a_log_group_three_are_named() -> None:
    groups = {StageRef(f"a{n}", "s"): "/g" for n in range(5)}
    assert MalformedLine("r", "s", "/g").origin(groups) == "/g, to which a0/s, a1/s, a2/s … log"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (LastEvent(at=988.0, since=900.0), "12s ago"),
        (LastEvent(at=1060.0, since=900.0), "0s ago"),
        (LastEvent(since=1000.0 - 2 * 86_400), "none in 2 days"),
        (LastEvent(since=1000.0 - 2 * 86_400 + 60), "none in 47h 59m"),
        (LastEvent(since=940.0, problem="refused"), "none in 1m 00s; refused"),
        (LastEvent(problem="refused"), "refused"),
    ],
)
def test_a_last_event_is_told_by_its_age_or_by_how_far_back_there_was_none(
    found: LastEvent, words: str
) -> None:
    assert found.words(1000.0) == words


NOW = 1_764_547_200.0  # 2025-12-01T00:00:00Z
LONG, LATELY = "2025-11-01T00:00:00Z", "2025-11-30T12:00:00Z"
LIVE, OLD = LastEvent(at=NOW - 60), LastEvent(at=NOW - DAY - 1)
NEVER = LastEvent(since=NOW - 7 * DAY)


@pytest.mark.parametrize(
    ("other", "event", "since", "silent"),
    [
        (LIVE, NEVER, LONG, True),
        (LIVE, OLD, LONG, True),
        (LIVE, LastEvent(since=NOW - DAY), LONG, True),
        (LIVE, NEVER, "2025-11-30T00:00:00Z", True),
        # Not known, or too soon to tell.
        (LIVE, NEVER, LATELY, False),
        (LIVE, NEVER, "", False),
        (LIVE, NEVER, "yesterday", False),
        (LIVE, LastEvent(since=NOW - DAY + 1), LONG, False),
        (LIVE, LastEvent(problem="refused"), LONG, False),
        (LIVE, LastEvent(at=NOW - DAY + 1), LONG, False),
        # All are as quiet: none stands out.
        (OLD, NEVER, LONG, False),
        (NEVER, NEVER, LONG, False),
        (LastEvent(at=NOW - DAY), NEVER, LONG, True),
    ],
)
def test_a_stage_is_silent_that_logged_nothing_for_a_day_while_another_one_did(
    other: LastEvent, event: LastEvent, since: str, silent: bool
) -> None:
    found = silent_stages({TEST: other, PROD: event}, {PROD: since}, NOW)
    assert found == ((PROD,) if silent else ())
