"""What a field may look like. One that looks otherwise is left out, and counted."""

import re
import socket
from functools import lru_cache

# The registered methods (IANA) but CONNECT, which has no path, and PRI, which is none.
METHODS = frozenset((
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY", "ACL",
    "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE",
    "MKACTIVITY", "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH",
    "PROPFIND", "PROPPATCH", "REBIND", "REPORT", "SEARCH", "UNBIND", "UNCHECKOUT", "UNLINK",
    "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
))  # fmt: skip
NUMBERS = (
    "status", "responseLength", "requestTimeEpoch", "responseLatency", "integrationLatency",
    "integrationStatus",
)  # fmt: skip
NUMBER = "[0-9]{1,15}"
STATUS = "[1-9][0-9][0-9]"
API_ID = "[A-Za-z0-9-]{1,64}"
# As regular expressions, of what has a grammar that one can be written for.
PATTERNS = {
    **dict.fromkeys(NUMBERS, NUMBER),
    "status": STATUS,
    "stage": "[A-Za-z0-9_$-]{1,128}",
    "requestTime": "[0-9]{1,2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "protocol": r"HTTP/[0-9](?:\.[0-9])?",
}
_COMPILED = {key: re.compile(pattern) for key, pattern in PATTERNS.items()}
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?(?::[0-9]{{1,5}})?")
_MOST_HOST = 253 + 6


@lru_cache(maxsize=1024)
def is_address(text):
    """Whether this is an IPv4 or IPv6 address, and nothing but one."""
    if len(text) > 45 or not text.isascii() or not text.isprintable():
        return False
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def is_host(text):
    """Whether this is a host's name, perhaps with a port."""
    return len(text) <= _MOST_HOST and _HOST.fullmatch(text) is not None


def is_right(key, text):
    """Whether a field's text is what it should be; text of a client's own may be any."""
    pattern = _COMPILED.get(key)
    if pattern is not None:
        return pattern.fullmatch(text) is not None
    if key == "httpMethod":
        return text in METHODS
    if key == "sourceIp":
        return is_address(text)
    return key != "domainName" or is_host(text)
