"""What could not be delivered is kept, replayed, and deleted once it was delivered."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time

import pytest

from benchmarks import batches
from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e


def kept_record(deployed: Deployed, *paths: str) -> bytes:
    """What AWS Lambda writes to S3 for a batch of these requests whose retries are used up."""
    kept = {"domainName": "kept.example.com", "sourceIp": "192.0.2.1"}
    line = json.loads(batches.line(0)) | kept
    batch = {
        "messageType": "DATA_MESSAGE",
        "owner": deployed.box.account_id,
        "logGroup": deployed.outputs.api_gateway_log_group,
        "logStream": "stream",
        "subscriptionFilters": [deployed.outputs.lambda_function_name],
        "logEvents": [
            {
                "id": path,
                "timestamp": int(time.time() * 1000),
                "message": json.dumps(line | {"path": path}),
            }
            for path in paths
        ],
    }
    data = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
    document = {
        "version": "1.0",
        "timestamp": "2026-08-01T00:00:00.000Z",
        "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
        "requestPayload": {"awslogs": {"data": data}},
    }
    return json.dumps(document).encode()


def keep(deployed: Deployed, name: str, body: bytes) -> str:
    function = deployed.outputs.lambda_function_name
    key = f"aws/lambda/async/{function}/2026/08/01/2026-08-01T00.00.00-{name}"
    deployed.client("s3").put_object(Bucket=deployed.outputs.undelivered_bucket, Key=key, Body=body)
    return key


def waiting(deployed: Deployed) -> list[str]:
    answer = deployed.client("s3").list_objects_v2(Bucket=deployed.outputs.undelivered_bucket)
    return [item["Key"] for item in answer.get("Contents", [])]


def test_a_dry_run_lists_and_replays_nothing(deployed: Deployed) -> None:
    body = kept_record(deployed, "/dry")
    key = keep(deployed, "dry", body)
    done = deployed.cli("redrive", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "1 undelivered batch" in done.stderr
    assert done.stdout.split()[1:] == [f"{len(body):,}", key]
    listed = deployed.cli("redrive", "--dry-run", "--json").stdout.splitlines()
    entry, end = map(json.loads, listed)
    assert end == {"type": "Replayed", "waiting": 1, "delivered": 0}
    assert (entry["type"], entry["key"]) == ("KeptBatch", key)
    assert waiting(deployed) == [key]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=key)


def test_what_is_delivered_is_deleted_and_what_is_not_stays(deployed: Deployed) -> None:
    deployed.box.node.reset()
    keep(deployed, "good", kept_record(deployed, "/kept/one"))
    bad = keep(deployed, "foreign", b"not an invocation record")
    done = deployed.cli("redrive", "--yes")
    assert done.returncode == 1
    assert "1 batch delivered, 1 still waiting" in done.stderr
    assert "can never be read: it is not an invocation record of AWS Lambda" in done.stderr
    assert [r["path"] for r in deployed.box.node.wait_for(1)] == ["/kept/one"]
    assert waiting(deployed) == [bad]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=bad)


def test_what_can_never_be_read_is_shown_and_deleted_on_request_and_nothing_else_is(
    deployed: Deployed,
) -> None:
    good = keep(deployed, "good", kept_record(deployed, "/kept/stays"))
    bad = keep(deployed, "broken", b"not an invocation record")
    torn = keep(deployed, "torn", b'{"requestPayload":{"awslogs":{"data":"H4sI"}}}')
    done = deployed.cli("redrive", "--unreadable")
    assert done.returncode == 0, done.stderr
    assert "2 of them can never be read" in done.stderr
    assert [line.split()[2] for line in done.stdout.splitlines()] == [bad, torn]
    assert "not an invocation record" in done.stdout
    assert sorted(waiting(deployed)) == sorted([good, bad, torn])
    assert deployed.cli("redrive", "--discard", "--dry-run").returncode == 0
    assert len(waiting(deployed)) == 3
    done = deployed.cli("redrive", "--discard", "--yes")
    assert done.returncode == 0, done.stderr
    assert "2 batches deleted" in done.stderr
    assert waiting(deployed) == [good]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=good)


def test_what_no_replay_would_deliver_is_said(deployed: Deployed) -> None:
    deployed.box.node.reset()
    deployed.box.node.fail("status", status=400, contains="/refused")
    keep(deployed, "refused", kept_record(deployed, "/kept/fine", "/kept/refused"))
    done = deployed.cli("redrive", "--yes")
    deployed.box.node.reset()
    assert done.returncode == 0, done.stderr
    assert "delivered but for 1 event that the node refuses" in done.stderr
    assert waiting(deployed) == []


def test_a_batch_that_the_node_refuses_whole_is_kept_for_that_is_about_us(
    deployed: Deployed,
) -> None:
    deployed.box.node.reset()
    deployed.box.node.fail("status", status=400, contains="/refused")
    key = keep(deployed, "refused", kept_record(deployed, "/kept/refused"))
    done = deployed.cli("redrive", "--yes")
    deployed.box.node.reset()
    assert done.returncode == 1
    assert "status 400 to every event" in done.stderr
    assert waiting(deployed) == [key]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=key)


def test_while_the_node_is_down_nothing_is_lost(deployed: Deployed) -> None:
    key = keep(deployed, "down", kept_record(deployed, "/kept/two"))
    deployed.box.node.reset()
    deployed.box.node.fail("status", status=503)
    try:
        assert deployed.cli("redrive", "--yes").returncode == 1
        assert waiting(deployed) == [key]
    finally:
        deployed.box.node.reset()
    assert deployed.cli("redrive", "--yes").returncode == 0
    assert [r["path"] for r in deployed.box.node.wait_for(1)] == ["/kept/two"]
    assert waiting(deployed) == []


def test_since_leaves_older_batches_alone(deployed: Deployed) -> None:
    key = keep(deployed, "old", kept_record(deployed, "/old"))
    done = deployed.cli("redrive", "--yes", "--since", "2099-01-01T00:00:00Z")
    assert done.returncode == 0
    assert waiting(deployed) == [key]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=key)


def test_by_its_schedule_what_is_kept_is_replayed_through_the_forwarder(deployed: Deployed) -> None:
    """EventBridge itself calls the function: the rule's schedule is shortened for a moment."""
    node, events = deployed.box.node, deployed.client("events")
    node.reset()
    (rule,) = events.list_rules(NamePrefix="api-gw-discovery-replay-")["Rules"]
    assert rule["ScheduleExpression"] == "rate(24 hours)"
    paths = [f"/kept/by-schedule/{number}" for number in range(3)]
    for number, path in enumerate(paths):
        keep(deployed, f"scheduled-{number}", kept_record(deployed, path))
    probe = json.dumps({"requestPayload": {"wallarm-apigw": "probe"}}).encode()
    planted = keep(deployed, "planted", probe)
    same = {"Name": rule["Name"], "Description": rule["Description"]}
    try:
        events.put_rule(**same, ScheduleExpression="rate(1 minute)")
        arrived = node.wait_for(len(paths), 90.0)
    finally:
        events.put_rule(**same, ScheduleExpression=rule["ScheduleExpression"])
    assert sorted(r["path"] for r in arrived) == paths
    end = time.monotonic() + 20
    while len(waiting(deployed)) > 1 and time.monotonic() < end:
        time.sleep(0.2)
    assert waiting(deployed) == [planted]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=planted)


def test_while_the_node_is_down_a_replay_by_schedule_keeps_everything(deployed: Deployed) -> None:
    """Invoked with the very event that the rule's target holds."""
    (rule,) = deployed.client("events").list_rules(NamePrefix="api-gw-discovery-replay-")["Rules"]
    (target,) = deployed.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    key = keep(deployed, "down", kept_record(deployed, "/kept/down"))
    assert "1 batch waiting, replayed every 24 hours" in deployed.cli("status").stdout
    deployed.box.node.reset()
    deployed.box.node.fail("status", status=503)
    try:
        answer = deployed.client("lambda").invoke(
            FunctionName=target["Arn"], Payload=target["Input"].encode()
        )
        told = json.loads(answer["Payload"].read())
    finally:
        deployed.box.node.reset()
    assert (told["waiting"], told["delivered"], told["failed"]) == (1, 0, 1)
    assert waiting(deployed) == [key]
    deployed.client("s3").delete_object(Bucket=deployed.outputs.undelivered_bucket, Key=key)


def test_a_replay_that_is_killed_goes_on_where_it_was(deployed: Deployed) -> None:
    deployed.box.node.reset()
    paths = [f"/kept/killed/{number}" for number in range(4)]
    for number, path in enumerate(paths):
        keep(deployed, f"killed-{number}", kept_record(deployed, path))
    deployed.box.node.fail("slow", delay=1.0)
    with subprocess.Popen(
        [sys.executable, "-m", "wizard.cli", "redrive", "--yes"],
        env={**deployed.env, "WALLARM_APIGW_WORKSPACE": str(deployed.workspace)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deployed.box.node.wait_for(1)
        process.kill()
    deployed.box.node.fail("none")
    left = waiting(deployed)
    assert 0 < len(left) <= 4

    done = deployed.cli("redrive", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{len(left)} batch" in done.stderr
    assert waiting(deployed) == []
    arrived = {r["path"]: r["request_id"] for r in deployed.box.node.wait_for(4)}
    assert sorted(arrived) == paths
