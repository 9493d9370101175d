"""The story of followed requests, one for each stage, to the node's own word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizard.core.events import Hop, State
from wizard.core.facts import StageRef
from wizard.core.node.verdicts import REASONS, Grasp
from wizard.core.proof import (
    AT_THE_NODE,
    HOPS,
    Batches,
    Evidence,
    Proof,
    StageProof,
    conclude,
    finished,
    give_up,
    hops_of,
    is_line_of,
    no_traffic,
    not_sent,
    sum_batches,
    summary,
    together,
    waits_for_counters,
    waits_for_traffic,
)

UNDERSTOOD = Grasp(State.DONE, True, True, "understood by the node: request and response")
CONNECTOR = next(reason for reason in REASONS if reason.label == "connector_info")
REFUSED = Grasp(State.FAILED, False, False, "neither understood: rejected", (CONNECTOR,))
UNREAD = Grasp(State.UNCHECKED, None, None, "X_NODE_METRICS is not set")
WHOLE = Evidence(1.0, 1.5, 1.7, 1.8, "delivered", 200, True, 1.9, grasp=UNDERSTOOD, counted=9.0)


def states(hops: tuple[Hop, ...]) -> list[State]:
    return [h.state for h in hops]


def told(evidence: Evidence, *, readable: bool = True) -> tuple[Hop, ...]:
    return hops_of(evidence, function="f", node_readable=readable)


def test_the_first_hop_not_reached_is_the_one_waited_for() -> None:
    hops = told(Evidence(sent=1.0, logged=2.0))
    assert states(hops) == [State.DONE, State.DONE, State.RUNNING, *[State.TODO] * 3]
    assert not finished(hops)
    assert not waits_for_counters(hops)


def test_giving_up_names_the_hop_and_what_to_look_at() -> None:
    hops = give_up(told(Evidence(sent=1.0)), 30)
    assert states(hops)[1] is State.FAILED
    assert "account CloudWatch role" in hops[1].detail
    assert summary(hops) == "The request was not written to the log group."
    assert not Proof("GET /", "m", hops, "").complete


def test_giving_up_on_what_is_at_the_node_sends_nobody_to_the_subscription_filter() -> None:
    hops = told(Evidence(sent=1.0, logged=2.0, arrived=3.0, node_seen=True))
    lost, untold = give_up(hops, 30), give_up(hops, 30, at_node=True)
    assert states(lost) == states(untold)
    assert "have the subscription filter" in lost[2].detail
    assert untold[2].detail == f"not seen within 30s. {AT_THE_NODE}"


def test_a_node_that_refused_is_a_failure_of_the_forwarders_hop() -> None:
    seen = Evidence(1.0, 2.0, 3.0, 4.0, outcome="failed", node_status=503)
    hops = told(seen)
    assert states(hops)[3] is State.FAILED
    assert "503" in hops[3].detail
    assert finished(hops)


def test_a_refusal_is_explained_by_what_the_node_counted() -> None:
    seen = Evidence(1.0, 2.0, 3.0, 4.0, outcome="failed", node_status=400, grasp=REFUSED)
    detail = told(seen)[3].detail
    assert "the node answered 400; the node counts: rejected: connector_info." in detail
    assert CONNECTOR.fix in detail


def test_where_the_nodes_record_cannot_be_read_its_answer_stands_for_it() -> None:
    seen = Evidence(1.0, 2.0, 3.0, 4.0, "delivered", 200, grasp=UNREAD)
    hops = told(seen, readable=False)
    assert states(hops)[4:] == [State.UNCHECKED, State.UNCHECKED]
    assert "not readable from here" in hops[4].detail
    assert hops[5].detail == "X_NODE_METRICS is not set"
    assert Proof("GET /", "m", hops, "").complete
    assert summary(hops) == "The node answered the forwarder 3.0s after the request was sent."


def test_a_complete_journey_ends_with_the_nodes_own_word() -> None:
    hops = told(WHOLE)
    assert states(hops) == [State.DONE] * 6
    assert summary(hops) == (
        "A request travels from your API to the node in 0.9s, and is understood by the node."
    )
    hops = told(replace(WHOLE, node_seen=False, arrived=0.0), readable=False)
    assert summary(hops) == (
        "The node answered the forwarder 0.8s after the request was sent, and is understood by "
        "the node."
    )


def test_the_counters_are_waited_for_alone_at_the_end() -> None:
    hops = told(replace(WHOLE, grasp=None, counted=0.0))
    assert states(hops)[5] is State.RUNNING
    assert waits_for_counters(hops)


@pytest.mark.parametrize(
    ("grasp", "state", "complete"),
    [
        (UNDERSTOOD, State.DONE, True),
        (replace(UNDERSTOOD, state=State.WARNING, reasons=(CONNECTOR,)), State.WARNING, True),
        (REFUSED, State.FAILED, False),
        (UNREAD, State.UNCHECKED, True),
    ],
)
def test_the_last_hop_is_what_the_node_says_with_cause_and_fix(
    grasp: Grasp, state: State, complete: bool
) -> None:
    hops = told(replace(WHOLE, grasp=grasp))
    assert hops[5].state is state
    assert Proof("GET /", "m", hops, "").complete is complete
    if grasp.reasons:
        assert CONNECTOR.cause in hops[5].detail
        assert CONNECTOR.fix.rstrip(".") in hops[5].detail
    if state is State.FAILED:
        assert summary(hops) == "The request was not understood by the node."


# --- Several stages -----------------------------------------------------------------------------


def stage(name: str, evidence: Evidence | None = None, waits: str = "") -> StageProof:
    hops = told(evidence) if evidence is not None else ()
    return StageProof(StageRef(name, "prod"), f"api {name}", "GET /", "m", hops, waits)


GOOD, SLOW = stage("a", WHOLE), stage("b", replace(WHOLE, arrived=3.0))
BAD = stage("c", replace(WHOLE, grasp=REFUSED))
ODD = stage("d", waits=waits_for_traffic("a private API answers only inside its VPC"))


def test_each_stage_has_its_own_state_and_words() -> None:
    assert (GOOD.state, GOOD.text) == (State.DONE, "understood by the node")
    assert (BAD.state, BAD.text[:30]) == (State.FAILED, "not understood by the node: ne")
    assert (ODD.state, ODD.text) == (
        State.UNCHECKED,
        "waits for traffic of its own: a private API answers only inside its VPC",
    )
    on_its_way = stage("e", Evidence(sent=1.0))
    assert (on_its_way.state, on_its_way.text) == (
        State.RUNNING,
        "not yet written to the log group",
    )
    unread = stage("f", replace(WHOLE, grasp=UNREAD))
    assert (unread.state, unread.text) == (State.DONE, "arrived at the node")


def test_all_together_are_as_far_as_the_slowest_and_as_well_as_the_worst() -> None:
    behind = stage("e", Evidence(sent=1.0, logged=2.0))
    assert states(together([GOOD, behind])) == states(behind.hops)
    hops = together([GOOD, SLOW, BAD, ODD])
    assert states(hops) == [*[State.DONE] * 5, State.FAILED]
    assert hops[5].detail.startswith("api c / prod (c/prod): neither")
    assert hops[4].at == 3.0
    assert states(together([ODD])) == [State.TODO] * len(HOPS)


def test_one_sentence_tells_how_many_were_proved_and_how_many_wait() -> None:
    def sentence(*stages: StageProof) -> str:
        found = conclude(stages)
        assert found is not None
        return found.summary

    assert sentence(GOOD) == summary(GOOD.hops)
    assert sentence(GOOD, SLOW) == (
        "A request travels from each of 2 stages to the node in 0.9s to 2.0s, and is understood "
        "by the node."
    )
    assert sentence(GOOD, ODD) == (
        "A request travels from api a / prod (a/prod) to the node in 0.9s, and is understood by "
        "the node. 1 further stage was not called from here."
    )
    assert sentence(GOOD, BAD).startswith(
        "1 of 2 stages proved; api c / prod (c/prod) was not understood by"
    )
    assert conclude([ODD]) is None


def test_a_request_that_could_not_be_sent_is_the_failure_of_its_stage_alone() -> None:
    unsent = StageProof(StageRef("z", "prod"), "api z", "GET /", "m", not_sent("no route"))
    found = conclude([GOOD, unsent])
    assert found is not None
    assert not found.complete
    assert "api z / prod (z/prod) was not sent to the API: not sent: no route" in found.summary


# --- A client's request, which is waited for -----------------------------------------------------


def line(at: float, **counts: int) -> dict[str, object]:
    return {"_aws": {"Timestamp": at * 1000}, "FunctionName": "f", **counts}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], None),
        ([line(9, received=1, delivered=1)], None),  # before it came
        ([line(10, received=0)], None),  # a control message
        ([line(10, received=2, skipped=2)], None),  # WebSocket events alone
        ([{"event": "start", "_aws": {}}], None),
        ([line(10, received=1, delivered=1)], Batches(10, 1, 1)),
        (
            [line(12, received=3, delivered=1, skipped=1, failed=1), line(11, received=1)],
            Batches(11, 3, 1, {"failed": 1}),
        ),
        ([line(10, received=2, malformed=1, quarantined=1)],
         Batches(10, 2, 0, {"quarantined": 1, "malformed": 1})),
    ],
)  # fmt: skip
def test_what_the_forwarder_did_since_a_request_came_is_one_sum(
    lines: list[dict[str, object]], found: Batches | None
) -> None:
    assert sum_batches(lines, 10) == found


@pytest.mark.parametrize(
    ("message", "mine"),
    [
        ('{"wallarm_log":"http/abc","stage":"prod","status":"200"}', True),
        ('{ "wallarm_log": "http/abc", "stage": "prod", "status": "200"}', True),
        ('{"wallarm_log":"http/abc","stage":"production","status":"200"}', False),
        ('{"wallarm_log":"http/abcd","stage":"prod","status":"200"}', False),
        ('{"wallarm_log":"websocket/abc","stage":"prod","status":"200"}', False),
        ('{"path":"/{\\"wallarm_log\\":\\"http/abc\\",\\"stage\\":\\"prod\\","}', False),
        ("", False),
    ],
)
def test_a_line_is_of_a_stage_by_what_aws_wrote_first(message: str, mine: bool) -> None:
    assert is_line_of(message, StageRef("abc", "prod")) is mine


CLIENT = Evidence(1.0, 1.5, 1.8, 1.8, "delivered", grasp=UNDERSTOOD, counted=9.0, client=True)


def test_a_clients_request_is_told_by_what_became_of_all_events_since() -> None:
    hops = told(replace(CLIENT, batches=Batches(1.8, 2, 2)))
    assert hops[0].title == "made by a client"
    assert hops[3].detail == "of 2 events since then 2 delivered"
    assert states(hops) == [State.DONE] * 4 + [State.UNCHECKED, State.DONE]
    some = told(replace(CLIENT, batches=Batches(1.8, 2, 1, {"failed": 1})))
    assert (some[3].state, some[3].detail) == (
        State.WARNING, "of 2 events since then 1 delivered, 1 failed",
    )  # fmt: skip
    none = replace(CLIENT, outcome="not delivered", batches=Batches(1.8, 2, 0, {"failed": 2}))
    assert told(none)[3].state is State.FAILED
    assert "of 2 events since then 0 delivered, 2 failed" in told(none)[3].detail


def test_stages_that_nobody_called_are_told_as_such() -> None:
    quiet = StageProof(StageRef("q", "prod"), "api q", waits=no_traffic(300))
    found = conclude([GOOD, quiet])
    assert found is not None
    assert found.summary.endswith(" 1 further stage had no request.")
    assert (quiet.state, quiet.text) == (
        State.UNCHECKED, "waits for traffic of its own: no request came within 5m 00s",
    )  # fmt: skip
