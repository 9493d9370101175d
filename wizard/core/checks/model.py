"""What a check is, what it can find, and which checks are asked; the checks are in `checklist`.

A check is asked only when nothing it depends on has failed; otherwise it is skipped *because of*
the first cause, so that the root cause stands on top.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from wizard.core.errors import UsageError


class Verdict(str, Enum):
    """What a check found. `unchecked` means nobody could look; it is never a pass or a failure."""

    PASS = "pass"  # noqa: S105 - a verdict
    WARN = "warning"
    FAIL = "failed"
    SKIPPED = "skipped"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Section:
    """A chapter of the checklist: `title` is the user's complaint, in the user's words; `well` is
    what it is called where something in it is well and nothing has failed; `open` where nobody
    could look, or has not looked yet."""

    key: str
    title: str
    well: str
    open: str

    def name(self, verdicts: Collection[Verdict]) -> str:
        """What it is called with these verdicts: it claims nothing that was not seen."""
        if Verdict.FAIL in verdicts:
            return self.title
        return self.well if {Verdict.PASS, Verdict.WARN} & {*verdicts} else self.open


LOCAL = Section(
    "local",
    "This machine cannot look",
    "This machine and these credentials",
    "This machine and these credentials",
)
LOGS = Section(
    "logs",
    "Logs do not reach the forwarder",
    "Logs reach the forwarder",
    "From the logs to the forwarder",
)
NODE = Section(
    "node",
    "The node cannot be reached",
    "The node can be reached",
    "From the forwarder to the node",
)
DISCOVERY = Section(
    "discovery",
    "API Discovery shows nothing",
    "API Discovery can show endpoints",
    "From the node to API Discovery",
)
SECTIONS = (LOCAL, LOGS, NODE, DISCOVERY)


@dataclass(frozen=True)
class Check:
    """One question.

    Args:
        check_id: stable identifier, `WAG-<AREA>-<NNN>`.
        depends_on: checks that must have passed for this one to make sense.
        looks_at: where the evidence comes from: `service.Operation` of AWS, or words.
        hint: what to do when it fails.
        fix: name of the safe repair that `--fix` offers, or empty.
        node_only: asked only where this deployment runs a node of its own.
        deep: takes its time, so it is asked only by name or with `--deep`.
    """

    check_id: str
    section: Section
    question: str
    looks_at: tuple[str, ...]
    hint: str
    depends_on: tuple[str, ...] = ()
    fix: str = ""
    node_only: bool = False
    deep: bool = False


@dataclass(frozen=True)
class Finding:
    """What was seen. `evidence` names the call and the value; it never holds a secret.

    `settles`: it may be well by itself in a while, so `--wait` looks again. `next_step`: what helps
    against just this, where that is known; else the check's hint says what usually does.
    """

    verdict: Verdict
    evidence: str = ""
    fix_subject: str = ""
    settles: bool = False
    next_step: str = ""


@dataclass(frozen=True)
class Result:
    """A check with its finding. `because` names the failed cause of a skipped check.

    `link` is where to look in the AWS or Wallarm Console; empty where there is no such page.
    """

    check: Check
    finding: Finding
    because: str = ""
    seconds: float = 0.0
    link: str = ""

    @property
    def verdict(self) -> Verdict:
        """The finding's verdict."""
        return self.finding.verdict

    @property
    def next_step(self) -> str:
        """What to do about it: what the cause itself asks for, else the check's hint."""
        return self.finding.next_step or self.check.hint


@dataclass(frozen=True)
class About:
    """Which deployment was examined, with which version, and when (ISO 8601, UTC)."""

    name_prefix: str
    account_id: str
    region: str
    version: str
    at: str

    def __str__(self) -> str:
        where = f"{self.account_id or 'an unknown account'}, {self.region}"
        return f"wallarm-apigw {self.version}: {self.name_prefix} in {where}, {self.at}"


@dataclass(frozen=True)
class Report:
    """Every result in the order of the checklist."""

    results: tuple[Result, ...]
    about: About | None = None

    @property
    def root_cause(self) -> Result | None:
        """The first failed check; skipped ones hang on it."""
        return next((r for r in self.results if r.verdict is Verdict.FAIL), None)

    @property
    def unsettled(self) -> tuple[Result, ...]:
        """What may look better in a while: everything failed, and what is known to settle."""
        return tuple(r for r in self.results if r.verdict is Verdict.FAIL or r.finding.settles)

    def count(self, verdict: Verdict) -> int:
        """How many checks ended so."""
        return sum(r.verdict is verdict for r in self.results)


def passed(evidence: str = "") -> Finding:
    """The check found what it hoped for."""
    return Finding(Verdict.PASS, evidence)


def warned(evidence: str, *, settles: bool = False) -> Finding:
    """It works, but look at this."""
    return Finding(Verdict.WARN, evidence, settles=settles)


def failed(evidence: str, fix_subject: str = "", next_step: str = "") -> Finding:
    """The link is broken here."""
    return Finding(Verdict.FAIL, evidence, fix_subject, next_step=next_step)


def unchecked(evidence: str, *, settles: bool = False) -> Finding:
    """Nobody could look: denied, offline, or not readable from here."""
    return Finding(Verdict.UNCHECKED, evidence, settles=settles)


def selected(
    checks: Iterable[Check],
    only: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
    *,
    with_node: bool,
    deep: bool = False,
) -> tuple[Check, ...]:
    """The checks to run. `only` and `skip` hold ids or section keys; causes come with `only`.

    A deep check runs with `deep`, or where `only` holds its id.
    Raises UsageError for a name that is neither.
    """
    known = {check.check_id: check for check in checks}
    for name in (*only, *skip):
        if name.upper() not in known and name.lower() not in {s.key for s in SECTIONS}:
            raise UsageError(
                "WAG-E-CLI-006",
                f"{name} is neither a check nor a section",
                next_step="Sections are "
                + ", ".join(s.key for s in SECTIONS)
                + "; `wallarm-apigw doctor --list` shows every check.",
            )

    def named(check: Check, names: tuple[str, ...]) -> bool:
        return any(n.lower() in (check.check_id.lower(), check.section.key) for n in names)

    ids = {name.upper() for name in only}
    wanted = {
        c.check_id
        for c in known.values()
        if (not only or named(c, only)) and (deep or not c.deep or c.check_id in ids)
    }
    queue = list(wanted)
    while queue:
        for cause in known[queue.pop()].depends_on:
            if cause not in wanted:
                wanted.add(cause)
                queue.append(cause)
    return tuple(
        c
        for c in known.values()
        if c.check_id in wanted and not named(c, skip) and (with_node or not c.node_only)
    )


def blocker(check: Check, results: Mapping[str, Result]) -> str:
    """The id of the check that makes asking this one pointless, or an empty string.

    A cause that could not be checked does not block: it may well be fine.
    """
    for cause in check.depends_on:
        result = results.get(cause)
        if result is None:
            continue
        if result.verdict is Verdict.FAIL:
            return cause
        if result.verdict is Verdict.SKIPPED:
            return result.because or cause
    return ""
