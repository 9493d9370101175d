"""What a person waits for, on a real deployment on the sandbox: looks that change nothing.

The checklist's peer is the same run without concurrency, which is what its checks' seconds add up
to.
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

from benchmarks.figure import Figure, figure, interleaved
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers, parse_file
from wizard.core.checks.model import Report
from wizard.flows.context import Context, Options
from wizard.flows.doctor import examine as diagnose
from wizard.flows.preflight import Preflight
from wizard.flows.proof import prove_deployment
from wizard.sandbox import Sandbox
from wizard.services.aws.regions import count_apis
from wizard.services.aws.session import Session

ROUNDS = 3
TARGET = "≤ 5 s"
STAGES = 10


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
            "region": box.region, "stages": _stages(box, env),
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
        saved = build_answers(
            parse_file((root / "workspace/answers.json").read_text(), "answers.json")
        )
        context = Context(Options(workspace=root / "workspace", env=env), lambda _: None)
        return [
            *_measured(lambda: diagnose.run(context, saved), lambda: command("doctor")),
            *_looks(context, saved, env),
        ]


def _stages(box: Sandbox, env: dict[str, str]) -> list[str]:
    """Ten stages that can be connected and can be called from here first: the sample, and more."""
    listed = subprocess.run(
        [sys.executable, "-m", "wizard.cli", "stages", "list", "--json"],
        env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL, text=True,
    ).stdout  # fmt: skip
    found = [json.loads(line) for line in listed.splitlines()]
    free = [one["stage"] for one in found if one["changeable"] and not one["destination_arn"]]
    return list(dict.fromkeys([*box.sample_stages, *free]))[:STAGES]


def _looks(context: Context, saved: Answers, env: dict[str, str]) -> list[Figure]:
    session = Session(region=saved.region, env=env)
    regions = session.regions()
    looks = {
        "the first checks, all of them": lambda: Preflight(
            context.options, lambda _: session
        ).run(saved, lambda _: None),
        f"overview of {len(regions)} Regions: their APIs counted": lambda: count_apis(
            lambda region: Session(region=region, env=env), regions
        ),
        f"proof of {len(saved.stages)} stages": lambda: prove_deployment(context, saved),
    }  # fmt: skip
    times = interleaved(looks, ROUNDS)
    return [
        figure(name, statistics.median(took), "s", spread=max(took) - min(took))
        for name, took in times.items()
    ]


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
