"""Several homes and one account: what is on each computer, and what the account holds.

Without Terraform: a forwarder with the tags that Terraform puts on it, a state file as it writes
one, and the real parameter.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.flows.account import World
from wizard.core.answers.model import Answers
from wizard.core.events import FlowEvent
from wizard.core.facts import Identity
from wizard.core.installation import Installation, Standing
from wizard.core.journal import record
from wizard.core.tfvars import (
    DEPLOYMENT_TAG,
    INSTALLATION_TAG,
    MADE_AT_TAG,
    MADE_BY_TAG,
    installation_parameter_name,
)
from wizard.flows.context import Context, Options
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import open_deployment, read_deployment
from wizard.flows.deployment.ownership import (
    claim_name,
    read_ownership,
    release_name,
    require_installable,
    require_own,
)
from wizard.services.aws.deployment.installation import read_claim

FUNCTION = "wallarm-cw-resend-5e6f7a8b"
OUTPUTS = {
    "api_gateway_log_group": "/aws/apigateway/wallarm-api-discovery-1a2b3c4d",
    "api_gateway_log_group_arn": "arn",
    "lambda_function_name": FUNCTION,
    "lambda_log_group": f"/aws/lambda/{FUNCTION}",
    "node_url": "node:5050",
}


@dataclass
class Home:
    """One computer: a folder of its own, and nothing else."""

    world: World
    root: Path
    events: list[FlowEvent] = field(default_factory=list)

    @property
    def answers(self) -> Answers:
        stages = (str(self.world.inventory.stages[0].ref),)
        return Answers(region=self.world.box.region, node_url="node:5050", stages=stages)

    def context(self, take_over: str = "") -> Context:
        options = Options(workspace=self.root, env=self.world.env, take_over=take_over)
        return Context(options, self.events.append)

    @contextlib.contextmanager
    def opened(
        self, flow: str = "install", take_over: str = "", state_bucket: str = ""
    ) -> Iterator[Deployment]:
        world = self.world
        context = self.context(take_over)
        answers = self.answers.with_(state_bucket=state_bucket)
        with open_deployment(context, answers, world.session, world.identity, flow) as it:
            yield it

    def seen(self) -> Deployment:
        world = self.world
        return read_deployment(self.context(), self.answers, world.session, world.identity, "test")

    @property
    def standing(self) -> Standing:
        return read_ownership(self.seen()).standing

    def deployed(self) -> None:
        """As if Terraform had applied from here: a state that knows something."""
        values = {name: {"value": value} for name, value in OUTPUTS.items()}
        state = {
            "version": 4, "serial": 3, "lineage": "a", "outputs": values,
            "resources": [{"mode": "managed", "type": "aws_vpc", "name": "one", "instances": [{}]}],
        }  # fmt: skip
        path = self.seen().workspace.state.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(state))

    def removed(self) -> None:
        """As if everything had been taken away from here."""
        self.seen().workspace.state.path.write_text(
            '{"version": 4, "serial": 4, "lineage": "a", "outputs": {}, "resources": []}'
        )


def make_forwarder(client: Any, identity: Identity, made: Installation | None) -> None:
    """A function as an apply leaves it; None: an earlier version's, without an id."""
    tags = {DEPLOYMENT_TAG: f"{identity.account_id}-{identity.region}-api-gw-discovery"}
    if made is not None:
        tags |= {INSTALLATION_TAG: made.id, MADE_BY_TAG: made.by, MADE_AT_TAG: made.at}
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("main.py", "def handler(event, context): return None\n")
    client.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{identity.account_id}:role/forwarder",
        Handler="main.handler",
        Code={"ZipFile": package.getvalue()},
        Tags=tags,
    )


@dataclass
class Two:
    """Anna's and Ben's computers, and what the account holds."""

    anna: Home
    ben: Home

    def client(self, service: str) -> Any:
        return self.anna.world.session.client(service)

    @property
    def name(self) -> str:
        return installation_parameter_name(self.anna.answers)

    @property
    def claim(self) -> Installation | None:
        return read_claim(self.client("ssm"), self.name)

    def forwarder(self, made: Installation | None) -> None:
        """What an apply leaves behind; None: an earlier version's, without an id."""
        make_forwarder(self.client("lambda"), self.anna.world.identity, made)

    def account(self) -> tuple[Any, ...]:
        """What the account holds."""
        functions = self.client("lambda").list_functions()["Functions"]
        mine = [f for f in functions if f["FunctionName"] == FUNCTION]
        tags = [self.client("lambda").list_tags(Resource=f["FunctionArn"])["Tags"] for f in mine]
        names = self.client("ssm").describe_parameters()["Parameters"]
        return (self.claim, tags, sorted(p["Name"] for p in names))

    def install(self, home: Home) -> Installation:
        """What an install does for whose it is, and what Terraform leaves."""
        with home.opened() as deployment:
            require_installable(deployment)
            claim_name(deployment)
            made = deployment.journal.record.installation
            assert made is not None
            deployment.journal.write(record.TERRAFORM_APPLY, "it", "begin")
            deployment.journal.write(record.TERRAFORM_APPLY, "it", "done")
        self.forwarder(made)
        home.deployed()
        return made

    def leave_nothing(self) -> None:
        """Take away what stands for an apply's work, for the next test."""
        functions, ssm = self.client("lambda"), self.client("ssm")
        with contextlib.suppress(functions.exceptions.ResourceNotFoundException):
            functions.delete_function(FunctionName=FUNCTION)
        with contextlib.suppress(ssm.exceptions.ParameterNotFound):
            ssm.delete_parameter(Name=self.name)

    def uninstall(self, home: Home) -> None:
        with home.opened("uninstall") as deployment:
            require_own(deployment, gone_is_fine=True)
            deployment.journal.write(record.TERRAFORM_DESTROY, "it", "done")
            self.client("lambda").delete_function(FunctionName=FUNCTION)
            release_name(deployment)
        home.removed()
