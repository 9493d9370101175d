"""Ways to speak to the node, as a table: what is not published of its protocol is tried, not known.

Each is a set of the forwarder's environment variables (`lambda/cw-resend-lambda/PROTOCOL.md`).
Those that carry another product's name are tried only where the user names them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.node.verdicts import Grasp

# What of the forwarder's environment is about how it speaks; it takes no other for a try.
DIALECT_VARIABLES = (
    "X_NODE_STYLE",
    "X_NODE_CONNECTOR_TYPE",
    "X_NODE_CONNECTOR_VERSION",
    "X_NODE_HEADER_PREFIX",
    "X_NODE_REQUEST_ID",
)


@dataclass(frozen=True)
class Dialect:
    """One way to speak. `another`: the product whose name it takes; empty for our own."""

    name: str
    title: str
    settings: Mapping[str, str] = field(default_factory=dict)
    another: str = ""


def _styles(name: str, title: str, settings: Mapping[str, str], another: str = "") -> list[Dialect]:
    return [
        Dialect(
            "-".join(filter(None, (name, style))) or "default",
            ", ".join(filter(None, (title, words))),
            {**settings, **({"X_NODE_STYLE": style} if style else {})},
            another,
        )
        for style, words in (
            ("", "two messages"),
            ("one-message", "one message"),
            ("multipart", "multipart (unverified: seen at another connector)"),
        )
    ]


_TYPE, _VERSION = "X_NODE_CONNECTOR_TYPE", "X_NODE_CONNECTOR_VERSION"
CANDIDATES: tuple[Dialect, ...] = (
    *_styles("", "as it comes", {}),
    # Every connector whose version was ever seen says 1.0 (unverified for this one).
    *_styles("version-1.0", "version 1.0", {_VERSION: "1.0"}),
    # The name and version of the vendor's own package for this connector (unverified as a type).
    *_styles(
        "discovery",
        "type aws-api-gateway-api-discovery 1.0.0",
        {_TYPE: "aws-api-gateway-api-discovery", _VERSION: "1.0.0"},
    ),
    Dialect("log-id", "the log's own request id", {"X_NODE_REQUEST_ID": "log"}),
    *_styles("layer7", "type layer7 1.0", {_TYPE: "layer7", _VERSION: "1.0"}, "Layer7"),
    *_styles(
        "azure",
        "type azure-apim 1.0",
        {_TYPE: "azure-apim", _VERSION: "1.0"},
        "Azure API Management",
    ),
)
BY_NAME = {one.name: one for one in CANDIDATES}


def chosen(names: Iterable[str]) -> tuple[Dialect, ...]:
    """The candidates of these names; without any, all that are in our own name.

    Raises UsageError for a name that is none.
    """
    names = tuple(names)
    for name in names:
        if name not in BY_NAME:
            raise UsageError(
                "WAG-E-DIALECT-001",
                f"{name} is no way to speak to a node",
                next_step=f"Names are {', '.join(BY_NAME)}.",
            )
    if names:
        return tuple(BY_NAME[name] for name in dict.fromkeys(names))
    return tuple(one for one in CANDIDATES if not one.another)


@dataclass(frozen=True)
class Tried:
    """What the node made of one candidate. `statuses`: how it answered the requests."""

    dialect: Dialect
    grasp: Grasp
    statuses: tuple[int, ...] = ()


def best(tried: Iterable[Tried]) -> Dialect | None:
    """The first that was understood whole; else the first understood with a word beside it.

    None where the node understood none: that is the honest answer, and not the least bad one.
    """
    found = tuple(tried)
    for state in (State.DONE, State.WARNING):
        for one in found:
            if one.grasp.state is state:
                return one.dialect
    return None


def environment_with(current: Mapping[str, str], dialect: Dialect) -> dict[str, str]:
    """`forwarder_environment` with this way of speaking in it; other variables stay."""
    kept = {name: value for name, value in current.items() if name not in DIALECT_VARIABLES}
    return {**kept, **dialect.settings}


def holds(current: Mapping[str, str], dialect: Dialect) -> bool:
    """Whether `forwarder_environment` says just this way of speaking."""
    return environment_with(current, dialect) == dict(current)
