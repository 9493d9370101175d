"""Zips of a forwarder on this machine: reading the one that was chosen, finding a download."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.forwarder_package import MOST_PACKED, ForwarderPackage, read_package
from wizard.core.text import count
from wizard.services.files import whole_path, write_private

MOST_LOOKED_AT = 20  # the newest zips of the folder; a download is among them
FILE_NAME = "forwarder-package.zip"


def load_package(path: Path) -> ForwarderPackage:
    """The package of that file, packed for Lambda. Raises UsageError where it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_PACKED + 1)
    except OSError as error:
        raise UsageError(
            "WAG-E-PACKAGE-002",
            f"The forwarder's package {path} cannot be read",
            why=error.strerror or type(error).__name__,
            next_step="Correct lambda_package, or leave it empty for the forwarder of this "
            "product. Nothing was changed.",
            keys=("lambda_package",),
        ) from error
    return read_package(data, path.name)


def place_package(
    chosen: str, folder: Path, processor: str = "x86_64"
) -> tuple[ForwarderPackage, Path, tuple[tuple[str, State], ...]]:
    """Put the chosen zip into a workspace, packed for Lambda: (package, file, what is new).

    Where the file is gone, or was on a colleague's computer, the copy of an earlier run stands for
    it. Raises UsageError where there is neither, no package in it, or one whose compiled code is
    for another processor.
    """
    path, copy = Path(whole_path(chosen)), folder / FILE_NAME
    if not path.exists() and copy.exists():
        return _for_processor(load_package(copy), copy, processor), copy, ()
    package = _for_processor(load_package(path), path, processor)
    if copy.exists() and copy.read_bytes() == package.data:
        return package, copy, ()
    write_private(copy, package.data)
    kind = "Wallarm's bundle" if package.official else "a forwarder of your own"
    where = f" (its code lay in {package.folder}/)" if package.folder else ""
    text = f"{path.name} is {kind}{where}: {count(package.files, 'file')}, {package.handler}"
    news = ((text, State.DONE), *((note, State.WARNING) for note in package.notes))
    return package, copy, news


def _for_processor(package: ForwarderPackage, path: Path, processor: str) -> ForwarderPackage:
    if package.runs_on(processor):
        return package
    compiled = " and ".join(package.processors)
    raise UsageError(
        "WAG-E-PACKAGE-003",
        f"{path.name} does not run on the processor that was chosen",
        why=f"It holds code that is compiled for {compiled}; forwarder_architecture is "
        f"{processor}. Lambda would load none of it.",
        next_step=f"Set forwarder_architecture to {package.processors[0]}, or take a bundle for "
        f"{processor}. Nothing was changed.",
        keys=("forwarder_architecture", "lambda_package"),
    )


def find_downloads(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Zips in the usual download folder that look like Wallarm's bundle, newest first.

    Nothing of them is run or changed; what cannot be read is left out.
    """
    folder = Path(env.get("XDG_DOWNLOAD_DIR") or _home(env) / "Downloads")
    try:
        zips = [
            (entry.stat().st_mtime, Path(entry.path))
            for entry in os.scandir(folder)
            if entry.name.lower().endswith(".zip")
            and entry.is_file(follow_symlinks=False)
            and entry.stat().st_size <= MOST_PACKED
        ]
    except (OSError, ValueError):  # a folder name that cannot be one
        return ()
    newest = [path for _, path in sorted(zips, reverse=True)[:MOST_LOOKED_AT]]
    return tuple(path for path in newest if _is_bundle(path))


def _is_bundle(path: Path) -> bool:
    try:
        found = load_package(path)
    except UsageError:
        return False
    return found.official


def _home(env: Mapping[str, str]) -> Path:
    return Path(env.get("HOME") or env.get("USERPROFILE") or os.curdir)
