"""The readable log of a workspace: what Terraform did, one line each, of bounded size."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

from wizard.core.terraform.events import Event, describe

_MAX_BYTES = 5 << 20


class RunLog:
    """Appends to one file (0600); the one before is kept as `.1`. A full disk never ends a run."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, command: str, version: str) -> None:
        """Note the start of a command."""
        try:
            if self._path.exists() and self._path.stat().st_size > _MAX_BYTES:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
        except OSError:
            return
        self._append(f"--- terraform {command} (Terraform {version})")

    def write(self, event: Event) -> None:
        """Note one event."""
        if text := describe(event):
            self._append(text)

    def end(self, command: str, returncode: int, stderr: str) -> None:
        """Note how a command ended, with what it said on stderr."""
        for line in stderr.strip().splitlines()[-50:]:
            self._append(f"stderr: {line}")
        self._append(f"--- terraform {command}: exit code {returncode}")

    def _append(self, text: str) -> None:
        at = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        line = "\n    ".join(text.splitlines())
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(f"{at} {line}\n".encode("utf-8", errors="replace"))
        except OSError:
            return  # the log is for later; the run goes on
