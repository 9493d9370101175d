"""What is said of many stages, once for each kind: how many and which, the grave ones first.

Pure: the sentences come from `change` and from the look at log groups; here they are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wizard.core.stages.change import StageChange
from wizard.core.text import count


@dataclass(frozen=True)
class Kind:
    """`marker` is what every sentence of the kind has; `words` stand for it; `grave` ones may cost
    somebody their logs or their data."""

    marker: str
    words: str
    grave: bool = False


KINDS = (
    Kind("Its access log no longer goes to", "their old log gets nothing more", grave=True),
    Kind(
        "next deploy can put the old logging back", "a template's next deploy undoes it", grave=True
    ),
    Kind("could not be looked at", "log group could not be looked at", grave=True),
    Kind("for each log group", "log group has other subscription filters", grave=True),
    Kind("counts it as malformed", "log group holds execution logs too"),
    Kind("The forwarder reads its own fields", "some lines may be malformed"),
    Kind("AWS manages this stage", "AWS may refuse, it manages the stage"),
    Kind("Requests that go to its canary", "canary requests are logged elsewhere"),
    Kind("WebSocket events have no method", "WebSocket events are only counted"),
    Kind("which CloudWatch bills", "execution logs are billed"),
)


@dataclass(frozen=True)
class Group:
    """One kind with what it says of each stage: (label, sentence)."""

    kind: Kind
    said: tuple[tuple[str, str], ...]

    @property
    def headline(self) -> str:
        """`3 stages: execution logs are billed: orders / prod, …`."""
        labels = ", ".join(dict.fromkeys(label for label, _ in self.said))
        return f"{count(len({*dict(self.said)}), 'stage')}: {self.kind.words}: {labels}"


def kind_of(sentence: str) -> Kind:
    """The kind of a sentence; what is of none is its own, and grave until somebody knows better."""
    found = next((kind for kind in KINDS if kind.marker in sentence), None)
    return found or Kind(sentence, sentence, grave=True)


def label_of(change: StageChange) -> str:
    """How warnings name a stage."""
    return f"{change.api_name} / {change.ref.stage}"


def grouped(changes: Iterable[StageChange]) -> tuple[Group, ...]:
    """The warnings of all these stages by kind: unknown ones, grave ones, then the others."""
    found: dict[Kind, list[tuple[str, str]]] = {}
    for change in changes:
        for sentence in change.warnings:
            found.setdefault(kind_of(sentence), []).append((label_of(change), sentence))
    order = sorted(found, key=lambda kind: KINDS.index(kind) if kind in KINDS else -1)
    return tuple(Group(kind, tuple(found[kind])) for kind in order)
