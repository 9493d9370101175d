"""Several people's computers around one sandbox: each has a home of its own and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from wizard.sandbox import Sandbox
from wizard.services.terraform.process import MARKER, running


def environment(box: Sandbox, root: Path) -> dict[str, str]:
    """What a shell on a computer of its own knows: the sandbox, and a home below `root`."""
    env = {k: v for k, v in os.environ.items() if k not in box.unset}
    home = root / "home"
    return env | box.env | {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "NO_COLOR": "1"}


@dataclass
class Machine:
    """One computer. `given` is the only file on it: the answers its user wrote, if any."""

    box: Sandbox
    root: Path
    given: Path | None = None

    @classmethod
    def new(cls, box: Sandbox, root: Path, **answers: Any) -> Machine:
        """A computer with a node of its own to talk to, and perhaps written answers."""
        (root / "home").mkdir(parents=True)
        if not answers:
            return cls(box, root)
        given = root / "answers.json"
        node = {"node_url": box.node.connector, "node_scheme": "http", "region": box.region}
        given.write_text(json.dumps({**node, **answers}), encoding="utf-8")
        return cls(box, root, given)

    @property
    def env(self) -> dict[str, str]:
        """What its shell knows."""
        return environment(self.box, self.root)

    @property
    def workspace(self) -> Path:
        """Where the product keeps the deployment here."""
        folder = self.root / "home" / "data" / "wallarm-apigw" / "workspaces"
        return folder / self.box.account_id / self.box.region / "api-gw-discovery"

    def cli(
        self, *arguments: str, timeout: float = 600.0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `wallarm-apigw` to its end, without a terminal."""
        return subprocess.run(
            self.command(*arguments), env={**self.env, **env}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start `wallarm-apigw` and leave it running."""
        return subprocess.Popen(
            self.command(*arguments), env={**self.env, **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        """The command line; `install` gets the written answers."""
        given = ["--answers", str(self.given)] if self.given and "install" in arguments else []
        return [sys.executable, "-m", "wizard.cli", *arguments, *given]

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS itself, past whatever stands in front of it."""
        return boto3.client(
            service, endpoint_url=self.box.endpoint_url, region_name=self.box.region,
            aws_access_key_id="sandbox", aws_secret_access_key="sandbox",
        )  # fmt: skip

    def kill_terraform(self) -> bool:
        """SIGKILL to the Terraform that runs here; whether there was one."""
        return kill_terraform(self.workspace)


def kill_terraform(workspace: Path) -> bool:
    """SIGKILL to the Terraform that runs in a workspace; whether there was one.

    One that is just beginning has no number yet, and `kill` takes 0 for the caller's own group.
    """
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if found := running(workspace / "runs"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
            return True
        if not (workspace / "runs" / MARKER).exists():
            return False
        time.sleep(0.02)
    return False


def until(process: subprocess.Popen[str], words: str, seconds: float = 120.0) -> str:
    """Read what it says on stderr until these words come."""
    if process.stderr is None:
        raise ValueError("no pipe")
    said, end = "", time.monotonic() + seconds
    while time.monotonic() < end:
        line = process.stderr.readline()
        said += line
        if words in line or not line:
            break
    assert words in said, said[-2000:]
    return said
