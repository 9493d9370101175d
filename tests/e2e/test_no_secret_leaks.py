"""A recognisable token and recognisable AWS keys go through everything, and are found nowhere.

Searched: every file below the workspace, home and temporary folder (inside zips too), the saved
plan while it is there, standard output and error, every request to AWS, and the command line and
environment of every child process while it runs. Terraform's own environment holds the AWS keys,
because it has to sign requests; that is the one place where they may be.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.leaks import ChildWatch, found_below, found_in
from tests.e2e.machines import finish
from tests.policy.identify import Call
from tests.policy.recorder import Recorder
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("canary")]

TOKEN = ("canary/TOKEN/that/must/not/sing" * 3)[:64]
ACCESS_KEY = "AKIACANARYCANARY0001"
SECRET_KEY = "canarySecretAccessKeyThatMustNotBeSeen01"
SESSION = "canarySessionTokenThatMustNotBeSeenEither0000"


@dataclass
class Canary:
    """Runs of the product with the canary secrets; what they printed, and who was seen running."""

    root: Path
    env: dict[str, str]
    output: bytes = b""
    exits: dict[str, int] = field(default_factory=dict)
    plans: int = 0
    in_plans: list[str] = field(default_factory=list)
    in_requests: set[str] = field(default_factory=set)
    watch: ChildWatch = field(default_factory=lambda: ChildWatch((TOKEN, SECRET_KEY, SESSION)))

    def run(self, name: str, *arguments: str, **env: str) -> str:
        with subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", *arguments],
            env={**self.env, **env},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            with self.watch.following(process.pid):
                out, err = finish(process, None)
        self.output += out + err
        self.exits[name] = process.returncode
        return err.decode(errors="replace")


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A life with a failure in every phase, and then its end."""
    need_terraform()
    root = tmp_path_factory.mktemp("canary")
    for name in ("home", "tmp"):
        (root / name).mkdir(mode=0o700)
    refused: set[str] = set()
    asked: set[str] = set()

    def judge(call: Call) -> str:
        if call.operation == "CreateBucket":  # Terraform applies: the saved plan is there now
            plans = root / "workspace" / "plans"
            it.plans += len(list(plans.iterdir()))
            it.in_plans += found_below(plans, (TOKEN, SECRET_KEY, SESSION))
        if f"{call.service}:{call.operation}" in refused:
            return f"not authorized to perform: {call.service}:{call.operation}"
        return ""

    def witness(call: Call | None, request: bytes) -> None:
        name = f"{call.service}:{call.operation}" if call else "unknown"
        secrets = (SECRET_KEY,) if name == "ssm:PutParameter" else (TOKEN, SECRET_KEY)
        it.in_requests.update(f"{name}: {hit}" for hit in found_in(request, secrets))
        asked.add(name)

    with Sandbox.start() as box, Recorder(box.endpoint_url, judge, witness) as recorder:
        env = {
            **{k: v for k, v in os.environ.items() if k not in box.unset},
            **box.env,
            "NO_COLOR": "1",
            "AWS_ENDPOINT_URL": recorder.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION,
            "WALLARM_API_TOKEN": TOKEN,
            "HOME": str(root / "home"),
            "XDG_DATA_HOME": str(root / "home" / "data"),
            "TMPDIR": str(root / "tmp"),
            "WALLARM_APIGW_WORKSPACE": str(root / "workspace"),
            "WALLARM_APIGW_NAME_PREFIX": "canary",
        }
        it = Canary(root, env)
        answers = {
            "region": box.region,
            "name_prefix": "canary",
            "wallarm_api_host": "us1.api.wallarm.com",
            "node_tag": "0.25.5",
            "stages": [box.sample_stages[0]],
            "proof": "skip",
        }
        own, given = root / "own.json", root / "given.json"
        own.write_text(json.dumps(answers), encoding="utf-8")
        node = {"node_url": box.node.connector, "node_scheme": "http"}
        given.write_text(json.dumps({**answers, **node}), encoding="utf-8")
        go = ("--non-interactive", "--yes", "--json")
        refused.add("sts:GetCallerIdentity")
        it.run("identify", "install", "--answers", str(own), *go)
        refused.clear()
        refused.update(("apigateway:GetRestApis", "apigatewayv2:GetApis"))
        it.run("discover", "install", "--answers", str(own), *go)
        refused.clear()
        refused.add("ec2:DescribeAvailabilityZones")
        it.run("plan", "install", "--answers", str(own), *go)
        refused.clear()
        refused.add("ssm:PutParameter")
        it.run("token", "install", "--answers", str(own), *go)
        refused.clear()
        refused.add("s3:CreateBucket")
        it.run("apply", "install", "--answers", str(given), *go)
        refused.clear()
        refused.update(("apigateway:UpdateStage", "apigatewayv2:UpdateStage"))
        it.run("logging", "install", "--answers", str(given), *go)
        refused.clear()
        nobody = "http://127.0.0.1:9"
        it.run("proof", "install", "--answers", str(given), *go, "--set", "proof=send",
               WALLARM_APIGW_EXECUTE_API_URL=nobody)  # fmt: skip
        it.run("doctor", "doctor", "--output", "text")
        it.run("bundle", "support-bundle", "--yes")
        it.run("bundle again", "support-bundle", "--yes", "--file", str(root))
        it.run("rotate", "rotate-token", "--yes")
        refused.add("lambda:DeleteFunction")
        it.run("removal", "uninstall", "--yes")
        refused.clear()
        it.run("uninstall", "uninstall", "--yes")
        assert "ssm:PutParameter" in asked
        yield it


def test_the_canary_would_be_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plan", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tfplan", f"…{TOKEN}…")
    (tmp_path / "encoded").write_bytes(base64.b64encode(f"user data {TOKEN} more".encode()))
    (tmp_path / "clean").write_text("nothing")
    assert {hit.partition(":")[0] for hit in found_below(tmp_path, (TOKEN,))} == {"plan", "encoded"}


def test_a_child_that_gets_it_would_be_seen() -> None:
    watch = ChildWatch((TOKEN,))
    child = [sys.executable, "-c", "import time; time.sleep(0.6)"]
    with subprocess.Popen(child, env={**os.environ, "A": TOKEN}), watch.following(os.getpid()):
        time.sleep(0.4)
    assert any("environment" in hit for hit in watch.hits)


def test_every_phase_was_reached_and_failed_where_it_should(canary: Canary) -> None:
    failed = ("identify", "plan", "token", "apply", "logging", "bundle again", "removal")
    assert {name: canary.exits[name] for name in failed} == dict.fromkeys(failed, 1), canary.output[
        -40000:
    ].decode()
    assert canary.exits["proof"] in (1, 3)
    assert {canary.exits[name] for name in ("discover", "rotate")} == {2}
    assert canary.exits["uninstall"] == 0, canary.output[-2000:]
    assert any("terraform" in name for name in canary.watch.seen)


def test_terraform_and_its_provider_leave_no_core_dump(canary: Canary) -> None:
    assert canary.watch.core_limits
    assert canary.watch.core_limits <= {0, 1}


def test_the_token_is_in_no_file(canary: Canary) -> None:
    assert found_below(canary.root, (TOKEN,)) == []


def test_no_saved_plan_holds_a_secret_while_it_is_applied(canary: Canary) -> None:
    assert canary.plans > 0
    assert canary.in_plans == []


def test_the_token_is_sent_to_its_parameter_and_nowhere_else(canary: Canary) -> None:
    assert canary.in_requests == set()


def test_the_token_is_in_nothing_that_was_printed(canary: Canary) -> None:
    assert found_in(canary.output, (TOKEN,)) == []


def test_no_child_process_gets_the_token(canary: Canary) -> None:
    assert not [hit for hit in canary.watch.hits if hit.endswith(TOKEN[:10] + "…")]


def test_the_aws_keys_are_in_no_file_and_nothing_printed(canary: Canary) -> None:
    secrets = (SECRET_KEY, SESSION)
    assert found_below(canary.root, secrets) == []
    assert found_in(canary.output, secrets) == []


def test_only_the_environment_of_terraform_holds_the_aws_keys(canary: Canary) -> None:
    assert not [hit for hit in canary.watch.hits if "command line" in hit]
    programs = {hit.partition(":")[0] for hit in canary.watch.hits}
    assert all("terraform" in name or name.startswith("python") for name in programs), programs
