"""Removes the folders of sandboxes that were killed together with their own process.

A running sandbox holds a lock on its folder's `lock` file; the system frees it however the process
ends. Folders without that lock are leftovers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "wallarm-apigw-sandbox-"
_YOUNG_SECONDS = 120.0  # a folder without a lock file may belong to one that is just starting


def hold(folder: Path) -> int:
    """Lock a folder for as long as this process lives; returns the descriptor to keep."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def sweep() -> list[Path]:
    """Remove what killed sandboxes of this user left in the temporary folder."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _is_abandoned(folder: Path) -> bool:
    try:
        status = folder.lstat()
        if folder.is_symlink() or not folder.is_dir() or status.st_uid != os.getuid():
            return False
        try:
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return time.time() - status.st_mtime > _YOUNG_SECONDS
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
