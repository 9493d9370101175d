"""The two small files that say what a workspace is, and where its state is kept.

`workspace.json`: whose it is, the version of its layout, the module in use. `backend.json`: present
only while the state is not in the folder itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.core import migrations
from wizard.core.errors import WizardError
from wizard.services import versions_kept
from wizard.services.files import write_private

LAYOUT_VERSION = 1
_META = "workspace.json"
_BACKEND = "backend.json"


def read_meta(root: Path) -> dict[str, Any]:
    """The description; empty where there is none.

    Raises WizardError WAG-E-WS-006 when it cannot be read, WAG-E-VERSION-001 when a newer
    version wrote it.
    """
    path = root / _META
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or "account_id" not in data:
            raise ValueError("not a workspace description")
    except (OSError, ValueError, TypeError) as error:
        raise WizardError(
            "WAG-E-WS-006",
            "The workspace's description cannot be read",
            why=f"{path}: {error}",
            next_step="Restore the file from a backup, or choose another folder with "
            "--workspace DIR.",
        ) from error
    return migrations.migrate(
        data, key="layout", current=LAYOUT_VERSION, steps=migrations.LAYOUT,
        source=f"The workspace {root}",
    )  # fmt: skip


def write_meta(root: Path, **values: Any) -> None:
    """Replace some values of the description."""
    data = {**read_meta(root), **values, "layout": LAYOUT_VERSION}
    versions_kept.keep(root / _META, "layout", LAYOUT_VERSION)
    write_private(root / _META, json.dumps(data, indent=2) + "\n")


def read_backend(root: Path) -> dict[str, Any]:
    """Where the state is when it is not in the folder: `{"s3": {...}}`; else empty.

    Raises WizardError WAG-E-WS-012 when that cannot be read.
    """
    path = root / _BACKEND
    if not path.exists():
        return {}
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return data
    except (OSError, ValueError) as error:
        raise WizardError(
            "WAG-E-WS-012",
            "Where this deployment's state is kept cannot be read",
            why=f"{path}: {error}",
            next_step="Restore the file, or start in a new folder with --workspace DIR and "
            "WALLARM_APIGW_STATE_BUCKET set to the bucket's name.",
        ) from error


def write_backend(root: Path, backend: Mapping[str, Any]) -> None:
    """Remember where the state is; an empty mapping means the folder itself."""
    if backend:
        write_private(root / _BACKEND, json.dumps(dict(backend), indent=2) + "\n")
    else:
        (root / _BACKEND).unlink(missing_ok=True)


def has_backend(root: Path) -> bool:
    """Whether the state is elsewhere, be the file readable or not."""
    return (root / _BACKEND).exists()
