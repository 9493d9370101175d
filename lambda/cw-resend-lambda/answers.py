"""Reads a node's HTTP answer from bytes, as much of HTTP/1.1 as a client must understand."""

_END = b"\r\n\r\n"
_NO_BODY = (204, 304)
MOST_HEAD = 64 * 1024
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
        if answer is None:
            return None
        if len(_seen) >= MOST_SEEN:
            _seen.clear()
        known = (answer.status, answer.keep, answer.retry_after, answer.size)
        _seen[key] = known
    return Answer(*known)


def _read(data, head_only, closed):
    end = data.find(_END)
    if end < 0:
        if len(data) > MOST_HEAD or (data and not b"HTTP/1.".startswith(data[:7])
                                     and data[:7] != b"HTTP/1."):  # fmt: skip
            raise GarbageError
        return None
    lines = bytes(data[:end]).split(b"\r\n")
    parts = lines[0].split(b" ", 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/1.") or not parts[1].isdigit():
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
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return _chunks(data, start), True
    if b"content-length" in headers:
        length = headers[b"content-length"]
        if not length.isdigit():
            raise GarbageError
        return (int(length), True) if len(data) - start >= int(length) else (None, True)
    return (len(data) - start, False) if closed else (None, False)


def _chunks(data, start):
    at = start
    while True:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        try:
            size = int(bytes(data[at:line_end]).split(b";", 1)[0], 16)
        except ValueError:
            raise GarbageError from None
        at = line_end + 2 + size + 2
        if len(data) < at:
            return None
        if size == 0:
            return at - start


def _seconds(text):
    """Retry-After in seconds; a date or nonsense counts as not given."""
    return float(text) if text.isdigit() and len(text) < 6 else 0.0
