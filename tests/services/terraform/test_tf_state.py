"""Terraform's state: never lost, never taken for an empty account, never overwritten."""

from __future__ import annotations

import json

import pytest

from wizard.core.errors import WizardError
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.module import IMPORTS_FILE
from wizard.services.workspace.workspace import Workspace

pytestmark = pytest.mark.e2e


def test_an_existing_resource_is_taken_into_the_state(opened) -> None:
    terraform = opened()
    heard: list[str] = []
    terraform.import_("terraform_data.last", "abc", lambda e: heard.append(getattr(e, "text", "")))
    assert "terraform_data.last" in terraform.state_list()
    assert any("Import successful" in line for line in heard)


def test_several_are_taken_into_the_state_by_one_plan_and_not_before_its_apply(
    opened, workspace: Workspace
) -> None:
    terraform = opened(seconds=[0, 0])
    wanted = {"terraform_data.step[1]": 'a${b}%{c}"', "terraform_data.last": "abc"}
    workspace.imports |= wanted
    assert workspace.module is not None
    blocks, modes = workspace.module / IMPORTS_FILE, set()
    plan = terraform.plan(lambda _: modes.add(blocks.stat().st_mode & 0o777))
    assert modes == {0o600}
    assert not blocks.exists()
    assert plan.summary.imported == 2
    assert plan.has_changes
    assert workspace.check_state() == 0
    terraform.apply(plan)
    held = terraform.show_state_json()["values"]["root_module"]["resources"]
    ids = {one["address"]: one["values"]["id"] for one in held}
    assert len(ids) == 3
    assert wanted.items() <= ids.items()
    assert workspace.imports == {}


def test_no_import_block_is_left_by_a_plan_that_fails_nor_asked_for_by_a_removal(
    opened, workspace: Workspace
) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    workspace.imports["terraform_data.none"] = "abc"
    assert workspace.module is not None
    files = {path.name for path in workspace.module.iterdir()}
    assert terraform.plan(destroy=True).summary.imported == 0
    with pytest.raises(TerraformError, match=r"terraform_data\.none"):
        terraform.plan()
    assert {path.name for path in workspace.module.iterdir()} == files


def test_plan_and_state_can_be_read_as_data(opened) -> None:
    terraform = opened()
    plan = terraform.plan()
    shown = terraform.show_plan_json(plan)
    assert {c["address"] for c in shown["resource_changes"]} == {c.address for c in plan.changes}
    terraform.apply(plan)
    resources = terraform.show_state_json()["values"]["root_module"]["resources"]
    assert len(resources) == 2


def test_a_truncated_state_is_an_error_and_not_an_empty_account(
    opened, workspace: Workspace
) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    text = workspace.state.path.read_text()
    workspace.state.path.write_text(text[: len(text) // 2])
    with pytest.raises(WizardError) as caught:
        terraform.plan()
    assert caught.value.code == "WAG-E-WS-020"
    assert str(workspace.state.kept) in caught.value.next_step


@pytest.mark.parametrize("loss", ["emptied", "deleted"])
def test_a_lost_state_never_becomes_a_second_deployment(
    opened, workspace: Workspace, loss: str
) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    workspace.state.path.unlink()
    if loss == "emptied":
        workspace.state.path.touch()
    with pytest.raises(WizardError) as caught:
        terraform.plan()
    assert caught.value.code == "WAG-E-WS-021"
    workspace.state.path.write_bytes(workspace.state.kept.read_bytes())
    assert not terraform.plan().has_changes


def test_after_everything_was_removed_a_new_start_is_possible(opened, workspace: Workspace) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    terraform.apply(terraform.plan(destroy=True))
    workspace.state.path.unlink()
    assert terraform.plan().summary.add == 2


def test_a_state_left_behind_is_put_back_when_the_user_agrees(opened, workspace: Workspace) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    assert workspace.module is not None
    left = workspace.module / "errored.tfstate"
    newer = json.loads(workspace.state.path.read_text())
    newer["serial"] += 1
    left.write_text(json.dumps(newer))
    assert workspace.unsaved.files == (left,)
    with pytest.raises(WizardError, match="WAG-E-WS-022"):
        terraform.plan()  # would deploy again what that file records
    terraform.push_state(left)
    assert workspace.unsaved.files == ()
    assert json.loads(workspace.state.path.read_text())["serial"] == newer["serial"]


def test_an_obsolete_state_can_be_set_aside_and_is_not_deleted(
    opened, workspace: Workspace
) -> None:
    terraform = opened()
    assert workspace.module is not None
    left = workspace.module / "errored.tfstate"
    left.write_text("{}")
    with pytest.raises(TerraformError):
        terraform.push_state(left)
    assert left.exists()
    assert workspace.unsaved.set_aside(left).read_text() == "{}"
    assert terraform.plan().has_changes
