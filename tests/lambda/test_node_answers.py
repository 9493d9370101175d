"""A node's answer is read right, refused as garbage, or waited for; never misread or endless."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.invoking import forwarder

forwarder()
import answers  # noqa: E402 - the forwarder is not a package

OK = b"HTTP/1.1 200 OK\r\n"


def read(data: bytes, *, head_only: bool = False, closed: bool = False) -> Any:
    answers._seen.clear()
    return answers.read(data, head_only=head_only, closed=closed)


WHOLE = [
    OK + b"Content-Length: 2\r\n\r\nok",
    OK + b"Content-Length: 0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: a\r\nOther: b\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 503\r\nretry-after:7\r\nCONTENT-LENGTH:1\r\n\r\nx",
]


@pytest.mark.parametrize("data", WHOLE)
def test_every_piece_of_an_answer_is_waited_for_and_none_of_the_next_one_is_taken(
    data: bytes,
) -> None:
    for cut in range(len(data)):
        assert read(data[:cut]) is None
    answer = read(data)
    assert (answer.size, answer.keep) == (len(data), True)
    assert read(data + b"HTTP/1.1 500 other\r\n").size == len(data)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 20\r\n\r\n",
        b"HTTP/1.1 099 x\r\n\r\n",
        b"HTTP/1.1 " + b"9" * 5000 + b" x\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 1_0\r\n\r\n",
        *(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabcdefgh\r\n0\r\n\r\n"
            for size in (b"-6", b"+2", b"0x2", b"1_0", b"", b"zz", b"9" * 5000, b"2")
        ),
    ],
)
def test_what_is_not_http_is_garbage(data: bytes) -> None:
    with pytest.raises(answers.GarbageError):
        read(data)


def test_what_cannot_become_an_answer_any_more_is_not_waited_for() -> None:
    assert (answers.MOST_HEAD, answers.MOST_BODY) == (65_536, 1_048_576)
    most = OK + b"X: " + b"x" * (answers.MOST_HEAD - len(OK) - 3)
    assert read(most) is None
    for data in (most + b"x", b"H\r\n", b"HTTP/2", b"http/1.1 200", b" "):
        with pytest.raises(answers.GarbageError):
            read(data)
    piece = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nokxx"  # no line ends here
    assert read(piece[:-1]) is None
    with pytest.raises(answers.GarbageError):
        read(piece)


def test_a_node_that_always_says_the_same_is_read_once_and_what_is_remembered_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers._seen.clear()
    whole, seen = answers._read, []
    monkeypatch.setattr(answers, "_read", lambda *a: (seen.append(a), whole(*a))[1])
    for _ in range(3):
        assert answers.read(WHOLE[0], head_only=False).status == 200
    assert len(seen) == 1
    for number in range(3 * answers.MOST_SEEN):
        answers.read(OK + b"X: %d\r\nContent-Length: 0\r\n\r\n" % number, head_only=False)
        assert len(answers._seen) <= answers.MOST_SEEN
    assert len(seen) == 1 + 3 * answers.MOST_SEEN
    for length in (answers.MOST_SEEN_BYTES, answers.MOST_SEEN_BYTES + 1):
        seen.clear()
        head = OK + b"Content-Length: 0\r\n\r\n"
        text = head.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * (length - len(head) - 5) + b"\r\n\r\n")
        assert len(text) == length
        for _ in range(2):
            answers.read(text, head_only=False)
        assert len(seen) == (1 if length <= answers.MOST_SEEN_BYTES else 2)


def test_an_answer_longer_than_anyone_needs_is_taken_by_its_head() -> None:
    long = b"x" * (answers.MOST_BODY + 1)
    for data in (
        OK + b"Content-Length: 99999999\r\n\r\n",
        OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        OK + b"Content-Length: 99999999\r\n\r\n" + long,
        OK + b"Transfer-Encoding: chunked\r\n\r\nFFFFFF\r\n" + long,
        OK + b"\r\n" + long,
    ):
        answer = read(data)
        assert (answer.status, answer.keep) == (200, False)


@pytest.mark.parametrize(
    ("head", "keep"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_only_where_the_node_says_so(head: bytes, keep: bool) -> None:
    assert read(head + b"Content-Length: 0\r\n\r\n").keep is keep


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    data = OK + b"\r\nbody"
    assert read(data) is None
    answer = read(data, closed=True)
    assert (answer.size, answer.keep) == (len(data), False)


def test_an_answer_to_head_has_no_body_whatever_its_head_says() -> None:
    data = OK + b"Content-Length: 10\r\n\r\n"
    assert read(data, head_only=True).size == len(data)
    assert read(data) is None


def after(text: str) -> float:
    head = f"HTTP/1.1 429 x\r\nRetry-After: {text}\r\nContent-Length: 0\r\n\r\n"
    return float(read(head.encode("utf-8")).retry_after)


def test_retry_after_is_a_number_of_seconds_or_a_date() -> None:
    assert after("3") == 3.0
    assert after("9" * 50) == 99_999.0
    assert 50 < after(formatdate(time.time() + 60, usegmt=True)) <= 60
    assert after(formatdate(time.time() - 60, usegmt=True)) == 0.0


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "é", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_retry_after_that_says_nothing_counts_as_not_given(text: str) -> None:
    assert after(text) == 0.0


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=100).map(lambda b: WHOLE[2][:45] + b)))
def test_arbitrary_bytes_are_an_answer_or_garbage_or_waited_for(data: bytes) -> None:
    for closed in (False, True):
        for head_only in (False, True):
            try:
                answer = read(data, head_only=head_only, closed=closed)
            except answers.GarbageError:
                continue
            assert answer is None or 0 < answer.size <= len(data)


@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=4), st.data())
def test_a_remembered_answer_is_read_as_a_new_one(datas: list[bytes], data: Any) -> None:
    answers._seen.clear()
    for _ in range(3):
        text = data.draw(st.sampled_from(datas))
        first = answers.read(text, head_only=False)
        fresh = answers._read(text, False, False)
        assert [getattr(first, n) for n in fresh.__slots__] == [
            getattr(fresh, n) for n in fresh.__slots__
        ]


MOST = answers.MOST_BODY


# the length a node names, what has come of it → None while it is waited for, else whether the
# connection is kept
@pytest.mark.parametrize(
    ("length", "come", "kept"),
    [
        (b"2", 2, True),
        (b"2", 1, None),
        (b"000000002", 2, True),
        (b"0000000002", 2, False),  # ten digits: nobody writes a short length like that
        (b"%d" % MOST, 0, None),
        (b"%d" % MOST, MOST, True),
        (b"%d" % (MOST + 1), 0, False),
        (b"%d" % (MOST + 1), MOST + 1, False),
    ],
)
def test_a_body_is_waited_for_up_to_the_bound_and_not_beyond(
    length: bytes, come: int, kept: bool | None
) -> None:
    answer = read(OK + b"Content-Length: " + length + b"\r\n\r\n" + bytes(come))
    assert (None if answer is None else answer.keep) is kept


def test_what_stands_behind_a_semicolon_of_a_chunk_is_no_part_of_its_length() -> None:
    chunk = OK + b"Transfer-Encoding: chunked\r\n\r\n2;a=1;b=2\r\nok\r\n0;last\r\n\r\n"
    assert read(chunk).size == len(chunk)
