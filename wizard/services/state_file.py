"""Reads Terraform's state far enough to know that it is whole, and how much it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.core.errors import WizardError


@dataclass(frozen=True)
class StateFacts:
    """What tells one state from another. `outputs` as in Terraform's state: value, sensitive."""

    lineage: str
    serial: int
    resources: int
    outputs: Mapping[str, Any]
    terraform: str = ""  # the version that wrote it


def read_state(body: bytes) -> StateFacts:
    """The facts of a state. Raises ValueError, KeyError, TypeError or AttributeError for others."""
    state = json.loads(body)
    resources = sum(
        len(r.get("instances", ())) for r in state["resources"] if r.get("mode") != "data"
    )
    outputs = state.get("outputs") or {}
    return StateFacts(
        str(state.get("lineage", "")),
        int(state.get("serial", 0)),
        resources,
        dict(outputs),
        str(state.get("terraform_version", "")),
    )


def read_shared_state(body: bytes | None, where: str) -> StateFacts | None:
    """The same for a state in S3. Raises WizardError WAG-E-WS-020 when it is damaged."""
    if not body:
        return None
    try:
        return read_state(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WizardError(
            "WAG-E-WS-020",
            "Terraform's state of this deployment is damaged",
            why=f"{where}: {error}",
            next_step="If the bucket keeps versions, restore the one before "
            "(`aws s3api list-object-versions`); then run the same command again.",
        ) from error


def count_resources(path: Path, kept: Path) -> int:
    """Number of resources (data sources do not count); 0 for a missing or empty file.

    Args:
        kept: an earlier copy to point to when this one is damaged.
    Raises WizardError WAG-E-WS-020 when the file is no Terraform state.
    """
    if not path.exists() or not path.stat().st_size:
        return 0
    try:
        return read_state(path.read_bytes()).resources
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        good = kept if kept.exists() and kept != path else path.with_name(path.name + ".backup")
        hint = f"An earlier copy is {good}. " if good.exists() else ""
        offer = "`wallarm-apigw install` offers to put it in place and keeps the damaged file. "
        by_hand = (
            "Keep the damaged file too, put the good one in its place, and run the same command "
            "again. "
        )
        raise WizardError(
            "WAG-E-WS-020",
            "Terraform's state of this deployment is damaged",
            why=f"{path}: {error}",
            next_step=f"{hint}{offer if hint and good == kept else by_hand}"
            "What is missing from it is looked for in the account.",
        ) from error
