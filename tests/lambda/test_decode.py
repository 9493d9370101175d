"""The envelope: bounded, whole, or kept by AWS."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.invoking import forwarder
from wizard.core import undelivered

forwarder()
import decode  # noqa: E402 - the forwarder is not a package

ENVELOPE = {"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "message": "m"}]}
RAW = json.dumps(ENVELOPE).encode()


def event(raw: bytes) -> dict[str, dict[str, str]]:
    return {"awslogs": {"data": base64.b64encode(raw).decode()}}


def test_a_compressed_envelope_is_read() -> None:
    assert decode.envelope(event(gzip.compress(RAW))) == ENVELOPE


def test_the_consoles_sample_without_compression_is_read() -> None:
    assert decode.envelope(event(RAW)) == ENVELOPE


def test_no_member_of_a_stream_is_dropped() -> None:
    assert decode.envelope(event(gzip.compress(RAW[:20]) + gzip.compress(RAW[20:]))) == ENVELOPE


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = gzip.compress(bytes(decode.MOST_BYTES + 1))
    with pytest.raises(decode.EnvelopeError, match="larger"):
        decode.envelope(event(bomb))


@pytest.mark.parametrize("cut", [1, 10, 25])
def test_an_envelope_cut_short_raises(cut: int) -> None:
    with pytest.raises(decode.EnvelopeError):
        decode.envelope(event(gzip.compress(RAW)[:-cut]))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(raw: bytes) -> None:
    for data in (raw, gzip.compress(raw), gzip.compress(RAW)[: len(raw)] + raw):
        try:
            found = decode.envelope(event(data))
        except decode.EnvelopeError:
            continue
        assert isinstance(found, dict)


@pytest.mark.parametrize("strange", [{}, {"awslogs": {}}, {"awslogs": None}, [], None, "text"])
def test_what_is_not_from_cloudwatch_logs_raises(strange: object) -> None:
    with pytest.raises(decode.EnvelopeError):
        decode.envelope(strange)


@pytest.mark.parametrize("deep", [b"[" * 200_000, b'{"a":' * 200_000])
def test_a_deep_envelope_is_refused(deep: bytes) -> None:
    with pytest.raises(decode.EnvelopeError, match="not JSON"):
        decode.envelope(event(gzip.compress(deep)))


@pytest.mark.parametrize(
    "raw",
    [b'{"logEvents":' + b"9" * 5000 + b"}", b'"\xff"', b"\xff\xfe{", b"{}", b"[]", b"null", b"NaN",
     b'{"logEvents":{}}', b'{"messageType":"DATA_MESSAGE"}', RAW + b"x"],
)  # fmt: skip
def test_what_is_no_envelope_raises(raw: bytes) -> None:
    for data in (raw, gzip.compress(raw)):
        with pytest.raises(decode.EnvelopeError):
            decode.envelope(event(data))


def test_a_stream_of_very_many_parts_is_refused() -> None:
    with pytest.raises(decode.EnvelopeError, match="parts"):
        decode.envelope(event(gzip.compress(b"") * (decode.MOST_MEMBERS + 1)))
    many = gzip.compress(b" ") * (decode.MOST_MEMBERS - 1)
    assert decode.envelope(event(many + gzip.compress(RAW))) == ENVELOPE


def test_members_together_stay_within_the_bound_too() -> None:
    half = gzip.compress(bytes(decode.MOST_BYTES // 2 + 1))
    with pytest.raises(decode.EnvelopeError, match="larger"):
        decode.envelope(event(half + half))


def test_padding_after_the_stream_is_no_fault_and_anything_else_is() -> None:
    packed = gzip.compress(RAW)
    assert decode.envelope(event(packed + bytes(20))) == ENVELOPE
    with pytest.raises(decode.EnvelopeError, match="corrupt"):
        decode.envelope(event(packed + b"more"))


@pytest.mark.parametrize(
    ("parts", "most", "fits"),
    [
        ((RAW,), len(RAW), True),
        ((RAW,), len(RAW) - 1, False),
        ((RAW[:20], RAW[20:]), len(RAW), True),  # both parts count
        ((RAW[:20], RAW[20:]), len(RAW) - 1, False),
    ],
)
def test_an_envelope_may_be_as_large_as_the_bound_and_no_larger(
    parts: tuple[bytes, ...], most: int, fits: bool
) -> None:
    packed = b"".join(gzip.compress(part) for part in parts)
    if fits:
        assert decode.unzip(packed, most) == RAW
    else:
        with pytest.raises(decode.EnvelopeError, match=f"larger than {most} bytes"):
            decode.unzip(packed, most)


@pytest.mark.parametrize(
    ("behind", "why"),
    [(b"", ""), (bytes(8), ""), (b"x", "cut short"), (b"xyz", "corrupt"), (bytes(8) + b"x", "cor")],
)
def test_behind_the_last_part_there_may_be_padding_and_nothing_else(
    behind: bytes, why: str
) -> None:
    packed = gzip.compress(RAW) + behind
    if not why:
        assert decode.unzip(packed) == RAW
    else:
        with pytest.raises(decode.EnvelopeError, match=why):
            decode.unzip(packed)


def test_a_control_message_needs_no_events_and_everything_else_a_list_of_them() -> None:
    assert decode.envelope(event(b'{"messageType":"CONTROL_MESSAGE"}')) == {
        "messageType": "CONTROL_MESSAGE"
    }
    for other in (b'{"messageType":"DATA_MESSAGE"}', b'{"logEvents":{}}'):
        with pytest.raises(decode.EnvelopeError, match="no list"):
            decode.envelope(event(other))


def test_the_bounds_are_what_the_replay_of_kept_batches_goes_by() -> None:
    assert (decode.MOST_BYTES, decode.MOST_MEMBERS) == (64 << 20, 1_000)
    assert (undelivered.MOST_BYTES, undelivered.MOST_PARTS) == (64 << 20, 1_000)
