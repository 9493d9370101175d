"""What the user must know before paying: what API Discovery needs, and what it cannot show.

Welcome, README, `docs/before-you-pay.md` and doctor's evidence take their words from here. Each has
its source; what Wallarm documents for a version or a plan can change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LEAST_REQUESTS = 2
SPREAD_SECONDS = 300
COUNTED_METHODS_NOT = ("OPTIONS", "HEAD")

# A path segment that API Discovery counts (Wallarm's documentation of API Discovery).
_SEGMENT = re.compile(r"[\w{}\s\-]+(?:[.@][\w{}\s\-]+)*")
_LOOPBACK = re.compile(r"(?:localhost|127\.[0-9.]+|\[?::1\]?)(?::[0-9]+)?")


@dataclass(frozen=True)
class Expectation:
    """One thing to know. `short` fits on the first screen; `text` is for a page."""

    key: str
    short: str
    text: str


EXPECTATIONS = (
    Expectation(
        "plan",
        "It needs the plan Advanced API Security",
        "API Discovery belongs to Wallarm's plan *Advanced API Security*. Plain WAAP has "
        "none: whatever the node takes in, there is no inventory.",
    ),
    Expectation(
        "metadata",
        "Endpoints, not parameters: an access log has no body",
        "The inventory shows hosts, paths, methods and response codes. Parameters, sensitive data, "
        "GraphQL and SOAP cannot be seen in an access log. From node 0.24.0 on, endpoints appear "
        "as without authentication, because the log does not hold the header.",
    ),
    Expectation(
        "counted",
        "An endpoint shows after 2 requests over 5 minutes, answered 2xx",
        f"Only answers 2xx count; {' and '.join(COUNTED_METHODS_NOT)}, loopback hosts and requests "
        f"that look like attacks do not. An endpoint shows after {LEAST_REQUESTS} requests, one of "
        f"them more than {SPREAD_SECONDS} seconds after the first; the account can raise that to "
        "100 requests and 900 seconds.",
    ),
    Expectation(
        "names",
        "Paths with : ~ + or , in a segment are not counted",
        "Each segment of a path must be made of letters, digits, `_`, `-`, braces and blanks, with "
        "single dots and @ between. `/v1/users:batch`, `/~joe` or `/a+b` is not counted.",
    ),
    Expectation(
        "token",
        "A token can expire or be disabled: new instances then fail to register",
        "The node registers with the Wallarm token each time an instance starts. When the token "
        "has expired or been disabled, nodes that run go on and new ones fail (unverified when a "
        "running one ends). `wallarm-apigw rotate-token` stores a new one.",
    ),
)


def countable(path: str) -> bool:
    """Whether API Discovery counts a path of this form; the path as it stands in the log."""
    segments = [segment for segment in path.partition("?")[0].split("/") if segment]
    return all(len(s) <= 2_000 and _SEGMENT.fullmatch(s) is not None for s in segments)


def why_not_counted(method: str, status: str, host: str, path: str) -> str:
    """Why API Discovery does not count a request; empty when it does.

    Args:
        method, status, host, path: as the access log has them; empty where it has none.
    """
    method = method.upper()
    if method in (*COUNTED_METHODS_NOT, ""):
        return method or "without a method"
    if not status.startswith("2"):
        return f"answered {status or 'nothing'}"
    if _LOOPBACK.fullmatch(host.lower()):
        return f"host {host[:60]}"
    return "" if countable(path) else "a path name that is not counted"
