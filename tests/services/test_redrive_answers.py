"""A replay counts as delivered only when the forwarder says so, in whatever words it fails."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.batches import batch
from wizard.core.errors import WizardError
from wizard.core.undelivered import MOST_BYTES
from wizard.flows.redrive import (
    Bucket,
    KeptBatch,
    Replay,
    replay_batch,
    replay_outcome,
    unreadable_among,
)

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
    assert replay_outcome(text, failed=failed) == expected


@given(st.text(), st.booleans())
def test_no_answer_makes_it_crash_or_turns_a_failure_into_a_delivery(
    text: str, failed: bool
) -> None:
    found = replay_outcome(text, failed=failed)
    assert found.delivered is not failed
    assert len(found.reason) <= 500


class S3:
    """Objects by key; whose bucket it is must be said each time."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def get_object(self, **asked: Any) -> dict[str, Any]:
        assert (asked["Bucket"], asked["ExpectedBucketOwner"]) == ("kept", "123456789012")
        return {"Body": io.BytesIO(self.objects[asked["Key"]])}


KEPT = Bucket("kept", "123456789012")


def kept(s3: S3, **sizes: int) -> list[KeptBatch]:
    return [KeptBatch(key, 0.0, sizes.get(key, 9)) for key in (*s3.objects, *sizes)]


def test_only_what_no_replay_will_ever_deliver_is_called_unreadable() -> None:
    good = json.dumps({"requestPayload": batch(2)}).encode()
    s3 = S3(good=good, foreign=b"x", torn=good[:-9], other=b'{"requestPayload":{"a":1}}')
    found = unreadable_among(s3, KEPT, kept(s3, huge=MOST_BYTES + 1))
    assert [(one.key, why) for one, why in found] == [
        ("foreign", "it is not an invocation record of AWS Lambda (JSONDecodeError)"),
        ("torn", "it is not an invocation record of AWS Lambda (JSONDecodeError)"),
        ("other", "it is no event of CloudWatch Logs"),
        ("huge", f"it has {MOST_BYTES + 1:,} bytes"),
    ]


@pytest.mark.parametrize("body", [b"x", b'{"requestPayload":{"a":1}}'])
def test_what_is_unreadable_is_not_even_replayed_and_the_way_out_is_told(body: bytes) -> None:
    s3 = S3(bad=body)
    functions: Any = None  # asked for nothing
    with pytest.raises(WizardError, match="can never be read") as caught:
        replay_batch(s3, functions, KEPT, "forwarder", kept(s3)[0])
    assert caught.value.code == "WAG-E-REDRIVE-002"
    assert "redrive --discard" in caught.value.next_step
