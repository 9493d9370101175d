"""The proof ends with the node's own word: a real forwarder, and a node of each mood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.flows.account import GROUP, World
from tests.flows.forwarder import Forwarder, put_forwarder
from wizard.core.events import HopChanged, Note, StageFollowed, State
from wizard.core.facts import Stage
from wizard.core.node.verdicts import OTHER_TRAFFIC
from wizard.core.proof import Proof
from wizard.flows import proof
from wizard.flows.proof import prove

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
        ("request and response understood; meanwhile also not readable: MsgDataFormat (1)",),
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
