"""Secrets: a value that must never be printed, and secrets taken out of any text.

`repr`, `str`, formatting, JSON and pickling of a `Secret` show nothing; only `reveal()` gives the
text, so every place that uses a secret can be found by searching for that word.

In logs and support bundles, what looks like a credential is replaced by a word that says what it
was; the rest stays readable. In doubt it is taken out. The time grows with the length of the text,
whatever is in it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn
from urllib.parse import quote, quote_plus


class Secret:
    """Wraps a secret text. Compares by value, is not hashable, cannot be serialised."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself. Hand it straight to what needs it; never store the result."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")


# The value behind a name: in quotes (escaped ones too, as in JSON inside JSON; to the line's end
# when they are never closed), or up to the next space or quote.
_QUOTED = r"(?:\\.|[^\\\n])*?(?<!\\)(?P=quote)|[^\n]*"
_BEFORE = r"\\*[\"']?\s*[:=]\s*b?"
_OPEN = r"(?P<quote>\\*[\"'])"

_HEADERS = r"(?:proxy-)?authorization|(?:set-)?cookie"
_NAMES = (
    r"secret[-_]?access[-_]?key|(?:session|security|access|refresh|id)[-_]?token|"
    r"x-wallarmapi-token|wallarm_api_token|x-amz-signature|passw(?:or)?d|passphrase|"
    r"client[-_]?secret|api[-_]?key|secret[-_]?key"
)
# Read from the left: a name, a separator, then quotes or none.
_NAMED = re.compile(rf"(?i)(?P<name>(?:{_NAMES}){_BEFORE})(?:{_OPEN}(?:{_QUOTED})|[^\s\"']+)")
# A header's value has spaces in it: `Bearer …`, or a signature of many parts.
_HEADER = re.compile(rf"(?i)(?P<name>\b(?:{_HEADERS}){_BEFORE})(?:{_OPEN}(?:{_QUOTED})|[^\n]+)")
# Some other token: only what is long enough to be one, so that sentences stay.
_TOKEN = re.compile(r"(?i)(token\\*[\"']?[ \t]*[:=][ \t]*\\*[\"']?)(?!arn:)([^\s\"'\\]{16,})")
_URL = re.compile(r"(://)[^/\s\"'@:]*:[^/\s\"']+@")
_KEY_ID = re.compile(r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16,}")
# A Wallarm token is 64 characters of base64; it may be glued to a path or be percent-encoded.
_RUN = re.compile(r"(?:[A-Za-z0-9+/]|%2[BFbf]){64,}")
_SECRET_KEY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")
# The names of AWS's own roles and policies are as long and as mixed.
_ARN = re.compile(r"arn:[^\s\"'=]*\Z")
_HASH = re.compile(r"[0-9a-f]+|[0-9A-F]+")
# A log's first or last line may stand in the middle of a key.
_KEY_BEGIN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
)
_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
_NOT_KEY = re.compile(r"[^A-Za-z0-9+/=\s\\]")


def redact(text: str) -> str:
    """The text without anything that looks like a credential. SHA-256 sums and ARNs stay.

    Of a private key that is cut off at both ends only whole lines are known for what they are.
    """
    text = _KEY_BEGIN.sub("<private-key>", text)
    text = _cut_keys(text)
    text = _HEADER_VALUE.sub("header value", text)
    text = _HEADER.sub(r"\g<name><redacted>", text)
    text = _NAMED.sub(r"\g<name><redacted>", text)
    text = _URL.sub(r"\1<redacted>@", text)
    text = _TOKEN.sub(r"\1<redacted>", text)
    text = _KEY_ID.sub("<aws-key-id>", text)
    text = _RUN.sub(lambda m: "<wallarm-token>" if _is_token(m[0]) else m[0], text)
    return _SECRET_KEY.sub(lambda m: "<secret-key>" if _is_secret_key(m) else m[0], text)


def _is_token(run: str) -> bool:
    if _HASH.fullmatch(run):
        return False
    return len(run) == 64 or "+" in run or "%" in run or _has_both_cases(run)


def _is_secret_key(found: re.Match[str]) -> bool:
    run = found[0]
    if not _has_both_cases(run) or not (any(c.isdigit() for c in run) or "+" in run):
        return False
    return not _ARN.search(found.string, max(0, found.start() - 200), found.start())


def _has_both_cases(run: str) -> bool:
    return run.lower() != run != run.upper()


def _cut_keys(text: str) -> str:
    """Without the rest of private keys whose beginning was cut off."""
    parts: list[str] = []
    at = 0
    for end in _KEY_END.finditer(text):
        before = text[at : end.start()]
        # Searched from behind, so that each character is looked at once.
        stop = _NOT_KEY.search(before[::-1])
        parts += [before[: len(before) - stop.start()] if stop else "", "<private-key>"]
        at = end.end()
    return "".join(parts) + text[at:]


# Greedy: a password may hold @, /, ? and #; the host stands behind the last @. A user name alone
# goes, too: tokens are put there.
_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20}://)(?:[^\s\"\\]|\\(?!\")){1,2000}@")

# How Python's http.client quotes what it does not send: a signature, a session token.
_HEADER_VALUE = re.compile(r"header value b?(?:'[^']*'|\"[^\"]*\"|[^\s]+)")


def without_logins(text: str) -> str:
    """A text whose addresses hold neither user name nor password: nothing is left of what stands
    before the last @ of each; nor a header's value that was refused, which may be a token."""
    if "header value" in text:
        text = _HEADER_VALUE.sub("header value", text)
    if "@" not in text or "//" not in text:
        return text
    return _LOGIN.sub(r"\1", text)


def host_of(address: str) -> str:
    """Scheme, host and port of an address as it may be shown; empty where no host can be told.

    Everything before the last @ goes, whatever characters it holds.
    """
    before, slashes, after = address.strip().partition("://")
    scheme, rest = (before, after) if slashes else ("", before)
    host = re.split(r"[/?#\\]", rest.rpartition("@")[2], maxsplit=1)[0]
    if not _HOST.fullmatch(host):
        return ""
    return f"{scheme}://{host}" if scheme else host


_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")

SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "WALLARM_API_TOKEN",
)


SHORTEST_SECRET = 12  # shorter values would blank out ordinary words


def known_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """The secrets of this environment, in every spelling they may have been written in."""
    found: set[str] = set()
    for name in SECRET_VARIABLES:
        value = env.get(name, "").strip()
        if len(value) >= SHORTEST_SECRET:
            found |= spellings(value)
    return tuple(sorted(found, key=len, reverse=True))


def spellings(secret: str) -> set[str]:
    """A secret as it may stand in a text: plain, escaped, percent-encoded, in hex, in base64.

    In base64 it looks different by how many bytes stand before it; the first and last characters
    are shared with what is around, and are left out.
    """
    raw, escaped = secret.encode(), json.dumps(secret)[1:-1]
    percent = quote(secret, safe="")
    lower = re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), percent)
    found = {secret, escaped, escaped.replace("/", "\\/"), percent, lower, quote_plus(secret)}
    found |= {raw.hex(), raw.hex().upper()}
    for before in range(3):
        text = base64.b64encode(b"-" * before + raw).decode()
        text = text[4 if before else 0 : -4]
        found |= {text, text.replace("+", "-").replace("/", "_")}
    return found


def cleaned(files: Mapping[str, str], secrets: Iterable[str] = ()) -> dict[str, str]:
    """The files without the known secrets and without what looks like a token, key or credential;
    empty ones are left out."""
    out: dict[str, str] = {}
    for name, text in files.items():
        if not text.strip():
            continue
        for secret in secrets:
            text = text.replace(secret, "<redacted>")
        out[name] = redact(text)
    return out
