"""Terraform as far as its backend goes: a stand-in that keeps a state where its backend says,
remembers that backend, and refuses to work where it is another one, as Terraform documents it
(`init -migrate-state`, else `-reconfigure`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from wizard.core.terraform.events import ChangeSummary, PlannedChange
from wizard.services.terraform.client import PlanResult
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.module import BACKEND_FILE
from wizard.services.workspace.workspace import Workspace

OUTPUTS = ("api_gateway_log_group", "api_gateway_log_group_arn", "lambda_function_name",
           "lambda_log_group", "node_url")  # fmt: skip
KIND = "terraform_data"
ADDRESSES = (f"{KIND}.one[0]", f"{KIND}.one[1]", f"{KIND}.one[2]")
RAW = "Backend initialization required, please run"


class StandIn:
    """One Terraform in a workspace. What an apply leaves in the account is `made` and `removed`."""

    s3: Any  # of the local AWS, which the killed computer's death does not reach
    dies_at = ""
    die: Callable[[], None] = lambda: None
    outputs: Mapping[str, str] = dict.fromkeys(OUTPUTS, "node:5050")
    made: Callable[[Mapping[str, Any]], None] = lambda _: None
    removed: Callable[[], None] = lambda: None

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.binary = SimpleNamespace(
            numbers=(1, 11, 4), version="1.11.4", flavor="a stand-in for Terraform", found="here"
        )
        self.provider_version = ""
        self.places = SimpleNamespace(temporary=())
        self.runner = SimpleNamespace(env={})
        self.working = False

    def left_running(self) -> None:
        """Nothing outlives it."""

    def end_left_providers(self) -> int:
        return 0

    def interrupt(self) -> None:
        """Nothing runs."""

    def init(self, *, migrate_state: bool = False) -> Any:
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
        return SimpleNamespace(explanation="none is needed")

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

    def _held(self) -> bytes | None:
        """The state of the backend it is at work on; what Terraform says where that is another one
        than it remembers."""
        if self._remembered != self._wanted:
            raise TerraformError("WAG-E-TF-100", "Terraform failed", why=RAW)
        return self._read(self._wanted)

    def state_list(self) -> tuple[str, ...]:
        """Addresses."""
        return ADDRESSES if self._resources(self._held()) else ()

    def show_state_json(self) -> dict[str, Any]:
        """Nothing that has an ARN."""
        self._held()
        return {}

    def plan(self, *, destroy: bool = False) -> PlanResult:
        there = self._resources(self._held())
        action = "delete" if destroy else "create"
        changes = tuple(PlannedChange(a, KIND, action) for a in ADDRESSES)
        changes = changes if bool(there) is destroy else ()
        path = self.workspace.plans / "plan"
        path.touch()
        number = len(changes)
        summary = ChangeSummary(0 if destroy else number, 0, number if destroy else 0)
        return PlanResult(path, "", destroy, bool(changes), summary, changes, ())

    def show_plan_json(self, plan: PlanResult) -> dict[str, Any]:
        return {
            "resource_changes": [
                {"address": c.address, "type": KIND, "mode": "managed",
                 "change": {"actions": [c.action], "after": {}}}
                for c in plan.changes
            ]
        }  # fmt: skip

    def apply(self, plan: PlanResult, _listen: object) -> Any:
        plan.discard()
        before = json.loads(self._held() or b"{}")
        state = {
            "version": 4, "serial": before.get("serial", 0) + 1,
            "lineage": before.get("lineage", str(self.workspace.root)), "resources": [
                {"mode": "managed", "type": KIND, "name": "one",
                 "instances": [{"index_key": number} for number in range(len(ADDRESSES))]}
            ], "outputs": {name: {"value": value} for name, value in self.outputs.items()},
        }  # fmt: skip
        if plan.destroy:
            state |= {"resources": [], "outputs": {}}
            StandIn.removed()
        else:
            StandIn.made(json.loads(self.workspace.variables_file.read_text(encoding="utf-8")))
        self._write(self._wanted, json.dumps(state).encode())
        return SimpleNamespace(summary=plan.summary, complete=True)

    @staticmethod
    def _resources(state: bytes | None) -> int:
        return sum(len(one["instances"]) for one in json.loads(state or b"{}").get("resources", ()))

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
