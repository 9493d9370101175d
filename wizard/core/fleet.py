"""A fleet: many deployments described in one file, each an ordinary one with its own workspace.

    {"schema_version": 2,
     "common": {"wallarm_api_host": "us1.api.wallarm.com", "stage_rules": ["stage:prod"]},
     "targets": [
       {"name": "shop-eu", "profile": "shop", "region": "eu-central-1"},
       {"name": "pay-us", "role_arn": "arn:aws:iam::210987654321:role/wallarm",
        "region": "us-east-1", "answers": {"node_count": 2}}]}

`common` and `answers` hold answers as an answers file does; a target's own win.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core import migrations
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build_answers, load_json
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.facts import StageRef
from wizard.core.stages.lines import LastEvent, silent_stages
from wizard.core.text import clean, closest, count

# Its answers are those of an answers file of the same version, unless they name their own.
SCHEMA_VERSION = 2
KEYS = ("schema_version", "common", "targets")
TARGET_KEYS = ("name", "profile", "role_arn", "account_id", "region", "answers")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_LABEL = 64 - len("-") - 23  # with a dash and a Region behind it, the longest has 14
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/[\w+=,.@/-]+")


@dataclass(frozen=True)
class Target:
    """One deployment of a fleet."""

    name: str
    answers: Answers

    @property
    def account_id(self) -> str:
        """The account as far as the file says it."""
        role = _ROLE.fullmatch(self.answers.role_arn)
        return self.answers.account_id or (role[1] if role else "")

    @property
    def place(self) -> str:
        """Where it is deployed, for a reader."""
        return f"{self.account_id or self.answers.profile or 'this account'}, {self.answers.region}"


@dataclass(frozen=True)
class Fleet:
    """The targets of one file, in its order; their names differ."""

    targets: tuple[Target, ...]

    def only(self, names: Iterable[str]) -> Fleet:
        """The targets of these names; all where none is given.

        Raises UsageError for a name that no target has.
        """
        wanted = tuple(names)
        known = [target.name for target in self.targets]
        for name in wanted:
            if name not in known:
                near = closest(name, known)
                raise UsageError(
                    "WAG-E-FLEET-003",
                    f"The fleet has no target {name!r}",
                    why=f"It has {len(known)}: {', '.join(known[:10])}.",
                    next_step=f"Did you mean {near[0]}?" if near else "Name one of these.",
                )
        return Fleet(tuple(t for t in self.targets if not wanted or t.name in wanted))


def parse_fleet(text: str, source: str) -> Fleet:
    """Read a fleet's file. Raises one UsageError that names everything that is wrong with it."""
    try:
        data = load_json(text)
    except ValueError as error:
        raise _unreadable(source, [str(error)]) from error
    wrong = _shape(data)
    if wrong:
        raise _unreadable(source, wrong)
    version = data.get("schema_version", 1)
    try:
        common = _today(data.get("common", {}), version, f"common of {source}")
    except WizardError as error:
        raise _unreadable(source, [f"common: {error.what}. {error.why}"]) from error
    targets: list[Target] = []
    for number, item in enumerate(data["targets"], start=1):
        try:
            targets.append(_target(item, common, version))
        except WizardError as error:
            wrong.append(f"{_label(item, number)}: {error.what}")
        except ValueError as error:
            wrong.append(f"{_label(item, number)}: {error}")
    wrong += _twice(targets)
    if wrong:
        raise _unreadable(source, wrong)
    return Fleet(tuple(targets))


def as_text(targets: Iterable[Target], common: Mapping[str, Any]) -> str:
    """A fleet's file for these targets; of their answers only where they are is written."""
    return (
        json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "common": dict(common),
                "targets": [
                    {
                        key: value
                        for key, value in (
                            ("name", target.name),
                            ("profile", target.answers.profile),
                            ("role_arn", target.answers.role_arn),
                            ("account_id", target.account_id),
                            ("region", target.answers.region),
                        )
                        if value
                    }
                    for target in targets
                ],
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def labels(accounts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What the targets of each account are called by, before their Region: names as a fleet's file
    may have them, and no two alike.

    Args:
        accounts: (id, name). AWS lets several accounts of an organization have one name.
    """
    known = tuple(accounts)
    short = {
        ident: re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:_MOST_LABEL].strip("-._") or ident
        for ident, name in known
    }
    folded = [label.lower() for label in short.values()]
    return {
        ident: label
        if folded.count(label.lower()) == 1
        else f"{label[: _MOST_LABEL - len(ident) - 1]}-{ident}"
        for ident, label in short.items()
    }


def matrix(fleet: Fleet, file: str, action: str) -> dict[str, list[dict[str, str]]]:
    """The jobs for a CI system's matrix: one target each. States have to be in S3 then.

    Raises UsageError for targets whose state would stay on the runner that is thrown away.
    """
    here = [t.name for t in fleet.targets if not t.answers.state_bucket]
    if here:
        raise UsageError(
            "WAG-E-FLEET-004",
            "The state of some targets would stay on the runner",
            why=f"No state_bucket: {', '.join(here[:10])}.",
            next_step="Set `state_bucket` in `common` or in these targets' answers.",
            keys=("state_bucket",),
        )
    return {
        "include": [
            {
                "target": target.name,
                "account": target.account_id,
                "region": target.answers.region,
                "command": shlex.join(
                    ("wallarm-apigw", "fleet", file, action, "--only", target.name)
                ),
            }
            for target in fleet.targets
        ]
    }


@dataclass(frozen=True)
class Glance:
    """How a target does, in the columns of the fleet's table. Empty where it was not told."""

    state: State
    stages: str = ""
    events: str = ""
    note: str = ""

    @property
    def line(self) -> str:
        """All of it in a line."""
        stages = "" if not self.stages else f"{self.stages} connected"
        events = "" if not self.events else f"{self.events} events in the last hour"
        return ", ".join(part for part in (stages, events, self.note) if part)


def glance(result: Mapping[str, Any], now: float) -> Glance:
    """Read the JSON document of a target's `status`, `doctor`, or of its error.

    The note is the first of what needs somebody: an error, somebody else's deployment, a run that
    did not end, undelivered batches, changed and silent stages. `now` is in epoch seconds.
    """
    if result.get("error"):
        return Glance(State.FAILED, note=_line(result.get("what")))
    if "checks" in result:
        return _checked(result["checks"])
    stages = result.get("stages")
    if "type" in result or not isinstance(stages, list):
        # Another command's document: that it came is all that can be told of it here.
        return Glance(State.DONE if result else State.UNCHECKED)
    silent = silent_stages(
        {StageRef.parse(one["ref"]): _last_event(one) for one in stages if one.get("last_event")},
        {StageRef.parse(one["ref"]): str(one.get("since", "")) for one in stages},
        now,
    )
    changed = sum(1 for one in stages if one.get("same") is False)
    waiting, events = result.get("undelivered") or 0, result.get("events_last_hour")
    worst = [
        (State.FAILED, _line(result.get("standing"))),
        (State.WARNING, _line(next(iter(result.get("unfinished") or ()), ""))),
        (State.WARNING, f"{waiting:,} undelivered" if waiting else ""),
        (State.WARNING, f"{count(changed, 'stage')} changed by somebody else" if changed else ""),
        (State.WARNING, f"{silent[0]} is silent" if len(silent) == 1 else ""),
        (State.WARNING, f"{len(silent):,} stages are silent" if len(silent) > 1 else ""),
        (State.UNCHECKED, "events could not be counted" if events is None else ""),
        (State.DONE, _line(result.get("elsewhere"))),
    ]
    state, note = next(((s, text) for s, text in worst if text), (State.DONE, ""))
    return Glance(state, f"{len(stages):,}", "" if events is None else f"{events:,}", note)


def _checked(checks: Iterable[Mapping[str, Any]]) -> Glance:
    """What the checklist came to: its first failure, or its first warning."""
    for verdict, state in (("failed", State.FAILED), ("warning", State.WARNING)):
        found = [one for one in checks if one.get("verdict") == verdict]
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            return Glance(state, note=_line(f"{found[0]['id']}: {found[0]['evidence']}{more}"))
    return Glance(State.DONE, note="every check that could look is well")


def _last_event(stage: Mapping[str, Any]) -> LastEvent:
    event = stage["last_event"]
    return LastEvent(event.get("at"), event.get("since") or 0.0, str(event.get("problem", "")))


def _line(text: object) -> str:
    return clean(str(text or ""), 300)


def _shape(data: object) -> list[str]:
    """What is wrong with the file before its targets are looked at."""
    if not isinstance(data, dict):
        return ["it must hold one JSON object"]
    wrong = [_unknown(key, KEYS) for key in data if key not in KEYS]
    version = data.get("schema_version", 1)
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        newer = " (a newer wizard wrote it)" if type(version) is int and version > 1 else ""
        wrong.append(
            f"schema_version {version!r} is not one that this version reads, "
            f"1 to {SCHEMA_VERSION}{newer}"
        )
    if not isinstance(data.get("common", {}), dict):
        wrong.append("common must be an object of answers")
    targets = data.get("targets")
    if not isinstance(targets, list) or not targets:
        wrong.append("targets must be a list with at least one target")
    return wrong


def _today(answers: Mapping[str, Any], version: int, source: str) -> dict[str, Any]:
    """These answers as this version has them; the fleet's version counts where they name none."""
    return migrations.migrate_answers({"schema_version": version, **answers}, source)


def _target(item: object, common: Mapping[str, Any], version: int) -> Target:
    """Raises ValueError or WizardError with what is wrong with it."""
    if not isinstance(item, dict):
        raise ValueError("must be an object")
    for key in item:
        if key not in TARGET_KEYS:
            raise ValueError(_unknown(key, TARGET_KEYS))
    own = item.get("answers", {})
    if not isinstance(own, dict):
        raise ValueError("answers must be an object")
    texts = {key: item[key] for key in TARGET_KEYS if key in item and key != "answers"}
    for key, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{key} must be a text")
    name = texts.pop("name", "")
    if not _NAME.fullmatch(name):
        raise ValueError("name must be 1 to 64 letters, digits, dots, dashes and underscores")
    if "region" not in texts and "region" not in own and "region" not in common:
        raise ValueError("region is missing")
    answers = build_answers(common, texts, _today(own, version, f"answers of {name}"))
    of_role = _ROLE.fullmatch(answers.role_arn)
    if of_role and answers.account_id and answers.account_id != of_role[1]:
        raise ValueError(
            f"role_arn is of account {of_role[1]}, account_id says {answers.account_id}"
        )
    return Target(name, answers)


def _twice(targets: Iterable[Target]) -> list[str]:
    """Two targets of one name, or that would be one deployment."""
    wrong: list[str] = []
    names: set[str] = set()
    places: dict[tuple[str, ...], str] = {}
    for target in targets:
        if target.name in names:
            wrong.append(f"{target.name}: there are two targets of this name")
        names.add(target.name)
        answers = target.answers
        who = target.account_id or f"profile {answers.profile}"
        place = (who, answers.region, answers.name_prefix)
        if place in places:
            wrong.append(
                f"{target.name}: {places[place]} is the same deployment "
                f"({who}, {answers.region}, {answers.name_prefix})"
            )
        places.setdefault(place, target.name)
    return wrong


def _label(item: object, number: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return str(name) if isinstance(name, str) and name else f"target {number}"


def _unknown(key: object, known: tuple[str, ...]) -> str:
    near = closest(str(key), known)
    return f"{key} is not a known key" + (f"; did you mean {near[0]}?" if near else "")


def _unreadable(source: str, wrong: list[str]) -> UsageError:
    return UsageError(
        "WAG-E-FLEET-001",
        f"The fleet's file {source} cannot be used",
        why="; ".join(wrong),
        next_step="Correct it, or have one written by `wallarm-apigw fleet discover`. "
        "Nothing was changed.",
    )
