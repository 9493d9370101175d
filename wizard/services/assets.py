"""Finds what ships beside the code: the Terraform module and the forwarder.

In a checkout they lie at the top of the repository, where people look for them; in an installed
copy inside the package, in `_bundled`.
"""

from __future__ import annotations

import io
import runpy
from pathlib import Path

from wizard.core.errors import WizardError

_PACKAGE = Path(__file__).resolve().parent.parent


def terraform_module() -> Path:
    """Folder of the Terraform module."""
    return _find("terraform", "*.tf")


def forwarder_package() -> bytes:
    """The forwarder's zip, built from the source of this installation: the same bytes always."""
    folder = _find("lambda", "build.py")
    package = io.BytesIO()
    runpy.run_path(str(folder / "build.py"))["build"](package)
    return package.getvalue()


def _find(name: str, must_hold: str) -> Path:
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
