"""One computer, one local AWS and a front that misbehaves; what is there is compared as a whole."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.conftest import stage_images
from tests.e2e.machines import PATIENCE, Machine, finish, until
from tests.faults.front import Fault, Front
from wizard.sandbox import Sandbox
from wizard.services.lock import is_held

INSTALL = ("install", "--non-interactive", "--yes")
STAGES = 3
_SUFFIX = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?![0-9a-f])")


@dataclass
class World:
    """`run` and `start` go through the front; `inventory` looks past it."""

    box: Sandbox
    front: Front
    machine: Machine
    proof: str = "skip"
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """An install (or the command given) to its end."""
        words = self._words(arguments)
        return self.machine.cli(*words, **self._env(env))

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """The same, left running."""
        return self.machine.start(*self._words(arguments), **self._env(env))

    def stop_at(self, words: str, wait: float = 0.0, fault: Fault | None = None) -> tuple[int, str]:
        """Install; when these words come: misbehave, wait, Ctrl-C. Gives exit code and words."""
        process = self.start()
        said = until(process, words, PATIENCE)
        if fault is not None:
            self.front.begin(fault)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, rest = finish(process, self.box)
        return process.returncode, said + rest

    def _words(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        return arguments or (*INSTALL, "--set", f"proof={self.proof}")

    def _env(self, env: dict[str, str]) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.front.url, **self.env, **env}

    @property
    def state(self) -> Path:
        """Terraform's local state."""
        return self.machine.workspace / "state" / "terraform.tfstate"

    def inventory(self) -> tuple[str, ...]:
        """Everything in the account by kind and name, and where each stage logs to.

        Random suffixes are replaced: two accounts can be compared.
        """
        client = self.machine.client
        logs, iam = client("logs"), client("iam")
        groups = [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]]
        names = {
            "lambda": [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]],
            "bucket": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
            "log group": groups,
            "filter": [
                f"{f['filterName']} on {group}"
                for group in groups
                for f in logs.describe_subscription_filters(logGroupName=group)[
                    "subscriptionFilters"
                ]
            ],
            "role": [r["RoleName"] for r in iam.list_roles()["Roles"]],
            "policy": [
                f"{p} of {r['RoleName']}"
                for r in iam.list_roles()["Roles"]
                for p in iam.list_role_policies(RoleName=r["RoleName"])["PolicyNames"]
            ],
            "alarm": [
                a["AlarmName"] for a in client("cloudwatch").describe_alarms()["MetricAlarms"]
            ],
            "parameter": [p["Name"] for p in client("ssm").describe_parameters()["Parameters"]],
            "queue": client("sqs").list_queues().get("QueueUrls", []),
            "stage": [f"{ref} → {_destination(s)}" for ref, s in stage_images(client).items()],
        }
        return tuple(
            sorted(
                _SUFFIX.sub("*", f"{kind} {name}") for kind, all_ in names.items() for name in all_
            )
        )

    def unsettled(self) -> tuple[str, ...]:
        """What a run left behind in the workspace; empty when everything came to its end."""
        root = self.machine.workspace
        left = [str(p.name) for p in root.glob("module-*/errored.tfstate")]
        left += [f"plan {p.name}" for p in (root / "plans").glob("*")]
        left += [p.name for p in (root / "runs").glob("running.json")]
        left += [p.name for p in root.rglob("reserve")]
        if is_held(root / "lock"):
            left.append("lock")
        return tuple(left)

    def planned(self) -> str:
        """What a further install would do, in its own words."""
        done = self.run("install", "--dry-run", "--set", "proof=skip")
        found = re.search(r"\d+ to add, \d+ to change, \d+ to remove", done.stderr)
        return found[0] if found else f"exit {done.returncode}: {done.stderr[-300:]}"


def _destination(stage: Any) -> str:
    settings = stage.get("accessLogSettings") or stage.get("AccessLogSettings") or {}
    arn = str(settings.get("destinationArn") or settings.get("DestinationArn") or "")
    return arn.partition("log-group:")[2] or "nowhere"


@contextlib.contextmanager
def world(root: Path | None = None, **answers: Any) -> Iterator[World]:
    """A fresh account with sample APIs, of which the first few are to be connected."""
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        Sandbox.start() as box,
        Front(box.endpoint_url) as front,
    ):
        stages = list(box.sample_stages)[:STAGES]
        machine = Machine.new(box, (root or Path(folder)) / "desk", stages=stages, **answers)
        yield World(box, front, machine)
