"""The owner's side of the sandbox's own process: start it, learn its ports, end it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

from wizard.core.errors import WizardError

START_SECONDS = 60.0
STOP_SECONDS = 12.0


def spawn(folder: Path) -> subprocess.Popen[bytes]:
    """Start it; its log goes into the folder."""
    package_root = str(Path(__file__).resolve().parents[2])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM_"))}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, env.get("PYTHONPATH"))))
    with (folder / "sandbox.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "wizard.sandbox.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=env,
            start_new_session=True,  # Ctrl-C in the terminal is ours to handle
        )


def greet(
    process: subprocess.Popen[bytes], settings: dict[str, object], folder: Path
) -> dict[str, int]:
    """Hand the settings over and wait for the ports."""
    stdin, stdout = process.stdin, process.stdout
    if stdin is None or stdout is None:
        raise ValueError("the child has no pipes")
    line = b""
    try:
        stdin.write(json.dumps(settings).encode() + b"\n")
        stdin.flush()
        if select.select([stdout], [], [], START_SECONDS)[0]:
            line = stdout.readline()
    except BrokenPipeError:
        pass
    answer = json.loads(line) if line else {}
    if "ready" in answer:
        ports: dict[str, int] = answer["ready"]
        return ports
    log = folder / "sandbox.log"
    tail = log.read_text(errors="replace")[-1500:] if log.is_file() else ""
    raise WizardError(
        "WAG-E-SANDBOX-002",
        "The sandbox did not start",
        why=str(answer.get("error") or tail or f"No answer within {START_SECONDS:.0f} s."),
        next_step="Start it again. If that fails too, report it with these words.",
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """Close the child's standard input, which ends it; kill it when that takes too long."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its children see their standard input end
        process.wait()
