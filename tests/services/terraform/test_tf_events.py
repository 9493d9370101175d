"""Every line Terraform can print becomes an event or a line of text, and none breaks the run."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    DriftFound,
    Event,
    LogLine,
    Outputs,
    PlannedChange,
    Refresh,
    Version,
    describe,
)
from wizard.services.terraform.events import parse_line

RESOURCE = {"addr": "module.a.aws_lb.node[0]", "resource_type": "aws_lb", "resource_key": 0}
HOOK = {"resource": RESOURCE, "action": "create"}
WHAT = ("module.a.aws_lb.node[0]", "aws_lb", "create")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ({"type": "version", "terraform": "1.11.4", "ui": "1.2"}, Version("1.11.4", "1.2")),
        ({"type": "version", "tofu": "1.9.0", "ui": "1.2"}, Version("1.9.0", "1.2")),
        ({"type": "apply_start", "hook": HOOK}, ApplyStart(*WHAT)),
        (
            {"type": "apply_progress", "hook": {**HOOK, "elapsed_seconds": 10}},
            ApplyProgress(*WHAT, 10),
        ),
        (
            {"type": "apply_complete", "hook": {**HOOK, "elapsed_seconds": 12, "id_value": "i"}},
            ApplyComplete(*WHAT, 12, "i"),
        ),
        (
            {"type": "apply_errored", "hook": {**HOOK, "elapsed_seconds": 1}},
            ApplyErrored(*WHAT, 1),
        ),
        ({"type": "refresh_start", "hook": HOOK}, Refresh(*WHAT[:2], done=False)),
        ({"type": "refresh_complete", "hook": HOOK}, Refresh(*WHAT[:2], done=True)),
        (
            {
                "type": "planned_change",
                "change": {"resource": RESOURCE, "action": "replace", "reason": "tainted"},
            },
            PlannedChange(*WHAT[:2], "replace", "tainted"),
        ),
        (
            {
                "type": "planned_change",
                "change": {
                    "resource": RESOURCE,
                    "previous_resource": {"addr": "aws_lb.old"},
                    "action": "move",
                },
            },
            PlannedChange(*WHAT[:2], "move", "", "aws_lb.old"),
        ),
        (
            {"type": "resource_drift", "change": {"resource": RESOURCE, "action": "update"}},
            DriftFound(*WHAT[:2], "update"),
        ),
        (
            {
                "type": "change_summary",
                "changes": {"add": 1, "change": 2, "remove": 3, "operation": "apply"},
            },
            ChangeSummary(1, 2, 3, 0, "apply"),
        ),
        (
            {
                "type": "diagnostic",
                "diagnostic": {
                    "severity": "error",
                    "summary": "s",
                    "detail": "d",
                    "address": "aws_lb.node",
                    "range": {"filename": "main.tf", "start": {"line": 7, "column": 1}},
                    "snippet": None,
                },
            },
            Diagnostic("error", "s", "d", "aws_lb.node", "main.tf", 7),
        ),
        ({"type": "unheard_of", "@message": "hello", "@level": "warn"}, LogLine("hello", "warn")),
        ({"type": "apply_start", "@message": "no hook"}, LogLine("no hook")),
        ({"type": "apply_start", "hook": [], "@message": "odd hook"}, LogLine("odd hook")),
        ({"type": "change_summary", "changes": {}, "@message": "odd"}, LogLine("odd")),
    ],
)
def test_a_line_becomes_its_event(line: dict[str, object], event: Event) -> None:
    assert parse_line(json.dumps(line)) == event
    assert parse_line(json.dumps(line).encode() + b"\r\n") == event
    assert "\n" not in describe(event) or isinstance(event, Diagnostic)


def test_sensitive_outputs_are_named_and_not_shown() -> None:
    line = {
        "type": "outputs",
        "outputs": {"a": {"sensitive": False, "value": [1]}, "b": {"sensitive": True}},
    }
    event = parse_line(json.dumps(line))
    assert isinstance(event, Outputs)
    assert event.values == {"a": [1], "b": None}
    assert event.sensitive == {"b"}


@pytest.mark.parametrize("line", ["", "  ", "\n", b"\r\n"])
def test_an_empty_line_is_nothing(line: str | bytes) -> None:
    assert parse_line(line) is None


@pytest.mark.parametrize("line", ["Initializing…", "[1]", "{", "{]", '{"a":' * 50_000, "null", "7"])
def test_a_line_that_is_no_object_is_text(line: str) -> None:
    event = parse_line(line)
    assert isinstance(event, LogLine)
    assert len(event.text) <= 4096


def test_a_line_longer_than_64_kib_is_read_like_any_other() -> None:
    detail = "x" * 1_000_000
    event = parse_line(
        json.dumps(
            {
                "type": "diagnostic",
                "diagnostic": {"severity": "error", "summary": "s", "detail": detail},
            }
        )
    )
    assert isinstance(event, Diagnostic)
    assert event.detail == detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
TYPES = [
    "version", "planned_change", "resource_drift", "change_summary", "apply_start",
    "apply_progress", "apply_complete", "apply_errored", "refresh_start", "outputs", "diagnostic",
]  # fmt: skip


@given(
    st.sampled_from(TYPES),
    st.dictionaries(
        st.sampled_from(["hook", "change", "changes", "outputs", "diagnostic", "@message"]),
        json_values,
    ),
)
def test_no_shape_of_a_known_line_raises(kind: str, rest: dict[str, object]) -> None:
    parse_line(json.dumps({**rest, "type": kind}))


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    parse_line(line)
