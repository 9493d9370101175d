"""The node's own counters, as the forwarder's probe hands them over: typed, summed, compared.

A count is None where no replica told it, never 0. Counts only grow until a replica starts anew, so
two readings are compared replica by replica, and only those count that both readings have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.core.text import clean, count

# With labels: messages by type, rejections by reason, errors by type.
LABELLED = ("seen", "processed", "rejected", "errors", "bypassed", "flow_errors")
PLAIN = ("blocked", "exported")
FAMILIES = (*LABELLED, *PLAIN)

EDGE_COUNTERS = "a node of Security Edge shows no counters outside of Wallarm"
_MOST_LABELS = 64

Counts = Mapping[str, int]
"""Counts of one family by label; a family without labels has its count under the empty label."""


@dataclass(frozen=True)
class Replica:
    """One node as it answered. `families` lacks what it did not tell; `error` says why it told
    nothing; `cut`: its answer ended early."""

    address: str
    error: str = ""
    version: str = ""
    mode: str = ""
    cut: bool = False
    families: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeCounters:
    """Every replica that one look found. `error` says why none was found, or that not all were;
    `wanted` how many were deployed, 0 where that is not known."""

    address: str = ""
    error: str = ""
    replicas: tuple[Replica, ...] = ()
    wanted: int = 0

    @property
    def read(self) -> tuple[Replica, ...]:
        """The replicas that told something."""
        return tuple(one for one in self.replicas if not one.error)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that runs, once."""
        return tuple(sorted({one.version for one in self.read if one.version}))

    @property
    def missing(self) -> int:
        """How many of the deployed replicas told nothing."""
        return max(0, self.wanted - len(self.read))

    @property
    def problem(self) -> str:
        """Why nothing, or not everything, could be read; empty when all was."""
        told = [f"{one.address}: {one.error}" for one in self.replicas if one.error]
        partly = self.read and self.missing
        some = f"{len(self.read)} of {self.wanted} nodes were read" if partly else ""
        return "; ".join(filter(None, (self.error, *told[:3], some)))

    def total(self, family: str, label: str = "") -> int | None:
        """The sum over all replicas; None where none of them tells it."""
        found = [
            one.families[family][label]
            for one in self.read
            if label in one.families.get(family, {})
        ]
        return sum(found) if found else None

    def labels(self, family: str) -> dict[str, int]:
        """The sums of a family by label, those that are not 0."""
        names = sorted({label for one in self.read for label in one.families.get(family, {})})
        return {name: total for name in names if (total := self.total(family, name))}

    @property
    def summary(self) -> str:
        """What the node has understood since it started, in one line."""
        if not self.read:
            return self.problem or "no replica answered"
        some = f"{len(self.read)} of {count(self.wanted, 'node')}"
        parts = [some if self.missing else count(len(self.read), "node")]
        if self.versions:
            parts.append(f"version {', '.join(self.versions)}")
        for family, label, words in _SUMMARY:
            number = self.total(family, label)
            if number is not None:
                parts.append(f"{number:,} {words}")
        for family, words in (("rejected", "rejected"), ("bypassed", "not inspected")):
            labels = self.labels(family)
            if labels:
                reasons = ", ".join(f"{name} {number:,}" for name, number in labels.items())
                parts.append(f"{sum(labels.values()):,} {words} ({reasons})")
        return ", ".join(parts)


_SUMMARY = (
    ("seen", "total", "messages seen"),
    ("processed", "request", "requests understood"),
    ("processed", "response", "responses understood"),
)


def parse_counters(told: object) -> NodeCounters:
    """From the `counters` of a probe's answer; anything else gives none, and says so."""
    if not isinstance(told, dict):
        return NodeCounters(error="this forwarder does not read the node's counters")
    rows = told.get("replicas")
    replicas = [_replica(row) for row in rows if isinstance(row, dict)] if rows else []
    return NodeCounters(_text(told.get("address")), _text(told.get("error")), tuple(replicas))


def _replica(row: Mapping[str, Any]) -> Replica:
    families: dict[str, Counts] = {}
    for name in LABELLED:
        value = row.get(name)
        if isinstance(value, dict):
            known = [(k, v) for k, v in value.items() if isinstance(k, str) and _is_count(v)]
            families[name] = dict(known[:_MOST_LABELS])
    for name in PLAIN:
        if _is_count(row.get(name)):
            families[name] = {"": row[name]}
    return Replica(
        address=_text(row.get("address")),
        error=_text(row.get("error")),
        version=_text(row.get("version")),
        mode=_text(row.get("mode")),
        cut=row.get("cut") is True,
        families=families,
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _text(value: object) -> str:
    return clean(value, 200) if isinstance(value, str) else ""


@dataclass(frozen=True)
class Growth:
    """What two readings differ by, over the replicas that both have.

    replicas: how many those are; 0 means that nothing can be said. others: how many answered in
    one reading only, or are known to exist and told nothing. restarted: how many started anew in
    between; they count from 0.
    """

    families: Mapping[str, Counts]
    replicas: int = 0
    others: int = 0
    restarted: int = 0

    def by(self, family: str, label: str = "") -> int:
        """By how much a count has grown; 0 also where nobody tells it."""
        return self.families.get(family, {}).get(label, 0)

    def told(self, family: str, label: str) -> bool:
        """Whether a replica tells this count at all."""
        return label in self.families.get(family, {})

    @property
    def complete(self) -> bool:
        """Every replica was read, before and after."""
        return self.replicas > 0 and not self.others


def growth(before: NodeCounters, after: NodeCounters) -> Growth:
    """What has been counted between two readings."""
    then = {one.address: one for one in before.read}
    now = {one.address: one for one in after.read}
    both = [address for address in now if address in then]
    every = {one.address for one in (*before.replicas, *after.replicas)}
    families: dict[str, dict[str, int]] = {}
    restarted = 0
    for address in both:
        old, new = then[address].families, now[address].families
        anew = any(
            value < old.get(family, {}).get(label, 0)
            for family, counts in new.items()
            for label, value in counts.items()
        )
        restarted += anew
        for family, counts in new.items():
            for label, value in counts.items():
                was = 0 if anew else old.get(family, {}).get(label, 0)
                sums = families.setdefault(family, {})
                sums[label] = sums.get(label, 0) + value - was
    unread = len(every) - len(both) + bool(before.error or after.error)
    unread = max(unread, max(before.wanted, after.wanted) - len(both))
    return Growth(families, len(both), unread, restarted)
