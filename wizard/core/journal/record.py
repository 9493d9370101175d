"""The meaning of the journal: a pure fold of its entries into what this deployment did so far.

Every side effect is one action with a `begin` entry before it and a `done` or `failed` entry after
it. A `begin` without an end is in doubt: the process died in between, and the world must be asked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from wizard.core.facts import AccessLog, StageRef, StageSettings
from wizard.core.installation import Installation
from wizard.core.stages import log_format
from wizard.core.stages.change import same_level, same_log

# Actions. The part before the dot names the thing that is changed.
RUN = "run"
TOKEN_STORE = "token.store"  # noqa: S105 - the name of an action
TOKEN_DELETE = "token.delete"  # noqa: S105
TERRAFORM_APPLY = "terraform.apply"
TERRAFORM_DESTROY = "terraform.destroy"
ROLE_CREATE = "account-role.create"
ROLE_SET = "account-role.set"
ROLE_DELETE = "account-role.delete"
POLICY_PUT = "log-policy.put"
POLICY_RESTORE = "log-policy.restore"
STAGE_SWITCH = "stage.switch"
STAGE_RESTORE = "stage.restore"
LOGS_KEEP = "log-data.keep"
LOGS_DELETE = "log-data.delete"
REDRIVE = "undelivered.replay"
STATE_BUCKET = "state.bucket"
STATE_MOVE = "state.move"
INSTALLATION_MAKE = "installation.make"
INSTALLATION_CLAIM = "installation.claim"
INSTALLATION_RELEASE = "installation.release"
INSTALLATION_LOST = "installation.lost"  # another one took it over; written by that one


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

    `before` is what the owner had last: the image from before the first change since the stage was
    last restored, or what they set themselves in between. Removal puts it back. `after` is what was
    last written. `in_doubt` means a change began and its end was never recorded.
    """

    ref: StageRef
    api_type: str
    before: StageSettings
    after: StageSettings
    mode: str = "ours"  # ours | keep
    log_group: str = ""
    in_doubt: bool = False
    connected: bool = False  # a change of ours is known to have taken effect
    attempts: tuple[StageSettings, ...] = ()  # written by changes whose end is not known
    unsettled: bool = False  # the change in doubt began while an earlier one was
    since: str = field(default="", compare=False)  # when it was connected (ISO 8601, UTC)
    api_name: str = ""  # as it was when it was connected; empty where nobody noted it

    @property
    def label(self) -> str:
        """Which stage, for a reader."""
        return self.ref.label(self.api_name)

    def wrote(self, live: StageSettings) -> StageSettings | None:
        """The image of ours whose access log is live now; None when it is somebody else's."""
        ours = (self.after, *reversed(self.attempts))
        return next((one for one in ours if same_log(one.access_log, live.access_log)), None)


@dataclass(frozen=True)
class Record:
    """What the journal says was done, is in doubt, and never ended."""

    stages: dict[StageRef, StageRecord] = field(default_factory=dict)
    token_parameter: str = ""
    role_created: str = ""
    role_set: str = ""
    role_before: str = ""
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)  # subject → before-image
    policies_tried: frozenset[str] = frozenset()  # of these the end is not known
    kept_logs: frozenset[str] = frozenset()  # log groups a removal left where they are
    applied: bool = False  # a Terraform apply began and nothing was destroyed since
    installation: Installation | None = None  # whose id everything made from here carries
    taken_over: str | None = None  # id of the installation that it takes over, if it does
    lost: Installation | None = None  # who took it over from this one, if somebody did
    unfinished: tuple[Entry, ...] = ()
    runs: int = 0

    @property
    def kept_log_groups(self) -> tuple[str, ...]:
        """Log groups of stages that keep their own, which must stay subscribed."""
        return self.kept_without(())

    def kept_without(self, leaving: Collection[StageRef]) -> tuple[str, ...]:
        """The same once these stages are disconnected."""
        staying = (s for ref, s in self.stages.items() if ref not in leaving)
        return tuple(sorted({s.log_group for s in staying if s.mode == "keep" and s.log_group}))

    def restored(self, ref: StageRef, entries: Iterable[Entry]) -> bool:
        """Whether this stage was connected once and is put back."""
        done = (e for e in entries if e.action == STAGE_RESTORE and e.step == "done")
        return ref not in self.stages and any(e.subject == str(ref) for e in done)


def settings_to_dict(settings: StageSettings) -> dict[str, str]:
    """A stage's settings as the journal writes them."""
    entry = settings.method_settings
    return {
        "destination_arn": settings.access_log.destination_arn,
        "format": settings.access_log.format,
        "logging_level": settings.logging_level,
        **({} if entry is None else {"method_settings": entry}),
    }


def settings_from_dict(data: dict[str, Any]) -> StageSettings:
    """The inverse of `settings_to_dict`; missing keys mean "not set"."""
    entry = data.get("method_settings")
    return StageSettings(
        AccessLog(str(data.get("destination_arn", "")), str(data.get("format", ""))),
        str(data.get("logging_level", "")),
        None if entry is None else str(entry),
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
        return replace(record, runs=runs)
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
    if entry.action == ROLE_DELETE and done:
        return replace(record, role_created="")
    if entry.action == ROLE_SET and done:
        return replace(record, role_set=entry.subject, role_before=str(entry.before.get("arn", "")))
    if entry.action == INSTALLATION_MAKE:
        made = Installation(
            entry.subject, str(entry.after.get("by", "")), str(entry.after.get("at", ""))
        )
        over = entry.after.get("takes_over")
        taken = None if over is None else str(over)
        return replace(record, installation=made, taken_over=taken, lost=None)
    if entry.action == INSTALLATION_LOST:
        return replace(record, lost=Installation.parse(json.dumps(entry.after)))
    if entry.action == INSTALLATION_RELEASE and done:
        return replace(record, installation=None, taken_over=None)
    if entry.action in (POLICY_PUT, POLICY_RESTORE):
        return _policies(record, entry)
    if entry.action == LOGS_KEEP:
        return replace(record, kept_logs=record.kept_logs | {entry.subject})
    if entry.action == LOGS_DELETE and done:
        return replace(record, kept_logs=record.kept_logs - {entry.subject})
    return record


def _policies(record: Record, entry: Entry) -> Record:
    group, known = entry.subject, dict(record.policies)
    tried = group in record.policies_tried
    if entry.action == POLICY_RESTORE:
        if entry.step != "done":
            return record
        known.pop(group, None)
    elif entry.step == "failed":
        if tried:
            known.pop(group, None)
    elif group not in known or tried:
        # Had an earlier try taken effect, there would have been no reason for another one.
        known[group] = entry.before
        if entry.step == "begin":
            return replace(record, policies=known, policies_tried=record.policies_tried | {group})
    settled = record.policies_tried - {group}
    return replace(record, policies=known, policies_tried=settled)


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
        if known is not None and (known.connected or known.unsettled):
            attempts = known.attempts[:-1]
            return {
                **stages,
                ref: replace(
                    known, attempts=attempts, in_doubt=known.unsettled, unsettled=len(attempts) > 1
                ),
            }
        return {key: value for key, value in stages.items() if key != ref}
    after = settings_from_dict(entry.after)
    if known is not None:
        if entry.step == "begin":
            begun = replace(
                known,
                in_doubt=True,
                unsettled=known.in_doubt,
                attempts=(*known.attempts, after),
            )
            return {**stages, ref: begun}
        mode, group = _mode(entry, known)
        updated = replace(
            known,
            before=_owners(known, settings_from_dict(entry.before)),
            after=after,
            mode=mode,
            log_group=group,
            in_doubt=False,
            connected=True,
            attempts=(),
            unsettled=False,
            api_name=str(entry.after.get("api_name", known.api_name)),
        )
        return {**stages, ref: updated}
    mode, group = _mode(entry, None)
    begun = StageRecord(
        ref=ref,
        api_type=str(entry.after.get("api_type", "")),
        before=settings_from_dict(entry.before),
        after=after,
        mode=mode,
        log_group=group,
        in_doubt=entry.step == "begin",
        connected=entry.step == "done",
        attempts=(after,) if entry.step == "begin" else (),
        since=entry.at,
        api_name=str(entry.after.get("api_name", "")),
    )
    return {**stages, ref: begun}


def _owners(known: StageRecord, found: StageSettings) -> StageSettings:
    """What the owner had last, given what a further change found."""
    log, level = known.before.access_log, known.before.logging_level
    entry = known.before.method_settings
    in_our_group = known.mode == "ours" and log_format.same_arn(
        found.access_log.destination_arn, known.after.access_log.destination_arn
    )
    # A format that somebody altered in our own log group is nothing they could go back to.
    if known.wrote(found) is None and not in_our_group:
        log = found.access_log
    if not any(
        same_level(one.logging_level, found.logging_level) for one in (known.after, *known.attempts)
    ):
        level, entry = found.logging_level, found.method_settings
    return StageSettings(log, level, entry)


def _mode(entry: Entry, known: StageRecord | None) -> tuple[str, str]:
    mode = str(entry.after.get("mode", known.mode if known else "ours"))
    group = str(entry.after.get("log_group", known.log_group if known else ""))
    return mode, group
