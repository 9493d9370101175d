"""The state in a bucket: made private, found by a colleague, locked, moved, on real Terraform."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform, stage_images
from tests.e2e.machines import Machine, finish, until
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared")]
BUCKET = "team-terraform-state"


class Team:
    """Anna installed with her state in a bucket; Ben has an empty home."""

    def __init__(self, box: Sandbox, root: Path) -> None:
        stages = list(box.sample_stages)
        self.box, self.root = box, root
        self.anna = Machine.new(box, root / "anna", stages=stages[:-1], state_bucket=BUCKET)
        self.ben = Machine.new(box, root / "ben")
        self.last = stages[-1]
        self.images = stage_images(self.anna.client)
        self.s3 = self.anna.client("s3")
        self.install = self.anna.cli("install", "--non-interactive", "--yes")

    def names(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return sorted(o["Key"].rpartition("api-gw-discovery/")[2] for o in found)

    def put(self, name: str, body: dict[str, Any]) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=self.key(name), Body=json.dumps(body).encode())

    def key(self, name: str) -> str:
        return f"wallarm-apigw/{self.box.account_id}/{self.box.region}/api-gw-discovery/{name}"


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        it = Team(box, Path(folder))
        if it.install.returncode != 0:
            pytest.fail(it.install.stderr[-6000:], pytrace=False)
        yield it


def ok(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout + done.stderr


def test_the_bucket_was_announced_and_is_private_encrypted_and_versioned(team: Team) -> None:
    assert f"The S3 bucket {BUCKET} is made: private" in team.install.stderr
    closed = team.s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert all(closed.values())
    assert len(closed) == 4
    assert team.s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    rules = team.s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    assert rules["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    policy = json.loads(team.s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert [(s["Effect"], s["Condition"]) for s in policy] == [
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    ]


def test_state_answers_and_journal_are_there_and_no_lock_is(team: Team) -> None:
    assert team.names() == ["answers.json", "journal/000000.jsonl", "terraform.tfstate"]
    assert not (team.anna.workspace / "state" / "terraform.tfstate").exists()


def test_a_colleague_with_an_empty_home_sees_the_deployment(team: Team) -> None:
    said = ok(team.ben.cli("status"))
    assert re.search(r"Resources +[1-9]", said)
    assert "carrying on from there" in said
    connected = len(team.box.sample_stages) - 1
    assert f"{connected} connected" in said


def test_what_a_colleague_connects_is_known_to_the_first(team: Team) -> None:
    ok(team.ben.cli("stages", "add", team.last, "--yes"))
    said = ok(team.anna.cli("status"))
    assert f"{len(team.box.sample_stages)} connected" in said
    assert team.last in json.loads(ok(team.anna.cli("stages", "list", "--json")).splitlines()[-1])[
        "stage"
    ] or team.last in ok(team.anna.cli("stages", "list"))


def test_while_one_works_the_other_is_told_who_and_since_when(team: Team) -> None:
    running = team.anna.start("install", "--yes", "--set", "log_retention_days=30",
                              "--set", "proof=skip")  # fmt: skip
    try:
        until(running, "Working out the changes")
        refused = team.ben.cli("install", "--yes")
    finally:
        _, said = finish(running, team.anna.box)
    assert running.returncode == 0, said[-3000:]
    assert refused.returncode == 1
    assert "Another run is working on this deployment" in refused.stderr
    assert re.search(r"is held by \S+ on \S+, process \d+ \(install\), for \d+", refused.stderr)
    assert "run.lock" not in team.names()


def test_the_lock_of_a_dead_machine_goes_only_when_it_is_named(team: Team) -> None:
    team.put("run.lock", {"id": "abc123", "pid": 7, "host": "laptop", "user": "carl",
                          "started": 1e9, "purpose": "install", "folder": "/x"})  # fmt: skip
    refused = team.ben.cli("install", "--yes", "--set", "proof=skip")
    assert refused.returncode == 1
    assert "carl on laptop" in refused.stderr
    wrong = team.ben.cli("install", "--yes", "--set", "proof=skip", "--unlock", "other")
    assert wrong.returncode == 1
    assert "run.lock" in team.names()
    said = ok(team.ben.cli("install", "--yes", "--set", "proof=skip", "--unlock", "abc123"))
    assert "removed the lock of carl on laptop" in said
    assert "0 to add, 0 to change, 0 to remove" in said, "a colleague's install plans nothing anew"
    assert "run.lock" not in team.names()


def test_a_killed_terraforms_lock_is_shown_and_goes_only_with_consent(team: Team) -> None:
    running = team.anna.start("install", "--yes", "--set", "log_retention_days=60",
                              "--set", "proof=skip")  # fmt: skip
    until(running, "Deploying to")
    while not team.anna.kill_terraform():
        pass
    finish(running, team.anna.box)
    assert running.returncode == 1
    if "terraform.tfstate.tflock" not in team.names():  # it was killed before or after
        team.put("terraform.tfstate.tflock", {
            "ID": "5ab1c0de-0000-0000-0000-000000000000", "Operation": "OperationTypeApply",
            "Info": "", "Who": "anna@desk", "Version": "1.11.4",
            "Created": "2026-01-01T00:00:00.0Z", "Path": f"{BUCKET}/{team.key('x')}"})  # fmt: skip
    refused = team.ben.cli("install", "--yes", "--set", "proof=skip")
    assert refused.returncode == 1
    assert "state of this deployment is locked" in refused.stderr
    assert re.search(r"OperationTypeApply by \S+@\S+, for \d", refused.stderr)
    (lock,) = re.findall(r"--unlock ([0-9a-f-]{36})", refused.stderr)
    said = ok(team.ben.cli("install", "--yes", "--set", "proof=skip", "--unlock", lock))
    assert "removed Terraform's lock" in said
    assert "terraform.tfstate.tflock" not in team.names()


def test_a_colleague_puts_back_what_another_computer_connected(team: Team) -> None:
    (first, *_) = team.box.sample_stages
    assert stage_images(team.anna.client)[first] != team.images[first]
    ok(team.ben.cli("stages", "remove", first, "--yes"))
    assert stage_images(team.anna.client)[first] == team.images[first]


def test_a_state_moved_back_is_said_to_whoever_looks_for_it(team: Team) -> None:
    said = ok(team.anna.cli("install", "--yes", "--set", "state_bucket=local",
                            "--set", "proof=skip"))  # fmt: skip
    assert "0 to add, 0 to change" in said, "what was killed was done by the colleague"
    assert f"state moves from {BUCKET}" in said
    assert team.names() == ["moved.json"]
    lost = team.ben.cli("status")
    assert lost.returncode == 1
    assert "no longer in the bucket" in lost.stderr
    carl = Machine.new(team.box, team.root / "carl")
    seen = ok(carl.cli("status"))
    assert re.search(r"State +not here: \S+ on \S+ moved it to that computer", seen)
    assert f"{len(team.box.sample_stages)} connected" in seen
    assert re.search(r"Forwarder +wallarm-cw-resend-", seen)
    refused = carl.cli("uninstall", "--yes")
    assert refused.returncode == 1
    assert "its state is not on this computer" in refused.stderr
    assert team.names() == ["moved.json"]
