"""`wallarm-apigw sandbox …`: the same product, pointed at a local AWS on this machine."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.commands import interactive, run_install, run_options, setting
from wizard.console import Console
from wizard.core.answers import Answers
from wizard.core.errors import ExitCode
from wizard.core.report import State
from wizard.core.secret import Secret
from wizard.core.text import clean, count, duration
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.sandbox import Sandbox

ARRIVAL_SECONDS = 30.0


def run(_options: argparse.Namespace) -> int:
    """Start the sandbox, print its environment, and leave it running until Ctrl-C."""
    from wizard.sandbox import run_foreground

    return run_foreground()


def attempt(options: argparse.Namespace) -> int:
    """The whole main job on the sandbox: guided in a terminal, headless without one."""
    from wizard.sandbox import Sandbox

    began = time.monotonic()
    with Console() as console, tempfile.TemporaryDirectory(prefix="wallarm-apigw-") as folder:
        console.line("Starting a local AWS, a stand-in node and sample APIs on this machine")
        with Sandbox.start(region="us-east-1") as sandbox:
            console.line(
                f"Local AWS at {sandbox.endpoint_url}; no request leaves this machine", State.DONE
            )
            env = _enter(sandbox)
            if getattr(options, "workspace", None) is None:
                options.workspace = Path(folder) / "workspace"
            if interactive(env) and not options.headless:
                return _guided(options, env)
            options.yes = True
            answers = sample_answers(sandbox)
            code = run_install(options, env, answers, Secret(sandbox.token), console)
            if code == ExitCode.DONE and not setting(options, "dry_run", env):
                code = _traffic(sandbox, answers, console)
            console.line(
                f"Took {duration(time.monotonic() - began)}. The sandbox ends with it.", State.DONE
            )
            return code


def sample_answers(sandbox: Sandbox) -> Answers:
    """Answers for the sandbox: one stage of each kind, one of them with a log of its own."""
    return Answers(
        region=sandbox.region,
        account_id=sandbox.account_id,
        stages=tuple(sandbox.sample_stages),
        wallarm_api_host="us1.api.wallarm.com",
        node_tag="0.25.5",
    )


def _enter(sandbox: Sandbox) -> Mapping[str, str]:
    """Make this process see the sandbox instead of AWS."""
    for name in sandbox.unset:
        os.environ.pop(name, None)
    os.environ.update(sandbox.env)
    return take_environment()


def _guided(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from wizard.ui.app import run as run_screens

    return run_screens(run_options(options, env), None)


def _traffic(sandbox: Sandbox, answers: Answers, console: Console) -> int:
    """Send realistic requests and compare them with what the node received, one by one."""
    sandbox.node.reset()
    console.line("Sending sample traffic to the connected stages", State.RUNNING)
    sent = sandbox.send_sample(answers.stages)
    records = _wait(sandbox, len(sent))
    for record in records[:12]:
        console.line("    " + _row(record))
    if len(records) > 12:
        console.line(f"    … and {len(records) - 12} more")
    missing = len(sent) - len(records)
    if missing:
        console.line(f"{count(missing, 'request')} of {len(sent)} did not arrive", State.FAILED)
        return int(ExitCode.FAILED)
    console.line(
        f"{count(len(sent), 'request')} sent, {len(records)} arrived at the node, none missing",
        State.DONE,
    )
    return int(ExitCode.DONE)


def _wait(sandbox: Sandbox, expected: int) -> list[Any]:
    end = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < end:
        records = list(sandbox.node.records())
        if len(records) >= expected:
            return records
        time.sleep(0.3)
    return list(sandbox.node.records())


def _row(record: Any) -> str:
    cells: Iterable[str] = (
        f"{record['method']:<7}",
        f"{clean(str(record['path']), 40):<40}",
        f"{record['status']!s:<4}",
        clean(str(record["host"]), 60),
    )
    return " ".join(cells)
