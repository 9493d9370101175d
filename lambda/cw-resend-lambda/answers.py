"""Reads a node's HTTP answer from bytes, as much of HTTP/1.1 as a client must understand."""

import re

_BEGIN, _END = b"HTTP/1.", b"\r\n\r\n"
_NO_BODY = (204, 304)
MOST_HEAD = 64 * 1024
MOST_BODY = 1024 * 1024  # a longer one is not read: the head has said all there is to know
MOST_SEEN, MOST_SEEN_BYTES = 64, 1024


class GarbageError(ValueError):
    """What came is not HTTP."""


class Answer:
    """One complete answer. `keep`: the connection may be used again."""

    __slots__ = ("keep", "retry_after", "size", "status")

    def __init__(self, status, keep, retry_after, size):
        self.status = status
        self.keep = keep
        self.retry_after = retry_after
        self.size = size


_STATUS = re.compile(rb"[1-9][0-9][0-9]")
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")
_seen = {}  # a node says the same few things again and again


def read(data, *, head_only, closed=False):
    """The first answer in `data`, or None while it is incomplete; raises GarbageError.

    Args:
        head_only: the request was HEAD, so no body follows whatever the head says.
        closed: the node closed the connection, which ends a body without a length.
    """
    if closed or len(data) > MOST_SEEN_BYTES:
        return _read(data, head_only, closed)
    key = (data, head_only)
    known = _seen.get(key)
    if known is None:
        answer = _read(data, head_only, closed)
        if answer is None or answer.retry_after:  # a date is a different wait each time
            return answer
        if len(_seen) >= MOST_SEEN:
            _seen.clear()
        known = (answer.status, answer.keep, answer.retry_after, answer.size)
        _seen[key] = known
    return Answer(*known)


def _read(data, head_only, closed):
    end = data.find(_END)
    if end < 0:
        if len(data) > MOST_HEAD or data[: len(_BEGIN)] != _BEGIN[: len(data)]:
            raise GarbageError
        return None
    lines = bytes(data[:end]).split(b"\r\n")
    parts = lines[0].split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(_BEGIN) or not _STATUS.fullmatch(parts[1]):
        raise GarbageError
    status = int(parts[1])
    headers = _headers(lines[1:])
    connection = headers.get(b"connection", b"").lower()
    keep = b"close" not in connection and (
        parts[0] != b"HTTP/1.0" or b"keep-alive" in connection
    )  # fmt: skip
    start = end + len(_END)
    body, bounded = _body(data, start, status, headers, head_only, closed)
    if body is None:
        return None
    return Answer(
        status, keep and bounded, _seconds(headers.get(b"retry-after", b"")), start + body
    )


def _headers(lines):
    out = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise GarbageError
        out[name.strip().lower()] = value.strip()
    return out


def _body(data, start, status, headers, head_only, closed):
    """(length of the body, whether the connection can go on); (None, …) while incomplete."""
    if head_only or status in _NO_BODY or status < 200:
        return 0, True
    come = len(data) - start
    if come > MOST_BODY:
        return come, False
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return _chunks(data, start), True
    if b"content-length" in headers:
        digits = headers[b"content-length"]
        if not digits.isdigit():
            raise GarbageError
        if len(digits) > 9 or int(digits) > MOST_BODY:
            return come, False
        return (int(digits) if come >= int(digits) else None), True
    return (come, False) if closed else (None, False)


def _chunks(data, start):
    """The length of a chunked body with its trailers, or None while it is incomplete."""
    at = start
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        text = bytes(data[at:end]).partition(b";")[0].strip()
        if not _SIZE.fullmatch(text):
            raise GarbageError
        size = int(text, 16)
        if size == 0:
            # Trailers, if any, end with an empty line like a head does.
            end = data.find(_END, end)
            return None if end < 0 else end + len(_END) - start
        at = end + 2 + size + 2
        if len(data) < at:
            return None
        if data[at - 2 : at] != b"\r\n":
            raise GarbageError


def _seconds(text):
    """Retry-After in seconds; nonsense counts as not given."""
    if text.isdigit():
        return float(text) if len(text) < 6 else 99_999.0
    return _until(text) if text else 0.0


def _until(text):
    import calendar  # rare
    import time

    try:
        then = time.strptime(text.decode("ascii"), "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return 0.0
    return max(0.0, calendar.timegm(then) - time.time())
