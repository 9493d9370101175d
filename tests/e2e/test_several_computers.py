"""Three computers and one account: nothing of anybody else's is adopted, overwritten or destroyed.

One story, with two kills in it. Each step asserts what the account holds afterwards. With a node
that exists already, so that no load balancer is waited for.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine, finish, until
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG
from wizard.core.undelivered import PREFIX
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("two computers")]

CLAIM = "/wallarm-apigw/api-gw-discovery/installation"
TEAM = "team-of-three-computers"
HEADLESS = ("--non-interactive", "--yes")


class Account:
    """What the account holds of the deployment of this name, past both computers."""

    def __init__(self, machine: Machine) -> None:
        self._client = machine.client
        self._id = f"{machine.box.account_id}-{machine.box.region}-api-gw-discovery"

    def tagged(self) -> dict[str, str]:
        """ARN → installation, of everything that carries the deployment's tag."""
        tagging = self._client("resourcegroupstaggingapi")
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG, "Values": [self._id]}]
        )
        return {
            m["ResourceARN"]: {t["Key"]: t["Value"] for t in m["Tags"]}.get(INSTALLATION_TAG, "")
            for page in pages
            for m in page["ResourceTagMappingList"]
        }

    def functions(self) -> list[str]:
        found = self._client("lambda").list_functions()["Functions"]
        return sorted(f["FunctionName"] for f in found if "wallarm-cw-resend" in f["FunctionName"])

    def claim(self) -> dict[str, Any] | None:
        ssm = self._client("ssm")
        try:
            return dict(json.loads(ssm.get_parameter(Name=CLAIM)["Parameter"]["Value"]))
        except ssm.exceptions.ParameterNotFound:
            return None

    def roles(self) -> list[str]:
        found = self._client("iam").list_roles()["Roles"]
        return sorted(r["RoleName"] for r in found if r["RoleName"].startswith("api-gw-discovery"))

    def buckets(self) -> dict[str, int]:
        """Buckets of undelivered events, with the number of what lies in them."""
        s3 = self._client("s3")
        names = [b["Name"] for b in s3.list_buckets()["Buckets"] if "-undelivered-" in b["Name"]]
        return {n: s3.list_objects_v2(Bucket=n)["KeyCount"] for n in names}

    def everything(self) -> tuple[Any, ...]:
        """For comparing before with after."""
        return (self.tagged(), self.functions(), self.claim(), self.roles(), self.buckets())


class Story:
    """Anna's, Ben's and Carl's computers; of the first two, who won the race for the name."""

    def __init__(self, box: Sandbox, root: Path) -> None:
        self.stages = list(box.sample_stages)
        given = {"stages": self.stages[:1], "proof": "skip"}
        self.anna = Machine.new(box, root / "anna", **given)
        self.ben = Machine.new(box, root / "ben", **given)
        self.carl = Machine.new(box, root / "carl")
        self.account = Account(self.anna)
        self.winner, self.loser = self.anna, self.ben

    def refused(self, one: Machine, command: str, *said: str) -> None:
        """This command is refused there, and the account stays as it is. Every other door:
        `tests/flows/test_three_computers.py` and `test_ownership.py`."""
        before = self.account.everything()
        done = one.cli(command, *HEADLESS)
        assert done.returncode != 0, (done.stdout, done.stderr[-2000:])
        assert all(part in done.stderr for part in said), done.stderr[-2000:]
        assert "Nothing of this deployment is left" not in done.stderr
        assert self.account.everything() == before

    def killed(self, one: Machine, process: subprocess.Popen[str], words: str) -> None:
        """Terraform and the wizard die when these words come."""
        until(process, words, 600)
        one.kill_terraform()
        process.kill()
        finish(process, one.box)
        seen = None
        while seen != (seen := self.account.everything()):  # its provider ends what it had begun
            time.sleep(1)


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        yield Story(box, Path(folder))


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def test_of_two_that_begin_at_once_one_wins_even_where_it_is_killed(story: Story) -> None:
    account = story.account
    runs = {one.root: one.start("install", *HEADLESS) for one in (story.anna, story.ben)}
    while all(run.poll() is None for run in runs.values()):
        time.sleep(0.1)
    lost = runs[story.anna.root].poll() is not None
    story.winner, story.loser = (story.ben, story.anna) if lost else (story.anna, story.ben)
    _, said = finish(runs[story.loser.root], story.loser.box)
    assert runs[story.loser.root].returncode == 2, said[-3000:]
    story.killed(story.winner, runs[story.winner.root], "aws_iam_role.forwarder: created")
    claim = account.claim()
    assert claim is not None
    assert f"It is {claim['id']}" in said
    story.refused(story.loser, "uninstall", claim["id"])

    ok(story.winner.cli("install", *HEADLESS))
    assert account.claim() == claim
    assert {i for i in account.tagged().values() if i} == {claim["id"]}
    assert len(account.functions()) == 1, "each thing once"
    assert len(account.buckets()) == 1


def test_a_take_over_that_is_killed_goes_on_and_nothing_is_made_twice(story: Story) -> None:
    """Where it goes on, it moves its state to a bucket as well."""
    account, winner, loser = story.account, story.winner, story.loser
    theirs = account.claim()
    assert theirs is not None
    (function,), (bucket,) = account.functions(), account.buckets()
    batch = f"{PREFIX}{function}/2026/11/27/batch"
    winner.client("s3").put_object(Bucket=bucket, Key=batch, Body=b"{}")
    roles = account.roles()

    taking = loser.start("install", *HEADLESS, "--take-over", theirs["id"])
    story.killed(loser, taking, "Deploying to")
    mine = account.claim()
    assert mine is not None
    assert mine["id"] != theirs["id"]
    story.refused(winner, "install", mine["id"])
    ok(loser.cli("install", *HEADLESS, "--set", f"state_bucket={TEAM}"))
    assert account.claim() == mine
    assert {i for i in account.tagged().values() if i} == {mine["id"]}
    assert (account.functions(), account.roles()) == ([function], roles)
    assert account.buckets() == {bucket: 1}, "the batch that waits is still there"
    status = winner.cli("status")
    assert f"not ours any more: in us-east-1 api-gw-discovery is now {mine['id']}" in (
        status.stdout + status.stderr
    )
    assert "0 to add, 0 to change" in ok(loser.cli("install", "--dry-run", "--non-interactive"))


def test_a_third_computer_joins_and_removes_it_and_nobody_adopts_what_comes_next(
    story: Story,
) -> None:
    """Removed by who joined; then live again from where it was removed or lost, while its
    computer died over it."""
    account, winner, loser, carl = story.account, story.winner, story.loser, story.carl
    mine = account.claim()
    assert mine is not None
    assert f"s3://{TEAM}" in ok(carl.cli("status"))
    story.refused(winner, "uninstall", mine["id"])
    before = account.everything()
    waits = carl.cli("uninstall", *HEADLESS, "--delete-logs")
    assert waits.returncode == 1, waits.stderr[-2000:]
    assert "1 batch of events" in waits.stderr
    assert account.everything() == before
    said = ok(carl.cli("uninstall", *HEADLESS, "--delete-logs", "--undelivered", "discard"))
    assert f"left: s3://{TEAM}" in said
    assert (account.functions(), account.claim(), account.buckets()) == ([], None, {})
    assert account.tagged() == {}
    gone = loser.cli("status")
    assert "It was removed on 20" in gone.stderr

    again = winner.start("install", *HEADLESS)
    story.killed(winner, again, "aws_cloudwatch_log_subscription_filter.forwarder")
    theirs = account.claim()
    assert theirs is not None
    assert theirs["id"] != mine["id"]
    story.refused(loser, "install", theirs["id"])
    story.refused(carl, "uninstall", theirs["id"], "its state is not on this computer")
    assert "on the computer it was installed from" in ok(carl.cli("status"))
