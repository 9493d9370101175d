"""`node-dialect` against a deployed node: what it understands, and an honest none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.batches import batch
from tests.e2e.conftest import Deployed


@pytest.fixture
def node(deployed: Deployed) -> Iterator[Any]:
    deployed.box.node.reset()
    yield deployed.box.node
    # Its counters tell of these tries as of anything else: others find it as after an install.
    deployed.box.node.reset()
    deployed.box.node.restart()
    deployed.client("lambda").invoke(
        FunctionName=deployed.outputs.lambda_function_name, Payload=json.dumps(batch(20)).encode()
    )
    deployed.box.node.reset()


def search(deployed: Deployed, *names: str) -> tuple[int, dict[str, Any]]:
    answers = (deployed.workspace / "answers.json").read_text()
    run = deployed.cli("node-dialect", *names, "--yes", "--json")
    assert (deployed.workspace / "answers.json").read_text() == answers, "nobody asked for it"
    documents = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    (found,) = (one for one in documents if one.get("type") == "Dialects")
    return run.returncode, found


def test_the_deployed_node_understands_what_the_forwarder_speaks(
    deployed: Deployed, node: Any
) -> None:
    code, found = search(deployed, "default", "multipart")
    assert (code, found["understood"]) == (0, "default")
    assert [one["state"] for one in found["tried"]] == ["done", "done"]
    assert {r["status"] for r in node.records()} == {404}


def test_a_node_that_reads_another_shape_is_found_out(deployed: Deployed, node: Any) -> None:
    node.behave(styles=["multipart"])
    code, found = search(deployed, "default", "multipart")
    assert (code, found["understood"]) == (0, "multipart")
    assert found["tried"][1]["forwarder_environment"] == {"X_NODE_STYLE": "multipart"}


def test_a_node_that_understands_none_is_a_failure(deployed: Deployed, node: Any) -> None:
    node.behave(connector_types=["nobody"])
    code, found = search(deployed, "default", "discovery")
    assert (code, found["understood"]) == (1, None)
    assert "connector_info" in found["tried"][0]["text"]


def test_where_the_counters_cannot_be_read_nothing_is_sent(deployed: Deployed, node: Any) -> None:
    node.behave(metrics=False)
    run = deployed.cli("node-dialect", "--yes")
    assert run.returncode == 1
    assert "counters cannot be read" in run.stderr
    assert node.messages() == []
