"""Reads Terraform's local state far enough to know that it is whole, and how much it holds."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.core.errors import WizardError


def count_resources(path: Path, kept: Path) -> int:
    """Number of resources (data sources do not count); 0 for a missing or empty file.

    Args:
        kept: an earlier copy to point to when this one is damaged.
    Raises WizardError WAG-E-WS-020 when the file is no Terraform state.
    """
    if not path.exists() or not path.stat().st_size:
        return 0
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return sum(
            len(r.get("instances", ())) for r in state["resources"] if r.get("mode") != "data"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        good = kept if kept.exists() and kept != path else path.with_name(path.name + ".backup")
        hint = f"An earlier copy is {good}. " if good.exists() else ""
        raise WizardError(
            "WAG-E-WS-020",
            "Terraform's state of this deployment is damaged",
            why=f"{path}: {error}",
            next_step=f"{hint}Keep the damaged file too, put the good one in its place, and run "
            "the same command again: what is missing from it is looked for in the account.",
        ) from error
