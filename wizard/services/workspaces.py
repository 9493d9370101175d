"""The workspaces of this machine: what is in each, without opening it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.services.lock import Owner, is_held, read_owner
from wizard.services.workspace.state import LocalState
from wizard.services.workspace.workspace import WorkspaceId, data_dir
from wizard.services.workspace_meta import has_backend, read_meta


@dataclass(frozen=True)
class WorkspaceInfo:
    """A deployment found on this machine. `owner` is set while a run holds it."""

    id: WorkspaceId
    root: Path
    resources: int | None  # in the local state; None where that cannot be read, or is in S3
    changed: float  # epoch seconds of the last change of the state, 0.0 without one
    owner: Owner | None = None


def list_workspaces() -> tuple[WorkspaceInfo, ...]:
    """Every deployment with a folder in the user's data directory, the last changed first."""
    files = (data_dir() / "workspaces").glob("*/*/*/workspace.json")
    found = [describe_workspace(file.parent) for file in files]
    return tuple(sorted((f for f in found if f), key=lambda f: f.changed, reverse=True))


def describe_workspace(root: Path) -> WorkspaceInfo | None:
    """What is in a workspace folder, without opening it; None where it is none."""
    try:
        meta = read_meta(root)
    except WizardError:
        return None
    if not meta:
        return None
    state = LocalState(root / "state")
    changing = state.path
    try:
        resources: int | None = state.resources()
    except WizardError:
        resources = None
    if has_backend(root):
        resources, changing = None, root / "journal.jsonl"
    lock = root / "lock"
    return WorkspaceInfo(
        WorkspaceId(str(meta["account_id"]), str(meta["region"]), str(meta["name_prefix"])),
        root,
        resources,
        changing.stat().st_mtime if changing.exists() else 0.0,
        read_owner(lock) if is_held(lock) else None,
    )
