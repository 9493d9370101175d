"""What Terraform says of its state and its plans, and the few ways to change a state by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from python_terraform import IsFlagged

from wizard.core.errors import WizardError
from wizard.services.terraform.errors import failed
from wizard.services.terraform.query import json_answer, outputs
from wizard.services.terraform.results import PlanResult
from wizard.services.terraform.runner import EventListener, Runner, ignore

IMPORT_TIMEOUT = 1800.0


class StateCommands(Runner):
    """The commands about state and plan. None of them changes anything in the account."""

    def output(self) -> dict[str, object]:
        """The outputs by name, in JSON types; a sensitive text is a `Secret`."""
        return outputs(json_answer(self._ask("output", json=IsFlagged), "output"))

    def show_plan_json(self, plan: PlanResult) -> dict[str, Any]:
        """The whole plan as Terraform's JSON. It holds sensitive values: never store it."""
        return json_answer(self._ask("show", str(plan.path), json=IsFlagged), "show")

    def show_state_json(self) -> dict[str, Any]:
        """The whole state as Terraform's JSON. It holds sensitive values: never store it."""
        return json_answer(self._ask("show", json=IsFlagged), "show")

    def state_list(self) -> tuple[str, ...]:
        """Addresses of everything in the state."""
        answer = self._ask("state list")
        if answer.returncode != 0 and "No state file was found" in answer.stderr:
            return ()
        if answer.returncode != 0:
            raise failed("state list", (), answer.stderr, answer.returncode)
        return tuple(line for line in answer.stdout.splitlines() if line.strip())

    def import_(self, address: str, resource_id: str, on_event: EventListener = ignore) -> None:
        """Take a resource that exists into the state. Raises TerraformError."""
        argv = self._argv(
            "import",
            address,
            resource_id,
            input=False,
            no_color=IsFlagged,
            var_file=self._var_file,
        )
        self._check_state()
        try:
            self._stream("import", argv, on_event, IMPORT_TIMEOUT)
        finally:
            self._keep_state()

    def forget(self, addresses: Sequence[str]) -> None:
        """Take resources out of the state without touching them. Raises TerraformError."""
        self._check_state()
        answer = self._ask("state rm", *addresses)
        self._keep_state()
        if answer.returncode != 0:
            raise failed("state rm", (), answer.stderr, answer.returncode)

    def push_state(self, path: Path) -> None:
        """Put a state file (`errored.tfstate`) where it belongs. Only after the user agreed.

        Terraform itself refuses one that is older or of another deployment.
        """
        answer = self._ask("state push", str(path))
        if answer.returncode != 0:
            raise failed("state push", (), answer.stderr, answer.returncode)
        path.unlink(missing_ok=True)

    def force_unlock(self, lock_id: str) -> None:
        """Remove a state lock that a dead Terraform left. Only after the user agreed."""
        answer = self._ask("force-unlock", lock_id, force=IsFlagged)
        if answer.returncode != 0:
            raise failed("force-unlock", (), answer.stderr, answer.returncode)

    def _check_state(self) -> None:
        self.workspace.check_state()
        self.workspace.unsaved.check()

    def _keep_state(self) -> None:
        if self.workspace.state_is_local:
            with contextlib.suppress(WizardError):  # one that cannot be read is told by `plan`
                self.workspace.state.keep()

    @property
    def _var_file(self) -> str | None:
        path = self.workspace.variables_file
        return str(path) if path.exists() else None
