"""The four logs are followed in place: every line once, whatever is in it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.doctor_patient import Patient, healthy
from wizard.flows.doctor.logs import Follower, LogSource, followers, read_source

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def patient(deployed: Deployed) -> Iterator[Patient]:
    """A healthy deployment."""
    with healthy(deployed) as it:
        yield it


def by_title(patient: Patient, title: str) -> Follower:
    """The follower of one log."""
    found = followers(patient.context, patient.deployed.answers, exam=patient.exam)
    return next(f for f in found if f.source.title.startswith(title))


def test_node_forwarder_access_logs_and_ecs_events_can_be_followed(patient: Patient) -> None:
    found = followers(patient.context, patient.deployed.answers, exam=patient.exam)
    assert [f.source.title.split()[0] for f in found] == [
        "Node", "Forwarder", "Access", "Access", "ECS",
    ]  # fmt: skip
    assert all(f.news().problem == "" for f in found)


def test_every_line_comes_once(patient: Patient) -> None:
    node = by_title(patient, "Node")
    first = node.news().lines
    assert [line.text for line in first] == ["2026-08-01T00:00:00Z INFO node registration done"]
    assert node.news().lines == ()
    patient.write(patient.outputs.node_log_group, "second", stream="node/node/2")
    try:
        assert [line.text for line in node.news().lines] == ["second"]
        assert node.news().lines == ()
    finally:
        patient.erase(patient.outputs.node_log_group, stream="node/node/2")


def test_requests_show_up_in_the_access_log_and_the_forwarder_log(patient: Patient) -> None:
    access, forwarder = by_title(patient, "Access"), by_title(patient, "Forwarder")
    before = (len(access.news().lines), len(forwarder.news().lines))
    assert min(before) > 0
    patient.send()
    assert any("requestId" in line.text for line in access.news().lines)
    assert forwarder.news().lines


def test_of_a_busy_log_the_newest_lines_are_shown(patient: Patient) -> None:
    logs, group = patient.client("logs"), patient.outputs.node_log_group
    now = int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName="busy")
    try:
        old = [{"timestamp": now - 1800_000 + n, "message": f"old {n}"} for n in range(2500)]
        logs.put_log_events(logGroupName=group, logStreamName="busy", logEvents=old)
        logs.put_log_events(
            logGroupName=group,
            logStreamName="busy",
            logEvents=[{"timestamp": now, "message": "newest"}],
        )
        source = by_title(patient, "Node").source
        lines = read_source(patient.exam, source, time.time() - 3600).lines
    finally:
        patient.erase(group, stream="busy")
    assert len(lines) == 200
    assert lines[-1].text == "newest"


def test_a_terminal_obeys_nothing_in_a_line(patient: Patient) -> None:
    node = by_title(patient, "Node")
    node.news()
    patient.write(patient.outputs.node_log_group, "a\x1b[2Jb\r\n[bold]c", stream="hostile")
    try:
        (line,) = node.news().lines
        assert "\x1b" not in line.text
        assert "\r" not in line.text
        assert line.text.endswith("[bold]c")
    finally:
        patient.erase(patient.outputs.node_log_group, stream="hostile")


def test_a_log_that_is_gone_says_so_and_is_no_crash(patient: Patient) -> None:
    gone = read_source(patient.exam, LogSource("node", "Node", "/no/such/group"), time.time() - 60)
    assert gone.lines == ()
    assert "/no/such/group does not exist" in gone.problem


def test_ecs_events_are_lines_too(patient: Patient) -> None:
    service = {
        "events": [
            {"id": "b", "createdAt": time.time(), "message": "unable to place a task"},
            {"id": "a", "createdAt": time.time() - 5, "message": "has started 1 tasks"},
        ]
    }
    with patient.answering({"ecs.DescribeServices": {"services": [service]}}):
        lines = by_title(patient, "ECS").news().lines
    assert [line.text for line in lines] == ["has started 1 tasks", "unable to place a task"]
