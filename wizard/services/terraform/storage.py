"""Where Terraform's big files go: beside the workspace, or to a temporary folder on a small home.

AWS CloudShell keeps 1 GB of home; the unpacked AWS provider alone is larger than half of that. The
big files can be fetched again at any time, so there they live in the temporary folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.text import duration
from wizard.services.files import private_dir, write_private
from wizard.services.workspace.workspace import RESERVE

ROOMY = 3 << 30  # bytes free: two versions of the provider and a download
_CACHE_WAIT = 900.0


@dataclass(frozen=True)
class Places:
    """Terraform's working data for one workspace, and the provider cache all workspaces share.

    `temporary` names those of the two for which there is no room where they belong.
    """

    terraform_data: Path
    plugin_cache: Path
    temporary: tuple[Path, ...] = ()


def places(workspace: Path, data: Path, *, free_on: Callable[[Path], int] | None = None) -> Places:
    """Decide for each by the space that is free on the disk that it would be written to.

    Args:
        free_on: bytes that are free where this folder is, or will be; measured if None.
    """
    free = free_on or _free
    working, cache = workspace / "terraform-data", data / "plugin-cache"
    base = Path(tempfile.gettempdir()) / f"wallarm-apigw-{os.getuid()}"
    name = hashlib.sha256(str(workspace).encode()).hexdigest()[:16]
    temporary: list[Path] = []
    if free(workspace) < min(ROOMY, free(base)):
        working = _own(base) / name
        temporary.append(working)
    if free(data) < min(ROOMY, free(base)):
        cache = _own(base) / "plugin-cache"
        temporary.append(cache)
    return Places(private_dir(working), private_dir(cache), tuple(temporary))


def _free(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be made."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    return shutil.disk_usage(there).free


def _own(base: Path) -> Path:
    private_dir(base)
    if base.is_symlink() or base.stat().st_uid != os.getuid():
        raise WizardError(
            "WAG-E-WS-008",
            "The temporary folder cannot be trusted",
            why=f"{base} belongs to somebody else.",
            next_step="Remove it, or set TMPDIR to a folder of your own.",
        )
    return base


class Reserve:
    """Some space kept back for the state: given up the moment the disk is full during an apply.

    A full disk would cut the state short and lose what Terraform did. A context manager.

    Raises WizardError WAG-E-WS-009 when there is too little space to begin with.
    """

    SIZE = 8 << 20
    NEEDED = 32 << 20
    LOW = 2 << 20

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESERVE
        self.used = False

    def __enter__(self) -> Reserve:
        free = shutil.disk_usage(self._path.parent).free
        if free < self.NEEDED:
            raise WizardError(
                "WAG-E-WS-009",
                "The disk is almost full, so nothing is deployed",
                why=f"{self._path.parent} has {free >> 20} MB free; {self.NEEDED >> 20} MB are "
                "needed to store safely what Terraform does.",
                next_step="Free some space, or choose another folder with --workspace DIR.",
            )
        write_private(self._path, os.urandom(1 << 16) * (self.SIZE >> 16))
        return self

    def check(self) -> None:
        """Give the space up if there is hardly any other. Cheap; call it often."""
        if not self.used and shutil.disk_usage(self._path.parent).free < self.LOW:
            self.used = True
            self._path.unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)


@contextlib.contextmanager
def plugin_cache_lock(cache: Path, wait: float = _CACHE_WAIT) -> Iterator[None]:
    """One `init` at a time: Terraform's provider cache is not made for two.

    Raises WizardError WAG-E-TF-021 after `wait` seconds.
    """
    descriptor = os.open(cache / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WizardError(
                        "WAG-E-TF-021",
                        "Another run is still fetching the provider",
                        why=f"{cache} has been in use for {duration(wait)}.",
                        next_step="Wait for it to end, then try again.",
                    ) from None
                time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)
