"""A sandbox and a real Terraform apply that many end-to-end tests share.

`deployed` is an installed connector. A test that changes something puts it back; the tests that
take everything away are marked `last` and run after all others. The doctor's tests have another
one, so that the two can be worked through at the same time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.machines import environment, failures_of, run_to_end
from tests.e2e.watched import Watched
from tests.faults.front import Front
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers, parse_file
from wizard.core.events import FlowEvent
from wizard.core.facts import ApiType
from wizard.core.journal import record
from wizard.core.journal.recovery import record_of_intention
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG, Outputs
from wizard.flows.context import Context, Options
from wizard.flows.deployment.open import (
    identify,
    open_deployment,
    open_session,
    read_deployment,
)
from wizard.sandbox import Sandbox
from wizard.services.workspace.journal import Journal

_VOLATILE = ("createdDate", "lastUpdatedDate", "CreatedDate", "LastUpdatedDate", "ResponseMetadata")


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the shared deployment run in one process, those that take it away last.

    What takes minutes alone begins before what takes moments: else it is all that runs at the end.
    """
    for item in items:
        if "deployed" in getattr(item, "fixturenames", ()):
            doctors = "doctor" in item.path.parts
            item.add_marker(pytest.mark.xdist_group("examined" if doctors else "deployed"))
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def need_terraform() -> None:
    """Skip without Terraform; where end-to-end tests are required, fail instead."""
    if shutil.which("terraform") or shutil.which("tofu"):
        return
    if os.environ.get("REQUIRE_E2E") == "1":
        pytest.fail("REQUIRE_E2E=1, and neither terraform nor tofu is on PATH")
    pytest.skip("neither terraform nor tofu is on PATH")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """A sandbox of the module's own; nothing is installed in it."""
    need_terraform()
    with Sandbox.start() as it:
        yield it


@pytest.fixture(scope="module")
def front(box: Sandbox) -> Iterator[Front]:
    """What stands in front of that sandbox, and misbehaves when told to."""
    with Front(box.endpoint_url) as it:
        yield it


@dataclass
class Deployed:
    """An installed connector on a sandbox.

    `images` are the raw stage settings before anything was installed; `install` is the finished
    command line run, which was watched: see `tests.e2e.watched`.
    """

    box: Sandbox
    root: Path
    env: dict[str, str]
    answers_file: Path
    images: dict[str, Any]
    policies: dict[str, Any] = field(default_factory=dict)  # the log groups', at the same time
    install: subprocess.CompletedProcess[str] = field(init=False)
    watched: Watched = field(init=False)
    events: list[FlowEvent] = field(default_factory=list)

    @property
    def workspace(self) -> Path:
        """The folder the product works in."""
        return self.root / "workspace"

    @property
    def deployment_id(self) -> str:
        """What the tag of everything it made says."""
        return f"{self.box.account_id}-{self.box.region}-api-gw-discovery"

    @property
    def marks(self) -> dict[str, str]:
        """The tags of everything it made."""
        made = Journal(self.workspace / "journal.jsonl").record.installation
        assert made is not None
        return {DEPLOYMENT_TAG: self.deployment_id, INSTALLATION_TAG: made.id}

    @property
    def answers(self) -> Answers:
        """The answers as the product saved them."""
        text = (self.workspace / "answers.json").read_text(encoding="utf-8")
        return build_answers(parse_file(text, "answers.json"))

    @property
    def context(self) -> Context:
        """What a flow needs; its events are collected in `events`."""
        return Context(Options(workspace=self.workspace, env=self.env), self.events.append)

    @cached_property
    def outputs(self) -> Outputs:
        """Terraform's outputs."""
        session = open_session(self.context, self.answers)
        identity = identify(session, self.answers)
        return read_deployment(self.context, self.answers, session, identity, "test").outputs()

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS."""
        return boto3.client(
            service,
            endpoint_url=self.box.endpoint_url,
            region_name=self.box.region,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )

    def cli(
        self, *arguments: str, stdin: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `wallarm-apigw` as a user without a terminal would."""
        return run_to_end(
            self.box,
            [sys.executable, "-m", "wizard.cli", *arguments],
            env={**self.env, "WALLARM_APIGW_WORKSPACE": str(self.workspace), **env},
            stdin=stdin,
        )

    def free_stage(self, kind: ApiType) -> str:
        """A stage of that type that is neither connected nor logs anywhere."""
        listed = self.cli("stages", "list", "--json").stdout.splitlines()
        for one in map(json.loads, listed):
            free = not one["destination_arn"] and not one["connected"] and one["changeable"]
            if free and one["api_type"] == kind.value:
                return str(one["stage"])
        raise LookupError(f"no free {kind.value} stage: {listed}")

    def stage_images(self) -> dict[str, Any]:
        """Everything API Gateway says about every stage."""
        return stage_images(self.client)

    def log_policies(self) -> dict[str, Any]:
        """Who may write to which log group: the account's policies, and those of each group."""
        logs = self.client("logs")
        found = {"": logs.describe_resource_policies()["resourcePolicies"]}
        for group in logs.describe_log_groups()["logGroups"]:
            arn = group["arn"].removesuffix(":*")
            answer = logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
            if answer:
                found[group["logGroupName"]] = [p["policyDocument"] for p in answer]
        return found

    def forget(self, *addresses: str) -> None:
        """As if an apply had been killed after creating these: they exist outside the state."""
        session = open_session(self.context, self.answers)
        identity = identify(session, self.answers)
        with open_deployment(self.context, self.answers, session, identity, "test") as deployment:
            deployment.terraform.init()
            deployment.terraform.forget(addresses)
            made = deployment.journal.record.installation
            assert made is not None
            intended = record_of_intention([("create", address) for address in addresses], made.id)
            deployment.journal.write(record.TERRAFORM_APPLY, "test", "begin", after=intended)

    def in_plan(self) -> list[str]:
        """Run `terraform plan` by hand in the workspace: every change it would make."""
        session = open_session(self.context, self.answers)
        identity = identify(session, self.answers)
        with open_deployment(self.context, self.answers, session, identity, "test") as deployment:
            deployment.terraform.init()
            plan = deployment.terraform.plan()
            changes = [f"{c.action} {c.addr}" for c in plan.changes if c.action != "no-op"]
            plan.discard()
        return changes


def stage_images(client: Any) -> dict[str, Any]:
    """Raw stage settings by `<api id>/<stage>`, without the dates API Gateway keeps itself."""
    images: dict[str, Any] = {}
    rest, http = client("apigateway"), client("apigatewayv2")
    for api in rest.get_rest_apis(limit=500)["items"]:
        for stage in rest.get_stages(restApiId=api["id"])["item"]:
            images[f"{api['id']}/{stage['stageName']}"] = _steady(stage)
    for api in http.get_apis(MaxResults="500")["Items"]:
        for stage in http.get_stages(ApiId=api["ApiId"])["Items"]:
            images[f"{api['ApiId']}/{stage['StageName']}"] = _steady(stage)
    return images


def _steady(stage: dict[str, Any]) -> dict[str, Any]:
    # The local AWS gives a stage that never logged an empty settings object, AWS gives none.
    empty = ({}, None)
    kept = {k: v for k, v in stage.items() if k not in _VOLATILE and v not in empty}
    data: dict[str, Any] = json.loads(json.dumps(kept, default=str))
    return data


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    with installed() as it:
        yield it


@contextmanager
def installed() -> Iterator[Deployed]:
    """The main job, done once through the command line, with an answers file and no terminal."""
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        root = Path(folder)
        root.chmod(0o700)
        env = environment(box, root)
        answers_file = root / "answers.json"
        answers = {
            "region": box.region,
            "stages": list(box.sample_stages),
            "wallarm_api_host": "us1.api.wallarm.com",
            "node_tag": "0.25.5",
            "undelivered_replay_hours": 24,  # by itself it would not begin during a test
        }
        answers_file.write_text(json.dumps(answers), encoding="utf-8")
        it = Deployed(box, root, env, answers_file, {})
        it.images, it.policies = it.stage_images(), it.log_policies()
        it.watched = Watched(box, answers)
        it.install = it.watched.run(
            [sys.executable, "-m", "wizard.cli", "install", "--answers", str(answers_file),
             "--non-interactive", "--yes", "--json"],
            {**env, "WALLARM_APIGW_WORKSPACE": str(it.workspace)},
        )  # fmt: skip
        if it.install.returncode != 0:
            said = it.install.stderr[-6000:] + it.install.stdout[-3000:]
            pytest.fail(said + failures_of(box, it.watched.secrets), pytrace=False)
        yield it
