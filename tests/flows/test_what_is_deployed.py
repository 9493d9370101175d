"""What this computer deployed last decides what a change takes back, and its printed policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.flows.context import Options
from wizard.flows.deployment import answers as saved
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

ID = WorkspaceId("123456789012", "eu-central-1", "api-gw-discovery")
NODE = Answers(region="eu-central-1", node_count=2)
MINE = {"value": ["/mine", "/aws/apigateway/wallarm-api-discovery-1"], "type": ["list", "string"]}


def state(resources: int, **outputs: Any) -> str:
    one = {"mode": "managed", "type": "aws_vpc", "name": "this"}
    instances = [{"index_key": n, "attributes": {}} for n in range(resources)]
    held = [{**one, "instances": instances}] if resources else []
    return json.dumps({"version": 4, "serial": 1, "lineage": "l", "terraform_version": "1.11.4",
                       "outputs": outputs, "resources": held})  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    workspace = open_workspace(ID, root=tmp_path / "ws")
    workspace.make()
    (workspace.root / "state").mkdir(exist_ok=True)
    saved.keep_answers(workspace.answers_file, NODE)
    return workspace.root


def deployed(root: Path) -> Answers | None:
    options = Options(workspace=root, env={})
    return saved.deployed_answers(options, {"region": ID.region}, ID.name_prefix)


def test_it_is_what_the_last_run_saved_as_long_as_something_is_there(root: Path) -> None:
    path = root / "state" / "terraform.tfstate"
    path.write_text(state(3))
    assert deployed(root) == NODE
    path.write_text(state(0))
    assert deployed(root) is None, "after a removal nothing is left to take back"


def test_while_a_change_has_not_ended_it_is_what_was_there_before(root: Path) -> None:
    (root / "state" / "terraform.tfstate").write_text(state(3))
    changed = NODE.with_(node_url="node.example.com:5050")
    saved.keep_before(root, NODE)
    saved.keep_answers(root / "answers.json", changed)
    assert deployed(root) == NODE
    saved.keep_before(root, changed)  # a second try of the same change
    assert deployed(root) == NODE
    saved.drop_before(root)
    assert deployed(root) == changed


def test_log_groups_that_are_subscribed_to_are_known_from_the_state(root: Path) -> None:
    options, where = Options(workspace=root, env={}), ({"region": ID.region}, ID.name_prefix)
    path = root / "state" / "terraform.tfstate"
    path.write_text(state(3, api_gateway_log_groups=MINE))
    assert saved.kept_log_groups(options, *where) == tuple(sorted(MINE["value"]))
    path.write_text("{")
    assert saved.kept_log_groups(options, *where) == ()
    path.unlink()
    assert saved.kept_log_groups(options, *where) == ()
