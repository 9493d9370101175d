"""One access-log line to its fields, or to the reason why it is given up.

API Gateway puts values into the format as they are, so a quote in a user agent can break a line, or
add a key to it. A line is therefore read by the format that its stage has and by nothing else:

- One that begins with the marker (layout.py) has the fields of AWS first, before any text of a
  client. Then come the client's, and between two of them stands a key of ours. Where each of those
  keys is there once there is one way to take the line apart, and that is the true one; where a
  client wrote one of them again the line is given up. What follows the end is not looked at: it may
  be JSON or not.
- One of the older format holds its sixteen keys in their order and no other; where anything else in
  it looks like a key the line is given up.

A long line is searched for plain text a few times, and patterns are tried at its beginning only: no
line takes much longer than another of its length.
"""

import json
import re

from grammar import API_ID, NUMBERS, PATTERNS, is_address, is_host, is_right
from layout import (
    ALIAS,
    AWS_WRITTEN,
    CLIENT_WRITTEN,
    END,
    END_VALUE,
    HTTP,
    KEYS,
    MARKER,
    OLDER,
    OLDER_WEBSOCKET,
    OPTIONAL,
    WEBSOCKET,
)

MALFORMED = "malformed"


class Line:
    """A line that was read. `kind` is HTTP, WEBSOCKET or MALFORMED.

    `values` holds text, and an int for each of NUMBERS; a field without a value is absent.
    `left_out` counts fields that are not what they should be. `api` and `stage` tell where the line
    came from, as far as AWS's own words do. `why` says why a malformed line was given up.
    """

    __slots__ = ("api", "kind", "left_out", "stage", "values", "why")

    def __init__(self, kind, values=None, left_out=0, api="", stage="", why=""):
        self.kind = kind
        self.values = {} if values is None else values
        self.left_out = left_out
        self.api = api
        self.stage = stage
        self.why = why


def read(message):
    """The Line of a message."""
    if not isinstance(message, str):
        return Line(MALFORMED, why="no text")
    if not (message.isascii() or _is_whole(message)):
        return Line(MALFORMED, why="broken byte")
    if message[:1] != "{":
        message = message.lstrip()
    plain = _PLAIN.match(message)
    if plain is not None and message.find(_END_KEY, plain.end()) < 0:
        return _plain(*plain.groups())
    marked = _MARKED.match(message)
    if marked is None:
        return _older(message)
    if marked[1] == WEBSOCKET:
        return Line(WEBSOCKET, api=marked[2])
    return _marked(message, marked[2])


# --- The fast way: nearly every line. No value holds a quote or a backslash.


def _member(key, value):
    optional = key in OPTIONAL
    text = f',"(?:{ALIAS})?{key}":"({value})"'
    return f"(?:{text})?" if optional else text


def _simple(key):
    """A pattern for a value that needs no second look, or a check of its own in `_plain`."""
    if key in PATTERNS:
        return f"{PATTERNS[key]}|-"
    if key == "httpMethod":
        return "GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS"
    return r'[^"\\]*'


_PLAIN = re.compile(
    rf'\{{"{MARKER}":"{HTTP}/({API_ID})"'
    + "".join(_member(key, _simple(key)) for key in KEYS)
    + rf',"{END}":"{END_VALUE}"[,}}]'
)
_END_KEY = f'"{END}"'


def _plain(api, *texts):
    pairs = zip(KEYS, texts, strict=True)
    values = {key: text for key, text in pairs if text and text != "-"}
    left_out = 0
    if not is_address(values.get("sourceIp", "::")):
        del values["sourceIp"]
        left_out += 1
    if not is_host(values.get("domainName", "host")):
        del values["domainName"]
        left_out += 1
    for key in NUMBERS:
        if key in values:
            values[key] = int(values[key])
    return Line(HTTP, values, left_out, api, values.get("stage", ""))


# --- A client's quotes, blanks, or values that are not what they should be.

_BLANK = r"\s{0,99}"
_MARKED = re.compile(rf'\{{{_BLANK}"{MARKER}"{_BLANK}:{_BLANK}"({HTTP}|{WEBSOCKET})/({API_ID})"')


def _leading(key):
    text = rf'{_BLANK},{_BLANK}"(?:{ALIAS})?{key}"{_BLANK}:{_BLANK}"([^"\\]{{0,256}})"'
    return f"(?:{text})?" if key in OPTIONAL else text


_LEADING = re.compile(_MARKED.pattern + "".join(_leading(key) for key in AWS_WRITTEN))
_BEFORE_VALUE = re.compile(rf'{_BLANK}:{_BLANK}"')


class _TwiceError(Exception):
    """A key of ours stands in a line more than once: a client wrote one of them."""


def _marked(message, api):
    leading = _LEADING.match(message)
    if leading is None:
        return Line(MALFORMED, api=api, why="order of the fields")
    values = dict(zip(AWS_WRITTEN, leading.groups()[2:], strict=True))
    stage = values["stage"] if is_right("stage", values["stage"]) else ""
    try:
        texts = _of_clients(message, leading.end() - 1)
    except _TwiceError:
        return Line(MALFORMED, api=api, stage=stage, why="a key of ours twice")
    if texts is None:
        return Line(MALFORMED, api=api, stage=stage, why="order of the fields")
    return _checked(values | texts, api, stage)


def _of_clients(message, start):
    """{key: text} of what clients wrote; None where the keys are not there, in order.

    Args:
        start: where the last quote before the first of these keys is. Raises _TwiceError.
    """
    end = _find(message, END, start, len(message))
    if end < 0:
        return None
    places = [("", start, start)]
    aliased = message.find(f'"{ALIAS}', start, end) >= 0
    for key in CLIENT_WRITTEN:
        plain = _find(message, key, start, end)
        alias = _find(message, ALIAS + key, start, end) if aliased else -1
        if plain >= 0 and alias >= 0:
            raise _TwiceError
        if plain >= 0 or alias >= 0:
            places.append(_place(message, key, plain, alias))
        elif key not in OPTIONAL:
            return None
    places.append(_place(message, END, end, -1))
    out = {}
    key, _, begin = places[0]
    for name, at, after in places[1:]:
        text = _inside(message[begin:at]) if 0 <= begin <= at and after >= 0 else None
        if text is None:
            return None
        out[key] = _unescaped(text)
        key, begin = name, after
    return None if out.pop("") else out  # the first is right behind AWS's own


def _find(message, name, start, end):
    """Where a name stands in quotes; -1 where it does not. Raises _TwiceError."""
    quoted = f'"{name}"'
    at = message.find(quoted, start, end)
    if at >= 0 and message.find(quoted, at + 1, end) >= 0:
        raise _TwiceError
    return at


def _place(message, key, plain, alias):
    """(key, where it begins, where its value does); -1 for the value where there is none."""
    at, name = (plain, key) if plain >= 0 else (alias, ALIAS + key)
    value = _BEFORE_VALUE.match(message, at + len(name) + 2) if at >= 0 else None
    return key, at, value.end() if value else -1


def _inside(text):
    """A value, of a text that is it, its last quote and a comma; None where it is not that."""
    text = text.rstrip()
    text = text[:-1].rstrip() if text[-1:] == "," else ""
    return text[:-1] if text[-1:] == '"' else None


# --- The older format: the keys of Wallarm's documentation, in its order.

_PLAIN_OLDER = re.compile("{" + ",".join(rf'"{key}":"([^"\\]*)"' for key in OLDER) + "}")
_BLANK_COLONS = (" :", "\t:", "\n:", "\r:")


def _older(message):
    text = message.rstrip()
    plain = _PLAIN_OLDER.fullmatch(text)
    if plain is not None:
        return _checked(dict(zip(OLDER, plain.groups(), strict=True)), "", "")
    # Exactly the keys there have to be, and nothing else that looks like one.
    likes = text.count('":')
    keys = {len(OLDER): OLDER, len(OLDER_WEBSOCKET): OLDER_WEBSOCKET}.get(likes)
    if keys is None or any(colon in text for colon in _BLANK_COLONS):
        return Line(MALFORMED, why="unknown format")
    values = _members(text, keys)
    if values is None:
        return Line(MALFORMED, why="unknown format")
    return _checked(values, "", "") if keys is OLDER else Line(WEBSOCKET)


def _members(text, keys):
    """{key: text of its value} of a line that has these keys, in this order; or None."""
    if text[:1] != "{" or text[-1:] != "}":
        return None
    out, before, begin = {}, "", 1
    for key in (*keys, ""):
        at = text.find(f'"{key}":', begin) if key else len(text) - 1
        if at < 0:
            return None
        value = text[begin:at].strip()
        if key and before:
            if value[-1:] != ",":
                return None
            value = value[:-1].rstrip()
        if before in CLIENT_WRITTEN or value[:1] == '"':
            if not len(value) > 1 or not value[0] == value[-1] == '"':
                return None
            out[before] = _unescaped(value[1:-1])
        elif '"' in value:
            return None
        else:
            out[before] = "" if value in ("null", "true", "false") else value
        before, begin = key, at + len(key) + 3
    return None if out.pop("") else out


def _checked(values, api, stage):
    out, left_out = {}, 0
    for key, text in values.items():
        if not text or text == "-":
            continue
        if is_right(key, text):
            out[key] = int(text) if key in NUMBERS else text
        else:
            left_out += 1
    return Line(HTTP, out, left_out, api, stage or out.get("stage", ""))


def _unescaped(text):
    """A value as it was before it was escaped, if it was."""
    if "\\" not in text:
        return text
    try:
        value = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return value if _is_whole(value) else text


def _is_whole(text):
    """Whether a text is one: decode.py marks broken bytes by halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
