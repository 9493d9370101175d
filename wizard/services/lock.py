"""One writer at a time: an advisory lock that the kernel frees when its holder dies.

The file beside the lock says who holds it, for people; whether it is held is decided by `flock`
alone, so a crash leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from wizard.core.errors import WizardError
from wizard.core.text import clean, duration


@dataclass(frozen=True)
class Owner:
    """Who holds a lock. `started` is epoch seconds."""

    pid: int
    host: str
    user: str
    started: float
    purpose: str = ""

    def age(self, now: float | None = None) -> float:
        """Seconds it has been held."""
        return max(0.0, (time.time() if now is None else now) - self.started)

    def __str__(self) -> str:
        what = f" ({clean(self.purpose, 60)})" if self.purpose else ""
        return (
            f"{clean(self.user, 60)} on {clean(self.host, 60)}, process {self.pid}{what}, "
            f"for {duration(self.age())}"
        )


class Lock:
    """Holds `path` exclusively. A context manager; `acquire` never waits.

    Raises WizardError WAG-E-WS-010 when somebody else holds it, naming them.
    """

    def __init__(self, path: Path, purpose: str = "") -> None:
        self._path = path
        self._purpose = purpose
        self._descriptor: int | None = None

    def acquire(self) -> Lock:
        """Take the lock or say who has it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WizardError(
                "WAG-E-WS-001",
                "The workspace cannot be written",
                why=f"{self._path}: {error.strerror or error}",
                next_step="Run the same command again; if it stays, repair the permissions of "
                f"{self._path.parent}.",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(descriptor, self._path):  # its holder took the folder away meanwhile
                raise BlockingIOError
        except BlockingIOError:
            os.close(descriptor)
            raise WizardError(
                "WAG-E-WS-010",
                "Another run is working on this deployment",
                why=f"The workspace is held by {read_owner(self._path) or 'another process'}.",
                next_step="Wait for it to end, or end it first; then run the same command again.",
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise WizardError(
                "WAG-E-WS-011",
                "The workspace's file system cannot lock files",
                why=f"{self._path}: {error.strerror or error}",
                next_step="Choose a folder on a local disk with --workspace DIR.",
            ) from error
        owner = Owner(os.getpid(), socket.gethostname(), user_name(), time.time(), self._purpose)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(owner)).encode(), 0)
        self._descriptor = descriptor
        return self

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._descriptor is not None

    def __enter__(self) -> Lock:
        return self if self.held else self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def read_owner(path: Path) -> Owner | None:
    """Who is (or, after a crash, was) noted in the lock file; None where that cannot be read."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Owner(
            int(data["pid"]),
            str(data["host"]),
            str(data["user"]),
            float(data["started"]),
            str(data.get("purpose", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(path: Path, lock: Callable[[int, int], None] = fcntl.flock) -> bool:
    """Whether any process holds the file's lock right now.

    Args:
        lock: the kind of lock. Of `fcntl.lockf`'s this process must hold none itself.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def user_name() -> str:
    """Who runs this process, as the system calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid())
