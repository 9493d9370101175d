"""Terraform's lock on a local state: who holds it, since when, and whether anybody still does.

Terraform holds the state file with a lock of the kernel (POSIX `fcntl`) and writes a note beside
it. A Terraform that was killed leaves the note and no lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from wizard.core.text import clean


@dataclass(frozen=True)
class LocalLock:
    """The note beside a state. `created` is epoch seconds, 0.0 where the note does not say."""

    path: Path
    lock_id: str
    who: str
    operation: str
    created: float

    def age(self, now: float) -> float:
        """Seconds since it was taken."""
        return max(0.0, now - self.created)


def read(state_file: Path) -> LocalLock | None:
    """The note of whoever locked this state, or None. One that cannot be read says nothing."""
    path = state_file.with_name(f".{state_file.name}.lock.info")
    try:
        changed = path.stat().st_mtime
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError:
        data = {}  # cut short: only its age is known
    if not isinstance(data, dict):
        data = {}
    operation = str(data.get("Operation", "")).replace("OperationType", "").lower()
    return LocalLock(
        path,
        clean(str(data.get("ID", "")), 60),
        clean(str(data.get("Who", "")), 80) or "somebody",
        clean(operation, 40) or "a command",
        _epoch(str(data.get("Created", ""))) or changed,
    )


def held(state_file: Path) -> bool:
    """Whether a process holds the state right now. This process must not hold it itself."""
    try:
        descriptor = os.open(state_file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _epoch(text: str) -> float:
    """Terraform's time: nanoseconds and a Z, which Python 3.10 does not read."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z$", text)
    if not found:
        return 0.0
    return datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc).timestamp()
