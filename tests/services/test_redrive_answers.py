"""A replay counts as delivered only when the forwarder says so, in whatever words it fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.flows.redrive import Replay, outcome

LOST = '{"errorType":"UndeliveredError","errorMessage":"3 of 5 events undelivered: status 503"}'


@pytest.mark.parametrize(
    ("text", "failed", "expected"),
    [
        ('{"received":5,"delivered":5,"quarantined":0,"malformed":0}', False, Replay(True)),
        ('{"received":5,"delivered":2,"quarantined":1,"malformed":2}', False, Replay(True, "", 3)),
        ("null", False, Replay(True)),
        ('"of a function of one\'s own"', False, Replay(True)),
        ('{"quarantined":"many","malformed":true}', False, Replay(True)),
        (LOST, True, Replay(False, "3 of 5 events undelivered: status 503")),
        ('{"errorMessage":null}', True, Replay(False, '{"errorMessage":null}')),
        ("Task timed out after 60.00 seconds", True,
         Replay(False, "Task timed out after 60.00 seconds")),
    ],
)  # fmt: skip
def test_an_answer_is_read(text: str, failed: bool, expected: Replay) -> None:
    assert outcome(text, failed=failed) == expected


@given(st.text(), st.booleans())
def test_no_answer_makes_it_crash_or_turns_a_failure_into_a_delivery(
    text: str, failed: bool
) -> None:
    found = outcome(text, failed=failed)
    assert found.delivered is not failed
    assert len(found.reason) <= 500
