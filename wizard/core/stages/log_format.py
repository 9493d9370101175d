"""The access-log format: which fields, per API type, before a user's own format, and whose it is.

The sixteen fields are the ones Wallarm documents for this connector. Which `$context` variables an
API type knows is from the API Gateway developer guide ("Variables for access logging", "Customize
HTTP API access logs"); the WebSocket list lacks six of them.

API Gateway puts values into a line as they are, quotes of a client's included. So a line begins
with a marker that tells what it is, then comes what AWS writes itself, and after it what a client
can write: nobody who sends requests can forge what stands before their first character. The
forwarder reads this layout (lambda/cw-resend-lambda/layout.py) up to its end and nothing behind it;
a user's own format follows there, as its owner wrote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from wizard.core.facts import AccessLog, ApiType, StageRef

_SPACE = " \t"
_BARE = re.compile(r"\$[^\s,{}\[\]\"]+")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_MAX_DEPTH = 32


class TemplateError(ValueError):
    """The text is not such an object; the message is a clause that completes "because"."""


@dataclass(frozen=True)
class Member:
    """One top-level member: its key, decoded, and its value as written (quotes included).

    `start` and `end` are where it stands in the line.
    """

    key: str
    value: str
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    @property
    def unquoted(self) -> str:
        """The value without quotes, so that `"$context.path"` and `$context.path` are equal."""
        quoted = len(self.value) >= 2 and self.value[0] == self.value[-1] == '"'
        return self.value[1:-1] if quoted else self.value


@dataclass(frozen=True)
class Template:
    """A format on one line, and its members in order."""

    text: str
    members: tuple[Member, ...]

    def written(self, members: tuple[Member, ...]) -> str:
        """Some of its members, as they are written: what stands between two of them stays too."""
        wanted = {member.start for member in members}
        runs: list[str] = []
        end = 0  # of the member before, where that is wanted too
        for member in self.members:
            if member.start not in wanted:
                end = 0
            elif end:
                runs[-1] += self.text[end : member.end]
                end = member.end
            else:
                runs.append(self.text[member.start : member.end])
                end = member.end
        return ",".join(runs)


def parse(text: str) -> Template:
    """Read a format. Line breaks between members are dropped: a format is one line.

    Raises TemplateError when it is anything but one JSON object with variables.
    """
    line = one_line(text)
    return Template(line, _Reader(line).top())


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

    def top(self) -> tuple[Member, ...]:
        if not self._line.startswith("{"):
            raise TemplateError("it is not a JSON object")
        members = self._object(0)
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
            first = self._at
            key = self._string()
            self._blank()
            self._expect(":")
            self._blank()
            start = self._at
            self._value(depth)
            value = self._line[start : self._at]
            members.append(Member(_decoded(key), value, first, self._at))
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


def _decoded(quoted: str) -> str:
    try:
        return str(json.loads(quoted, strict=False))
    except ValueError as error:
        raise TemplateError("a key in it has a wrong escape sequence") from error


MAX_FORMAT_BYTES = 3 * 1024  # documented: 3 KB
REQUEST_ID = "$context.requestId"  # documented: every format must contain it
ALIAS_PREFIX = "wallarm_"  # before one of our keys that a user's format has already
MARKER, END = "wallarm_log", "wallarm_end"
END_VALUE = "1"
API_ID = "$context.apiId"
_STAGE = "$context.stage"

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
# The order of a line. `httpMethod` is the last of AWS's: a client chooses it, out of few.
AWS_WRITTEN = (
    "stage",
    "status",
    "responseLength",
    "requestTime",
    "requestTimeEpoch",
    "responseLatency",
    "integrationLatency",
    "integrationStatus",
    "sourceIp",
    "protocol",
    "httpMethod",
)
CLIENT_WRITTEN = ("requestId", "domainName", "path", "errorMessage", "userAgent")
# Where a user's own format has one of these already, it is not logged twice: the forwarder does not
# send them on.
OPTIONAL = (
    "requestTime",
    "requestTimeEpoch",
    "integrationLatency",
    "integrationStatus",
    "protocol",
    "requestId",
    "errorMessage",
)
# The order before there was a marker: Wallarm's documented one. It does not grow with the fields.
OLDER = (
    "requestId",
    "httpMethod",
    "path",
    "protocol",
    "status",
    "responseLength",
    "requestTime",
    "requestTimeEpoch",
    "responseLatency",
    "integrationLatency",
    "integrationStatus",
    "errorMessage",
    "stage",
    "domainName",
    "sourceIp",
    "userAgent",
)
_VARIABLES = dict(FIELDS)
_NOT_IN_WEBSOCKET = frozenset(
    ("httpMethod", "path", "protocol", "responseLength", "responseLatency", "integrationStatus")
)


class LoggingState(str, Enum):
    """What a stage's access log is today, in the words of the stage list."""

    OFF = "off"
    OURS = "connected"
    OLDER = "connected, older format"
    ALTERED = "connected, altered format"
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
    """A user's format behind the connector's fields.

    `format` is the format to write; where `problem` says why that is impossible it is the user's
    own, unchanged. `added` are the keys it did not have before. `renamed` pairs one of our keys
    with the name it got because the user's format already has that key. `moved` says that an older
    format of ours had every field, in an order in which a client could forge some.
    """

    format: str
    added: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    moved: bool = False

    @property
    def ok(self) -> bool:
        """Whether `format` holds every field."""
        return not self.problem


def fields(api_type: ApiType) -> tuple[tuple[str, str], ...]:
    """The (key, variable) pairs that this API type can log, in a line's order: 16, WebSocket 10."""
    absent = _NOT_IN_WEBSOCKET if api_type is ApiType.WEBSOCKET else frozenset[str]()
    keys = (*AWS_WRITTEN, *CLIENT_WRITTEN)
    return tuple((key, _VARIABLES[key]) for key in keys if key not in absent)


def marker(api_type: ApiType) -> str:
    """What a line of this API type begins with: `http` or `websocket`, and the API's id."""
    return f"{'websocket' if api_type is ApiType.WEBSOCKET else 'http'}/{API_ID}"


def line_start(log_format: str, ref: StageRef) -> str:
    """What each line of this stage begins with, as AWS writes it; nothing a client sent is in it.

    Empty where a line of this format does not begin by naming its API and its stage.
    """
    named = {API_ID: ref.api_id, _STAGE: ref.stage}
    start, at, missing = "", 0, set(named)
    for found in _VARIABLE.finditer(log_format):
        between = log_format[at : found.start()]
        if missing and (found[0] not in named or "$" in between):
            break
        start += between
        if not missing:
            break
        start += named[found[0]]
        missing.discard(found[0])
        at = found.end()
    return "" if missing else start


def render_format(api_type: ApiType) -> str:
    """The connector's own format: one line of JSON without blanks."""
    return _line(_block(fields(api_type), api_type), "")


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
    """Put our fields before a user's own JSON format; theirs stays as it is, and in order.

    Where the user's format has one of our keys ours is added as `wallarm_<key>`, or not at all
    where it holds the same and the forwarder does not need it. What an earlier version of the
    connector added is taken out again. Merging twice changes nothing more.
    """
    if is_complete(users_format, api_type):
        return MergeResult(users_format)
    shape = kind(users_format)
    if shape is not FormatKind.JSON:
        return MergeResult(users_format, problem=_not_json(shape))
    try:
        template = parse(users_format)
    except TemplateError as error:
        return MergeResult(
            users_format, problem=f"The format cannot be extended because {error}. {_REMEDY}"
        )
    return _extended(users_format, template, api_type)


@lru_cache(maxsize=512)  # thousands of stages share a few formats
def is_complete(log_format: str, api_type: ApiType) -> bool:
    """Whether the forwarder can believe a line of this format, and every field is in it."""
    found = _layout(api_type).match(log_format)
    if found is None:
        return False
    rest = log_format[found.end() :]
    absent = [key for key in _optional(api_type) if found[key] is None]
    return f'"{END}"' not in rest and all(
        re.search(rf'"{key}"\s*:\s*"?{re.escape(_VARIABLES[key])}[",}}\s]', rest) for key in absent
    )


def is_read(log_format: str, api_type: ApiType) -> bool:
    """Whether the forwarder reads lines of this format at all.

    Of older ones it reads those that have the documented fields, in their order, and nothing else.
    """
    if is_complete(log_format, api_type):
        return True
    return is_older(log_format, api_type) and _older_fields(api_type) == tuple(
        (member.key, member.unquoted) for member in parse(log_format).members
    )


@lru_cache(maxsize=512)
def is_older(log_format: str, api_type: ApiType) -> bool:
    """Whether a format holds every field as earlier versions of the connector wrote them.

    It is read only where nothing in a line looks as if a client had forged it.
    """
    if is_complete(log_format, api_type):
        return False
    try:
        template = parse(log_format)
    except TemplateError:
        return False
    return _has_every_field(template, api_type)


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


def broken_lines(log_format: str) -> tuple[str, ...]:
    """Why lines of a user's own JSON format will not be JSON; empty when nothing is known.

    The forwarder reads its own fields all the same; whatever else reads these lines may not.
    """
    found = []
    quoted = "".join(_QUOTED.findall(log_format))
    if _MESSAGE_STRING in quoted:
        found.append(
            f"{_MESSAGE_STRING} stands in quotes, and API Gateway puts quotes around it as well: "
            "lines with an error are not JSON. Use it without quotes, or $context.error.message."
        )
    bare = _VARIABLE.findall(_QUOTED.sub("", log_format))
    names = tuple(dict.fromkeys(name for name in bare if name != _MESSAGE_STRING))
    if names:
        verb = "stands" if len(names) == 1 else "stand"
        found.append(
            f"{', '.join(names[:3])}{' …' if len(names) > 3 else ''} {verb} without quotes: a line "
            "without a value for it has `-` there, and is not JSON."
        )
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
    return LoggingState.OLDER if is_older(log.format, api_type) else LoggingState.ALTERED


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
_MESSAGE_STRING = "$context.error.messageString"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_VARIABLE = re.compile(r"\$context\.[A-Za-z0-9_.]*[A-Za-z0-9_]")


def _not_json(shape: FormatKind) -> str:
    if shape is FormatKind.NONE:
        return f"The stage has no log format. {_REMEDY}"
    return (
        f"The stage logs {shape.value}, and the connector reads lines of JSON. Fields cannot be "
        f"added without breaking whatever reads these lines today. {_REMEDY}"
    )


def _optional(api_type: ApiType) -> tuple[str, ...]:
    return tuple(key for key, _ in fields(api_type) if key in OPTIONAL)


@lru_cache(maxsize=3)
def _layout(api_type: ApiType) -> re.Pattern[str]:
    """What a format begins with whose lines the forwarder believes. Blanks do no harm."""
    parts = [rf'\s*\{{\s*"{MARKER}"\s*:\s*"{re.escape(marker(api_type))}"']
    for key, variable in fields(api_type):
        part = rf'\s*,\s*"(?:{ALIAS_PREFIX})?{key}"\s*:\s*"{re.escape(variable)}"'
        parts.append(f"(?P<{key}>{part})?" if key in OPTIONAL else part)
    parts.append(rf'\s*,\s*"{END}"\s*:\s*"{END_VALUE}"\s*[,}}]')
    return re.compile("".join(parts))


def _block(named: tuple[tuple[str, str], ...], api_type: ApiType) -> str:
    """The connector's part of a line: marker, (key, variable) pairs, end."""
    pairs = ((MARKER, marker(api_type)), *named, (END, END_VALUE))
    return ",".join(f'"{key}":"{value}"' for key, value in pairs)


def _line(block: str, theirs: str) -> str:
    return f"{{{block},{theirs}}}" if theirs else f"{{{block}}}"


def _extended(users_format: str, template: Template, api_type: ApiType) -> MergeResult:
    moved = _has_every_field(template, api_type)
    members = _theirs(template, moved)
    theirs = template.written(members)
    held = {member.key: member for member in members}
    named: list[tuple[str, str]] = []
    renamed: list[tuple[str, str]] = []
    for key, variable in fields(api_type):
        if key not in held:
            named.append((key, variable))
        elif key not in OPTIONAL or not _holds(template, held[key], variable):
            named.append((ALIAS_PREFIX + key, variable))
            renamed.append((key, ALIAS_PREFIX + key))
    taken = [key for key in (MARKER, *(key for key, _ in named)) if key in held]
    if not taken and f'"{END}"' in theirs:
        taken = [END]
    if taken:
        problem = f"The key {taken[0]} is in use for something else. {_REMEDY}"
        return MergeResult(users_format, problem=problem)
    line = _line(_block(tuple(named), api_type), theirs)
    if len(line.encode()) > MAX_FORMAT_BYTES:
        line = squeezed(line)
    wrong = problems(line)
    if wrong:
        return MergeResult(
            users_format,
            problem=f"With the connector's fields added the format would be refused: "
            f"{', '.join(wrong)}. {_REMEDY}",
        )
    before = {(member.key, member.unquoted) for member in template.members}
    pairs = ((MARKER, marker(api_type)), *named, (END, END_VALUE))
    added = tuple(key for key, value in pairs if (key, value) not in before)
    return MergeResult(line, added, tuple(renamed), moved=moved)


def _holds(template: Template, member: Member, variable: str) -> bool:
    """Whether a member is this variable under a key that is written without escapes."""
    plain = template.text.startswith(f'"{member.key}"', member.start)
    return plain and member.unquoted == variable


def _has_every_field(template: Template, api_type: ApiType) -> bool:
    """Whether each field is a member, under its key or its alias, wherever it stands."""
    pairs = {(member.key, member.unquoted) for member in template.members}
    return all(
        (key, variable) in pairs or (ALIAS_PREFIX + key, variable) in pairs
        for key, variable in _older_fields(api_type)
    )


def _older_fields(api_type: ApiType) -> tuple[tuple[str, str], ...]:
    known = {key for key, _ in fields(api_type)}
    return tuple((key, _VARIABLES[key]) for key in OLDER if key in known)


def _theirs(template: Template, ours_too: bool) -> tuple[Member, ...]:
    """The members that are the user's own.

    What stands under the connector's keys up to its end is left out; and where the format has every
    field because an earlier version added some, what that put before and behind theirs.
    """
    members = list(template.members)
    keys = [member.key for member in members]
    if keys[:1] == [MARKER] and END in keys:
        end = keys.index(END)
        between = (m for m in members[1:end] if m.key.removeprefix(ALIAS_PREFIX) not in _VARIABLES)
        return (*between, *members[end + 1 :])
    if keys[:1] == [MARKER]:
        while members and (members[0].key == MARKER or _is_ours(members[0])):
            del members[0]
    elif ours_too:
        while members and members[0].key.startswith(ALIAS_PREFIX) and _is_ours(members[0]):
            del members[0]
        while members and members[-1].key in _VARIABLES and _is_ours(members[-1]):
            del members[-1]
    return tuple(members)


def _is_ours(member: Member) -> bool:
    """Whether a member is one that some version of the connector writes."""
    variable = _VARIABLES.get(member.key.removeprefix(ALIAS_PREFIX))
    return variable is not None and member.value == f'"{variable}"'
