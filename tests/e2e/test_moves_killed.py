"""A state on the move, stopped at any moment: every computer finds it whole, in one place.

Terraform is real; its module is a small one that needs no provider.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import need_terraform
from tests.flows.mortal import Mortal
from tests.flows.moves import (
    FIRST,
    SECOND,
    WAYS,
    Scene,
    check_every_moment,
)
from wizard.flows.deployment import model
from wizard.sandbox import Sandbox
from wizard.services.terraform.client import Terraform
from wizard.services.workspace import s3_state

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("moves")]

MODULE = """
resource "terraform_data" "one" {
  count = 3
}
output "api_gateway_log_group" { value = "group" }
output "api_gateway_log_group_arn" { value = "arn" }
output "lambda_function_name" { value = "function" }
output "lambda_log_group" { value = "/aws/lambda/function" }
output "node_url" { value = "node:5050" }
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    need_terraform()
    folder = tmp_path_factory.mktemp("moves")
    (folder / "module").mkdir()
    (folder / "module" / "main.tf").write_text(MODULE)
    with Sandbox.start() as box, pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "terraform_module", lambda: folder / "module")
        env = {k: v for k, v in os.environ.items() if k not in box.unset} | box.env
        session = Mortal(box.region, env)
        for bucket in (FIRST, SECOND):
            s3_state.make_bucket(session, session.identity(), bucket)
        yield Scene(box, session, folder, Terraform)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_move_that_is_killed_at_any_moment_is_finished_or_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Before each moment. After each, with the move made after all, and every command on both
    computers: `tests/flows/test_moves_cut_short.py`, `test_commands_after_a_killed_move.py`."""
    assert check_every_moment(scene, monkeypatch, way, after=False, whole=False) >= 10
