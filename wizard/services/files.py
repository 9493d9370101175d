"""Private files, written so that a crash leaves the old or the new content, never half of one."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from wizard.core.errors import WizardError


def home(env: Mapping[str, str] | None = None) -> Path | None:
    """The home folder of `env` (this process's own if None); None where there is none: neither
    HOME nor an entry for this user in the system's list.
    """
    named = (os.environ if env is None else env).get("HOME") or os.path.expanduser("~")  # noqa: PTH111
    return None if named.startswith("~") else Path(named)


def expanded(text: str) -> Path:
    """A path of a configuration file, with variables and home in it; `~` stays where there is no
    home: such a file is not there.
    """
    return Path(os.path.expanduser(os.path.expandvars(text)))  # noqa: PTH111 - pathlib's raises


def absolute(place: Callable[[], Path]) -> Path | None:
    """The platform's folder for something; None where it would lie in a home that there is not."""
    try:
        found = place()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # older platformdirs leave the ~ in it


def whole_path(text: str) -> str:
    """A path as somebody typed it: absolute, and with the home folder in it.

    Raises WizardError WAG-E-WS-014 where it begins with a home folder that there is not.
    """
    text = text.strip()
    if text == "~" or text.startswith("~/"):
        found = home()
        if found is None:
            raise no_home(f"{text} begins in it.")
        text = str(found) + text[1:]
    try:
        return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111
    except FileNotFoundError:
        return text  # the folder this was started in is gone; what opens it says so


def no_home(why: str) -> WizardError:
    """There is no home folder: one sentence that says what to set."""
    return WizardError(
        "WAG-E-WS-014",
        "This user has no home folder",
        why=f"HOME is not set, and the system's list of users names none. {why}",
        next_step="Set HOME to a folder of this user's that can be written.",
    )


def private_dir(path: Path) -> Path:
    """The folder, made if need be with those above it, closed to everybody else (0700).

    Raises WizardError WAG-E-WS-013 for one that others work in: closing it would lock them out.
    """
    try:
        # `parents=True` would leave those above open to everybody.
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(mode=0o700, exist_ok=True)
        found = path.stat()
        if found.st_mode & 0o077:
            if found.st_mode & stat.S_ISVTX or path.resolve() in (home(), Path("/")):
                raise WizardError(
                    "WAG-E-WS-013",
                    "A workspace needs a folder of its own",
                    why=f"{path} is a place for more than this, and a workspace is private (0700).",
                    next_step=f"Name a folder in it, such as {path / 'wallarm-apigw'}.",
                )
            path.chmod(0o700)
    except OSError as error:
        raise _cannot(path, error) from error
    return path


def write_private(path: Path, data: str | bytes) -> None:
    """Replace a file as a whole: 0600, on disk when this returns, or unchanged."""
    payload = data.encode("utf-8") if isinstance(data, str) else data
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _sync_dir(path.parent)
    except OSError as error:
        raise _cannot(path, error) from error


def _sync_dir(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _cannot(path: Path, error: OSError) -> WizardError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return WizardError(
            "WAG-E-WS-001",
            "Too many files are open",
            why=f"{path}: {error.strerror}.",
            next_step="Allow more in this shell (`ulimit -n 1024`), then run the same command "
            "again.",
        )
    return WizardError(
        "WAG-E-WS-001",
        "The disk is full" if full else "The workspace cannot be written",
        why=f"{path}: {error.strerror or error}",
        next_step="Free some space, then run the same command again."
        if full
        else "Repair the permissions, or set XDG_DATA_HOME to a folder of yours that can be "
        "written (for the files of one deployment alone: --workspace DIR).",
    )


def other_version(body: bytes, key: str, current: int) -> int | None:
    """The version that wrote this JSON object, where it is not the current one.

    Args:
        key: where the version is written; version 1 is meant where it is missing.
    """
    try:
        data = json.loads(body)
    except ValueError:
        return None
    version = data.get(key, 1) if isinstance(data, dict) else None
    return version if type(version) is int and version != current else None


def keep_copy(path: Path, key: str, current: int) -> Path | None:
    """`answers.json` of version 1 → `answers.v1.json`, as it was. An earlier copy stays.

    Returns the copy that was made; None where none was needed.
    """
    if not path.exists():
        return None
    body = path.read_bytes()
    version = other_version(body, key, current)
    kept = path.with_name(kept_name(path.name, version or 0))
    if version is None or kept.exists():
        return None
    write_private(kept, body)
    return kept


def kept_name(name: str, version: int) -> str:
    """What the copy is called."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.v{version}{dot}{ending}"


def put_aside(path: Path, why: str) -> Path | None:
    """Rename a file so that it no longer counts; nothing is deleted or overwritten.

    Returns where it is now; None where there was none.
    """
    if not path.exists():
        return None
    base = f"{path.name}.{why}-{time.strftime('%Y%m%dT%H%M%S')}"
    names = (base, *(f"{base}-{number}" for number in range(2, 100)))
    free = next(name for name in names if not path.with_name(name).exists())
    return path.rename(path.with_name(free))
