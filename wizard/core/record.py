"""The meaning of the journal: a pure fold of its entries into what this deployment did so far.

Every side effect is one action with a `begin` entry before it and a `done` or `failed` entry after
it. A `begin` without an end is in doubt: the process died in between, and the world must be asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from wizard.core.facts import AccessLog, StageRef, StageSettings

# Actions. The part before the dot names the thing that is changed.
RUN = "run"
TOKEN_STORE = "token.store"  # noqa: S105 - the name of an action
TOKEN_DELETE = "token.delete"  # noqa: S105
TERRAFORM_APPLY = "terraform.apply"
TERRAFORM_DESTROY = "terraform.destroy"
ROLE_CREATE = "account-role.create"
ROLE_SET = "account-role.set"
POLICY_PUT = "log-policy.put"
POLICY_RESTORE = "log-policy.restore"
STAGE_SWITCH = "stage.switch"
STAGE_RESTORE = "stage.restore"
REDRIVE = "undelivered.replay"
STATE_BUCKET = "state.bucket"
STATE_MOVE = "state.move"


@dataclass(frozen=True)
class Entry:
    """One line of the journal. `before` and `after` are plain JSON objects without secrets."""

    seq: int
    at: str  # ISO 8601, UTC
    run: str
    flow: str
    action: str
    subject: str
    step: str  # begin | done | failed
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    detail: str = ""


@dataclass(frozen=True)
class StageRecord:
    """A stage this deployment changed.

    `before` is the image from before the first change since the stage was last restored: what
    removal puts back. `after` is what was last written. `in_doubt` means a change began and its end
    was never recorded.
    """

    ref: StageRef
    api_type: str
    before: StageSettings
    after: StageSettings
    mode: str = "ours"  # ours | keep
    log_group: str = ""
    in_doubt: bool = False
    connected: bool = False  # a change of ours is known to have taken effect


@dataclass(frozen=True)
class Record:
    """What the journal says was done, is in doubt, and never ended."""

    stages: dict[StageRef, StageRecord] = field(default_factory=dict)
    token_parameter: str = ""
    role_created: str = ""
    role_set: str = ""
    role_before: str = ""
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # subject → before-image
    applied: bool = False  # a Terraform apply began and nothing was destroyed since
    unfinished: tuple[Entry, ...] = ()
    last_run: str = ""
    last_flow: str = ""
    runs: int = 0

    @property
    def kept_log_groups(self) -> tuple[str, ...]:
        """Log groups of stages that keep their own, which must stay subscribed."""
        names = (s.log_group for s in self.stages.values() if s.mode == "keep" and s.log_group)
        return tuple(sorted(set(names)))


def settings_to_dict(settings: StageSettings) -> dict[str, str]:
    """A stage's settings as the journal writes them."""
    return {
        "destination_arn": settings.access_log.destination_arn,
        "format": settings.access_log.format,
        "logging_level": settings.logging_level,
    }


def settings_from_dict(data: dict[str, Any]) -> StageSettings:
    """The inverse of `settings_to_dict`; missing keys mean "not set"."""
    return StageSettings(
        AccessLog(str(data.get("destination_arn", "")), str(data.get("format", ""))),
        str(data.get("logging_level", "")),
    )


def fold(entries: Iterable[Entry]) -> Record:
    """Replay a journal. Unknown actions are kept as unfinished or ignored, never an error."""
    open_entries: dict[tuple[str, str], Entry] = {}
    record = Record()
    for entry in entries:
        key = (entry.action, entry.subject)
        if entry.step == "begin":
            open_entries[key] = entry
        else:
            open_entries.pop(key, None)
        record = _apply(record, entry)
    return replace(record, unfinished=tuple(open_entries.values()))


def _apply(record: Record, entry: Entry) -> Record:
    done = entry.step == "done"
    if entry.action == RUN:
        runs = record.runs + (entry.step == "begin")
        return replace(record, last_run=entry.run, last_flow=entry.flow, runs=runs)
    if entry.action in (STAGE_SWITCH, STAGE_RESTORE):
        return replace(record, stages=_stages(record.stages, entry))
    # What began may have happened: from then on it is ours to look for and to remove.
    if entry.action == TOKEN_STORE:
        return replace(record, token_parameter=entry.subject)
    if entry.action == TOKEN_DELETE and done:
        return replace(record, token_parameter="")
    if entry.action == TERRAFORM_APPLY:
        return replace(record, applied=True)
    if entry.action == TERRAFORM_DESTROY and done:
        return replace(record, applied=False)
    if entry.action == ROLE_CREATE and done:
        return replace(record, role_created=entry.subject)
    if entry.action == ROLE_SET and done:
        return replace(record, role_set=entry.subject, role_before=str(entry.before.get("arn", "")))
    if entry.action == POLICY_PUT and entry.subject not in record.policies:
        return replace(record, policies={**record.policies, entry.subject: entry.before})
    if entry.action == POLICY_RESTORE and done:
        left = {k: v for k, v in record.policies.items() if k != entry.subject}
        return replace(record, policies=left)
    return record


def _stages(stages: dict[StageRef, StageRecord], entry: Entry) -> dict[StageRef, StageRecord]:
    ref = StageRef.parse(entry.subject)
    known = stages.get(ref)
    if entry.action == STAGE_RESTORE:
        if entry.step == "done":
            return {key: value for key, value in stages.items() if key != ref}
        if known is None:
            return stages
        return {**stages, ref: replace(known, in_doubt=entry.step == "begin")}
    if entry.step == "failed":
        # A change that was refused leaves the stage as it was before this attempt.
        if known is not None and known.connected:
            return {**stages, ref: replace(known, in_doubt=False)}
        return {key: value for key, value in stages.items() if key != ref}
    after = settings_from_dict(entry.after)
    if known is not None:
        if entry.step == "begin":
            return {**stages, ref: replace(known, in_doubt=True)}
        mode, group = _mode(entry, known)
        updated = replace(
            known, after=after, mode=mode, log_group=group, in_doubt=False, connected=True
        )
        return {**stages, ref: updated}
    mode, group = _mode(entry, None)
    fresh = StageRecord(
        ref=ref,
        api_type=str(entry.after.get("api_type", "")),
        before=settings_from_dict(entry.before),
        after=after,
        mode=mode,
        log_group=group,
        in_doubt=entry.step == "begin",
        connected=entry.step == "done",
    )
    return {**stages, ref: fresh}


def _mode(entry: Entry, known: StageRecord | None) -> tuple[str, str]:
    mode = str(entry.after.get("mode", known.mode if known else "ours"))
    group = str(entry.after.get("log_group", known.log_group if known else ""))
    return mode, group
