"""The answers of Terraform's quick commands, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core.secret import Secret
from wizard.services.terraform.errors import failed

QUICK_TIMEOUT = 300.0


@dataclass(frozen=True)
class Answer:
    """Exit code and texts of a quick command."""

    returncode: int
    stdout: str
    stderr: str


def json_answer(answer: Answer, command: str) -> dict[str, Any]:
    """The JSON object a command printed. Raises TerraformError where there is none."""
    try:
        data = json.loads(answer.stdout)
        if isinstance(data, dict) and (answer.returncode == 0 or "diagnostics" in data):
            return data
    except ValueError:
        pass  # told below, with what Terraform said
    raise failed(command, (), answer.stderr or answer.stdout[:2000], answer.returncode)


def outputs(data: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """`terraform output -json` → values by name; a sensitive text becomes a `Secret`."""
    out: dict[str, object] = {}
    for name, item in data.items():
        value = item.get("value")
        out[name] = Secret(value) if item.get("sensitive") and isinstance(value, str) else value
    return out
