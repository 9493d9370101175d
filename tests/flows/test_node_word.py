"""The proof ends with the node's own word: a real forwarder, and a node of each mood."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.batches import batch
from tests.flows.account import GROUP, World
from tests.flows.forwarder import Forwarder, put_forwarder
from wizard.core.answers.model import Answers
from wizard.core.checks.model import Finding, Verdict
from wizard.core.events import HopChanged, Note, StageFollowed, State
from wizard.core.facts import Stage
from wizard.core.journal.record import Record
from wizard.core.node.verdicts import OTHER_TRAFFIC
from wizard.core.proof import Proof
from wizard.flows import proof, status
from wizard.flows.proof import prove
from wizard.services.checks.examination import CHECK_FUNCTIONS, Examination, guarded

CALLABLE = (("orders", "prod"), ("payments", "$default"))
SOCKET = ("tracking", "prod")


@pytest.fixture(scope="module")
def forwarder(account: World) -> Iterator[Forwarder]:
    with put_forwarder(account, GROUP) as made:
        yield made


@pytest.fixture
def stages(world: World, forwarder: Forwarder) -> Iterator[tuple[Stage, ...]]:
    """Two stages that can be called and one that cannot, all of them connected."""
    forwarder.configure()
    world.box.node.reset()
    found = tuple(world.stage(*name) for name in (*CALLABLE, SOCKET))
    world.switch(world.session.begin(), found, "switch")
    yield found
    world.take_back(world.session.begin())
    world.box.node.reset()


def follow(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...], seconds: float = 30.0
) -> Proof:
    with world.open(world.session.begin(), "proof") as deployment:
        found = prove(deployment, stages, forwarder.outputs, deadline=seconds)
    assert found is not None
    return found


def test_every_chosen_stage_is_proved_and_one_that_cannot_be_called_says_so(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...]
) -> None:
    found = follow(world, forwarder, stages)
    assert found.complete, found
    assert [hop.state for hop in found.hops] == [State.DONE] * 6
    assert [(one.state, one.text) for one in found.stages] == [
        (State.DONE, "understood by the node"),
        (State.DONE, "understood by the node"),
        (State.UNCHECKED,
         "waits for traffic of its own: WebSocket messages carry no method and path"),
    ]  # fmt: skip
    assert found.summary.startswith("A request travels from each of 2 stages to the node in ")
    assert "is understood by the node. 1 further stage was not called from here." in found.summary
    told = [e for e in world.events if isinstance(e, StageFollowed) and e.state is State.DONE]
    assert {e.ref for e in told} == {stage.ref for stage in stages[:2]}
    last = [e.hop for e in world.events if isinstance(e, HopChanged)][-1]
    assert (last.key, last.state) == ("understood", State.DONE)
    marked = [r for r in world.box.node.records() if "wallarm-apigw-proof/" in str(r["user_agent"])]
    assert len(marked) == 2
    assert not [e for e in world.events if isinstance(e, Note) and e.text == OTHER_TRAFFIC]


# --- Nothing is sent: `proof: wait` --------------------------------------------------------------


def wait_for(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...], seconds: float
) -> Proof | None:
    with world.open(world.session.begin(), "proof") as deployment:
        deployment.answers = deployment.answers.with_(proof="wait")
        return prove(deployment, stages, forwarder.outputs, deadline=seconds)


def test_where_nothing_may_be_sent_the_next_request_of_a_client_is_followed(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "send_request", lambda *_: pytest.fail("a request was sent"))
    client = threading.Timer(0.5, lambda: world.box.send_sample([stages[0].ref], 3))
    client.start()
    found = wait_for(world, forwarder, stages, 4.0)
    client.join()
    assert found is not None
    assert found.complete, found
    called, quiet, socket = found.stages
    assert called.text == "understood by the node"
    assert called.hops[0].title == "made by a client"
    assert re.search(r"of \d+ events? since then \d+ delivered$", called.hops[3].detail)
    assert quiet.text == "waits for traffic of its own: no request came within 4s"
    assert socket.text.endswith("WebSocket messages carry no method and path")
    notes = [e.text for e in world.events if isinstance(e, Note) and e.subject == "Request"]
    assert notes == ["none is sent: the next one that a client makes is followed"]
    agents = [str(one["user_agent"]) for one in world.box.node.records()]
    assert agents
    assert not [agent for agent in agents if "wallarm-apigw-proof" in agent]


def test_a_stage_that_nobody_calls_meanwhile_is_no_failure(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...]
) -> None:
    assert wait_for(world, forwarder, stages[:1], 1.0) is None
    told = [e for e in world.events if isinstance(e, StageFollowed)]
    assert told == [] or told[-1].state is State.UNCHECKED
    assert not world.box.node.records()


def test_a_clients_request_that_the_node_does_not_understand_fails_the_proof(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "COUNTER_SECONDS", 0.5)
    world.box.node.behave(connector_types=["azure-apim"])
    client = threading.Timer(0.5, lambda: world.box.send_sample([stages[0].ref], 1))
    client.start()
    found = wait_for(world, forwarder, stages[:1], 30.0)
    client.join()
    assert found is not None
    assert not found.complete
    assert "rejected: connector_info" in found.hops[-1].detail


MOODS = {
    "a connector it does not know, hidden in a 200": (
        {"connector_types": ["azure-apim"]}, "understood", State.FAILED,
        ("neither request nor response understood: rejected: connector_info", "node-dialect"),
    ),
    "a connector it does not know, told by a 400": (
        {"connector_types": ["azure-apim"], "refused_status": 400}, "handled", State.FAILED,
        ("the node answered 400; the node counts: rejected: connector_info",),
    ),
    "a host it may not take": (
        {"allowed_hosts": ["other.example.com"]}, "handled", State.FAILED,
        ("the node answered 415; the node counts: rejected: host", "allowed hosts"),
    ),
    "a shape it does not read": (
        {"styles": ["multipart"]}, "understood", State.FAILED, ("MsgDataFormat",),
    ),
    "only half of what is said": (
        {"styles": ["one-message"]}, "understood", State.WARNING,
        ("request and response understood; meanwhile also not readable: MsgDataFormat (",),
    ),
    "more than it can take": (
        {"overloaded": True}, "handled", State.FAILED,
        ("the node answered 503; the node counts: dropped on overload", "raise node_count"),
    ),
    "its mode is off": (
        {"mode_off": True}, "understood", State.FAILED, ("but not inspected: mode off",),
    ),
    "counters that nobody can read": (
        {"metrics": False}, "understood", State.UNCHECKED,
        ("the node's counters cannot be read", "status 404"),
    ),
    "a version that counts less": (
        {"left_out": ["wallarm_gonode_http_connector_server_messages_processed_total"]},
        "understood", State.UNCHECKED, ("does not count what it processed",),
    ),
    "a verdict on the caller": (
        {"blocking": True, "denied": ["127.0.0.1"]}, "understood", State.DONE, ("",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("mood", MOODS)
def test_the_proof_ends_with_what_the_node_says(
    world: World,
    forwarder: Forwarder,
    stages: tuple[Stage, ...],
    monkeypatch: pytest.MonkeyPatch,
    mood: str,
) -> None:
    behaviour, key, state, words = MOODS[mood]
    monkeypatch.setattr(proof, "COUNTER_SECONDS", 0.5)
    world.box.node.behave(**behaviour)
    found = follow(world, forwarder, stages[:1])
    hop = next(one for one in found.hops if one.key == key)
    assert hop.state is state, found.hops
    for word in words:
        assert word in hop.detail
    assert found.complete is (state is not State.FAILED)
    if state is State.FAILED:
        assert found.summary == f"The request was not {hop.title}."


def test_without_an_address_of_the_counters_the_proof_ends_with_the_nodes_answer(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...]
) -> None:
    forwarder.configure(X_NODE_METRICS="")
    found = follow(world, forwarder, stages[:1])
    assert found.complete
    assert found.hops[-1].state is State.UNCHECKED
    assert "X_NODE_METRICS is not set" in found.hops[-1].detail


def test_a_node_of_security_edge_is_told_from_one_of_ones_own(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...]
) -> None:
    forwarder.configure(X_NODE_METRICS="")
    with world.open(world.session.begin(), "proof") as deployment:
        deployment.answers = deployment.answers.with_(
            node_place="edge", node_url=forwarder.outputs.node_url
        )
        found = prove(deployment, stages[:1], forwarder.outputs, deadline=30.0)
    assert found is not None
    assert found.complete
    assert "Security Edge shows no counters outside of Wallarm" in found.hops[-1].detail
    exam = replace(
        examination(world, forwarder),
        answers=Answers(region=world.box.region, node_place="edge", node_url="n"),
    )
    for check_id in (UNDERSTANDS, VERSION, PAIRED):
        checked = guarded(CHECK_FUNCTIONS[check_id], exam)
        assert checked.verdict is Verdict.UNCHECKED
        assert "Security Edge" in checked.evidence


def test_where_nothing_arrives_the_other_stages_are_not_tried_in_vain(
    world: World,
    forwarder: Forwarder,
    stages: tuple[Stage, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "ROUND", 1)
    outputs = replace(forwarder.outputs, lambda_log_group="/aws/lambda/of-nobody")
    with world.open(world.session.begin(), "proof") as deployment:
        found = prove(deployment, stages, outputs, deadline=2.0)
    assert found is not None
    assert [one.state for one in found.stages] == [State.FAILED, State.UNCHECKED, State.UNCHECKED]
    assert found.stages[1].text.startswith("not tried")
    assert "0 of 1 stage proved" in found.summary


class WhenArrived(threading.Event):
    """Set when the node had the request already as it was asked the last time: so whoever asks has
    looked once more meanwhile."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world, self._had = world, False

    def is_set(self) -> bool:
        had, self._had = self._had, bool(self._world.box.node.records())
        return had


def test_a_request_that_is_at_the_node_is_not_said_to_be_lost_on_the_way(
    world: World, forwarder: Forwarder, stages: tuple[Stage, ...]
) -> None:
    """Only the line that would tell of it is missing where it is looked for."""
    outputs = replace(forwarder.outputs, lambda_log_group="/aws/lambda/of-nobody")
    with world.open(world.session.begin(), "proof") as deployment:
        found = prove(deployment, stages[:1], outputs, WhenArrived(world))
    assert found is not None
    (failed,) = (hop for hop in found.hops if hop.state is State.FAILED)
    assert failed.key == "delivered"
    assert "at the node all the same" in failed.detail


# --- Doctor -------------------------------------------------------------------------------------


def checked(world: World, forwarder: Forwarder, check_id: str) -> Finding:
    return guarded(CHECK_FUNCTIONS[check_id], examination(world, forwarder))


def examination(world: World, forwarder: Forwarder) -> Examination:
    return Examination(
        clients=world.session,
        identity=world.identity,
        answers=Answers(region=world.box.region, node_tag="0.22.0"),
        outputs=forwarder.outputs,
        record=Record(),
        env=world.env,
    )


def deliver(world: World, forwarder: Forwarder, events: int = 20) -> None:
    """A batch through the forwarder, as CloudWatch Logs would send it."""
    forwarder._functions.invoke(
        FunctionName=forwarder.outputs.lambda_function_name,
        Payload=json.dumps(batch(events)).encode(),
    )


@pytest.fixture
def fresh_node(world: World, forwarder: Forwarder) -> Iterator[None]:
    forwarder.configure()
    world.box.node.reset()
    world.box.node.restart()
    yield
    world.box.node.reset()
    world.box.node.restart()


UNDERSTANDS, VERSION, PAIRED = "WAG-NOD-013", "WAG-NOD-014", "WAG-NOD-015"
SERVER = "wallarm_gonode_http_connector_server_"
FOUND = {
    "all well": (
        {}, {UNDERSTANDS: (Verdict.PASS, "20 requests understood, 20 responses understood"),
             VERSION: (Verdict.PASS, "0.25.5 supports"),
             PAIRED: (Verdict.PASS, "20 requests and 20 responses understood")},
    ),
    "an unknown connector": (
        {"connector_types": ["azure-apim"]},
        {UNDERSTANDS: (Verdict.FAIL, "40 × rejected: connector_info."),
         PAIRED: (Verdict.UNCHECKED, "has understood no request yet")},
    ),
    "another shape": (
        {"styles": ["multipart"]},
        {UNDERSTANDS: (Verdict.FAIL, "The forwarder speaks: style two-messages, connector type")},
    ),
    "half of it": (
        {"styles": ["one-message"]}, {UNDERSTANDS: (Verdict.WARN, "20 × not readable")},
    ),
    "overload": (
        {"overloaded": True},
        {UNDERSTANDS: (Verdict.FAIL, "× dropped on overload. The node gets more than it can take"),
         PAIRED: (Verdict.UNCHECKED, "has understood no request yet")},
    ),
    "mode off": (
        {"mode_off": True}, {UNDERSTANDS: (Verdict.FAIL, "20 × not inspected: mode off.")},
    ),
    "an old version": (
        {"version": "0.20.0"}, {VERSION: (Verdict.FAIL, "does not support Amazon API Gateway")},
    ),
    "a leaking version": ({"version": "0.23.0"}, {VERSION: (Verdict.WARN, "loses memory")}),
    "no counters": (
        {"metrics": False},
        {UNDERSTANDS: (Verdict.UNCHECKED, "status 404"), PAIRED: (Verdict.UNCHECKED, "status 404"),
         VERSION: (Verdict.WARN, "image tag 0.22.0: before 0.23.0")},
    ),
    "less counters": (
        {"left_out": [f"{SERVER}messages_processed_total"]},
        {UNDERSTANDS: (Verdict.UNCHECKED, "does not count what it processed")},
    ),
}  # fmt: skip


@pytest.mark.usefixtures("fresh_node")
@pytest.mark.parametrize("mood", FOUND)
def test_doctor_says_what_the_node_has_understood(
    world: World, forwarder: Forwarder, mood: str
) -> None:
    behaviour, wanted = FOUND[mood]
    world.box.node.behave(**behaviour)
    deliver(world, forwarder)
    exam = examination(world, forwarder)
    for check_id, (verdict, words) in wanted.items():
        found = guarded(CHECK_FUNCTIONS[check_id], exam)
        assert (found.verdict, words in found.evidence) == (verdict, True), (check_id, found)


@pytest.mark.usefixtures("fresh_node")
def test_requests_whose_responses_never_come_are_not_paired(
    world: World, forwarder: Forwarder
) -> None:
    world.box.node.fail("status", status=500, contains="/p/", skip=1)  # all but the first request
    world.box.node.behave(response_seconds=0)
    deliver(world, forwarder, 1)
    found = checked(world, forwarder, PAIRED)
    assert found.verdict is Verdict.FAIL
    assert "1 requests were understood, and not one response" in found.evidence


@pytest.mark.usefixtures("fresh_node")
def test_a_node_that_drops_messages_is_not_taken_for_one_that_is_not_there(
    world: World, forwarder: Forwarder
) -> None:
    world.box.node.behave(overloaded=True)
    checked(world, forwarder, "WAG-NOD-010")  # which the node counts as well
    found = checked(world, forwarder, "WAG-NOD-010")
    assert found.verdict is Verdict.FAIL
    assert "answered 503" in found.evidence
    assert "the node counts messages that it dropped on overload" in found.evidence


@pytest.mark.usefixtures("fresh_node")
def test_looking_often_gives_the_node_nothing_that_it_cannot_read(
    world: World, forwarder: Forwarder
) -> None:
    for _ in range(12):
        assert checked(world, forwarder, "WAG-NOD-010").verdict is Verdict.PASS
    found = checked(world, forwarder, UNDERSTANDS)
    assert found.verdict is Verdict.PASS, found
    assert "12 requests understood, 12 responses understood" in found.evidence


@pytest.mark.usefixtures("fresh_node")
def test_a_node_that_has_seen_nothing_is_not_judged_yet(world: World, forwarder: Forwarder) -> None:
    found = checked(world, forwarder, UNDERSTANDS)
    assert (found.verdict, found.settles) == (Verdict.UNCHECKED, True)
    assert found.evidence == "the node has seen no message yet"


# --- Status -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fresh_node")
def test_status_tells_versions_and_counts_and_sends_the_node_nothing(
    world: World, forwarder: Forwarder
) -> None:
    deliver(world, forwarder)
    before = len(world.box.node.messages())
    version, node = status._node(world.session, forwarder.outputs)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert node.versions == ("0.25.5",)
    assert (node.total("processed", "request"), node.total("exported")) == (20, 20)
    assert len(world.box.node.messages()) == before
    forwarder.configure(X_NODE_METRICS="")
    assert "X_NODE_METRICS is not set" in status._node(world.session, forwarder.outputs)[1].summary


@pytest.mark.usefixtures("fresh_node")
@pytest.mark.parametrize("port", [":9000", ""])
def test_the_name_that_the_module_gives_the_node_leads_to_its_counters(
    world: World, forwarder: Forwarder, port: str
) -> None:
    forwarder.configure(X_NODE_METRICS=f"node.api-gw-discovery-1a2b3c4d.internal{port}")
    _, node = status._node(world.session, forwarder.outputs)
    assert node.versions == ("0.25.5",), node.problem


def test_status_of_a_forwarder_that_aws_does_not_know_says_so(
    world: World, forwarder: Forwarder
) -> None:
    outputs = replace(forwarder.outputs, lambda_function_name="wallarm-cw-resend-gone")
    version, node = status._node(world.session, outputs)
    assert version == ""
    assert "ResourceNotFound" in node.problem
