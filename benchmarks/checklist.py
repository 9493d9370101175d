"""A full run of the checklist against a real deployment on the sandbox.

The peer is the same run without concurrency, which is what the checks' seconds add up to.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import Figure, figure
from wizard.core.answers.parse import build, parse_file
from wizard.core.checks.model import Report
from wizard.flows.context import Context, Options
from wizard.flows.doctor import examine as diagnose
from wizard.sandbox import Sandbox

ROUNDS = 3
TARGET = "≤ 5 s"


def run() -> list[Figure]:
    """Seconds of the checks alone, and of the whole command with its start."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Sandbox.start() as box:
        root = Path(folder)
        root.chmod(0o700)
        env = {k: v for k, v in os.environ.items() if k not in box.unset} | box.env
        env |= {"HOME": str(root), "XDG_DATA_HOME": str(root / "data")}
        env["WALLARM_APIGW_WORKSPACE"] = str(root / "workspace")
        answers = root / "answers.json"
        answers.write_text(json.dumps({
            "region": box.region, "stages": list(box.sample_stages),
            "wallarm_api_host": "us1.api.wallarm.com", "node_tag": "0.25.5",
        }))  # fmt: skip

        def command(*arguments: str) -> float:
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "wizard.cli", *arguments],
                env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            return time.perf_counter() - began

        command("install", "--answers", str(answers), "--non-interactive", "--yes", "--json")
        box.send_sample(box.sample_stages, count=4)
        box.deliveries()
        saved = build(parse_file((root / "workspace/answers.json").read_text(), "answers.json"))
        context = Context(Options(workspace=root / "workspace", env=env), lambda _: None)
        return _measured(lambda: diagnose.run(context, saved), lambda: command("doctor"))


def _measured(look: Callable[[], Report], command: Callable[[], float]) -> list[Figure]:
    alone, whole, added, chain = [], [], [], []
    for number in range(ROUNDS + 1):
        began = time.perf_counter()
        report = look()
        seconds = time.perf_counter() - began
        took = command()
        if number:
            alone.append(seconds)
            whole.append(took)
            added.append(sum(r.seconds for r in report.results))
            chain.append(max(r.seconds for r in report.results))
    middle = statistics.median(alone)
    return [
        figure(f"all {len(report.results)} checks, against their seconds added up", middle, "s",
               ratio=middle / statistics.median(added), target=TARGET,
               spread=max(alone) - min(alone)),
        figure("the slowest check of them", statistics.median(chain), "s"),
        figure("`wallarm-apigw doctor`, start to end, against the checks", statistics.median(whole),
               "s", ratio=statistics.median(whole) / middle, target=TARGET,
               spread=max(whole) - min(whole)),
    ]  # fmt: skip
