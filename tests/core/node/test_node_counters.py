"""Counters of the node: read whatever comes, compared replica by replica, judged by one table."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.node.counters import FAMILIES, Growth, NodeCounters, growth, parse_counters
from wizard.core.node.verdicts import (
    NOT_COUNTED,
    REASONS,
    Grasp,
    judge_pairing,
    judge_request,
    judge_understanding,
    judge_version,
    version_warnings,
)


def row(address: str = "10.0.0.5", **families: Any) -> dict[str, Any]:
    """A replica as the forwarder tells it."""
    return {
        "address": address, "error": "", "version": "0.25.5", "mode": "connector-server",
        "deployment_type": "x", "cut": False, **dict.fromkeys(FAMILIES), **families,
    }  # fmt: skip


def told(*rows: dict[str, Any], error: str = "") -> NodeCounters:
    return parse_counters({"address": "node:9000", "error": error, "replicas": list(rows)})


def counts(request: int = 0, response: int = 0, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "seen": {"total": request + response, "request": request, "response": response},
        "processed": {"request": request, "response": response},
        "rejected": {"connector_info": 0}, "errors": {"DuplicateReqId": 0},
        "bypassed": {"mode_off": 0}, "flow_errors": {"FlowIsMissingResponse": 0},
        "blocked": 0, "exported": request,
    }  # fmt: skip
    for family, value in more.items():
        base[family] = {**base[family], **value} if isinstance(value, dict) else value
    return base


# --- Reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "problem", "summary"),
    [
        (0, "", "2 nodes, "),
        (2, "", "2 nodes, "),
        (1, "", "2 nodes, "),  # one that leaves, beside its successor
        (12, "2 of 12 nodes were read", "2 of 12 nodes, "),
    ],
)
def test_how_many_of_how_many_replicas_were_read_is_said(
    wanted: int, problem: str, summary: str
) -> None:
    found = replace(told(row(**counts(5, 5)), row("10.0.0.6", **counts(1, 1))), wanted=wanted)
    assert found.problem == problem
    assert found.summary.startswith(summary)
    later = replace(found, replicas=found.replicas)
    assert growth(found, later).others == max(0, wanted - 2)
    assert growth(found, later).complete is (wanted <= 2)


def test_a_message_that_none_of_those_that_were_read_has_counted_may_be_at_another() -> None:
    found = replace(told(row(**counts(5, 5))), wanted=12)
    grasp = judge_request(growth(found, found))
    assert grasp.state is State.UNCHECKED
    assert grasp.text.endswith("those that could not be read, 11 of 12 replicas")


def test_what_a_version_does_not_tell_is_none_and_never_zero() -> None:
    found = told(row(processed={"request": 3}, exported=2), row("10.0.0.6", exported=5))
    assert found.total("processed", "request") == 3
    assert found.total("processed", "response") is None
    assert found.total("exported") == 7
    assert found.total("rejected", "host") is None
    assert found.versions == ("0.25.5",)


def test_a_replica_that_told_nothing_is_named_and_counts_for_nothing() -> None:
    away = {**row("10.0.0.6"), "error": "TimeoutError: timed out"}
    found = told(row(exported=1), away)
    assert (len(found.read), found.problem) == (1, "10.0.0.6: TimeoutError: timed out")


@pytest.mark.parametrize(
    "answer", [None, "text", 7, [], {}, {"replicas": None}, {"replicas": [None]}]
)
def test_the_answer_of_another_forwarder_has_no_counters_and_says_so(answer: Any) -> None:
    found = parse_counters(answer)
    assert (found.replicas, found.total("seen", "total")) == ((), None)
    assert found.summary


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["request", "total", *FAMILIES, "x"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FAMILIES, "address", "error", "version", "cut"]), JSON))
def test_whatever_a_forwarder_tells_can_be_read_compared_and_judged(answer: dict[str, Any]) -> None:
    found = parse_counters({"replicas": [answer], "address": "x"})
    assert "\n" not in found.summary
    judge_request(growth(found, found))
    judge_understanding(found)
    judge_pairing(found)


def test_foreign_text_is_one_line_without_control_characters() -> None:
    found = told(row("10.0.0.5\x1b[31m", version="1\n2", error="a\r\nb"))
    assert found.replicas[0].address == "10.0.0.5 [31m"
    assert "\n" not in found.problem


def test_the_summary_says_what_was_seen_understood_and_why_not() -> None:
    found = told(row(**counts(40, 38, rejected={"connector_info": 3})))
    assert found.summary == (
        "1 node, version 0.25.5, 78 messages seen, 40 requests understood, "
        "38 responses understood, 3 rejected (connector_info 3)"
    )


# --- Comparing ------------------------------------------------------------------------------------


def test_growth_is_what_the_replicas_of_both_readings_differ_by() -> None:
    before = told(row(**counts(10, 10)), row("10.0.0.6", **counts(5, 5)))
    after = told(row(**counts(12, 11)), row("10.0.0.6", **counts(5, 6)))
    grown = growth(before, after)
    assert (grown.by("processed", "request"), grown.by("processed", "response")) == (2, 2)
    assert (grown.replicas, grown.others, grown.restarted, grown.complete) == (2, 0, 0, True)


def test_a_replica_that_started_anew_counts_from_nothing() -> None:
    grown = growth(told(row(**counts(100, 100))), told(row(**counts(1, 1))))
    assert (grown.by("processed", "request"), grown.restarted) == (1, 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (told(row(**counts())), told(row(**counts()), row("10.0.0.6", **counts(9, 9)))),
        (told(row(**counts()), row("10.0.0.6", **counts())), told(row(**counts()))),
        (told(row(**counts())), told(row(**counts()), error="only 16 of 20 addresses were read")),
        (told(row(**counts())), told(row(**counts()), {**row("10.0.0.6"), "error": "away"})),
    ],
)
def test_a_replica_seen_only_once_is_not_counted_but_known_of(
    before: NodeCounters, after: NodeCounters
) -> None:
    grown = growth(before, after)
    assert (grown.by("processed", "request"), grown.replicas, grown.others) == (0, 1, 1)
    assert not grown.complete


# --- The proof ------------------------------------------------------------------------------------


def grasp(after: dict[str, Any], sent: int = 1) -> Grasp:
    return judge_request(growth(told(row(**counts())), told(row(**after))), sent)


def test_a_request_and_its_response_that_were_processed_are_understood() -> None:
    found = grasp(counts(1, 1))
    assert (found.state, found.text) == (
        State.DONE, "understood by the node: request and response",
    )  # fmt: skip


def test_fewer_than_were_sent_are_not_enough() -> None:
    assert grasp(counts(3, 3), sent=3).state is State.DONE
    assert grasp(counts(2, 3), sent=3).request is False
    assert grasp(counts(3, 2), sent=3).response is False


VERDICTS = {
    "overload": (
        counts(errors={"DroppedOnOverload": 1}),
        "neither request nor response understood: dropped on overload", "DroppedOnOverload",
    ),
    "connector": (
        counts(rejected={"connector_info": 2}),
        "neither request nor response understood: rejected: connector_info", "connector_info",
    ),
    "host": (counts(rejected={"host": 2}), "rejected: host", "host"),
    "address": (counts(rejected={"remote_address": 1}), "remote_address", "remote_address"),
    "shape": (counts(errors={"MsgDataFormat": 1}), "MsgDataFormat", "MsgDataFormat"),
    "duplicate": (counts(errors={"DuplicateReqId": 1}), "duplicate id", "DuplicateReqId"),
    "no request": (
        counts(0, 0, flow_errors={"FlowIsMissingRequest": 1}), "response without its request",
        "FlowIsMissingRequest",
    ),
    "no response": (
        counts(1, 0, flow_errors={"FlowIsMissingResponse": 1}),
        "request understood, response not: request without its response", "FlowIsMissingResponse",
    ),
    "mode off": (
        counts(1, 1, bypassed={"mode_off": 1}, exported=0),
        "request and response understood, but not inspected: mode off", "mode_off",
    ),
    "filtered": (
        counts(1, 1, bypassed={"input_filters": 1}, exported=0), "input filters", "input_filters",
    ),
    "the first of two causes": (
        counts(errors={"DuplicateReqId": 1}, rejected={"connector_info": 1}),
        "rejected: connector_info", "connector_info",
    ),
}  # fmt: skip


# A counter with labels may be told from its first event on only: a node that never understood one
# message has no row of those that it processed.
def test_what_was_all_refused_by_a_node_that_processed_nothing_yet_is_not_understood() -> None:
    refused = {"seen": {"total": 2}, "rejected": {"connector_info": 2}}
    found = grasp(refused)
    assert (found.state, found.request, found.response) == (State.FAILED, False, False)
    assert "neither request nor response understood: rejected: connector_info" in found.text
    some = grasp({"seen": {"total": 3}, "rejected": {"connector_info": 2}})
    assert (some.state, some.text) == (State.UNCHECKED, NOT_COUNTED), "one may have been understood"
    assert grasp({"rejected": {"connector_info": 2}}).state is State.UNCHECKED


@pytest.mark.parametrize("name", VERDICTS)
def test_what_was_not_understood_is_explained_by_the_counter_that_grew(name: str) -> None:
    after, words, label = VERDICTS[name]
    found = grasp(after)
    assert found.state is State.FAILED
    assert words in found.text
    assert found.reasons[0].label == label
    assert found.reasons[0].cause in found.hint
    assert found.reasons[0].fix in found.hint


def test_every_reason_has_its_own_words_and_is_found_by_its_counter_alone() -> None:
    for reason in REASONS:
        value = {reason.label: 1}
        after = counts(**{reason.family: value}, exported=0)
        if reason.hides:
            after = counts(1, 1, **{reason.family: value}, exported=0)
        assert grasp(after).reasons == (reason,)
    assert len({reason.what for reason in REASONS}) == len(REASONS)


def test_what_other_traffic_was_refused_for_is_told_beside_a_message_that_was_understood() -> None:
    found = grasp(counts(5, 5, rejected={"connector_info": 3}))
    assert (found.state, found.request, found.response) == (State.WARNING, True, True)
    assert "meanwhile also rejected: connector_info (3)" in found.text
    found = grasp(counts(5, 5, bypassed={"mode_off": 1}, exported=4))
    assert found.state is State.WARNING, "others were handed on"


@pytest.mark.parametrize(
    ("after", "state", "words"),
    [
        (counts(), State.FAILED, "the node has seen no message"),
        (counts(seen={"total": 2}), State.FAILED, "neither processed nor refused it"),
        ({"seen": {"total": 2}}, State.UNCHECKED, "does not count what it processed"),
    ],
)
def test_where_no_counter_explains_it_that_is_said(
    after: dict[str, Any], state: State, words: str
) -> None:
    found = grasp(after)
    assert (found.state, words in found.text) == (state, True), found


def test_nobody_can_say_where_not_every_replica_was_read() -> None:
    away = {**row("10.0.0.6"), "error": "away"}
    found = judge_request(growth(told(row(**counts()), away), told(row(**counts()), away)))
    assert (found.state, found.request) == (State.UNCHECKED, None)
    assert "could not be read" in found.text
    seen = judge_request(growth(told(row(**counts()), away), told(row(**counts(1, 1)), away)))
    assert seen.state is State.DONE, "one that has it is enough"
    assert judge_request(Growth({}), why_unread="port 9000 is shut").text == "port 9000 is shut"


# --- Doctor ---------------------------------------------------------------------------------------

UNDERSTANDING = {
    "all well": (counts(40, 40), State.DONE, ""),
    "a probe now and then": (counts(40, 40, rejected={"connector_info": 9}), State.DONE, ""),
    "nine of many": (counts(100_000, 9, rejected={"connector_info": 999}), State.DONE, ""),
    "one in a hundred": (
        counts(1000, 9, rejected={"connector_info": 10}), State.WARNING, "connector_info",
    ),
    "nothing understood": (counts(errors={"MsgDataFormat": 1}), State.FAILED, "MsgDataFormat"),
    "only duplicates": (counts(seen={"total": 1}, errors={"DuplicateReqId": 1}),
                        State.UNCHECKED, ""),
    "nothing seen": (counts(), State.UNCHECKED, ""),
    "none inspected": (counts(40, 40, bypassed={"mode_off": 40}), State.FAILED, "mode_off"),
    "some inspected": (counts(40, 40, bypassed={"mode_off": 39}), State.WARNING, "mode_off"),
    "an old version": ({"seen": {"total": 1}}, State.UNCHECKED, ""),
    "all refused, and no row of what was processed": (
        {"seen": {"total": 2}, "rejected": {"connector_info": 2}}, State.FAILED, "connector_info",
    ),
    "some refused, and no row of what was processed": (
        {"seen": {"total": 3}, "rejected": {"connector_info": 2}}, State.UNCHECKED, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTANDING)
def test_whether_the_node_understands_is_judged_by_all_it_has_counted(name: str) -> None:
    families, state, label = UNDERSTANDING[name]
    found = judge_understanding(told(row(**families)))
    assert (found.state, [r.label for r in found.reasons]) == (state, [label] if label else [])


PAIRING = {
    "all paired": (counts(40, 40), State.DONE, ""),
    "no response ever": (counts(40, 0), State.FAILED, "FlowIsMissingResponse"),
    "no response, and why": (
        counts(40, 0, flow_errors={"FlowIsMissingRequest": 40}), State.FAILED,
        "FlowIsMissingRequest",
    ),
    "a few late ones": (counts(40, 31, flow_errors={"FlowIsMissingResponse": 9}), State.DONE, ""),
    "many": (
        counts(40, 30, flow_errors={"FlowIsMissingResponse": 10}), State.WARNING,
        "FlowIsMissingResponse",
    ),
    "nothing yet": (counts(), State.UNCHECKED, ""),
    "an old version": ({"seen": {"total": 1}}, State.UNCHECKED, ""),
    "no row of responses beside that of requests": (
        {"processed": {"request": 1}}, State.FAILED, "FlowIsMissingResponse",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRING)
def test_whether_requests_and_responses_are_paired(name: str) -> None:
    families, state, label = PAIRING[name]
    found = judge_pairing(told(row(**families)))
    assert (found.state, [r.label for r in found.reasons]) == (state, [label] if label else [])


def test_what_may_settle_is_told_apart_from_what_will_not() -> None:
    def judged(families: dict[str, Any]) -> tuple[bool, str]:
        found = judge_understanding(told(row(**families)))
        return found.settles, found.text

    assert judged(counts()) == (True, "the node has seen no message yet")
    only_duplicates = counts(seen={"total": 1}, errors={"DuplicateReqId": 1})
    assert judged(only_duplicates)[0]
    assert "none of them a request" in judged(only_duplicates)[1]
    assert judged({"seen": {"total": 1}}) == (False, NOT_COUNTED)
    assert judge_pairing(told(row(**counts()))).settles
    assert judge_pairing(told(row(seen={"total": 1}))).text == NOT_COUNTED


def test_what_was_understood_is_said_of_request_and_response_each() -> None:
    assert (grasp(counts(1, 1)).request, grasp(counts(1, 1)).response) == (True, True)
    off = grasp(counts(1, 1, bypassed={"mode_off": 1}, exported=0))
    assert (off.request, off.response) == (True, True)


def test_no_more_than_two_reasons_are_told_at_length() -> None:
    bad = counts(rejected={"connector_info": 20, "host": 20}, errors={"MsgDataFormat": 20})
    text = judge_understanding(told(row(**bad))).text
    assert text.count("20 × ") == 2


def test_without_a_replica_nothing_is_judged() -> None:
    for judged in (judge_understanding, judge_pairing):
        found = judged(told(error="X_NODE_METRICS is not set"))
        assert (found.state, found.text) == (State.UNCHECKED, "X_NODE_METRICS is not set")


@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        ("0.20.9", State.FAILED, "does not support Amazon API Gateway"),
        ("0.21.0", State.WARNING, "before 0.22.0 it waits"),
        ("0.22.9", State.WARNING, "API tokens"),
        ("0.23.0", State.WARNING, "memory"),
        ("0.23.1", State.DONE, "supports"),
        ("0.25.5", State.DONE, "0.25.5 supports"),
        ("0.25.6", State.DONE, "newer than any this product knows"),
        ("v0.26.0-rc1", State.DONE, "newer"),
        ("latest", State.UNCHECKED, "names no version"),
        ("", State.UNCHECKED, "no version"),
    ],
)
def test_what_a_version_is_known_to_bring(version: str, state: State, words: str) -> None:
    found, why = judge_version(version)
    assert (found, words in why) == (state, True), why


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (Answers(node_tag="latest"), "names no version"),
        (Answers(node_tag="0.23.0"), "before 0.23.1 it loses memory over time. Take 0.23.1 or"),
        (Answers(node_tag="0.22.1"), "API tokens"),
        (Answers(node_tag="0.23.1"), ""),
        (Answers(node_tag="0.25.5"), ""),
        (Answers(node_tag="0.22.0", node_url="node.example.com"), ""),
    ],
)
def test_the_review_warns_of_a_tag_that_is_old_or_moves(answers: Answers, words: str) -> None:
    found = version_warnings(answers)
    assert bool(found) == bool(words)
    assert words in "".join(found)


def test_a_tale_of_counters_survives_its_way_through_json() -> None:
    answer = {"address": "node:9000", "error": "", "replicas": [row(**counts(1, 1))]}
    assert parse_counters(json.loads(json.dumps(answer))) == parse_counters(answer)


def test_a_count_that_nobody_tells_is_none_and_one_that_is_0_is_0() -> None:
    found = told(row(**counts(0, 0)), row("10.0.0.6", processed={"request": 0}))
    assert found.total("processed", "request") == 0
    assert found.total("processed", "nobody's") is None
    assert found.total("nobody's") is None
    assert found.labels("processed") == {}


@pytest.mark.parametrize("number", [64, 65])
def test_no_more_than_64_labels_of_a_family_are_kept(number: int) -> None:
    many = {f"reason-{at}": 1 for at in range(number)}
    assert len(told(row(rejected=many)).labels("rejected")) == 64


@pytest.mark.parametrize(("length", "kept"), [(200, 200), (201, 200)])
def test_a_text_of_a_node_is_kept_to_200_characters(length: int, kept: int) -> None:
    assert len(told({**row(), "version": "9" * length}).replicas[0].version) == kept


def test_nothing_was_compared_until_it_was() -> None:
    assert (Growth({}).replicas, Growth({}).others, Growth({}).restarted) == (0, 0, 0)
    assert not Growth({}).complete
    assert Growth({}, replicas=1).complete
    assert not Growth({}, replicas=1, others=1).complete
