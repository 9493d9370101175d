"""What the forwarder's log proves: batches, crashes and events it could not deliver, apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Finding, Verdict
from wizard.core.facts import Identity
from wizard.core.journal.record import Record
from wizard.core.tfvars import Outputs
from wizard.services.checks import forwarder
from wizard.services.checks.examination import Examination

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:resend"
API, OWN = "/api", "/aws/lambda/resend"
MINUTE = 60.0


class Aws:
    """One log group's lines and CloudWatch's metrics; every other call is a mistake."""

    def __init__(self, lines: dict[float, str], sums: dict[str, float]) -> None:
        self.lines, self.sums = lines, sums

    def client(self, _service: str) -> Aws:
        return self

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        assert request["logGroupName"] == OWN
        since, wanted = request["startTime"] / 1000, request["filterPattern"].strip('"')
        events = [
            {"timestamp": int((time.time() - ago) * 1000), "message": line, "eventId": line}
            for ago, line in self.lines.items()
            if wanted in line and time.time() - ago >= since
        ]
        return {"events": events}

    def get_metric_statistics(self, **request: Any) -> dict[str, Any]:
        name = request["MetricName"]
        return {"Datapoints": [{"Sum": self.sums[name]}] if name in self.sums else []}


def exam(
    lines: dict[float, str] | None = None,
    *,
    logged: tuple[float, ...] = (),
    subscribed: float = 3000.0,
    bundle: str = "",
    **sums: float,
) -> Examination:
    """A deployment; `lines` of its forwarder and the ages of access-log events, in seconds ago."""
    made = Examination(
        clients=Aws(lines or {}, sums),
        identity=Identity("123456789012", "", "us-east-1"),
        answers=Answers(region="us-east-1", lambda_package=bundle),
        outputs=Outputs(API, "", "resend", OWN, "node", lambda_function_arn=FUNCTION),
        record=Record(),
        env={},
    )
    now = time.time()
    made.once("events", lambda: [
        {"timestamp": int((now - ago) * 1000), "message": "{}", "logGroup": API} for ago in logged
    ])  # fmt: skip
    made.once(f"filters:{API}", lambda: [
        {"destinationArn": FUNCTION, "creationTime": int((now - subscribed) * 1000)}
    ])  # fmt: skip
    return made


def told(finding: Finding) -> tuple[Verdict, str]:
    return finding.verdict, finding.evidence


BATCH = '{"received": 3, "delivered": 3}'
LOST = "[ERROR] UndeliveredError: 2 of 3 events undelivered: connect: ECONNREFUSED"


@pytest.mark.parametrize(
    ("make", "verdict", "words"),
    [
        (lambda: exam({30: BATCH}, logged=(40,)), Verdict.PASS, "3 received, 3 delivered"),
        (lambda: exam(logged=(300,)), Verdict.FAIL, "s ago, but the forwarder's log holds"),
        (lambda: exam(logged=(300, 20)), Verdict.FAIL, "2 events logged"),
        (lambda: exam(logged=(20,)), Verdict.UNCHECKED, "delivery takes up to a minute"),
        (lambda: exam(), Verdict.UNCHECKED, "nothing was logged"),
        (
            lambda: exam(logged=(300,), subscribed=200),
            Verdict.UNCHECKED,
            "nothing was logged",
        ),
        (
            lambda: exam(logged=(300,), bundle="mine.zip"),
            Verdict.UNCHECKED,
            "bundle of your own",
        ),
    ],
)
def test_what_is_logged_must_be_received_once_it_had_the_time(
    make: Callable[[], Examination], verdict: Verdict, words: str
) -> None:
    found = forwarder.received_lately(make())
    assert (found.verdict, words in found.evidence) == (verdict, True), told(found)


def test_a_repair_of_what_was_not_received_is_offered_for_the_group_that_logs() -> None:
    assert forwarder.received_lately(exam(logged=(300,))).fix_subject == API


@pytest.mark.parametrize(
    ("make", "crash", "undelivered"),
    [
        (lambda: exam(), Verdict.PASS, Verdict.PASS),
        (lambda: exam({60: LOST}), Verdict.PASS, Verdict.FAIL),
        (lambda: exam({40 * MINUTE: LOST}), Verdict.PASS, Verdict.WARN),
        (lambda: exam({60: "[ERROR] KeyError: x"}), Verdict.FAIL, Verdict.PASS),
        (lambda: exam({40 * MINUTE: "[ERROR] KeyError: x"}), Verdict.WARN, Verdict.PASS),
        (lambda: exam({60: LOST, 90: "[ERROR] KeyError: x"}), Verdict.FAIL, Verdict.FAIL),
        (lambda: exam({60: "an ERROR that is somebody's path"}), Verdict.PASS, Verdict.PASS),
        # The metric counts both kinds, so it only speaks where the log says nothing.
        (lambda: exam({60: LOST}, Errors=2), Verdict.PASS, Verdict.FAIL),
        (lambda: exam(Errors=2), Verdict.FAIL, Verdict.PASS),
    ],
)
def test_a_crash_is_no_lost_event_and_a_lost_event_no_crash(
    make: Callable[[], Examination], crash: Verdict, undelivered: Verdict
) -> None:
    made = make()
    assert forwarder.forwarder_errors(made).verdict is crash
    assert forwarder.undelivered_lately(made).verdict is undelivered


@pytest.mark.parametrize(
    ("state", "verdict", "settles"),
    [
        ("Active", Verdict.PASS, False),
        ("Inactive", Verdict.PASS, False),
        ("Pending", Verdict.UNCHECKED, True),
        ("Failed", Verdict.FAIL, False),
    ],
)
def test_a_function_that_is_being_made_is_neither_well_nor_broken(
    state: str, verdict: Verdict, settles: bool
) -> None:
    made = exam()
    made.once("function", lambda: {"State": state, "StateReason": "no\x1b[2J address"})
    found = forwarder.function_active(made)
    assert (found.verdict, found.settles) == (verdict, settles)
    assert "\x1b" not in found.evidence


SAID = '{"_aws": {}, "received": %d, "malformed": %d, "skipped": 0}'
GIVEN_UP = (
    '{"event": "malformed", "reason": "a key of ours twice", "log_group": "/api", "api": "a1", '
    '"stage": "prod", "shape": "{\\"path\\":\u2026}", "log_event_id": "7"}'
)


@pytest.mark.parametrize(
    ("made", "verdict", "words"),
    [
        (exam({30: SAID % (120, 100), 20: GIVEN_UP}), Verdict.FAIL,
         'one of a1/prod, which is not connected: a key of ours twice: {"path":…}'),
        (exam({30: SAID % (100, 1), 20: SAID % (100, 0)}), Verdict.WARN, "1 of 200 malformed"),
        (exam({30: SAID % (100, 0), 20: GIVEN_UP}), Verdict.PASS, "0 of 100 malformed"),
        (exam({7200: SAID % (100, 90)}), Verdict.UNCHECKED, "no line in the last hour"),
        (exam({30: SAID % (100, 90)}, bundle="b.zip"), Verdict.UNCHECKED, "bundle of your own"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_a_shape_and_where_it_came_from(
    made: Examination, verdict: Verdict, words: str
) -> None:
    found = forwarder.lines_read(made)
    assert found.verdict is verdict
    assert words in found.evidence
