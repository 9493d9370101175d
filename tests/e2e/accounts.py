"""Accounts of an organization on the sandbox, an API in each of two Regions, a fleet of them.

Every account and Region is one of the sandbox's. The node is given, so that each target is small.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.e2e.conftest import need_terraform, stage_images
from tests.e2e.machines import Machine
from wizard.sandbox import Sandbox

REGIONS = ("us-east-1", "eu-west-1")
ROLE = "wallarm-deployer"
PREFIX = "api-gw-discovery"
# What the role needs to the letter is another test's; here it may do everything.
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ALLOWED = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
Place = tuple[str, str]  # account, Region


@dataclass
class World:
    """Three accounts of an organization with an API in each of two Regions."""

    desk: Machine
    file: Path
    places: dict[Place, str]  # the API of each
    before: dict[Place, Any]

    def client(self, place: Place, service: str) -> Any:
        return client(self.desk.box, place, service)

    def fleet(self, *words: str, action: str = "") -> tuple[int, dict[str, Any]]:
        """Run an action; its exit code and the result of each target by name."""
        done = self.desk.cli(
            "fleet", str(self.file), action, "--json", "--non-interactive", "--yes", *words
        )
        assert done.stdout, done.stderr[-3000:]
        said = json.loads(done.stdout.splitlines()[-1])
        assert said["type"] == "Fleet", done.stdout[-3000:]
        return done.returncode, {one["target"]: one for one in said["targets"]}

    def holds(self, place: Place) -> tuple[int, str]:
        """(forwarders, where the API's stage logs) in an account's Region, past the product."""
        functions = self.client(place, "lambda").list_functions()["Functions"]
        ours = [f for f in functions if "wallarm-cw-resend" in f["FunctionName"]]
        stage = self.client(place, "apigatewayv2").get_stage(
            ApiId=self.places[place], StageName="prod"
        )
        return len(ours), str(stage.get("AccessLogSettings", {}).get("DestinationArn", ""))

    def as_before(self, place: Place) -> bool:
        def ask(service: str) -> Any:
            return self.client(place, service)

        return stage_images(ask) == self.before[place] and self.holds(place) == (0, "")


def client(box: Sandbox, place: Place, service: str) -> Any:
    """A client of an account, whose id is a key of it in the local AWS."""
    return boto3.client(
        service, endpoint_url=box.endpoint_url, region_name=place[1],
        aws_access_key_id=place[0], aws_secret_access_key="sandbox",
    )  # fmt: skip


@contextlib.contextmanager
def organization() -> Iterator[World]:
    """Three accounts, of which two are reached by a role, and a computer beside them."""
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start(seed=False) as box:
        home = (box.account_id, REGIONS[0])
        listed = client(box, home, "organizations")
        accounts = [box.account_id]
        for name in ("Payments", "Shop & Co"):
            made = listed.create_account(Email=f"{name[:3]}@example.com", AccountName=name)
            accounts.append(made["CreateAccountStatus"]["AccountId"])
        for account in accounts[1:]:
            iam = client(box, (account, REGIONS[0]), "iam")
            iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
            iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=ALLOWED)
        places: dict[Place, str] = {}
        for account in accounts:
            for region in REGIONS:
                v2 = client(box, (account, region), "apigatewayv2")
                api = v2.create_api(Name="orders", ProtocolType="HTTP")["ApiId"]
                v2.create_stage(ApiId=api, StageName="prod")
                places[account, region] = api
        root = Path(folder)
        desk = Machine.new(box, root / "desk")
        before = {
            place: stage_images(lambda service, place=place: client(box, place, service))
            for place in places
        }
        yield World(desk, root / "fleet.json", places, before)
