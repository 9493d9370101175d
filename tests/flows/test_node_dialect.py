"""The search finds each dialect that a node understands, says "none" honestly, and sets nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.account import GROUP, World
from tests.flows.forwarder import Forwarder, put_forwarder
from wizard.core.errors import WizardError
from wizard.core.events import Note, State
from wizard.core.node.dialect import Tried, best, chosen
from wizard.flows.deployment.model import Deployment
from wizard.flows.node import DialectSearch

SOME = ("default", "one-message", "multipart", "version-1.0", "discovery", "log-id")


@pytest.fixture(scope="module")
def forwarder(account: World) -> Iterator[Forwarder]:
    with put_forwarder(account, GROUP) as made:
        yield made


@pytest.fixture
def deployment(world: World, forwarder: Forwarder) -> Iterator[Deployment]:
    forwarder.configure()
    world.box.node.reset()
    world.box.node.restart()
    with world.open(world.session.begin(), "node-dialect") as opened:
        yield opened
    world.box.node.reset()


def search(deployment: Deployment, forwarder: Forwarder) -> DialectSearch:
    return DialectSearch(deployment, forwarder.outputs.lambda_function_name)


def understood(tried: tuple[Tried, ...]) -> list[str]:
    return [one.dialect.name for one in tried if one.grasp.state is State.DONE]


NODES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "one that takes all": ({}, list(SOME)),
    "one message only": (
        {"styles": ["one-message"]}, ["one-message"],
    ),
    "multipart only": ({"styles": ["multipart"]}, ["multipart"]),
    "two messages of version 1.0": (
        {"styles": ["two-messages"], "connector_versions": ["1.0"]}, ["version-1.0"],
    ),
    "the name of the vendor's package": (
        {"styles": ["two-messages"], "connector_types": ["aws-api-gateway-api-discovery"],
         "refused_status": 400}, ["discovery"],
    ),
    "ids of 32 hex digits": (
        {"styles": ["two-messages"], "hex_ids": True},
        ["default", "version-1.0", "discovery"],
    ),
    "nothing of ours": ({"connector_types": ["layer7"], "refused_status": 422}, []),
    "nothing at all": ({"connector_types": ["nobody"]}, []),
}  # fmt: skip


@pytest.mark.parametrize("node", NODES)
def test_the_search_finds_what_this_node_understands(
    world: World,
    forwarder: Forwarder,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    node: str,
) -> None:
    behaviour, names = NODES[node]
    world.box.node.behave(**behaviour)
    found = search(deployment, forwarder).attempt(chosen(SOME))
    assert understood(found) == names
    first = best(found)
    assert (first.name if first else None) == (names[0] if names else None)
    told = [e for e in world.events if isinstance(e, Note)]
    assert [note.subject for note in told] == list(SOME)
    assert all(record["status"] == 404 for record in world.box.node.records())


def test_another_products_name_is_taken_only_where_it_is_asked_for(
    world: World, forwarder: Forwarder, deployment: Deployment
) -> None:
    world.box.node.behave(connector_types=["layer7"], connector_versions=["1.0"])
    tried = search(deployment, forwarder).attempt(chosen(["default", "layer7"]))
    assert understood(tried) == ["layer7"]
    types = {
        value
        for message in world.box.node.messages()
        for name, value in message["headers"]
        if name == "X-Wallarm-Connector-Type"
    }
    assert types == {"aws-api-gateway", "layer7"}


def test_what_is_adopted_stands_in_the_answers_and_nothing_deployed_changes(
    world: World, forwarder: Forwarder, deployment: Deployment
) -> None:
    forwarder.configure(X_NODE_STYLE="one-message")
    job = search(deployment, forwarder)
    assert job.look().dialect["style"] == "one-message"
    multipart = chosen(["version-1.0-multipart"])[0]
    tried = job.attempt([chosen(["default"])[0], multipart])
    assert understood(tried) == ["default", "version-1.0-multipart"]
    styles = {len(m["body"]) > 0 for m in world.box.node.messages()}
    assert styles == {True, False}, "each is tried as it is, whatever is deployed"
    answers = job.adopt(multipart)
    kept = json.loads(deployment.workspace.answers_file.read_text())
    assert kept["forwarder_environment"] == answers.forwarder_environment == {
        "X_NODE_CONNECTOR_VERSION": "1.0", "X_NODE_STYLE": "multipart",
    }  # fmt: skip
    assert job.look().dialect["style"] == "one-message"


@pytest.mark.parametrize(
    ("variables", "behaviour", "why"),
    [
        ({"X_NODE_METRICS": ""}, {}, "X_NODE_METRICS is not set"),
        ({}, {"metrics": False}, "status 404"),
        ({"X_NODE_METRICS": "127.0.0.1:1"}, {}, "Refused"),
        ({"X_NODE_URL": "not a host"}, {}, "X_NODE_URL is not host"),
    ],
)
def test_without_counters_nothing_is_sent_and_it_says_what_is_missing(
    world: World,
    forwarder: Forwarder,
    deployment: Deployment,
    variables: dict[str, str],
    behaviour: dict[str, Any],
    why: str,
) -> None:
    forwarder.configure(**variables)
    world.box.node.behave(**behaviour)
    with pytest.raises(WizardError, match="counters cannot be read") as caught:
        search(deployment, forwarder).look()
    assert why in caught.value.why
    assert "node_metrics" in caught.value.next_step
    assert world.box.node.messages() == []


def test_a_forwarder_that_aws_does_not_know_is_no_surprise(
    world: World, forwarder: Forwarder, deployment: Deployment
) -> None:
    job = DialectSearch(deployment, "wallarm-cw-resend-gone")
    with pytest.raises(WizardError, match="counters cannot be read"):
        job.look()
    (tried,) = job.attempt(chosen(["default"]))
    assert tried.grasp.state is State.UNCHECKED
    assert "ResourceNotFound" in tried.grasp.text
