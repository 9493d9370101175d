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
    check_a_colleague,
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


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_move_that_is_killed_at_any_moment_is_finished_or_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str, after: bool
) -> None:
    assert check_every_moment(scene, monkeypatch, way, after) >= 10


@pytest.mark.parametrize("nth", [2, 4, 6, 8, 10, 12])
def test_a_colleague_finishes_or_undoes_what_another_computer_began(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    check_a_colleague(scene, monkeypatch, nth)
