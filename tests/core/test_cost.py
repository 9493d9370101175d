"""What the review says a deployment costs, item by item, and how long it takes."""

from __future__ import annotations

import pytest

from wizard.core.answers.model import Answers
from wizard.core.answers.steps import HINT
from wizard.core.cost import CostLine, estimate, execution_price
from wizard.core.terraform.durations import FIRST_WITH_NODE, UPDATE, WITHOUT_NODE, usual_apply

NODE = Answers()
ELSEWHERE = Answers(node_url="node.example.com")


def line(answers: Answers, name: str, rate: float = 0.0) -> float | None:
    found = estimate(answers, requests_per_second=rate)
    return next((one.per_month for one in found.lines if one.name == name), None)


def test_every_instance_has_a_volume() -> None:
    assert line(NODE, "Volumes") == pytest.approx(2.40)
    assert line(NODE.with_(node_count=3), "Volumes") == pytest.approx(7.20)
    assert line(ELSEWHERE, "Volumes") is None


def test_an_update_runs_a_second_instance_for_a_while() -> None:
    assert line(NODE, "Second instance during updates") == pytest.approx(0.0416)
    two = line(NODE.with_(node_count=2), "Second instance during updates")
    assert two == pytest.approx(0.0832)


def test_a_burstable_instance_may_cost_more_and_another_does_not() -> None:
    (found,) = (one for one in estimate(NODE).lines if one.name == "T3 surcharge")
    assert found.per_month == 0
    assert "$58 at full load" in found.assumption
    assert line(NODE.with_(node_instance_type="m6i.large"), "T3 surcharge") is None


def test_execution_logs_are_priced_by_their_many_lines_and_cost_nothing_when_left() -> None:
    priced = line(ELSEWHERE, "Execution logs", rate=100)
    ingested = line(ELSEWHERE, "Log ingestion", rate=100)
    assert priced is not None
    assert ingested is not None
    assert priced > 4 * ingested
    assert line(ELSEWHERE.with_(execution_logging="leave"), "Execution logs", rate=100) is None
    assert line(ELSEWHERE, "Execution logs") is None


def test_errors_alone_are_billed_by_requests_that_fail_and_said_to_be() -> None:
    found = estimate(ELSEWHERE.with_(execution_logging="error"), requests_per_second=100)
    (priced,) = (one for one in found.lines if one.name == "Execution logs")
    assert (priced.per_month, "requests that fail" in priced.assumption) == (0.0, True)


def test_requests_of_http_apis_have_no_execution_logs_and_pay_for_none() -> None:
    def executed(of_http: float) -> CostLine | None:
        found = estimate(ELSEWHERE, requests_per_second=100, of_http=of_http)
        return next((one for one in found.lines if one.name == "Execution logs"), None)

    every, half = executed(0), executed(50)
    assert every is not None
    assert half is not None
    assert half.per_month == pytest.approx(every.per_month / 2)
    assert "50% of the requests go to HTTP APIs" in half.assumption
    assert "HTTP" not in every.assumption
    assert executed(100) is None
    assert every.per_month == pytest.approx(execution_price("info", 100))


def test_a_forwarder_on_arm64_is_a_fifth_cheaper() -> None:
    here = line(ELSEWHERE, "Forwarder", rate=100)
    there = line(ELSEWHERE.with_(forwarder_architecture="arm64"), "Forwarder", rate=100)
    assert here is not None
    assert there is not None
    calls = 100 * 730 * 3600 / 100 / 1e6 * 0.20
    assert (there - calls) / (here - calls) == pytest.approx(0.8, abs=0.001)


def test_replays_on_a_schedule_cost_next_to_nothing_and_only_where_asked_for() -> None:
    assert line(ELSEWHERE, "Scheduled replays") is None
    hourly = line(ELSEWHERE.with_(undelivered_replay_hours=1), "Scheduled replays")
    daily = line(ELSEWHERE.with_(undelivered_replay_hours=24), "Scheduled replays")
    assert hourly is not None
    assert daily is not None
    assert 0 < daily < hourly < 0.01
    assert hourly == pytest.approx(24 * daily)


@pytest.mark.parametrize(
    ("node", "first", "usual"),
    [(True, True, FIRST_WITH_NODE), (True, False, UPDATE), (False, True, WITHOUT_NODE),
     (False, False, WITHOUT_NODE)],
)  # fmt: skip
def test_a_first_deployment_takes_seven_to_twelve_minutes_on_every_page(
    node: bool, first: bool, usual: str
) -> None:
    assert usual_apply(deploys_node=node, first=first) == usual
    assert FIRST_WITH_NODE in HINT
