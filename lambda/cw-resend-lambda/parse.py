"""One access-log line to its fields; a line that is not quite JSON is repaired or given up.

API Gateway puts values into the format as they are, so a quote in a user agent can break a line. It
is then read between the known keys. A line in which a known key stands twice is given up: one of
the two was written by a client, and nobody can tell which.
"""

import json
import re

KEYS = (
    "requestId", "httpMethod", "path", "protocol", "status", "responseLength", "requestTime",
    "requestTimeEpoch", "responseLatency", "integrationLatency", "integrationStatus",
    "errorMessage", "stage", "domainName", "sourceIp", "userAgent",
)  # fmt: skip
ALIAS = "wallarm_"  # before our key where the user's format has that key for something else
ABSENT = ("-", "", None)

_KNOWN = frozenset(KEYS)
_NAMES = "|".join(KEYS)
_ANCHOR = re.compile(rf'(?:^\s*\{{|,)\s*"((?:{ALIAS})?(?:{_NAMES}))"\s*:\s*("?)')
_NEXT_KEY = re.compile(r'"\s*,\s*"[^"\\]{1,128}"\s*:')
_CLOSE = re.compile(r'"\s*[,}]?\s*$')
_CLOSE_BARE = re.compile(r"\s*[,}]?\s*$")


def fields(message):
    """The known fields of a line as text, absent ones left out; None for a malformed line."""
    if not isinstance(message, str):
        return None
    try:
        line = json.loads(message)
        # A value can hold `":` too; only then is it worth looking for a key that stands twice.
        if isinstance(line, dict) and message.count('":') != len(line):
            line = json.loads(message, object_pairs_hook=_once)
    except _TwiceError:
        return None
    except (ValueError, RecursionError):
        line = _repair(message)
    if not isinstance(line, dict):
        return None
    return _known(line, aliased=ALIAS in message)


class _TwiceError(Exception):
    """A known key stands twice in one line."""


def _once(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [name for name, _ in pairs]
        for name in set(names):
            if names.count(name) > 1 and name.removeprefix(ALIAS) in _KNOWN:
                raise _TwiceError
    return out


def _known(line, *, aliased):
    if not aliased:
        # Nearly every line: every value is text, and only the known keys are ours.
        out = {k: v for k, v in line.items() if v.__class__ is str and v and v != "-"}
        odd = [k for k in line if k not in _KNOWN or line[k].__class__ is not str]
        if not odd:
            return out
    out = {}
    for key in KEYS:
        value = line.get(ALIAS + key, line.get(key)) if aliased else line.get(key)
        if value in ABSENT or isinstance(value, bool):
            continue
        if isinstance(value, str):
            out[key] = value
        elif isinstance(value, (int, float)):
            out[key] = str(value)
    return out


def _repair(message):
    """Read what stands between the known keys of a line that is not JSON."""
    if not message.lstrip().startswith("{") or not message.rstrip().endswith("}"):
        return None
    anchors = list(_ANCHOR.finditer(message))
    names = [anchor.group(1) for anchor in anchors]
    if not names or len(set(names)) != len(names):
        return None
    out = {}
    ends = [anchor.start() for anchor in anchors[1:]] + [len(message.rstrip())]
    for anchor, end in zip(anchors, ends, strict=True):
        out[anchor.group(1)] = _value(message[anchor.end() : end], quoted=bool(anchor.group(2)))
    return out


def _value(text, *, quoted):
    if not quoted:
        return _CLOSE_BARE.sub("", text.split(",", 1)[0])
    following = _NEXT_KEY.search(text)
    text = text[: following.start()] if following else _CLOSE.sub("", text)
    try:
        return json.loads(f'"{text}"', strict=False)  # escaped after all
    except ValueError:
        return text
