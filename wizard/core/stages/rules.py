"""Which stages: those that the answers name, and those that their rules choose.

Rules go by API, stage, tag or type, so that what is made later is chosen, too.

A rule is words with a space between them, all of which a stage has to meet:

    all                       every stage
    api:orders-*              the API's name or id, as a shell pattern
    stage:prod                the stage's name, as a shell pattern
    tag:team=payments*        a tag of the stage or of its API; `tag:team` takes any value
    type:http                 rest, http or websocket

A rule that begins with `not` takes stages away again, whatever other rule chose them. Patterns do
not tell upper from lower case but in tags, whose values AWS compares exactly. A stage that AWS
manages is taken by none: it is named in `stages`, or left alone.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wizard.core.errors import UsageError
from wizard.core.facts import ApiType, Inventory, Stage
from wizard.core.text import closest, count

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.journal.record import Record

TERMS = ("api", "stage", "tag", "type")
ALL = "all"
NOT = "not"
# More stages than somebody would expect of a pattern are asked about first.
ASK_BEYOND = 500


@dataclass(frozen=True)
class Rule:
    """One rule as it was written, and its parts: term and pattern; none means every stage."""

    text: str
    terms: tuple[tuple[str, str], ...] = ()
    takes_away: bool = False

    def matches(self, stage: Stage) -> bool:
        """Whether the stage meets every part."""
        return all(_meets(stage, term, pattern) for term, pattern in self.terms)


def parse_rule(text: str) -> Rule:
    """Read a rule. Raises UsageError (WAG-E-RULES-001) with what is wrong in it."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _wrong(text, f"{error}.") from error
    takes_away = bool(words) and words[0].lower() == NOT
    words = words[1:] if takes_away else words
    if not words:
        raise _wrong(text, "It says nothing about any stage.")
    if [word.lower() for word in words] == [ALL]:
        return Rule(text, (), takes_away)
    return Rule(text, tuple(_term(text, word) for word in words), takes_away)


def parse_rules(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Read all of them, in order, without repeats. Raises UsageError."""
    return tuple(parse_rule(text) for text in dict.fromkeys(texts))


def chosen_by(rules: Iterable[Rule], stage: Stage) -> Rule | None:
    """The first rule that chooses the stage; None where none does or one takes it away."""
    first = None
    for rule in rules:
        if (first is None or rule.takes_away) and rule.matches(stage):
            if rule.takes_away:
                return None
            first = rule
    return first


def choose(rules: Iterable[Rule], stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that these rules choose and that can be changed, in the order given."""
    given = tuple(rules)
    may = (s for s in stages if s.changeable and not s.managed)
    return tuple(s for s in may if chosen_by(given, s) is not None)


def managed_by_aws(rules: Iterable[Rule], stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages that these rules would choose but for AWS's managing them (`$default` of quick
    create). Whether AWS lets one be changed is unverified; only who names it has it tried."""
    given = tuple(rules)
    held = (s for s in stages if s.changeable and s.managed)
    return tuple(s for s in held if chosen_by(given, s) is not None)


def without_effect(rules: Iterable[Rule], stages: Iterable[Stage]) -> tuple[Rule, ...]:
    """Rules that no stage meets: most likely a name that is spelt differently in AWS."""
    known = tuple(stages)
    return tuple(rule for rule in rules if not any(rule.matches(stage) for stage in known))


@dataclass(frozen=True)
class Effect:
    """What one more rule would do beside others.

    Attributes:
        rule: as it was read.
        met: how many stages meet it, whatever becomes of them.
        moved: stages that it adds, or takes away where it is a `not`.
        managed: how many of those that meet it AWS manages, which are left alone.
        chosen: how many stages all rules together choose then.
    """

    rule: Rule
    met: int
    moved: tuple[Stage, ...]
    managed: int
    chosen: int


def effect_of(text: str, others: Iterable[str], stages: Iterable[Stage]) -> Effect:
    """What this rule would do, live, while it is written. Raises UsageError where it is none."""
    rule, given = parse_rule(text), parse_rules(others)
    met = managed = chosen = 0
    moved: list[Stage] = []
    for stage in stages:
        meets = rule.matches(stage)
        may = stage.changeable and not stage.managed
        met += meets
        managed += meets and not may
        if not may:
            continue
        before = chosen_by(given, stage) is not None
        after = before
        if meets:  # otherwise it changes nothing
            after = chosen_by((*given, rule), stage) is not None
        chosen += after
        if before is not after:
            moved.append(stage)
    return Effect(rule, met, tuple(moved), managed, chosen)


def question(chosen: int) -> str:
    """What to ask before so many stages are taken by rules; empty where nobody need be asked."""
    if chosen <= ASK_BEYOND:
        return ""
    return f"These rules choose {count(chosen, 'stage')}. Connect all of them?"


def _term(text: str, word: str) -> tuple[str, str]:
    name, colon, pattern = word.partition(":")
    name = name.lower()
    if not colon or name not in TERMS:
        near = closest(name, (*TERMS, ALL))
        hint = f" Did you mean {near[0]}?" if near else ""
        raise _wrong(text, f"`{word}` is none of api:, stage:, tag:, type: or all.{hint}")
    if not pattern:
        raise _wrong(text, f"`{word}` has nothing behind its colon.")
    if name == "type" and pattern.upper() not in ApiType.__members__:
        types = ", ".join(kind.value.lower() for kind in ApiType)
        raise _wrong(text, f"`{pattern}` is no type of API: {types}.")
    return name, pattern


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        "WAG-E-RULES-001",
        f"The rule {text!r} cannot be read",
        why=why,
        next_step="Write for example `api:orders-* stage:prod`, `tag:team=payments` or "
        "`not type:websocket`.",
        keys=("stage_rules",),
    )


def _meets(stage: Stage, term: str, pattern: str) -> bool:
    if term == "api":
        return stage.api.api_id == pattern or _like(stage.api.name, pattern)
    if term == "stage":
        return _like(stage.name, pattern)
    if term == "type":
        return stage.api.api_type is ApiType[pattern.upper()]
    key, equals, wanted = pattern.partition("=")
    value = stage.tags.get(key, stage.api.tags.get(key))
    return value is not None and (not equals or _exactly(wanted).match(value) is not None)


def _like(name: str, pattern: str) -> bool:
    return _exactly(pattern.lower()).match(name.lower()) is not None


@lru_cache(maxsize=256)
def _exactly(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern))


def still_connected(record: Record, answers: Answers) -> tuple[str, ...]:
    """Stages of an earlier run that are not chosen any more: an install only ever adds."""
    connected = {str(ref) for ref in record.stages}
    left = sorted(connected - set(answers.stages))
    return tuple(
        f"{ref} stays connected; `wallarm-apigw stages remove {ref}` puts its logging back"
        for ref in left
    )


def left_by_rules(inventory: Inventory, answers: Answers) -> tuple[str, ...]:
    """Stages that the rules would choose and that AWS manages, each with what to do."""
    rules = parse_rules(answers.stage_rules)
    return tuple(
        f"{stage.api.name} / {stage.name} ({stage.ref}) meets a rule, but AWS manages it (quick "
        "create): no rule tries such a stage. Name it in `stages` to have it tried"
        for stage in managed_by_aws(rules, inventory.stages)
        if str(stage.ref) not in answers.stages
    )


def chosen_stages(inventory: Inventory, answers: Answers) -> tuple[Stage, ...]:
    """The stages that the answers name, then those that their rules choose.

    Raises UsageError with the closest names for a wrong one, and where nothing is chosen.
    """
    unread = "; ".join(f"{p.subject}: {p.message}" for p in inventory.problems)
    if not inventory.stages:
        raise UsageError(
            "WAG-E-STAGES-002",
            f"No API stage was found in {inventory.identity.region}",
            why=unread,
            next_step="Choose another Region with --region, or deploy an API first.",
            keys=("region", "stages"),
        )
    rules = parse_rules(answers.stage_rules)
    by_rule = choose(rules, inventory.stages)
    if not answers.stages and rules and not by_rule:
        raise UsageError(
            "WAG-E-RULES-002",
            f"The rules choose no stage in {inventory.identity.region}",
            why=f"{count(len(inventory.stages), 'stage')} looked at; "
            f"{'; '.join(answers.stage_rules)}."
            + (f" Not everything could be read: {unread}" if unread else ""),
            next_step="`wallarm-apigw stages list` shows every stage. Nothing was changed.",
            keys=("stage_rules",),
        )
    if not answers.stages and not by_rule:
        raise UsageError(
            "WAG-E-STAGES-001",
            "No stage was chosen",
            next_step="Name stages in the answers file, or see `wallarm-apigw stages list`.",
            keys=("stages",),
        )
    found: list[Stage] = []
    wrong: list[str] = []
    names = {str(stage.ref): stage for stage in inventory.stages}
    for ref in answers.stage_refs:
        stage = names.get(str(ref))
        if stage is not None:
            found.append(stage)
            continue
        near = closest(str(ref), names)
        hint = f" (closest: {', '.join(near)})" if near else ""
        wrong.append(f"{ref}{hint}")
    if wrong:
        raise UsageError(
            "WAG-E-STAGES-003",
            f"{count(len(wrong), 'stage')} not found in {inventory.identity.region}: "
            + "; ".join(wrong),
            why=f"Not everything could be read: {unread}" if unread else "",
            next_step="Correct `stages`; `wallarm-apigw stages list` shows every stage. "
            "Nothing was changed.",
            keys=("stages",),
        )
    named = {stage.ref for stage in found}
    return (*found, *(stage for stage in by_rule if stage.ref not in named))
