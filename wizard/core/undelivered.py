"""What AWS keeps of a batch that could not be delivered, and whether it can ever be read.

AWS Lambda writes one JSON object per failed batch below `aws/lambda/async/<function>/`; the batch
is its `requestPayload` (AWS: "Capturing records of Lambda asynchronous invocations"). In that is
CloudWatch Logs' envelope, and the forwarder raises for one it cannot read (decode.py): such a batch
fails at every replay.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

PREFIX = "aws/lambda/async/"
MOST_BYTES = 64 * 1024 * 1024
MOST_PARTS = 1000
_GZIP = b"\x1f\x8b"


class UnreadableError(ValueError):
    """A kept batch that no replay will ever deliver; the message says why, without its content."""


def read_record(body: bytes) -> Any:
    """The payload of AWS Lambda's record of an invocation. Raises UnreadableError."""
    try:
        return json.loads(body)["requestPayload"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError(
            f"it is not an invocation record of AWS Lambda ({type(error).__name__})"
        ) from None


def check_payload(payload: Any) -> None:
    """Raises UnreadableError where the forwarder can read no envelope in this."""
    try:
        raw = base64.b64decode(payload["awslogs"]["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise UnreadableError("it is no event of CloudWatch Logs") from None
    text = _unzip(raw) if raw[:2] == _GZIP else raw
    try:
        data = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        raise UnreadableError("the log events in it are not JSON") from None
    if not isinstance(data, dict):
        raise UnreadableError("the log events in it are not a JSON object")
    if data.get("messageType") != "CONTROL_MESSAGE" and not isinstance(data.get("logEvents"), list):
        raise UnreadableError("there is no list of log events in it")


def why_unreadable(body: bytes) -> str:
    """Why no replay will ever deliver this object; empty where one may."""
    try:
        check_payload(read_record(body))
    except UnreadableError as why:
        return str(why)
    return ""


def _unzip(raw: bytes) -> bytes:
    parts: list[bytes] = []
    size = 0
    while raw:
        if len(parts) == MOST_PARTS:
            raise UnreadableError(f"the log events in it have more than {MOST_PARTS:,} parts")
        reader = zlib.decompressobj(31)
        try:
            part = reader.decompress(raw, MOST_BYTES - size + 1)
        except zlib.error:
            raise UnreadableError("the log events in it are corrupt") from None
        size += len(part)
        if size > MOST_BYTES or reader.unconsumed_tail:
            raise UnreadableError(f"the log events in it are larger than {MOST_BYTES:,} bytes")
        if not reader.eof:
            raise UnreadableError("the log events in it are cut short")
        parts.append(part)
        raw = reader.unused_data
        if raw[:2] != _GZIP and not raw.strip(b"\0"):
            break  # padding
    return b"".join(parts)
