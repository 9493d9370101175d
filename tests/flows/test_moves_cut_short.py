"""A state on the move, stopped at any moment: every computer finds it whole, in one place.

Buckets, records and locks are real; Terraform is a stand-in that keeps a state where its backend
says, remembers that backend, and refuses to work where it is another one, as Terraform documents
it (`init -migrate-state`, else `-reconfigure`). With the real one:
`tests/e2e/test_moves_killed.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.flows.mortal import Killed, Mortal
from tests.flows.moves import (
    FIRST,
    SECOND,
    WAYS,
    Doom,
    Scene,
    check_a_colleague,
    check_every_moment,
    check_killed_copy,
)
from wizard.core.errors import WizardError
from wizard.core.terraform.events import ChangeSummary, PlannedChange
from wizard.flows.deployment import model
from wizard.sandbox import Sandbox
from wizard.services.terraform.client import PlanResult
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace import s3_state
from wizard.services.workspace.module import BACKEND_FILE
from wizard.services.workspace.workspace import Workspace

OUTPUTS = ("api_gateway_log_group", "api_gateway_log_group_arn", "lambda_function_name",
           "lambda_log_group", "node_url")  # fmt: skip
ADDRESSES = ("terraform_data.one[0]", "terraform_data.one[1]", "terraform_data.one[2]")


class StandIn:
    """Terraform as far as its backend goes."""

    s3: Any  # of the local AWS, which the killed computer's death does not reach
    dies_at = ""
    die: Callable[[], None] = lambda: None

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.binary = SimpleNamespace(numbers=(1, 11, 4), version="1.11.4")
        self.working = False

    def left_running(self) -> None:
        """Nothing outlives it."""

    def interrupt(self) -> None:
        """Nothing runs."""

    def init(self, *, migrate_state: bool = False) -> None:
        remembered, wanted = self._remembered, self._wanted
        moves = migrate_state and remembered is not None and remembered != wanted
        if moves and remembered is not None:
            for backend in (remembered, wanted):
                self._lock(backend)
            self._reach("locked")
            state = self._read(remembered)
            if state is not None:
                self._write(wanted, state)
            self._reach("copied")
            for backend in (remembered, wanted):
                self._lock(backend, held=False)
            self._reach("unlocked")
        self._note.parent.mkdir(exist_ok=True)
        (kind, config), *_ = wanted.items()
        self._note.write_text(json.dumps({"backend": {"type": kind, "config": config}}))

    def force_unlock(self, _lock: str) -> None:
        self._lock(self._wanted, held=False)

    def _reach(self, moment: str) -> None:
        if moment == self.dies_at:
            StandIn.dies_at = ""
            StandIn.die()

    def _lock(self, backend: dict[str, Any], *, held: bool = True) -> None:
        """As `use_lockfile` does it."""
        if "local" in backend:
            return  # the kernel frees it
        place = {"Bucket": backend["s3"]["bucket"], "Key": backend["s3"]["key"] + ".tflock"}
        if held:
            lock = {"ID": "5a-1", "Who": "anna@desk", "Operation": "migrate", "Created": ""}
            self.s3.put_object(**place, Body=json.dumps(lock).encode())
        else:
            self.s3.delete_object(**place)

    def plan(self, *, destroy: bool = False) -> PlanResult:
        assert self._remembered == self._wanted, "Error: Backend initialization required"
        state = self._read(self._wanted)
        changes = tuple(PlannedChange(a, "terraform_data", "create") for a in ADDRESSES)
        changes = () if state is not None else changes
        path = self.workspace.plans / "plan"
        path.touch()
        return PlanResult(
            path, "", destroy, bool(changes), ChangeSummary(len(changes), 0, 0), changes, ()
        )

    def show_plan_json(self, plan: PlanResult) -> dict[str, Any]:
        return {
            "resource_changes": [
                {"address": c.address, "change": {"actions": [c.action]}} for c in plan.changes
            ]
        }

    def apply(self, plan: PlanResult, _listen: object) -> None:
        plan.discard()
        state = {
            "version": 4, "serial": 1, "lineage": str(self.workspace.root), "resources": [
                {"mode": "managed", "type": "aws_vpc", "name": "one", "instances": [{}]}
                for _ in plan.changes
            ], "outputs": {name: {"value": "node:5050"} for name in OUTPUTS},
        }  # fmt: skip
        self._write(self._wanted, json.dumps(state).encode())

    @property
    def _module(self) -> Path:
        assert self.workspace.module is not None
        return self.workspace.module

    @property
    def _note(self) -> Path:
        return self._module / ".terraform" / "terraform.tfstate"

    @property
    def _wanted(self) -> dict[str, Any]:
        text = (self._module / BACKEND_FILE).read_text()
        return dict(json.loads(text)["terraform"]["backend"])

    @property
    def _remembered(self) -> dict[str, Any] | None:
        if not self._note.exists():
            return None
        held = json.loads(self._note.read_text())["backend"]
        return {held["type"]: held["config"]}

    def _read(self, backend: dict[str, Any]) -> bytes | None:
        if "local" in backend:
            path = Path(backend["local"]["path"])
            return path.read_bytes() if path.exists() and path.stat().st_size else None
        try:
            place = {"Bucket": backend["s3"]["bucket"], "Key": backend["s3"]["key"]}
            return bytes(self.s3.get_object(**place)["Body"].read())
        except self.s3.exceptions.NoSuchKey:
            return None

    def _write(self, backend: dict[str, Any], state: bytes) -> None:
        if "local" in backend:
            path = Path(backend["local"]["path"])
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(state)
            return
        place = {"Bucket": backend["s3"]["bucket"], "Key": backend["s3"]["key"]}
        self.s3.put_object(**place, Body=state)


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


@pytest.mark.parametrize("nth", [2, 4, 6, 8, 10, 12])
def test_a_colleague_finishes_or_undoes_what_another_computer_began(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    check_a_colleague(scene, monkeypatch, nth)


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
