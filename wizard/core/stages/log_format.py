"""The access-log format: which fields, per API type, inside a user's own format, and whose it is.

The sixteen fields are the ones Wallarm documents for this connector. Which `$context` variables an
API type knows is from the API Gateway developer guide ("Variables for access logging", "Customize
HTTP API access logs"); the WebSocket list lacks six of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from wizard.core.facts import AccessLog, ApiType

_SPACE = " \t"
_BARE = re.compile(r"\$[^\s,{}\[\]\"]+")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_MAX_DEPTH = 32


class TemplateError(ValueError):
    """The text is not such an object; the message is a clause that completes "because"."""


@dataclass(frozen=True)
class Member:
    """One top-level member: its key, decoded, and its value as written (quotes included)."""

    key: str
    value: str

    @property
    def unquoted(self) -> str:
        """The value without quotes, so that `"$context.path"` and `$context.path` are equal."""
        quoted = len(self.value) >= 2 and self.value[0] == self.value[-1] == '"'
        return self.value[1:-1] if quoted else self.value


@dataclass(frozen=True)
class Template:
    """A format on one line, its members in order, and the offset of its closing brace."""

    text: str
    members: tuple[Member, ...]
    end: int

    def extended(self, first: tuple[Member, ...], last: tuple[Member, ...]) -> str:
        """The same text with members added after its opening and before its closing brace."""
        if not first and not last:
            return self.text
        theirs = self.text[1 : self.end]
        if last:
            theirs = theirs.rstrip(_SPACE)
        parts = [_joined(first), theirs if self.members else "", _joined(last)]
        return f"{{{','.join(part for part in parts if part)}{self.text[self.end :]}"


def parse(text: str) -> Template:
    """Read a format. Line breaks between members are dropped: a format is one line.

    Raises TemplateError when it is anything but one JSON object with variables.
    """
    line = one_line(text)
    reader = _Reader(line)
    return Template(line, reader.top(), reader.end)


def one_line(text: str) -> str:
    """The text without line breaks outside quotes. A line break inside quotes is an error."""
    out: list[str] = []
    quoted = False
    escaped = False
    for char in text.strip():
        if char in "\r\n":
            if quoted:
                raise TemplateError("a text in it contains a line break")
            continue
        out.append(char)
        if quoted and escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
    return "".join(out)


def squeezed(line: str) -> str:
    """The same line without blanks outside quotes."""
    parts = re.split(r'("(?:[^"\\]|\\.)*")', line)
    return "".join(p if i % 2 else re.sub(r"[ \t]+", "", p) for i, p in enumerate(parts))


class _Reader:
    """Recursive descent over one line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0
        self.end = 0

    def top(self) -> tuple[Member, ...]:
        if not self._line.startswith("{"):
            raise TemplateError("it is not a JSON object")
        members = self._object(0)
        self.end = self._at - 1
        self._blank()
        if self._at != len(self._line):
            raise TemplateError("there is more text after the JSON object")
        return members

    def _object(self, depth: int) -> tuple[Member, ...]:
        if depth > _MAX_DEPTH:
            raise TemplateError("it is nested too deeply")
        self._expect("{")
        members: list[Member] = []
        self._blank()
        if self._peek() == "}":
            self._at += 1
            return ()
        while True:
            self._blank()
            key = self._string()
            self._blank()
            self._expect(":")
            self._blank()
            start = self._at
            self._value(depth)
            members.append(Member(_decoded(key), self._line[start : self._at]))
            self._blank()
            if self._peek() == ",":
                self._at += 1
                continue
            self._expect("}")
            return tuple(members)

    def _array(self, depth: int) -> None:
        self._expect("[")
        self._blank()
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._blank()
            self._value(depth)
            self._blank()
            if self._peek() == ",":
                self._at += 1
                continue
            self._expect("]")
            return

    def _value(self, depth: int) -> None:
        char = self._peek()
        if depth > _MAX_DEPTH:
            raise TemplateError("it is nested too deeply")
        if char == '"':
            self._string()
        elif char == "{":
            self._object(depth + 1)
        elif char == "[":
            self._array(depth + 1)
        else:
            match = _BARE.match(self._line, self._at) or _LITERAL.match(self._line, self._at)
            if match is None:
                raise self._wrong("a value")
            self._at = match.end()

    def _string(self) -> str:
        start = self._at
        self._expect('"')
        while self._at < len(self._line):
            char = self._line[self._at]
            self._at += 2 if char == "\\" else 1
            if char == '"':
                return self._line[start : self._at]
        raise TemplateError("a quote in it is never closed")

    def _blank(self) -> None:
        while self._at < len(self._line) and self._line[self._at] in _SPACE:
            self._at += 1

    def _peek(self) -> str:
        return self._line[self._at : self._at + 1]

    def _expect(self, char: str) -> None:
        if self._peek() != char:
            raise self._wrong(f"`{char}`")
        self._at += 1

    def _wrong(self, wanted: str) -> TemplateError:
        found = self._peek()
        what = f"`{found}`" if found else "the end"
        return TemplateError(
            f"it is not valid JSON: {wanted} was expected at character {self._at + 1}, found {what}"
        )


def _joined(members: tuple[Member, ...]) -> str:
    return ",".join(f"{json.dumps(m.key)}:{m.value}" for m in members)


def _decoded(quoted: str) -> str:
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError as error:
        raise TemplateError("a key in it has a wrong escape sequence") from error


MAX_FORMAT_BYTES = 3 * 1024  # documented: 3 KB
REQUEST_ID = "$context.requestId"  # documented: every format must contain it
# Put before one of our keys that a user's format already uses for something else. Aliases lead the
# line, those that a client can write into last: API Gateway may put a client's quotes into a line
# as they are, and so nothing a client writes can pass for one (the forwarder's parse.py).
ALIAS_PREFIX = "wallarm_"
WRITTEN_BY_CLIENTS = ("path", "requestId", "errorMessage", "userAgent")

FIELDS: tuple[tuple[str, str], ...] = (
    ("requestId", "$context.requestId"),
    ("httpMethod", "$context.httpMethod"),
    ("path", "$context.path"),
    ("protocol", "$context.protocol"),
    ("status", "$context.status"),
    ("responseLength", "$context.responseLength"),
    ("requestTime", "$context.requestTime"),
    ("requestTimeEpoch", "$context.requestTimeEpoch"),
    ("responseLatency", "$context.responseLatency"),
    ("integrationLatency", "$context.integrationLatency"),
    ("integrationStatus", "$context.integrationStatus"),
    ("errorMessage", "$context.error.message"),
    ("stage", "$context.stage"),
    ("domainName", "$context.domainName"),
    ("sourceIp", "$context.identity.sourceIp"),
    ("userAgent", "$context.identity.userAgent"),
)
ALIASES = tuple(
    ALIAS_PREFIX + key
    for key in (*(k for k, _ in FIELDS if k not in WRITTEN_BY_CLIENTS), *WRITTEN_BY_CLIENTS)
)
_VARIABLES = dict(FIELDS)
_NOT_IN_WEBSOCKET = frozenset(
    ("httpMethod", "path", "protocol", "responseLength", "responseLatency", "integrationStatus")
)


class LoggingState(str, Enum):
    """What a stage's access log is today, in the words of the stage list."""

    OFF = "off"
    OURS = "on"
    ALTERED = "on, altered"
    OTHER = "other group"
    FIREHOSE = "Firehose"


class FormatKind(str, Enum):
    """What a log format looks like."""

    NONE = "none"
    JSON = "JSON"
    XML = "XML"
    CSV = "CSV"
    CLF = "CLF"
    OTHER = "text"


@dataclass(frozen=True)
class MergeResult:
    """A user's format with the missing fields added.

    `format` is the format to write; where `problem` says why that is impossible it is the user's
    own, unchanged. `renamed` pairs one of our keys with the name it got because the user's format
    already has that key for something else.
    """

    format: str
    added: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether `format` holds every field."""
        return not self.problem


def fields(api_type: ApiType) -> tuple[tuple[str, str], ...]:
    """The (key, variable) pairs that this API type can log: 16, for WebSocket 10."""
    if api_type is ApiType.WEBSOCKET:
        return tuple(f for f in FIELDS if f[0] not in _NOT_IN_WEBSOCKET)
    return FIELDS


def render_format(api_type: ApiType) -> str:
    """The connector's own format: one line of JSON without blanks."""
    return json.dumps(dict(fields(api_type)), separators=(",", ":"))


def kind(log_format: str) -> FormatKind:
    """A guess at what a format is, good enough to explain it to its owner."""
    text = log_format.strip()
    if not text:
        return FormatKind.NONE
    if text.startswith("{"):
        return FormatKind.JSON
    if text.startswith("<"):
        return FormatKind.XML
    if re.match(r"\"?\$[\w.]+\"?\s*,", text):
        return FormatKind.CSV
    if "[$context.requestTime]" in text:
        return FormatKind.CLF
    return FormatKind.OTHER


def merge(users_format: str, api_type: ApiType) -> MergeResult:
    """Add our missing fields to a user's own JSON format; theirs stay as they are, and in order.

    A field counts as present when the format has our key with our variable, quoted or not. Where
    the key is taken for something else ours is added as `wallarm_<key>`. Merging twice changes
    nothing more.
    """
    shape = kind(users_format)
    if shape is not FormatKind.JSON:
        return MergeResult(users_format, problem=_not_json(shape))
    try:
        template = parse(users_format)
    except TemplateError as error:
        return MergeResult(
            users_format, problem=f"The format cannot be extended because {error}. {_REMEDY}"
        )
    return _extend(users_format, template, api_type)


@lru_cache(maxsize=512)  # thousands of stages share a few formats
def is_complete(log_format: str, api_type: ApiType) -> bool:
    """Whether a format already holds every field the connector reads."""
    result = merge(log_format, api_type)
    return result.ok and not result.added


def problems(log_format: str) -> tuple[str, ...]:
    """Why API Gateway would refuse a format; empty when nothing is known against it."""
    found = []
    if "\n" in log_format or "\r" in log_format:
        found.append("it has more than one line")
    if REQUEST_ID not in log_format:
        found.append(f"it lacks {REQUEST_ID}")
    size = len(log_format.encode())
    if size > MAX_FORMAT_BYTES:
        found.append(f"it is {size:,} bytes long, {MAX_FORMAT_BYTES:,} are possible")
    return tuple(found)


def compare(log: AccessLog, our_destination: str, api_type: ApiType) -> LoggingState:
    """Whose access log a stage has.

    Args:
        log: the settings as AWS returned them.
        our_destination: ARN of the connector's log group; empty while there is none.
    """
    if not log.enabled:
        return LoggingState.OFF
    if is_firehose(log.destination_arn):
        return LoggingState.FIREHOSE
    if not our_destination or not same_arn(log.destination_arn, our_destination):
        return LoggingState.OTHER
    if is_complete(log.format, api_type):
        return LoggingState.OURS
    return LoggingState.ALTERED


def is_firehose(arn: str) -> bool:
    """Whether an access-log destination is a Firehose delivery stream."""
    return arn.split(":")[2:3] == ["firehose"]


def normal_arn(arn: str) -> str:
    """A log group's ARN as an access-log destination has it: without the trailing `:*`."""
    return arn[:-2] if arn.endswith(":*") else arn


def same_arn(one: str, other: str) -> bool:
    """Whether two ARNs name the same log group, with or without the trailing `:*`."""
    return normal_arn(one) == normal_arn(other)


def log_group_name(arn: str) -> str:
    """`arn:aws:logs:…:log-group:/a/b` → `/a/b`; empty for anything else."""
    parts = normal_arn(arn).split(":", 6)
    return parts[6] if len(parts) == 7 and parts[2] == "logs" and parts[5] == "log-group" else ""


_REMEDY = (
    "It is left as it is. Switch the stage to the connector's log group instead, change the format "
    "to one JSON object yourself, or leave the stage out."
)


def _not_json(shape: FormatKind) -> str:
    if shape is FormatKind.NONE:
        return f"The stage has no log format. {_REMEDY}"
    return (
        f"The stage logs {shape.value}, and the connector reads lines of JSON. Fields cannot be "
        f"added without breaking whatever reads these lines today. {_REMEDY}"
    )


def _extend(users_format: str, template: Template, api_type: ApiType) -> MergeResult:
    present = {member.key: member for member in template.members}
    leading: list[Member] = []
    additions: list[Member] = []
    renamed: list[tuple[str, str]] = []
    for key, variable in fields(api_type):
        name = key
        if key in present and present[key].unquoted != variable:
            name = ALIAS_PREFIX + key
            renamed.append((key, name))
        if name not in present:
            member = Member(name, json.dumps(variable))
            (additions if name == key else leading).append(member)
    leading.sort(key=lambda member: ALIASES.index(member.key))
    taken = _repeated(template) or _aliases_out_of_place((*leading, *template.members))
    if taken:
        return MergeResult(users_format, problem=f"{taken} {_REMEDY}")
    line = template.extended(tuple(leading), tuple(additions))
    if len(line.encode()) > MAX_FORMAT_BYTES:
        line = squeezed(line)
    wrong = problems(line)
    if wrong:
        return MergeResult(
            users_format,
            problem=f"With the connector's fields added the format would be refused: "
            f"{', '.join(wrong)}. {_REMEDY}",
        )
    added = tuple(member.key for member in (*leading, *additions))
    return MergeResult(line, added, tuple(renamed))


def _repeated(template: Template) -> str:
    """What is wrong with a known key that stands twice: no reader can tell it from a forged one."""
    names = [member.key for member in template.members]
    for key, _ in FIELDS:
        if names.count(key) > 1:
            return f"The key {key} stands twice in the format."
    return ""


def _aliases_out_of_place(members: tuple[Member, ...]) -> str:
    """What is wrong with a format's aliases; empty when they lead it, in order, with our values."""
    order = -1
    leading = True
    for member in members:
        if member.key not in ALIASES:
            leading = False
            continue
        key = member.key.removeprefix(ALIAS_PREFIX)
        if member.unquoted != _VARIABLES[key]:
            return f"The key {member.key} is in use for something else than {_VARIABLES[key]}."
        place = ALIASES.index(member.key)
        if not leading or place <= order:
            return f"The key {member.key} must stand at the beginning of the format, once."
        order = place
    return ""
