"""Finds, follows and stops a Terraform that an earlier wizard left running in a workspace.

Every run leaves a marker with the process's number and birth until it ends; a marker whose process
is gone, or whose number belongs to another by now, means nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from wizard.services.terraform.follower import Follower, LineListener

MARKER = "running.json"
_POLL = 0.05


@dataclass(frozen=True)
class RunningTerraform:
    """A Terraform command that was started from a workspace and still runs.

    `started` is epoch seconds; `stdout` the file with its lines so far.
    """

    pid: int
    birth: str
    command: str
    started: float
    stdout: str


def running(folder: Path) -> RunningTerraform | None:
    """The Terraform that an earlier wizard left running in this workspace, if it still runs."""
    try:
        data = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        found = RunningTerraform(
            int(data["pid"]),
            str(data["birth"]),
            str(data["command"]),
            float(data["started"]),
            str(data["stdout"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.birth and birth(found.pid) == found.birth else None


def follow(
    found: RunningTerraform, on_line: LineListener, stop: threading.Event | None = None
) -> bool:
    """Follow a Terraform that somebody else started, from its first line to its end.

    Returns whether it ended (False: `stop` was set first). Its exit code belongs to the process
    that started it; only its lines tell how it went.
    """
    follower = Follower(Path(found.stdout))
    while birth(found.pid) == found.birth:
        if not follower.read(on_line):
            if stop is not None and stop.is_set():
                return False
            time.sleep(_POLL)
    follower.read(on_line)
    follower.close(on_line)
    return True


def interrupt_running(found: RunningTerraform) -> None:
    """Ask that Terraform to stop properly."""
    if birth(found.pid) == found.birth:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGINT)


def birth(pid: int) -> str:
    """When a process began: tells it from a later one with its number. Empty if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = fields.rpartition(")")[2].split()
        return "" if state in ("Z", "X") else rest[18]
    except (OSError, IndexError, ValueError):
        if Path("/proc/self/stat").exists():
            return ""
    done = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return done.stdout.strip()
