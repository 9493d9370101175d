"""Copies the Terraform module into a workspace, one folder per content, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.terraform import provider
from wizard.services.files import private_dir, write_private

BACKEND_FILE = "wizard_backend_override.tf.json"
PROVIDER_FILE = "wizard_provider_override.tf.json"
PROVIDER_LOCK = ".terraform.lock.hcl"
IMPORTS_FILE = "wizard_imports.tf.json"
_SKIP = (".terraform", ".git", "__pycache__", "modules", "tests", "examples", ".pytest_cache")
_SKIP_SUFFIXES = (".tfstate", ".tfplan", ".tfvars", ".backup", ".example", ".md", ".pyc")


def copy_module(source: Path, root: Path, built: Mapping[str, bytes]) -> Path:
    """Copy the module to `root/module-<hash>` unless it is there, unchanged. Returns that folder.

    `built` are files by name that take the place of those in the module's folder. State, plans,
    variables and documentation beside the module stay behind.
    """
    files = {name: path.read_bytes() for name, path in module_files(source)} | dict(built)
    digest = _digest(files)
    target = root / f"module-{digest[:12]}"
    if not _holds(target, digest):
        staging = private_dir(root / f".module-{os.getpid()}")
        try:
            for name, data in files.items():
                private_dir((staging / name).parent)
                write_private(staging / name, data)
            if target.exists():
                shutil.rmtree(target)
            staging.rename(target)
        except OSError as error:
            raise WizardError(
                "WAG-E-WS-003",
                "The Terraform module could not be copied into the workspace",
                why=f"{target}: {error.strerror or error}",
                next_step="Free space or repair the permissions, then try again.",
            ) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target


def read_locked_version(module: Path) -> str:
    """The version of the AWS provider that this copy was initialised with; empty before that."""
    try:
        return provider.locked_version((module / PROVIDER_LOCK).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""


def pin_provider(module: Path, *, registry: bool) -> None:
    """Ask for the tested version of the AWS provider where the registry serves any; see
    `core.terraform.provider`. A module that needs no such provider is left alone."""
    version = provider.pin(registry=registry, locked=read_locked_version(module))
    needed = any("hashicorp/aws" in path.read_text("utf-8") for path in module.glob("*.tf"))
    if version and needed:
        write_private(module / PROVIDER_FILE, provider.override(version))
    else:
        (module / PROVIDER_FILE).unlink(missing_ok=True)


def module_files(source: Path) -> list[tuple[str, Path]]:
    """The files that make up a module, by relative name, in a fixed order."""
    out = []
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if any(part in _SKIP for part in relative.parts) or not path.is_file():
            continue
        if path.name.endswith(_SKIP_SUFFIXES) or ".tfstate" in path.name or ".tfvars" in path.name:
            continue
        if path.name in (BACKEND_FILE, PROVIDER_FILE, PROVIDER_LOCK, IMPORTS_FILE):
            continue
        out.append((relative.as_posix(), path))
    if not any(name.endswith(".tf") for name, _ in out):
        raise WizardError(
            "WAG-E-ASSET-002",
            "The Terraform module is empty",
            why=f"{source} holds no .tf file.",
            next_step="Install the wheel again (`uv tool install --force WHEEL`).",
        )
    return out


def _holds(target: Path, digest: str) -> bool:
    if not target.is_dir():
        return False
    return _digest({name: path.read_bytes() for name, path in module_files(target)}) == digest


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        whole.update(f"{name}\0".encode() + hashlib.sha256(data).digest())
    return whole.hexdigest()


_PACKAGE = Path(__file__).resolve().parents[2]


def terraform_module() -> Path:
    """Folder of the Terraform module."""
    return find_shipped("terraform", "*.tf")


@cache
def forwarder_package() -> bytes:
    """The forwarder's zip, built once from the source of this installation: always the same."""
    import runpy  # rarely needed, and slow to load

    folder = find_shipped("lambda", "build.py")
    package = io.BytesIO()
    runpy.run_path(str(folder / "build.py"))["build"](package)
    return package.getvalue()


def find_shipped(name: str, must_hold: str) -> Path:
    """A folder that comes with this program: in the package, or at the top of the repository."""
    bundled = _PACKAGE / "_bundled" / name
    for folder in (bundled, _PACKAGE.parent / name):
        if any(folder.glob(must_hold)):
            return folder
    raise WizardError(
        "WAG-E-ASSET-001",
        f"This installation lacks its {name} folder",
        why=f"Neither {bundled} nor {_PACKAGE.parent / name} holds {must_hold}.",
        next_step="Install the wheel again (`uv tool install --force WHEEL`).",
    )
