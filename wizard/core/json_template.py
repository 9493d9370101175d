"""Reads a log format that is a JSON object with `$context` variables in it, without rewriting it.

API Gateway puts values into the text of the format, so variables may stand outside quotes
(`"status":$context.status`) and the text as a whole need not be JSON. This reader finds the
top-level members and where a further one can be put; everything else stays as its owner wrote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

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
