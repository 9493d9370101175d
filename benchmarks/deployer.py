"""An apply through the wizard against plain `terraform apply` of the same configuration.

Resources of Terraform's own, so that nothing but the deployer differs; taking turns, each time from
an empty state.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure, figure, measured
from wizard.core.terraform.progress import ProgressReducer
from wizard.services.terraform.client import open_terraform
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

RESOURCES = 60
SECONDS = 2
ROUNDS = 2
MODULE = f"""
resource "terraform_data" "slow" {{
  count = {RESOURCES}
  input = count.index
  provisioner "local-exec" {{
    command = "sleep {SECONDS}"
  }}
}}
"""


def plain(binary: str, folder: Path) -> float:
    """Seconds of plan and apply with nothing around them."""
    (folder / "main.tf").write_text(MODULE)
    env = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    quiet = {"cwd": folder, "env": env, "check": True, "capture_output": True}
    subprocess.run([binary, "init", "-input=false"], **quiet)  # type: ignore[call-overload]
    began = time.perf_counter()
    subprocess.run([binary, "plan", "-input=false", "-out=p"], **quiet)  # type: ignore[call-overload]
    subprocess.run([binary, "apply", "-input=false", "p"], **quiet)  # type: ignore[call-overload]
    return time.perf_counter() - began


def through_the_wizard(binary: str, folder: Path) -> float:
    """Seconds of plan and apply with the wizard's process, events, reducer and checks."""
    source = folder / "source"
    source.mkdir()
    (source / "main.tf").write_text(MODULE)
    workspace = open_workspace(
        WorkspaceId("123456789012", "us-east-1", "bench"), root=folder / "workspace"
    )
    workspace.install_module(source)
    workspace.write_variables({})
    terraform = open_terraform(workspace, terraform=binary)
    terraform.init()
    reducer = ProgressReducer()
    began = time.perf_counter()
    plan = terraform.plan()
    terraform.apply(plan, lambda event: reducer.apply(event, time.monotonic()))
    return time.perf_counter() - began


def peak_memory(binary: str) -> float:
    """MB that a process of its own takes at most which does the same once.

    From /proc where there is one: `getrusage` of a fresh child may still count its parent's peak.
    """
    program = (
        "import pathlib, resource, sys\n"
        "from benchmarks.deployer import through_the_wizard\n"
        "through_the_wizard(sys.argv[1], pathlib.Path(sys.argv[2]))\n"
        "try: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "except OSError: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", program, binary, folder],
            check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
    return int(done.stdout.split()[-1]) / 1024


def run() -> list[Figure]:
    """Both, with their ratio; nothing without Terraform."""
    binary = shutil.which("terraform") or shutil.which("tofu")
    if binary is None:
        return []
    times: dict[str, list[float]] = {"plain": [], "wizard": []}
    for _ in range(ROUNDS):
        for name, apply in (("plain", plain), ("wizard", through_the_wizard)):
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(apply(binary, Path(folder)))
    name = f"{RESOURCES} resources"
    return [
        measured(f"{name}: plain terraform", times["plain"], "s", against=times["plain"]),
        measured(f"{name}: through the wizard", times["wizard"], "s", against=times["plain"],
                 target="≤1.02×"),
        figure("peak memory of the deployer alone", peak_memory(binary), "MB"),
    ]  # fmt: skip
