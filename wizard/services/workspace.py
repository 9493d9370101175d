"""The folder of one deployment: answers, journal, module, variables, plan, state and logs.

    <user data>/wallarm-apigw/workspaces/<account>/<region>/<name prefix>/   0700
      workspace.json          whose it is, layout version, the module version in use
      lock                    one writer at a time
      answers.json journal.jsonl terraform.tfvars.json
      module-<hash>/          a copy of the module as it was deployed
      state/terraform.tfstate
      plans/ runs/ logs/      0700; a plan is deleted after use

Every file is 0600 and written whole or not at all.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from wizard.core.errors import UsageError, WizardError
from wizard.services.files import private_dir, write_private
from wizard.services.lock import Lock, Owner, is_held, read_owner
from wizard.services.module_copy import BACKEND_FILE, PROVIDER_LOCK, copy_module
from wizard.services.state_file import StateFacts, count_resources, read_state

LAYOUT_VERSION = 1
ENV = "WALLARM_APIGW_WORKSPACE"
RESERVE = "reserve"
BACKEND = "backend.json"
_KEEP_MODULES = 2


@dataclass(frozen=True)
class WorkspaceId:
    """What tells one deployment from another."""

    account_id: str
    region: str
    name_prefix: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}/{self.name_prefix}"


@dataclass(frozen=True)
class WorkspaceInfo:
    """A deployment found on this machine. `owner` is set while a run holds it."""

    id: WorkspaceId
    root: Path
    resources: int | None  # in the local state; None where that cannot be read, or is in S3
    changed: float  # epoch seconds of the last change of the state, 0.0 without one
    owner: Owner | None = None


def data_dir() -> Path:
    """The product's folder in the user's data directory, made if need be."""
    return private_dir(Path(platformdirs.user_data_dir("wallarm-apigw", appauthor=False)))


class SharedState(Protocol):
    """A state that is not in this folder."""

    def facts(self) -> StateFacts | None:
        """Its facts; None before the first apply. Raises WizardError."""


class Workspace:
    """One deployment's folder. Open it with `open_workspace`."""

    def __init__(self, root: Path, identity: WorkspaceId) -> None:
        self.root = root
        self.id = identity
        self.lock = Lock(root / "lock")
        self.shared: SharedState | None = None

    @property
    def answers_file(self) -> Path:
        """The answers of the last run."""
        return self.root / "answers.json"

    @property
    def journal_file(self) -> Path:
        """The record of every side effect."""
        return self.root / "journal.jsonl"

    @property
    def variables_file(self) -> Path:
        """The Terraform variables; never holds a secret."""
        return self.root / "terraform.tfvars.json"

    @property
    def state_file(self) -> Path:
        """Terraform's local state."""
        return self.root / "state" / "terraform.tfstate"

    @property
    def plans(self) -> Path:
        """Saved plans: they hold sensitive values, hence the closed folder."""
        return private_dir(self.root / "plans")

    @property
    def runs(self) -> Path:
        """What Terraform printed, one pair of files per run."""
        return private_dir(self.root / "runs")

    @property
    def log_file(self) -> Path:
        """The readable log of this workspace."""
        return private_dir(self.root / "logs") / "terraform.log"

    @property
    def module(self) -> Path | None:
        """The module version in use; None before the first `install_module`."""
        name = self._meta().get("module", "")
        path = self.root / name if name else None
        return path if path and path.is_dir() else None

    def locked(self, purpose: str = "") -> Lock:
        """The workspace's lock, to be held as a context manager while anything is changed."""
        self.lock = Lock(self.root / "lock", purpose)
        return self.lock

    def write_variables(self, variables: Mapping[str, Any]) -> Path:
        """Store the Terraform variables. Refuses the Wallarm token."""
        if variables.get("wallarm_api_token"):
            raise ValueError("the Wallarm token is handed over through SSM, never as a variable")
        text = json.dumps(dict(variables), indent=2, ensure_ascii=False, sort_keys=True)
        write_private(self.variables_file, text + "\n")
        return self.variables_file

    def install_module(self, source: Path, built: Mapping[str, bytes] | None = None) -> Path:
        """Copy the module in, once per content; gives the folder Terraform works in.

        built: files by name that were made now and take the place of those in `source`.

        The provider lock file of the version before is taken along, so that an upgrade of this
        product does not change the provider by the way.
        """
        target = copy_module(source, self.root, built or {})
        before = self.module
        if before and before != target and (before / PROVIDER_LOCK).exists():
            write_private(target / PROVIDER_LOCK, (before / PROVIDER_LOCK).read_bytes())
        self._write_backend(target)
        self._update_meta(module=target.name)
        self._prune(keep={target, before} if before else {target})
        return target

    def set_backend(self, kind: str, config: Mapping[str, Any]) -> None:
        """Keep the state elsewhere (`s3`) from the next `init` on. `config` holds no secret."""
        text = json.dumps({kind: dict(config)}, indent=2)
        write_private(self.root / BACKEND, text + "\n")
        if self.module:
            self._write_backend(self.module)

    def set_local(self) -> None:
        """Keep the state in this folder from the next `init` on."""
        (self.root / BACKEND).unlink(missing_ok=True)
        if self.module:
            self._write_backend(self.module)

    def propose_backend(self, kind: str, config: Mapping[str, Any]) -> None:
        """Where the next `init` shall move the state; it counts once `set_…` says so."""
        if self.module:
            backend = {kind: dict(config)} if kind else self._local_backend
            write_private(self.module / BACKEND_FILE, _override(backend))

    def put_away_state(self) -> None:
        """Rename the local state once it is elsewhere, so that nobody takes it for the present."""
        for path in (self.state_file, self.kept_state):
            if path.exists():
                path.replace(path.with_name(f"{path.name}.moved-{time.strftime('%Y%m%dT%H%M%S')}"))

    @property
    def backend(self) -> dict[str, Any]:
        """Where the state is, when it is not in this folder: `{"s3": {...}}`; else empty."""
        return read_backend(self.root)

    @property
    def state_is_local(self) -> bool:
        """Whether the state lies in this folder."""
        return not (self.root / BACKEND).exists()

    @property
    def kept_state(self) -> Path:
        """A copy of the local state as it was after the last run that ended."""
        return self.root / "state" / "last-good.tfstate"

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever deployed from this folder."""
        local = self.state_file.exists() or self.kept_state.exists()
        return self.state_is_local and not local

    def local_facts(self) -> StateFacts | None:
        """What tells the local state from another; None without one."""
        if not self.state_file.exists() or not self.state_file.stat().st_size:
            return None
        return read_state(self.state_file.read_bytes())

    def local_resources(self) -> int:
        """Number of resources in the local state, whether or not it is the one in use."""
        return count_resources(self.state_file, self.kept_state)

    def check_state(self) -> int:
        """Number of resources in the state; 0 before the first deployment.

        Raises WizardError WAG-E-WS-020 when the state is damaged, and 021 when it is empty or gone
        although something was deployed: Terraform itself would take that for an empty account and
        deploy everything a second time.
        """
        if not self.state_is_local:
            facts = self.shared.facts() if self.shared else None
            return facts.resources if facts else 0
        known = 0
        if self.kept_state.exists():
            known = count_resources(self.kept_state, self.kept_state)
        if self.state_file.exists() and self.state_file.stat().st_size:
            return count_resources(self.state_file, self.kept_state)
        if known:
            raise WizardError(
                "WAG-E-WS-021",
                "Terraform's state of this deployment is gone, but the deployment is not",
                why=f"{self.state_file} is empty or missing; after the last run it held "
                f"{known} resources.",
                next_step="`wallarm-apigw install` offers to put the copy of the last run in "
                f"place: {self.kept_state}",
            )
        return 0

    def keep_state(self) -> None:
        """Keep a copy of the local state, if it can be read: what `check_state` compares with."""
        if self.state_is_local and self.state_file.exists() and self.state_file.stat().st_size:
            count_resources(self.state_file, self.kept_state)
            write_private(self.kept_state, self.state_file.read_bytes())

    def kept_facts(self) -> tuple[StateFacts, float] | None:
        """The facts of the copy and its age in seconds; None where there is no readable one."""
        try:
            facts = read_state(self.kept_state.read_bytes())
            return facts, max(0.0, time.time() - self.kept_state.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def restore_state(self) -> Path | None:
        """Put the copy in the state's place. Returns where a damaged state was moved to."""
        aside = None
        if self.state_file.exists() and self.state_file.stat().st_size:
            name = f"{self.state_file.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}"
            aside = self.state_file.rename(self.state_file.with_name(name))
        write_private(self.state_file, self.kept_state.read_bytes())
        return aside

    @property
    def errored_states(self) -> tuple[Path, ...]:
        """State that Terraform could not store where it belongs and left in its folder."""
        return tuple(sorted(self.root.glob("module-*/errored.tfstate")))

    def check_errored(self) -> None:
        """Raises WizardError WAG-E-WS-022 while an unsaved state waits to be dealt with.

        Planning without it would deploy a second time what it records.
        """
        if self.errored_states:
            names = ", ".join(str(path) for path in self.errored_states)
            raise WizardError(
                "WAG-E-WS-022",
                "Terraform could not store its state in an earlier run",
                why=f"What it did then is recorded in {names}.",
                next_step="Put that record back (`wallarm-apigw install` offers it), or set it "
                "aside if you know that it is obsolete.",
            )

    def set_aside(self, path: Path) -> Path:
        """Rename an unsaved state so that it no longer counts; nothing is deleted."""
        target = path.with_name(f"{path.name}.set-aside-{time.strftime('%Y%m%dT%H%M%S')}")
        path.rename(target)
        return target

    def sweep(self) -> None:
        """Remove what a killed run left: saved plans, reserved space, half-written files.

        Call it with the lock held.
        """
        for path in self.plans.iterdir():
            path.unlink(missing_ok=True)
        (self.state_file.parent / RESERVE).unlink(missing_ok=True)
        # Beside the state only our own: Terraform's lock has a name with a dot, too.
        half = (*self.root.glob(".*"), *self.state_file.parent.glob(".last-good.tfstate.*"))
        for path in (*half, *self.state_file.parent.glob(f".{RESERVE}.*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _write_backend(self, module: Path) -> None:
        private_dir(self.state_file.parent)
        write_private(module / BACKEND_FILE, _override(self.backend or self._local_backend))

    @property
    def _local_backend(self) -> dict[str, Any]:
        return {"local": {"path": str(self.state_file)}}

    def _prune(self, keep: set[Path]) -> None:
        modules = sorted(self.root.glob("module-*"), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in modules[_KEEP_MODULES:]:
            if path not in keep and not (path / "errored.tfstate").exists():
                shutil.rmtree(path, ignore_errors=True)

    def _meta(self) -> dict[str, Any]:
        return _read_meta(self.root)

    def _update_meta(self, **values: Any) -> None:
        meta = {
            "layout": LAYOUT_VERSION,
            "account_id": self.id.account_id,
            "region": self.id.region,
            "name_prefix": self.id.name_prefix,
        }
        write_private(
            self.root / "workspace.json",
            json.dumps({**self._meta(), **meta, **values}, indent=2) + "\n",
        )


def open_workspace(
    identity: WorkspaceId, *, root: Path | None = None, env: Mapping[str, str] | None = None
) -> Workspace:
    """The folder of this deployment, made if need be.

    Args:
        root: use exactly this folder (`--workspace DIR`). It is bound to the first deployment that
            uses it; another one is refused, because state and APIs would be mixed up.
        env: environment; WALLARM_APIGW_WORKSPACE counts as `root`.
    """
    chosen = root or (Path(env[ENV]) if env and env.get(ENV) else None)
    for part in (identity.account_id, identity.region, identity.name_prefix):
        if not part or part in (".", "..") or "/" in part or "\0" in part:
            raise UsageError("WAG-E-WS-002", f"{part!r} cannot be part of a folder's name")
    if chosen is None:
        chosen = data_dir() / "workspaces" / identity.account_id / identity.region
        chosen = chosen / identity.name_prefix
    private_dir(chosen)
    workspace = Workspace(chosen.resolve(), identity)
    held = _read_meta(workspace.root)
    if held:
        if int(held.get("layout", 1)) > LAYOUT_VERSION:
            raise WizardError(
                "WAG-E-WS-005",
                "This workspace was written by a newer version of this product",
                why=f"{workspace.root} has layout {held['layout']}, not {LAYOUT_VERSION}.",
                next_step="Upgrade: pip install --upgrade wallarm-apigw",
            )
        owner = WorkspaceId(
            str(held.get("account_id")), str(held.get("region")), str(held.get("name_prefix"))
        )
        if owner != identity:
            raise WizardError(
                "WAG-E-WS-004",
                "This workspace belongs to another deployment",
                why=f"{workspace.root} holds {owner}; this run is about {identity}.",
                next_step="Choose another folder with --workspace DIR, or leave the option out.",
            )
    else:
        workspace._update_meta()
    return workspace


def list_workspaces() -> tuple[WorkspaceInfo, ...]:
    """Every deployment with a folder in the user's data directory, the last changed first."""
    files = (data_dir() / "workspaces").glob("*/*/*/workspace.json")
    found = [describe_workspace(file.parent) for file in files]
    return tuple(sorted((f for f in found if f), key=lambda f: f.changed, reverse=True))


def describe_workspace(root: Path) -> WorkspaceInfo | None:
    """What is in a workspace folder, without opening it; None where it is none."""
    try:
        meta = _read_meta(root)
    except WizardError:
        return None
    if not meta:
        return None
    state = root / "state" / "terraform.tfstate"
    try:
        resources: int | None = count_resources(state, root / "state" / "last-good.tfstate")
    except WizardError:
        resources = None
    if (root / BACKEND).exists():
        resources = None
        state = root / "journal.jsonl"
    lock = root / "lock"
    return WorkspaceInfo(
        WorkspaceId(str(meta["account_id"]), str(meta["region"]), str(meta["name_prefix"])),
        root,
        resources,
        state.stat().st_mtime if state.exists() else 0.0,
        read_owner(lock) if is_held(lock) else None,
    )


def read_backend(root: Path) -> dict[str, Any]:
    """A workspace's stored backend; empty when its state is local."""
    path = root / BACKEND
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


def _override(backend: Mapping[str, Any]) -> str:
    return json.dumps({"terraform": {"backend": backend}}, indent=2) + "\n"


def _read_meta(root: Path) -> dict[str, Any]:
    path = root / "workspace.json"
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or "account_id" not in data:
            raise ValueError("not a workspace description")
    except (OSError, ValueError) as error:
        raise WizardError(
            "WAG-E-WS-006",
            "The workspace's description cannot be read",
            why=f"{path}: {error}",
            next_step="Restore the file from a backup, or choose another folder with --workspace.",
        ) from error
    return data
