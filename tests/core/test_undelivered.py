"""What is called unreadable is what the forwarder cannot read, neither more nor less."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.batches import batch
from benchmarks.invoking import forwarder
from wizard.core import undelivered
from wizard.core.undelivered import MOST_BYTES, MOST_PARTS, why_unreadable

forwarder()
import decode  # noqa: E402 - the forwarder is not a package


def kept(payload: Any) -> bytes:
    """As AWS Lambda writes it."""
    context = {"condition": "RetriesExhausted", "approximateInvokeCount": 3}
    return json.dumps(
        {"version": "1.0", "requestContext": context, "requestPayload": payload}
    ).encode()


def packed(raw: bytes, *, zipped: bool = True) -> dict[str, Any]:
    data = base64.b64encode(gzip.compress(raw) if zipped else raw).decode()
    return {"awslogs": {"data": data}}


def test_a_batch_that_was_kept_because_the_node_was_away_can_be_read() -> None:
    assert why_unreadable(kept(batch(3))) == ""
    assert why_unreadable(kept(packed(b'{"messageType":"CONTROL_MESSAGE"}'))) == ""
    assert why_unreadable(kept(packed(b'{"logEvents":[{"message":"\xff\x01"}]}'))) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not an invocation record"), (b"{}", "not an invocation record"),
        (b"[1]", "not an invocation record"), (b"\xff", "not an invocation record"),
        (kept({}), "no event of CloudWatch Logs"), (kept(7), "no event of CloudWatch Logs"),
        (kept({"awslogs": {"data": "?"}}), "no event of CloudWatch Logs"),
        (kept(packed(b"not json")), "not JSON"), (kept(packed(b"[]")), "not a JSON object"),
        (kept(packed(b"{}")), "no list of log events"),
        (kept(packed(b"\x1f\x8bxx", zipped=False)), "corrupt"),
        (kept(packed(gzip.compress(b"{}")[:-4], zipped=False)), "cut short"),
        (kept(packed(bytes(MOST_BYTES + 1))), "larger than"),
        (kept(packed(gzip.compress(b"") * (MOST_PARTS + 1), zipped=False)), "parts"),
    ],
    ids=lambda value: value if isinstance(value, str) else "batch",
)  # fmt: skip
def test_why_a_batch_can_never_be_read_is_said_in_words(body: bytes, words: str) -> None:
    assert words in why_unreadable(body)


JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["awslogs", "data", "logEvents", "messageType"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)
PAYLOADS = st.one_of(
    JSON,
    JSON.map(lambda data: packed(json.dumps(data).encode())),
    st.binary(max_size=60).map(packed),
    st.binary(max_size=60).map(lambda raw: packed(raw, zipped=False)),
    st.tuples(st.integers(0, 80), st.binary(max_size=8)).map(
        lambda cut: packed(gzip.compress(b'{"logEvents":[]}')[: cut[0]] + cut[1], zipped=False)
    ),
)


def test_both_have_the_same_bounds() -> None:
    assert (MOST_BYTES, MOST_PARTS) == (decode.MOST_BYTES, decode.MOST_MEMBERS)


@given(PAYLOADS)
def test_it_is_the_forwarders_own_judgement(payload: Any) -> None:
    try:
        decode.envelope(payload)
    except decode.EnvelopeError:
        readable = False
    else:
        readable = True
    assert (why_unreadable(kept(payload)) == "") is readable


EVENTS = b'{"logEvents":[]}'


@pytest.mark.parametrize(
    ("parts", "most", "words"),
    [
        ((EVENTS,), len(EVENTS), ""),
        ((EVENTS,), len(EVENTS) - 1, "larger than"),
        ((EVENTS[:7], EVENTS[7:]), len(EVENTS), ""),  # both parts count
        ((EVENTS[:7], EVENTS[7:]), len(EVENTS) - 1, "larger than"),
    ],
)
def test_a_batch_may_be_as_large_as_the_bound_and_no_larger(
    parts: tuple[bytes, ...], most: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undelivered, "MOST_BYTES", most)
    raw = b"".join(gzip.compress(part) for part in parts)
    why = why_unreadable(kept(packed(raw, zipped=False)))
    assert words in why
    assert bool(why) == bool(words)


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (b"", ""),
        (bytes(8), ""),  # padding
        (bytes(8) + b"x", "corrupt"),
        (b"x", "cut short"),
        (b"xyz", "corrupt"),
        (gzip.compress(b"", mtime=0), ""),
        (gzip.compress(b"", mtime=0) + bytes(8), ""),
    ],
)
def test_behind_the_last_part_there_may_be_padding_and_nothing_else(
    behind: bytes, words: str
) -> None:
    why = why_unreadable(kept(packed(gzip.compress(EVENTS) + behind, zipped=False)))
    assert words in why
    assert bool(why) == bool(words)
