"""`wallarm-apigw doctor` as a user and a script see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.machines import finish

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def traffic(deployed: Deployed) -> None:
    """Something was requested lately, and what other tests broke is not in the log."""
    logs, group = deployed.client("logs"), deployed.outputs.lambda_log_group
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])
    deployed.box.send_sample(deployed.box.sample_stages, count=2)
    deployed.box.deliveries()


@pytest.fixture
def no_filter(deployed: Deployed) -> Iterator[Callable[[], None]]:
    """The subscription filter is deleted; gives what puts it back."""
    logs, outputs = deployed.client("logs"), deployed.outputs
    name, group = outputs.subscription_filter_name, outputs.api_gateway_log_group
    logs.delete_subscription_filter(logGroupName=group, filterName=name)

    def put_back() -> None:
        logs.put_subscription_filter(
            logGroupName=group,
            filterName=name,
            filterPattern=deployed.answers.subscription_filter_pattern,
            destinationArn=outputs.lambda_function_arn,
        )

    yield put_back
    put_back()


def filters(deployed: Deployed) -> list[str]:
    answer = deployed.client("logs").describe_subscription_filters(
        logGroupName=deployed.outputs.api_gateway_log_group
    )
    return [f["filterName"] for f in answer["subscriptionFilters"]]


def test_a_healthy_deployment_is_told_in_a_text_short_enough_for_a_ticket(
    deployed: Deployed,
) -> None:
    done = deployed.cli("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 75
    assert [line for line in lines if len(line) > 200] == []
    assert " passed" in lines[-1]
    assert "failed" not in lines[-1]
    assert "\x1b" not in done.stdout


def test_short_is_one_line_when_all_is_well(deployed: Deployed) -> None:
    done = deployed.cli("doctor", "--output", "short")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "passed" in done.stdout


def test_only_asks_what_was_named_and_its_causes(deployed: Deployed) -> None:
    done = deployed.cli("doctor", "--only", "wag-log-003, WAG-LOC-005", "--output", "json")
    data = json.loads(done.stdout)
    asked = [check["id"] for check in data["checks"]]
    assert asked == ["WAG-LOC-001", "WAG-LOC-002", "WAG-LOC-003", "WAG-LOC-005", "WAG-LOG-003"]
    assert data["deployment"]["account_id"] == deployed.box.account_id
    assert "/functions/wallarm-cw-resend-" in data["checks"][-1]["console"]


def test_skip_leaves_a_section_out(deployed: Deployed) -> None:
    done = deployed.cli("doctor", "--skip", "node", "--skip", "discovery", "--output", "json")
    sections = {check["section"] for check in json.loads(done.stdout)["checks"]}
    assert sections == {"local", "logs"}


def test_a_misspelt_check_is_a_usage_error(deployed: Deployed) -> None:
    done = deployed.cli("doctor", "--only", "WAG-LOG-05")
    assert done.returncode == 2
    assert "WAG-LOG-05" in done.stderr
    assert done.stdout == ""


def test_the_list_of_checks_needs_no_credentials(deployed: Deployed) -> None:
    done = deployed.cli("doctor", "--list", AWS_ACCESS_KEY_ID="", AWS_ENDPOINT_URL="")
    assert done.returncode == 0, done.stderr
    assert "WAG-LOG-005  Does a subscription filter" in done.stdout


def test_a_broken_link_is_the_root_cause_with_the_next_step(
    deployed: Deployed, no_filter: object
) -> None:
    text = deployed.cli("doctor", "--only", "logs")
    assert text.returncode == 1
    assert "Root cause: WAG-LOG-005" in text.stdout
    assert "Next: " in text.stdout


def test_a_warning_fails_only_when_asked_to(deployed: Deployed) -> None:
    thing = {"Bucket": deployed.outputs.undelivered_bucket, "Key": "aws/lambda/async/doctor"}
    deployed.client("s3").put_object(**thing, Body=b"{}")
    try:
        only = ("doctor", "--only", "WAG-API-005", "--output", "short")
        assert deployed.cli(*only).returncode == 0
        strict = deployed.cli(*only, "--fail-on", "warning")
        assert strict.returncode == 1
        assert "1 undelivered" in strict.stdout
    finally:
        deployed.client("s3").delete_object(**thing)


def test_a_fix_needs_consent_and_a_dry_run_only_shows_it(
    deployed: Deployed, no_filter: object
) -> None:
    dry = deployed.cli("doctor", "--only", "logs", "--fix", "--dry-run")
    assert dry.returncode == 1
    assert "Fix: Put the subscription filter of" in dry.stderr
    silent = deployed.cli("doctor", "--only", "logs", "--fix")
    assert silent.returncode == 2
    assert "--yes" in silent.stderr
    assert filters(deployed) == []


def test_a_fix_is_recorded_and_looked_at_again(deployed: Deployed, no_filter: object) -> None:
    done = deployed.cli("doctor", "--only", "logs", "--fix", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WAG-LOG-005" in done.stderr
    assert filters(deployed) == [deployed.outputs.subscription_filter_name]
    journal = (deployed.workspace / "journal.jsonl").read_text(encoding="utf-8")
    entries = [json.loads(line) for line in journal.splitlines()]
    fixes = [entry for entry in entries if entry["action"] == "doctor.fix"]
    assert [e["step"] for e in fixes[-2:]] == ["begin", "done"]
    assert fixes[-1]["subject"].startswith("subscription-filter ")


def test_wait_goes_on_until_it_has_settled(
    deployed: Deployed, no_filter: Callable[[], None]
) -> None:
    """It is mended when the command has said that it looks again, however long that took."""
    with subprocess.Popen(
        [sys.executable, "-m", "wizard.cli", "doctor", "--only", "WAG-LOG-005", "--wait", "120"],
        env={**deployed.env, "WALLARM_APIGW_WORKSPACE": str(deployed.workspace)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as doctor:  # fmt: skip
        assert doctor.stderr is not None
        said = doctor.stderr.readline()
        no_filter()
        text, _ = finish(doctor, deployed.box)
    assert "Looking again: WAG-LOG-005 may still settle; at most" in said
    assert doctor.returncode == 0, text
