"""What was sent is compared with what arrived, request by request; nothing slips through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wizard.sandbox.traffic import SampleRequest, Sent, differences

REQUEST = SampleRequest(
    "abc", "prod", "abc.example", "GET", "/prod/orders?page=2", "curl/8", "192.0.2.1"
)
SENT = (Sent(REQUEST, 200), Sent(replace(REQUEST, method="POST"), 201))


def record(sent: Sent, **changes: Any) -> dict[str, Any]:
    names = ("method", "path", "host", "status", "source_address", "user_agent")
    return dict(zip(names, sent.expected(), strict=True)) | changes


def test_all_that_was_sent_and_nothing_else_is_no_difference_in_any_order() -> None:
    assert differences(SENT, [record(SENT[1]), record(SENT[0])]) == ([], [])


def test_what_did_not_arrive_is_missing() -> None:
    assert differences(SENT, [record(SENT[0])]) == ([SENT[1].expected()], [])


@pytest.mark.parametrize(
    "change",
    [{"method": "PUT"}, {"path": "/prod/orders?page=2"}, {"host": "other.example"},
     {"status": 500}, {"status": None}, {"source_address": "192.0.2.2"}, {"user_agent": "-"}],
)  # fmt: skip
def test_what_changed_on_the_way_is_missing_and_invented(change: dict[str, Any]) -> None:
    missing, invented = differences(SENT, [record(SENT[0], **change), record(SENT[1])])
    assert missing == [SENT[0].expected()]
    assert len(invented) == 1


def test_what_arrives_twice_was_invented_once() -> None:
    records = [record(SENT[0]), record(SENT[0]), record(SENT[1])]
    assert differences(SENT, records) == ([], [SENT[0].expected()])
