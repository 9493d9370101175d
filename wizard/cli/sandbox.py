"""`wallarm-apigw sandbox …`: the same product, pointed at a local AWS on this machine."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.cli.console import Console
from wizard.cli.inputs import interactive, run_options, setting
from wizard.cli.install import run_install
from wizard.core.answers.model import Answers
from wizard.core.errors import ExitCode
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.core.text import clean, count, duration
from wizard.services.files import write_private
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.sandbox import Sandbox

ARRIVAL_SECONDS = 30.0
MOST_ROWS = 12
AGAIN = ("",)  # what opens the wizard again; the end of input does not


def run(_options: argparse.Namespace) -> int:
    """Start the sandbox, print its environment, and leave it running until Ctrl-C."""
    from wizard.sandbox import run_foreground

    return run_foreground()


def attempt(options: argparse.Namespace) -> int:
    """The whole main job on the sandbox: guided in a terminal, headless without one."""
    from wizard.sandbox import Sandbox

    env = take_environment()
    from wizard.flows.tools import require_provider

    require_provider(run_options(options, env))
    with Console(as_json=setting(options, "json", env)) as console:
        console.line("Starting a local AWS, a stand-in node and sample APIs on this machine")
        try:
            with Sandbox.start(region="us-east-1") as sandbox:
                console.line(
                    f"Local AWS at {sandbox.endpoint_url}; no request leaves this machine",
                    State.DONE,
                )
                options.workspace = sandbox.workspace(setting(options, "workspace", env))
                return _job(options, _enter(sandbox), sandbox, console)
        except KeyboardInterrupt:
            console.line("Interrupted. The sandbox is gone, and all that was in it.", State.SKIPPED)
            return int(ExitCode.INTERRUPTED)


def _job(
    options: argparse.Namespace, env: Mapping[str, str], sandbox: Sandbox, console: Console
) -> int:
    if interactive(env) and not options.headless:
        if options.keep:
            return _keep_running(options, env, sandbox, console)
        return _guided(options, env)
    began = time.monotonic()
    options.yes = True
    answers = sample_answers(sandbox)
    code = run_install(options, env, answers, Secret(sandbox.token), console)
    if code == ExitCode.DONE and not setting(options, "dry_run", env):
        code = _traffic(sandbox, answers, console)
    console.line(
        f"Took {duration(time.monotonic() - began)}. The sandbox ends with it.",
        State.DONE if code == ExitCode.DONE else None,
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
    # A provider that is killed leaves its socket in the temporary folder: let that go too.
    os.environ["TMPDIR"] = str(sandbox.root / "tmp")
    return take_environment()


def _guided(options: argparse.Namespace, env: Mapping[str, str]) -> int:
    from wizard.ui.run import run as run_screens

    return run_screens(run_options(options, env), None)


def _keep_running(
    options: argparse.Namespace, env: Mapping[str, str], sandbox: Sandbox, console: Console
) -> int:
    """The guided screens again and again, on the same sandbox, until somebody says so."""
    file = sandbox.root / "environment"
    folder = shlex.quote(str(options.workspace))
    lines = (*sandbox.shell_lines(), f"export WALLARM_APIGW_WORKSPACE={folder}")
    write_private(file, "".join(f"{line}\n" for line in lines))
    # Each time a program of its own: screens that ended leave nothing to the next ones.
    command = [sys.executable, "-m", "wizard.cli"]
    for name in ("terraform", "plugin_mirror"):
        if value := setting(options, name, env):
            command += [f"--{name.replace('_', '-')}", str(value)]
    inside = {**os.environ, **sandbox.env, "WALLARM_APIGW_WORKSPACE": str(options.workspace)}
    code = int(ExitCode.DONE)
    while sandbox.alive():
        code = subprocess.run(command, env=inside, check=False).returncode
        console.line("The sandbox goes on, with all that is deployed in it.", State.DONE)
        console.line(f"In another terminal: . {file} && {sys.argv[0]} status")
        console.line("Enter opens the wizard again; q and Enter end the sandbox.")
        if sys.stdin.readline().strip().lower() not in AGAIN:
            break
    return code


def _traffic(sandbox: Sandbox, answers: Answers, console: Console) -> int:
    """Send realistic requests and compare them with what the node received, one by one."""
    from wizard.sandbox.traffic import differences

    sandbox.node.reset()
    console.line("Sending sample traffic to the connected stages", State.RUNNING)
    sent = sandbox.send_sample(answers.stages)
    records = sandbox.node.wait_for(len(sent), ARRIVAL_SECONDS)
    for record in records[:MOST_ROWS]:
        console.line("    " + _row(record))
    if len(records) > MOST_ROWS:
        console.line(f"    … and {len(records) - MOST_ROWS} more")
    missing, invented = differences(sent, records)
    for title, found in (("did not arrive as sent", missing), ("was never sent", invented)):
        for one in found[:MOST_ROWS]:
            console.line(f"{title}: {clean(' '.join(map(str, one)), 200)}", State.FAILED)
    console.data(
        {"type": "Traffic", "sent": len(sent), "missing": len(missing), "invented": len(invented)}
    )
    if missing or invented:
        console.line(
            f"{count(len(sent), 'request')} sent: {len(missing)} missing or changed on the way, "
            f"{len(invented)} that nobody sent",
            State.FAILED,
        )
        return int(ExitCode.FAILED)
    console.line(
        f"{count(len(sent), 'request')} sent, and the node received exactly these: the same "
        "method, path, host, status, source address and user agent",
        State.DONE,
    )
    return int(ExitCode.DONE)


def _row(record: Any) -> str:
    cells: Iterable[str] = (
        f"{record['method']:<7}",
        f"{clean(str(record['path']), 40):<40}",
        f"{record['status']!s:<4}",
        clean(str(record["host"]), 60),
    )
    return " ".join(cells)
