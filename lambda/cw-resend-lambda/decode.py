"""CloudWatch Logs' envelope: base64 of gzip of JSON, never larger than a bound.

Whatever is wrong with an envelope raises, so that AWS keeps the payload. A byte in a line that is
no UTF-8 is no fault of the envelope: it becomes half a character (U+DC80 to U+DCFF), which no text
holds otherwise, and a control character stays as it is. So they cost their line and no other.
"""

import base64
import binascii
import json
import zlib

MOST_BYTES = 64 * 1024 * 1024
MOST_MEMBERS = 1000
_GZIP = b"\x1f\x8b"


class EnvelopeError(ValueError):
    """The invocation's payload is not what CloudWatch Logs sends."""


def envelope(event):
    """The envelope of an invocation: a dict with `messageType` and a list `logEvents`."""
    try:
        raw = base64.b64decode(event["awslogs"]["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise EnvelopeError(f"not a CloudWatch Logs event: {type(error).__name__}") from None
    # AWS's own console sample is not compressed.
    text = (unzip(raw) if raw[:2] == _GZIP else raw).decode("utf-8", "surrogateescape")
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise EnvelopeError("the envelope is not JSON") from None
    if not isinstance(data, dict):
        raise EnvelopeError("the envelope is not a JSON object")
    if data.get("messageType") == "CONTROL_MESSAGE":
        return data
    if not isinstance(data.get("logEvents"), list):
        raise EnvelopeError("the envelope has no list of log events")
    return data


def unzip(raw, most=MOST_BYTES):
    """Every member of a gzip stream; `zlib.decompress` would drop all but the first in silence."""
    parts, size = [], 0
    while raw:
        if len(parts) == MOST_MEMBERS:
            raise EnvelopeError(f"the envelope has more than {MOST_MEMBERS} compressed parts")
        reader = zlib.decompressobj(31)
        try:
            part = reader.decompress(raw, most - size + 1)
        except zlib.error:
            raise EnvelopeError("the compressed envelope is corrupt") from None
        size += len(part)
        if size > most or reader.unconsumed_tail:
            raise EnvelopeError(f"the envelope is larger than {most} bytes")
        if not reader.eof:
            raise EnvelopeError("the compressed envelope is cut short")
        parts.append(part)
        raw = reader.unused_data
        if raw[:2] != _GZIP and not raw.strip(b"\0"):
            break  # padding
    return b"".join(parts)
