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

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from wizard.core import migrations
from wizard.core.errors import UsageError, WizardError
from wizard.core.known_deployment import KnownDeployment
from wizard.core.state_place import backend_bucket
from wizard.services import files
from wizard.services.files import private_dir, write_private
from wizard.services.lock import Lock, is_held, read_owner
from wizard.services.workspace.module import (
    BACKEND_FILE,
    IMPORTS_FILE,
    PROVIDER_LOCK,
    copy_module,
)
from wizard.services.workspace.state import LocalState, StateFacts, UnsavedStates

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
        data,
        key="layout",
        current=LAYOUT_VERSION,
        steps=migrations.LAYOUT,
        source=f"The workspace {root}",
    )


def write_meta(root: Path, **values: Any) -> None:
    """Replace some values of the description."""
    data = {**read_meta(root), **values, "layout": LAYOUT_VERSION}
    files.keep_copy(root / _META, "layout", LAYOUT_VERSION)
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


ENV = "WALLARM_APIGW_WORKSPACE"
RESERVE = "reserve"
_KEEP_MODULES = 2


@dataclass(frozen=True)
class WorkspaceId:
    """What tells one deployment from another."""

    account_id: str
    region: str
    name_prefix: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}/{self.name_prefix}"


def data_dir() -> Path:
    """The product's folder in the user's data directory, made if need be.

    Raises WizardError WAG-E-WS-014 where this user has no home.
    """
    return private_dir(_data_place())


def _data_place() -> Path:
    folder = data_path()
    if folder is None:
        raise files.no_home("Answers, journal and state would be kept there.")
    return folder


def data_path() -> Path | None:
    """Where that folder is or would be; None where this user has no home. Makes nothing."""
    return files.absolute(lambda: platformdirs.user_data_path("wallarm-apigw", appauthor=False))


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
        self.state = LocalState(root / "state")
        self.unsaved = UnsavedStates(root)
        self.shared: SharedState | None = None
        self.imports: dict[str, str] = {}
        """Import ids by address: what the plans that are made here take into the state."""
        self._made_now = False

    def make(self) -> None:
        """Make the folder and say in it whose it is."""
        private_dir(self.root)
        if not read_meta(self.root):
            self._made_now = True
            write_meta(
                self.root,
                account_id=self.id.account_id,
                region=self.id.region,
                name_prefix=self.id.name_prefix,
            )

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
        name = read_meta(self.root).get("module", "")
        path = self.root / name if name else None
        return path if path and path.is_dir() else None

    def locked(self, purpose: str = "") -> Lock:
        """The workspace's lock, to be held as a context manager while anything is changed."""
        self.lock = Lock(self.root / "lock", purpose)
        return self.lock

    def put_record_away(self) -> Path | None:
        """Rename answers and record, which are about another deployment of this name than the one
        that is joined. Returns where the record is now; None where there was none."""
        files.put_aside(self.answers_file, "other")
        return files.put_aside(self.journal_file, "other")

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
        write_meta(self.root, module=target.name)
        self._prune(keep={target, before} if before else {target})
        return target

    @contextlib.contextmanager
    def import_blocks(self) -> Iterator[None]:
        """In here the module takes `imports` into the state; afterwards its files are as before.

        A saved plan holds what it was made from: its apply needs no such file.
        """
        if not self.imports or self.module is None:
            yield
            return
        path = self.module / IMPORTS_FILE
        blocks = [{"to": to, "id": _literal(id_)} for to, id_ in sorted(self.imports.items())]
        try:
            write_private(path, json.dumps({"import": blocks}, indent=2) + "\n")
            yield
        finally:
            path.unlink(missing_ok=True)

    def set_backend(self, kind: str, config: Mapping[str, Any]) -> None:
        """Where the state is kept from the next `init` on: `s3` with its configuration, which
        holds no secret; an empty `kind` for this folder."""
        write_backend(self.root, {kind: dict(config)} if kind else {})
        if self.module:
            self._write_backend(self.module)

    def propose_backend(self, kind: str, config: Mapping[str, Any]) -> None:
        """Where the next `init` shall move the state; it counts once `set_backend` says so."""
        if self.module:
            backend = {kind: dict(config)} if kind else self._local_backend
            write_private(self.module / BACKEND_FILE, _override(backend))

    @property
    def backend(self) -> dict[str, Any]:
        """Where the state is, when it is not in this folder: `{"s3": {...}}`; else empty."""
        return read_backend(self.root)

    @property
    def state_is_local(self) -> bool:
        """Whether the state lies in this folder."""
        return not has_backend(self.root)

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever deployed from this folder."""
        return self.state_is_local and self.state.is_new

    def check_state(self) -> int:
        """Number of resources in the state; 0 before the first deployment.

        Raises WizardError WAG-E-WS-020 when the state is damaged, and 021 when it is empty or gone
        although something was deployed: Terraform itself would take that for an empty account and
        deploy everything a second time.
        """
        if not self.state_is_local:
            facts = self.shared.facts() if self.shared else None
            return facts.resources if facts else 0
        return self.state.check()

    def sweep(self) -> None:
        """Remove what a killed run left: saved plans, import blocks, reserved space, half-written
        files.

        Call it with the lock held.
        """
        for path in self.plans.iterdir():
            path.unlink(missing_ok=True)
        for path in self.root.glob(f"module-*/{IMPORTS_FILE}"):
            path.unlink(missing_ok=True)
        (self.state.path.parent / RESERVE).unlink(missing_ok=True)
        # Beside the state only our own: Terraform's lock has a name with a dot, too.
        half = (*self.root.glob(".*"), *self.state.path.parent.glob(".last-good.tfstate.*"))
        for path in (*half, *self.state.path.parent.glob(f".{RESERVE}.*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def remove_unused(self) -> None:
        """Take the folder away again if it was made now and nothing was written into it.

        Call it with the lock held. Of the folders above it the empty ones go as well.
        """
        files_in_it = (path for path in self.root.rglob("*") if path.is_file())
        if not self._made_now or any(path.name not in (_META, "lock") for path in files_in_it):
            return
        shutil.rmtree(self.root, ignore_errors=True)
        with contextlib.suppress(OSError):
            for folder in self.root.parents[:3]:  # Region, account, all of them
                folder.rmdir()

    def _write_backend(self, module: Path) -> None:
        private_dir(self.state.path.parent)
        backend = self.backend or self._local_backend
        write_private(module / BACKEND_FILE, _override(backend))

    @property
    def _local_backend(self) -> dict[str, Any]:
        return {"local": {"path": str(self.state.path)}}

    def _prune(self, keep: set[Path]) -> None:
        modules = sorted(self.root.glob("module-*"), key=lambda p: p.stat().st_mtime, reverse=True)
        for path in modules[_KEEP_MODULES:]:
            if path not in keep and not (path / "errored.tfstate").exists():
                shutil.rmtree(path, ignore_errors=True)


def open_workspace(
    identity: WorkspaceId,
    *,
    root: Path | None = None,
    env: Mapping[str, str] | None = None,
    make: bool = True,
) -> Workspace:
    """The folder of this deployment, made if need be.

    Args:
        make: whether a folder that is not there is made; who only looks makes none.
        root: use exactly this folder (`--workspace DIR`). It is bound to the first deployment that
            uses it; another one is refused, because state and APIs would be mixed up.
        env: environment; WALLARM_APIGW_WORKSPACE counts as `root`.
    """
    chosen = root or (Path(env[ENV]) if env and env.get(ENV) else None)
    for part in (identity.account_id, identity.region, identity.name_prefix):
        if not part or part in (".", "..") or "/" in part or "\0" in part:
            raise UsageError(
                "WAG-E-WS-002",
                f"{part!r} cannot be part of a folder's name",
                next_step="Correct region and name_prefix.",
            )
    if chosen is None:
        chosen = (
            (data_dir() if make else _data_place())
            / "workspaces"
            / identity.account_id
            / identity.region
        )
        chosen = chosen / identity.name_prefix
    if make:
        private_dir(chosen)
    workspace = Workspace(chosen.resolve(), identity)
    held = read_meta(workspace.root)
    if held:
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
    elif make:
        workspace.make()
    return workspace


def _literal(text: str) -> str:
    """A text that Terraform takes as it is, where it would take a template."""
    return text.replace("${", "$${").replace("%{", "%%{")


def _override(backend: Mapping[str, Any]) -> str:
    return json.dumps({"terraform": {"backend": backend}}, indent=2) + "\n"


def list_workspaces() -> tuple[KnownDeployment, ...]:
    """Every deployment with a folder in the user's data directory, the last changed first."""
    descriptions = (_data_place() / "workspaces").glob("*/*/*/workspace.json")
    found = [describe_workspace(file.parent) for file in descriptions]
    return tuple(sorted((f for f in found if f), key=lambda f: f.changed, reverse=True))


def describe_workspace(root: Path) -> KnownDeployment | None:
    """What is in a workspace folder, without opening it; None where it is none."""
    try:
        meta = read_meta(root)
    except WizardError:
        return None
    if not meta:
        return None
    state = LocalState(root / "state")
    changing, bucket = state.path, ""
    try:
        resources: int | None = state.resources()
    except WizardError:
        resources = None
    if has_backend(root):
        resources, changing, bucket = None, root / "journal.jsonl", _bucket(root)
    at_work = is_held(root / "lock")
    from wizard.services.workspace.journal import Journal  # a machine without one needs none

    return KnownDeployment(
        str(meta["name_prefix"]),
        str(meta["account_id"]),
        str(meta["region"]),
        resources,
        changing.stat().st_mtime if changing.exists() else 0.0,
        root,
        None if at_work else Journal(root / "journal.jsonl").unfinished,
        bucket,
        holder=str(read_owner(root / "lock") or "another process") if at_work else "",
    )


def _bucket(root: Path) -> str:
    try:
        return backend_bucket(read_backend(root))
    except WizardError:  # told when it is opened
        return ""
