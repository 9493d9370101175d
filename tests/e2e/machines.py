"""Several people's computers around one sandbox: each has a home of its own and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, AnyStr

import boto3
import pytest

from wizard.sandbox import Sandbox
from wizard.services.terraform.process import MARKER, running

PATIENCE = 1800.0  # seconds; a busy machine is no fault, and a proof alone may wait five minutes
STOP_SECONDS = 120.0
LINES = 30


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
        self, *arguments: str, timeout: float = PATIENCE, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `wallarm-apigw` to its end, without a terminal."""
        command = self.command(*arguments)
        return run_to_end(self.box, command, env={**self.env, **env}, seconds=timeout)

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


def run_to_end(
    box: Sandbox | None,
    command: list[str],
    *,
    env: dict[str, str],
    stdin: str | None = None,
    seconds: float = PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """Run a command of the product to its end; see `finish`."""
    with subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        out, err = finish(process, box, seconds=seconds, stdin=stdin)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def finish(
    process: subprocess.Popen[AnyStr],
    box: Sandbox | None,
    *,
    seconds: float = PATIENCE,
    stdin: AnyStr | None = None,
    secrets: Iterable[str] = (),
) -> tuple[AnyStr, AnyStr]:
    """What it printed to stdout and stderr until its end.

    One that takes longer is interrupted, as by Ctrl-C, so that it says how far it is; the test
    fails with its words and those of the sandbox.
    """
    try:
        return process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        said = process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()
    out, err = (_text(x) for x in said)
    words = f"not finished within {seconds:g} s\n{err[-6000:]}\n{out[-3000:]}"
    pytest.fail(words + ("" if box is None else failures_of(box, secrets)), pytrace=False)


def _text(said: str | bytes | None) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""


def failures_of(box: Sandbox, secrets: Iterable[str] = ()) -> str:
    """What a sandbox could not do, for whoever looks for the cause: the end of its local AWS's
    warnings (failed invocations among them) and of the lines that it could not deliver."""
    lines = []
    with contextlib.suppress(OSError):
        log = (box.root / "local-aws.log").read_text(encoding="utf-8", errors="replace")
        lines = [x[:600] for x in log.splitlines() if " WARNING " in x or " ERROR " in x]
    try:
        lost = box.deliveries()["failures"]
    except (OSError, ValueError) as error:
        lost = [f"the front door does not tell: {error}"]
    text = "\n".join(["", "The sandbox's failures:", *lines[-LINES:], *lost[-LINES:]])
    for secret in (box.token, box.deployment_token, *secrets):
        text = text.replace(secret, "(secret)")
    return text if lines or lost else "\nThe sandbox had no failure."


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
