"""One access-log line to its fields; a line that is not quite JSON is repaired or given up.

API Gateway puts values into the format as they are, so a quote in a user agent can break a line, or
add a key to it. A broken line is read between the known keys. A line in which a known key stands
twice, or an alias where no format of ours has it, is given up: one of the two was written by a
client, and nobody can tell which.
"""

import json
import re

KEYS = (
    "requestId", "httpMethod", "path", "protocol", "status", "responseLength", "requestTime",
    "requestTimeEpoch", "responseLatency", "integrationLatency", "integrationStatus",
    "errorMessage", "stage", "domainName", "sourceIp", "userAgent",
)  # fmt: skip
NUMBERS = (
    "status", "responseLength", "requestTimeEpoch", "responseLatency", "integrationLatency",
    "integrationStatus",
)  # fmt: skip
ALIAS = "wallarm_"  # before our key where the user's format has that key for something else
# Aliases lead the line, in this order. What a client can write into comes last: from inside such a
# value only the keys after it could be forged, and those are the client's own words anyway.
WRITTEN = ("path", "requestId", "errorMessage", "userAgent")
ALIASES = tuple(ALIAS + key for key in (*(k for k in KEYS if k not in WRITTEN), *WRITTEN))

_MOST_DIGITS = 15
_ONLY_TEXT = frozenset((str,))
_KNOWN = frozenset(KEYS)
_NAMES = "|".join(KEYS)
_decode = json.JSONDecoder().raw_decode  # `json.loads` looks for blanks again, twice a line
_ANCHOR = re.compile(rf'(?:^\s*\{{|,)\s*"((?:{ALIAS})?(?:{_NAMES}))"\s*:\s*("?)')
_NEXT_KEY = re.compile(r'"\s*,\s*"[^"\\]{1,128}"\s*:')


def fields(message):
    """The known fields of a line: text, and an int for each of NUMBERS; absent ones are left out.

    None for a malformed line.
    """
    if not isinstance(message, str):
        return None
    message = message.strip()
    try:
        line, end = _decode(message)
        if end != len(message):
            raise ValueError  # a client's quote and brace ended it early
        if isinstance(line, dict) and _may_hold_a_key_twice(message, line):
            line = json.loads(message, object_pairs_hook=_once)
    except _TwiceError:
        return None
    except (ValueError, RecursionError):
        line = _repair(message)
    if not isinstance(line, dict):
        return None
    if ALIAS in message:
        line = _unaliased(line)
        if line is None:
            return None
    return _known(line)


def _may_hold_a_key_twice(message, line):
    """Each key has its `":`, unless there are blanks between; a value can hold one too.

    So this is only a reason to look closer. The other blanks of JSON than a space can stand nowhere
    but between its words.
    """
    return (
        message.count('":') != len(line)
        or " :" in message
        or "\t" in message
        or "\n" in message
        or "\r" in message
    )


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


def _unaliased(line):
    """The line with its aliases' values under our own keys; None where one is out of place."""
    out, last, leading = dict(line), -1, True
    for name, value in line.items():
        if name not in ALIASES:
            leading = False
            continue
        place = ALIASES.index(name)
        if not leading or place < last:
            return None
        last = place
        out[name.removeprefix(ALIAS)] = value
    return out


def _known(line):
    if not _ONLY_TEXT.issuperset(map(type, line.values())):  # not so in nearly every line
        line = {key: _text(value) for key, value in line.items() if key in _KNOWN}
    out = {k: v for k, v in line.items() if v and v != "-" and k in _KNOWN}
    for key in NUMBERS:
        if key in out:
            text = out[key]
            if text.isdecimal() and len(text) <= _MOST_DIGITS:
                out[key] = int(text)
            else:
                del out[key]
    return out


def _text(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return str(value)


def _repair(message):
    """Read what stands between the known keys of a line that is not JSON."""
    if message[:1] != "{" or message[-1:] != "}":
        return None
    anchors = list(_ANCHOR.finditer(message))
    names = [anchor.group(1) for anchor in anchors]
    if not names or len(set(names)) != len(names):
        return None
    # Whatever the first known key is preceded by counts as a key: no alias leads such a line.
    out = {} if anchors[0].start() == 0 else {"": None}
    ends = [anchor.start() for anchor in anchors[1:]] + [len(message)]
    for anchor, end in zip(anchors, ends, strict=True):
        out[anchor.group(1)] = _value(message[anchor.end() : end], quoted=bool(anchor.group(2)))
    return out


def _value(text, *, quoted):
    if not quoted:
        text = _without_end(text.split(",", 1)[0])
        return "" if text in ("null", "true", "false") else text
    following = _NEXT_KEY.search(text)
    text = text[: following.start()] if following else _without_end(text).removesuffix('"')
    try:
        return json.loads(f'"{text}"', strict=False)  # escaped after all
    except ValueError:
        return text


def _without_end(text):
    """Without the comma or brace that ends a member. No regular expression: spaces are cheap."""
    text = text.rstrip()
    return text[:-1].rstrip() if text[-1:] in (",", "}") else text
