"""A state on the move, stopped at any moment: every computer finds it whole, in one place.

Buckets, records and locks are real; Terraform is a stand-in (`tests/flows/copying.py`). With the
real one: `tests/e2e/test_moves_killed.py`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

from tests.flows.copying import StandIn
from tests.flows.mortal import Killed, Mortal
from tests.flows.moves import (
    FIRST,
    SECOND,
    WAYS,
    Doom,
    Scene,
    check_every_moment,
    check_killed_copy,
)
from wizard.core.errors import WizardError
from wizard.flows.deployment import model
from wizard.sandbox import Sandbox
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace import s3_state


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("moves")
    (folder / "module").mkdir()
    (folder / "module" / "main.tf").write_text("")
    with Sandbox.start() as box, pytest.MonkeyPatch.context() as patch:
        env = {k: v for k, v in os.environ.items() if k not in box.unset} | box.env
        StandIn.s3 = Mortal(box.region, env).client("s3")
        patch.setattr(model, "terraform_module", lambda: folder / "module")
        patch.setattr(model, "open_terraform", lambda workspace, **_: StandIn(workspace))
        session = Mortal(box.region, env)
        for bucket in (FIRST, SECOND):
            s3_state.make_bucket(session, session.identity(), bucket)
        yield Scene(box, session, folder, StandIn)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_move_that_is_killed_at_any_moment_is_finished_or_undone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str, after: bool
) -> None:
    assert check_every_moment(scene, monkeypatch, way, after) >= 10


@pytest.mark.parametrize("alone", [False, True], ids=["with the wizard", "alone"])
@pytest.mark.parametrize("moment", ["locked", "copied", "unlocked"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_terraform_that_is_killed_while_it_copies_leaves_one_story(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, way: str, moment: str, alone: bool
) -> None:
    doom = Doom(scene.session, 0, after=False)

    def die() -> None:
        if alone:
            raise TerraformError("WAG-E-TF-105", "Terraform was killed", why="signal 9")
        doom.die()

    def act(move: Callable[[], None]) -> None:
        scene.session.begin()
        scene.session.before = doom.before
        monkeypatch.setattr(StandIn, "dies_at", moment)
        with contextlib.suppress(Killed, WizardError):
            move()
        assert StandIn.dies_at == ""
        scene.session.begin()

    monkeypatch.setattr(StandIn, "die", die)
    check_killed_copy(scene, way, f"t{sorted(WAYS).index(way)}-{moment}-{int(alone)}", act)
