"""Two computers and one account: nothing of anybody else's is adopted, overwritten or destroyed.

Each step asserts what the account holds afterwards. With a node that exists already, so that no
load balancer is waited for.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform
from tests.e2e.machines import Machine
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("two computers")]

CLAIM = "/wallarm-apigw/api-gw-discovery/installation"
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


@pytest.fixture(scope="module")
def desks() -> Iterator[tuple[Machine, Machine, Account]]:
    """Anna's and Ben's computers, and the account."""
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        root = Path(folder)
        stages = list(box.sample_stages)[:1]
        anna = Machine.new(box, root / "anna", stages=stages, proof="skip")
        ben = Machine.new(box, root / "ben", stages=stages, proof="skip")
        yield anna, ben, Account(anna)


def test_removed_here_and_live_elsewhere_it_is_the_other_ones(
    desks: tuple[Machine, Machine, Account],
) -> None:
    anna, ben, account = desks
    done = anna.cli("install", *HEADLESS)
    assert done.returncode == 0, done.stderr[-3000:]
    first = account.claim()
    assert first is not None
    assert {first["id"]} == {i for i in account.tagged().values() if i}
    done = anna.cli("uninstall", *HEADLESS, "--delete-logs")
    assert done.returncode == 0, done.stderr[-3000:]
    assert account.claim() is None
    assert account.functions() == []

    done = ben.cli("install", *HEADLESS)
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = account.claim()
    assert theirs is not None
    assert theirs["id"] != first["id"]
    before = account.everything()

    refused = anna.cli("install", *HEADLESS)
    assert refused.returncode == 2, refused.stderr[-3000:]
    assert f"It is {theirs['id']}, made by {theirs['by']}" in refused.stderr
    for way in ("state_bucket", "choose another name_prefix", f"--take-over {theirs['id']}"):
        assert way in refused.stderr
    assert account.everything() == before
    for words in (
        ("install", "--dry-run", "--non-interactive"),
        ("uninstall", *HEADLESS),
        ("redrive", *HEADLESS),
        ("stages", "add", anna.box.sample_stages[1], *HEADLESS),
        ("stages", "remove", anna.box.sample_stages[0], *HEADLESS),
    ):
        refused = anna.cli(*words)
        assert refused.returncode != 0, (words, refused.stdout, refused.stderr[-2000:])
        assert theirs["id"] in refused.stderr or "state is not on this computer" in refused.stderr
        assert "Nothing of this deployment is left" not in refused.stderr
        assert account.everything() == before, words
    status = anna.cli("status")
    assert status.returncode == 0, status.stderr[-2000:]
    assert "on the computer it was installed from" in status.stdout


def test_a_deployment_that_was_taken_over_says_so_where_it_was_made(
    desks: tuple[Machine, Machine, Account],
) -> None:
    anna, ben, account = desks
    theirs = account.claim()
    assert theirs is not None
    wrong = anna.cli("install", *HEADLESS, "--take-over", "0123456789abcdef")
    assert wrong.returncode == 2, wrong.stderr[-2000:]
    assert account.claim() == theirs
    functions = account.functions()
    done = anna.cli("install", *HEADLESS, "--take-over", theirs["id"])
    assert done.returncode == 0, done.stderr[-3000:]
    mine = account.claim()
    assert mine is not None
    assert mine["id"] != theirs["id"]
    assert account.functions() == functions, "taken over, not made a second time"
    assert {i for i in account.tagged().values() if i} == {mine["id"]}
    before = account.everything()

    for words in (
        ("uninstall", *HEADLESS),
        ("stages", "add", ben.box.sample_stages[1], *HEADLESS),
        ("redrive", *HEADLESS),
        ("install", *HEADLESS),
    ):
        refused = ben.cli(*words)
        assert refused.returncode != 0, (words, refused.stdout, refused.stderr[-2000:])
        assert mine["id"] in refused.stderr
        assert account.everything() == before, words
    status = ben.cli("status")
    assert f"not ours any more: in us-east-1 api-gw-discovery is now {mine['id']}" in (
        status.stdout + status.stderr
    )
    again = anna.cli("install", *HEADLESS)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "0 to add" in again.stderr
    done = anna.cli("uninstall", *HEADLESS, "--delete-logs")
    assert done.returncode == 0, done.stderr[-3000:]
    assert (account.functions(), account.claim(), account.buckets()) == ([], None, {})


def test_of_two_that_begin_at_once_one_wins_and_the_other_touches_nothing(
    desks: tuple[Machine, Machine, Account], tmp_path: Path
) -> None:
    anna, ben, account = desks
    both = [one.start("install", *HEADLESS) for one in (anna, ben)]
    ended = [(one.communicate(timeout=600)[1], one.returncode) for one in both]
    assert sorted(code for _, code in ended) == [0, 2], [said[-1500:] for said, _ in ended]
    loser, said = next(
        (machine, text) for machine, (text, code) in zip((anna, ben), ended, strict=True) if code
    )
    winner = account.claim()
    assert winner is not None
    assert f"It is {winner['id']}" in said
    assert {i for i in account.tagged().values() if i} == {winner["id"]}
    assert len(account.functions()) == 1
    before = account.everything()
    for words in (("install", *HEADLESS), ("uninstall", *HEADLESS)):
        refused = loser.cli(*words)
        assert refused.returncode != 0, (words, refused.stdout, refused.stderr[-2000:])
        assert account.everything() == before, words
    assert tmp_path.exists()
