"""Kill it at any moment and start it again: it says where it was, goes on, and ends the same.

With a node that exists already (the stand-in itself), so that no load balancer is waited for.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Deployed, need_terraform
from tests.e2e.killer import Killer
from tests.e2e.machines import environment, finish, until
from wizard.core.facts import ApiType
from wizard.flows.deployment import find as elsewhere
from wizard.flows.deployment.open import identify, open_session
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("interrupted")]


@pytest.fixture(scope="module")
def begun() -> Iterator[Deployed]:
    """A sandbox with answers for a node of one's own; nothing is installed yet."""
    need_terraform()
    with tempfile.TemporaryDirectory(prefix="e2e-") as folder, Sandbox.start() as box:
        root = Path(folder)
        env = environment(box, root)
        answers_file = root / "answers.json"
        answers = {
            "region": box.region,
            "stages": list(box.sample_stages),
            "node_url": box.node.connector,
            "node_scheme": "http",
        }
        answers_file.write_text(json.dumps(answers), encoding="utf-8")
        it = Deployed(box, root, env, answers_file, {})
        it.images, it.policies = it.stage_images(), it.log_policies()
        yield it


def start(begun: Deployed) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "wizard.cli", "install", "--answers", str(begun.answers_file),
         "--non-interactive", "--yes", "--workspace", str(begun.workspace)],
        env=begun.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_wizard_killed_during_an_apply_goes_on_where_it_was(begun: Deployed) -> None:
    process = start(begun)
    until(process, "aws_s3_bucket.undelivered: created")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    again = begun.cli("install", "--answers", str(begun.answers_file), "--yes")
    assert again.returncode == 0, again.stderr[-4000:]
    assert "earlier run left running" in again.stderr
    assert "in doubt" in again.stderr
    assert begun.in_plan() == []
    assert len(begun.client("lambda").list_functions()["Functions"]) == 1


def test_with_a_node_of_ones_own_every_request_arrives_all_the_same(begun: Deployed) -> None:
    begun.box.node.reset()
    sent = begun.box.send_sample(begun.box.sample_stages, count=3)
    records = begun.box.node.wait_for(len(sent))
    arrived = sorted((str(r["method"]), str(r["path"])) for r in records)
    assert arrived == sorted(s.expected()[:2] for s in sent)


def test_from_another_computer_without_the_state_nothing_is_made_twice(
    begun: Deployed, tmp_path: Path
) -> None:
    there = {"WALLARM_APIGW_WORKSPACE": str(tmp_path / "elsewhere")}
    refused = begun.cli("install", "--answers", str(begun.answers_file), "--yes", **there)
    assert refused.returncode == 2, refused.stderr[-2000:]
    assert "is deployed in us-east-1 already, from another computer" in refused.stderr
    assert "state_bucket" in refused.stderr
    other = begun.cli("install", "--answers", str(begun.answers_file), "--dry-run",
                      "--name-prefix", "another",
                      WALLARM_APIGW_WORKSPACE=str(tmp_path / "third"))  # fmt: skip
    assert other.returncode == 0, other.stderr[-2000:]
    session = open_session(begun.context, begun.answers)
    seen = elsewhere.find_in_account(session, identify(session, begun.answers))
    assert [(d.name_prefix, d.bucket) for d in seen.found] == [("api-gw-discovery", "")]
    assert (
        elsewhere.find_in_account(
            session, identify(session, begun.answers), ("api-gw-discovery",)
        ).found
        == ()
    )


def test_what_a_killed_apply_created_is_taken_over_and_not_made_twice(begun: Deployed) -> None:
    begun.forget(
        "aws_iam_role.forwarder",
        "aws_cloudwatch_log_group.api[0]",
        "aws_s3_bucket.undelivered",
        "aws_lambda_function.forwarder",
        'aws_lambda_permission.logs["main"]',
    )
    again = begun.cli("install", "--yes", "--set", "proof=skip")
    assert again.returncode == 0, again.stderr[-4000:]
    assert "taken into the state" in again.stderr
    assert "0 to add" in again.stderr
    assert begun.in_plan() == []


@pytest.fixture(scope="module")
def killer(begun: Deployed) -> Iterator[Killer]:
    with Killer(begun.box.endpoint_url) as front:
        yield front


@pytest.mark.parametrize("kind", [ApiType.REST, ApiType.HTTP, ApiType.WEBSOCKET])
@pytest.mark.parametrize("command", ["add", "remove"])
def test_killed_at_any_write_a_stage_gets_there_and_back_all_the_same(
    begun: Deployed, killer: Killer, kind: ApiType, command: str
) -> None:
    ref = begun.free_stage(kind)
    there, back = ("stages", "add", ref, "--yes"), ("stages", "remove", ref, "--yes")
    before = begun.stage_images()
    env = {**begun.env, "WALLARM_APIGW_WORKSPACE": str(begun.workspace)}
    points = [(nth, after) for nth in range(1, 9) for after in (False, True)]
    killed = []
    for nth, after in points:
        if command == "remove":
            assert begun.cli(*there).returncode == 0
        if not killer.run(env, there if command == "add" else back, nth, after):
            break
        killed.append(killer.killed_at)
        if command == "add":
            again = begun.cli(*there)
            assert again.returncode == 0, again.stderr[-3000:]
            assert begun.stage_images()[ref] != before[ref]
        again = begun.cli(*back)
        assert again.returncode == 0, again.stderr[-3000:]
        assert begun.stage_images() == before, killed
    assert "UpdateStage" in killed or "DeleteAccessLogSettings" in killed
    begun.cli(*back)
    assert begun.stage_images() == before


def subscribed(begun: Deployed, group: str) -> list[str]:
    found = begun.client("logs").describe_subscription_filters(logGroupName=group)
    return [f["filterName"] for f in found["subscriptionFilters"]]


def test_a_stage_with_a_log_of_its_own_is_subscribed_to_and_let_go_whole(
    begun: Deployed, killer: Killer
) -> None:
    ref, group = f"{begun.box.apis['catalogue'].api_id}/v2", "/company/api/catalogue-v2"
    before, policies = begun.stage_images(), begun.log_policies()
    added = begun.cli("stages", "add", ref, "--yes")
    assert added.returncode == 0, added.stderr[-3000:]
    plan = re.findall(r"Terraform: (\w+ aws_.+)", added.stderr)
    # The permission that all kept log groups share is there for the first of them.
    assert plan == [f'create aws_cloudwatch_log_subscription_filter.forwarder["{group}"]']
    assert len(subscribed(begun, group)) == 1

    # It dies when the stage is put back and the subscription is about to go.
    env = {**begun.env, "WALLARM_APIGW_WORKSPACE": str(begun.workspace)}
    assert killer.run(env, ("stages", "remove", ref, "--yes"), 2, after=False)
    assert begun.stage_images() == before
    again = begun.cli("stages", "remove", ref, "--yes")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "put back already" in again.stderr
    assert subscribed(begun, group) == []
    assert begun.stage_images() == before
    assert begun.log_policies() == policies


def test_interrupted_once_it_stops_gracefully_and_says_how_to_go_on(begun: Deployed) -> None:
    # Before, an apply was killed: what it made goes with the rest, or is named.
    begun.forget("aws_iam_role.forwarder", "aws_s3_bucket.undelivered")
    begun.client("s3").create_bucket(Bucket="left-by-a-killed-run")
    begun.client("s3").put_bucket_tagging(
        Bucket="left-by-a-killed-run",
        Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in begun.marks.items()]},
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "wizard.cli", "uninstall", "--yes",
         "--workspace", str(begun.workspace)],
        env=begun.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = until(process, "removing", 300)
    process.send_signal(signal.SIGINT)
    _, rest = finish(process, begun.box)
    assert process.returncode == 130, rest[-2000:]
    assert "aws_iam_role.forwarder: taken into the state" in said
    assert "aws_s3_bucket.undelivered: taken into the state" in said

    done = begun.cli("uninstall", "--yes")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "left: arn:aws:s3:::left-by-a-killed-run: left by an interrupted run" in done.stderr
    buckets = [b["Name"] for b in begun.client("s3").list_buckets()["Buckets"]]
    assert sorted(buckets) == ["left-by-a-killed-run", "sandbox-audit-archive"]
    roles = [r["RoleName"] for r in begun.client("iam").list_roles()["Roles"]]
    assert not [name for name in roles if name.endswith("-fwd")]
    assert begun.stage_images() == begun.images
    assert begun.client("lambda").list_functions()["Functions"] == []


def test_log_data_stays_after_a_removal_and_that_is_said(begun: Deployed) -> None:
    assert len(log_groups(begun)) == 2
    assert begun.log_policies() == begun.policies
    again = begun.cli("uninstall", "--yes")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "Nothing of this deployment is left, but what is listed." in again.stderr
    assert re.search(r"stays: /aws/apigateway/wallarm-api-discovery-\w+: log data \(0.0 GB, less "
                     r"than \$0.01/month; expires after 14 days\)", again.stderr)  # fmt: skip


def test_log_data_that_was_kept_can_be_deleted_later(begun: Deployed) -> None:
    gone = begun.cli("uninstall", "--yes", "--delete-logs")
    assert gone.returncode == 0, gone.stderr[-3000:]
    assert "deleted with all its data" in gone.stderr
    assert log_groups(begun) == []
    assert "log data" not in begun.cli("uninstall", "--yes").stderr


def log_groups(begun: Deployed) -> list[str]:
    """Log groups that the deployment made and that are there."""
    logs = begun.client("logs")
    names = ("/aws/apigateway/wallarm-api-discovery-", "/aws/lambda/wallarm-cw-resend-")
    found = [g for n in names for g in logs.describe_log_groups(logGroupNamePrefix=n)["logGroups"]]
    return [g["logGroupName"] for g in found]
