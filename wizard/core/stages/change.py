"""The change to one stage's logging: what it is now and what it becomes.

Pure: works out settings and the requests that produce them; `services.aws.stages` sends them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from wizard.core.facts import AccessLog, ApiType, LogGroup, Stage, StageRef, StageSettings
from wizard.core.stages import log_format
from wizard.core.stages import log_format as access_log
from wizard.core.stages.log_format import LoggingState
from wizard.core.stages.owner import Owner, owner, snippet
from wizard.core.text import count

LEVEL = "INFO"  # "Errors and info logs" in the console
FORWARDERS_GROUPS = "/aws/lambda/wallarm-cw-resend-"
EXECUTION_LOGS = "API-Gateway-Execution-Logs_"


class Mode(str, Enum):
    """What happens to a stage: it logs to our group, keeps its own, or is left alone."""

    OURS = "ours"
    KEEP = "keep"
    SKIP = "skip"


@dataclass(frozen=True)
class StageChange:
    """One stage's change. `before` is the image that removal puts back.

    `reason` says why a stage is skipped; `warnings` are sentences to show before consent; `owner`
    is the tool whose next deploy could put the old logging back.
    """

    ref: StageRef
    api_type: ApiType
    before: StageSettings
    after: StageSettings
    mode: Mode = Mode.OURS
    api_name: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    owner: Owner | None = None

    @property
    def snippet(self) -> str:
        """What the owner puts into their template, ready to copy; empty without an owner."""
        if self.owner is None or not self.changes_anything:
            return ""
        return snippet(self.owner, self.api_type, self.after)

    @property
    def changes_anything(self) -> bool:
        """Whether AWS has to be called at all."""
        return self.mode is not Mode.SKIP and self.before != self.after

    @property
    def log_group(self) -> str:
        """Name of the log group the stage logs to afterwards."""
        return access_log.log_group_name(self.after.access_log.destination_arn)

    def with_destination(self, arn: str) -> StageChange:
        """The same change towards the connector's log group once its ARN is known."""
        if self.mode is not Mode.OURS:
            return self
        log = replace(self.after.access_log, destination_arn=access_log.normal_arn(arn))
        return replace(self, after=replace(self.after, access_log=log))


@dataclass(frozen=True)
class DiffLine:
    """One line of the diff: what is changed, from what, to what."""

    label: str
    before: str
    after: str


def plan_change(
    stage: Stage,
    destination_arn: str,
    existing: str = "keep",
    log_group: LogGroup | None = None,
    execution: str = "info",
) -> StageChange:
    """Work out what connecting a stage would change.

    Args:
        destination_arn: the connector's log group, with or without `:*`.
        existing: what to do when the stage logs elsewhere: `keep`, `switch` or `skip`.
        log_group: the log group the stage logs to today, where it was looked up.
        execution: `info` for errors and info in the execution log, `error` for errors where it is
            off, or `leave` for its level as is.
    """
    change = _plan_change(stage, destination_arn, existing, log_group)
    if execution == "info" or change.mode is not Mode.OURS:
        return change
    off = same_level(change.before.logging_level, "")
    if execution == "error" and off and stage.api.api_type is not ApiType.HTTP:
        return _with_level(stage, change, "ERROR", change.after.method_settings)
    return _with_level(stage, change, change.before.logging_level, change.before.method_settings)


def _with_level(
    stage: Stage, change: StageChange, level: str, method_settings: str | None
) -> StageChange:
    """The same change with another level: access logs need none."""
    after = replace(change.after, logging_level=level, method_settings=method_settings)
    left = replace(change, after=after)
    ours, theirs = _warnings(stage, left), _warnings(stage, change)
    further = tuple(w for w in change.warnings if w not in theirs)
    return replace(left, warnings=(*further, *ours))


def _plan_change(
    stage: Stage, destination_arn: str, existing: str, log_group: LogGroup | None
) -> StageChange:
    now = stage.settings
    state = access_log.compare(now.access_log, destination_arn, stage.api.api_type)
    if not stage.changeable:
        return _skip(stage, "AWS manages this API itself and refuses every change to it.")
    if state is LoggingState.OFF:
        return _ours(stage, destination_arn, access_log.render_format(stage.api.api_type))
    if state in (LoggingState.OURS, LoggingState.OLDER, LoggingState.ALTERED):
        merged = access_log.merge(now.access_log.format, stage.api.api_type)
        if not merged.ok and existing != "switch":
            return _skip(stage, merged.problem)
        rendered = access_log.render_format(stage.api.api_type)
        return _ours(stage, destination_arn, merged.format if merged.ok else rendered)
    if existing == "skip":
        return _skip(stage, f"It logs elsewhere already ({place(now.access_log)}).")
    if existing == "switch":
        change = _ours(stage, destination_arn, access_log.render_format(stage.api.api_type))
        taken = f"Its access log no longer goes to {place(now.access_log)}."
        return replace(change, warnings=(taken, *change.warnings))
    return _keep(stage, log_group)


def diff_lines(change: StageChange) -> tuple[DiffLine, ...]:
    """What a reader must know before consenting; empty when nothing changes."""
    if not change.changes_anything:
        return ()
    old, new = change.before.access_log, change.after.access_log
    lines = []
    if not access_log.same_arn(old.destination_arn, new.destination_arn):
        lines.append(DiffLine("access log", place(old), place(new)))
    if old.format != new.format:
        lines.append(_format_line(change))
    if change.before.logging_level != change.after.logging_level:
        before, after = change.before.logging_level, change.after.logging_level
        lines.append(DiffLine("level", level_words(before), level_words(after)))
    return tuple(lines)


def in_todays_format(settings: StageSettings, api_type: ApiType) -> StageSettings:
    """The same settings, with an older format of the connector moved to the one of today."""
    log = settings.access_log
    if not access_log.is_older(log.format, api_type):
        return settings
    merged = access_log.merge(log.format, api_type)
    return replace(settings, access_log=replace(log, format=merged.format))


def same_log(one: AccessLog, other: AccessLog) -> bool:
    """Whether two access logs are the same, however the ARN is written."""
    return one.format == other.format and access_log.same_arn(
        one.destination_arn, other.destination_arn
    )


def same_level(one: str, other: str) -> bool:
    """Whether two log levels mean the same: never set and OFF do."""
    return (one or "OFF") == (other or "OFF")


def same_settings(one: StageSettings, other: StageSettings) -> bool:
    """Whether two images mean the same."""
    return same_log(one.access_log, other.access_log) and same_level(
        one.logging_level, other.logging_level
    )


def _skip(stage: Stage, reason: str) -> StageChange:
    return StageChange(
        stage.ref,
        stage.api.api_type,
        stage.settings,
        stage.settings,
        Mode.SKIP,
        stage.api.name,
        reason,
    )


def _ours(stage: Stage, destination_arn: str, log_format: str) -> StageChange:
    level = LEVEL if stage.api.api_type is not ApiType.HTTP else ""
    after = StageSettings(AccessLog(access_log.normal_arn(destination_arn), log_format), level)
    now = stage.settings
    if same_log(now.access_log, after.access_log):
        after = replace(after, access_log=now.access_log)
    change = StageChange(stage.ref, stage.api.api_type, now, after, Mode.OURS, stage.api.name)
    return replace(change, warnings=_warnings(stage, change), owner=owner(stage))


def _keep(stage: Stage, log_group: LogGroup | None) -> StageChange:
    log = stage.settings.access_log
    where = place(log)
    if access_log.is_firehose(log.destination_arn):
        return _skip(
            stage,
            f"It logs to {where}, which cannot be subscribed to. Switch it to the connector's log "
            "group (the stream then gets nothing more), or leave it out.",
        )
    if not access_log.log_group_name(log.destination_arn):
        return _skip(stage, f"It logs to {where}, which is not a log group.")
    if log_group is not None and log_group.log_class != "STANDARD":
        return _skip(
            stage,
            f"Its log group {where} is of class {log_group.log_class}; only STANDARD log groups "
            "can have a subscription filter. Switch it to the connector's log group instead.",
        )
    if access_log.log_group_name(log.destination_arn).startswith(FORWARDERS_GROUPS):
        return _skip(
            stage,
            f"It logs to {where}, where a forwarder writes what it says about each batch: reading "
            "that, it would never end. Switch it to the connector's log group instead.",
        )
    merged = access_log.merge(log.format, stage.api.api_type)
    if not merged.ok:
        return _skip(stage, merged.problem)
    after = stage.settings
    if merged.added:
        after = replace(after, access_log=replace(log, format=merged.format))
    change = StageChange(
        stage.ref, stage.api.api_type, stage.settings, after, Mode.KEEP, stage.api.name
    )
    return replace(change, warnings=_warnings(stage, change), owner=owner(stage))


def _warnings(stage: Stage, change: StageChange) -> tuple[str, ...]:
    found = []
    who = owner(stage)
    if who is not None and change.changes_anything:
        found.append(
            f"{who} deploys this stage; its next deploy can put the old logging back. "
            "Put the snippet into its template."
        )
    if stage.managed and change.changes_anything:
        found.append(
            "AWS manages this stage (quick create). Whether it lets its access log be set is tried "
            "when it is its turn; if it refuses, AWS's answer is shown and nothing is changed."
        )
    if stage.has_canary:
        found.append("Requests that go to its canary are logged to <log group>/Canary instead.")
    if change.mode is Mode.KEEP:
        found += _warnings_of_lines(change)
    if stage.api.api_type is ApiType.WEBSOCKET:
        found.append("WebSocket events have no method and no path: they are counted, not sent on.")
    if change.mode is Mode.OURS and not same_level(
        change.before.logging_level, change.after.logging_level
    ):
        errors = change.after.logging_level == "ERROR"
        lines = "a few lines for each request that fails" if errors else "many for each request"
        found.append(
            f"{'Error' if errors else 'Errors and info'} logs go to API-Gateway-Execution-Logs_"
            f"{stage.api.api_id}/{stage.name}, which CloudWatch bills: {lines}."
        )
    return tuple(found)


def _warnings_of_lines(change: StageChange) -> list[str]:
    """What will be malformed among the lines of a stage that keeps its own log group."""
    found = [
        f"{reason} The forwarder reads its own fields all the same."
        for reason in access_log.broken_lines(change.before.access_log.format)
    ]
    group = access_log.log_group_name(change.before.access_log.destination_arn)
    if group.startswith(EXECUTION_LOGS):
        found.append(
            f"{group} holds API Gateway's execution logs as well: each of those lines is handed to "
            "the forwarder too, which counts it as malformed. Better switch the stage to the "
            "connector's log group."
        )
    return found


def place(log: AccessLog) -> str:
    """Where an access log goes, in a reader's words."""
    if not log.enabled:
        return "off"
    arn = log.destination_arn
    if access_log.is_firehose(arn):
        return f"Firehose {arn.rpartition('/')[2]}"
    return access_log.log_group_name(arn) or arn


def level_words(level: str) -> str:
    """A log level in a reader's words."""
    words = {"": "off", "OFF": "off", "ERROR": "errors only", "INFO": "errors and info"}
    return words.get(level, level)


def _format_line(change: StageChange) -> DiffLine:
    old, new = change.before.access_log.format, change.after.access_log.format
    merged = access_log.merge(old, change.api_type)
    before = access_log.kind(old).value
    if old and merged.ok and merged.format == new:
        if merged.moved:
            return DiffLine(
                "format",
                f"{before}, older order",
                "what AWS writes first, behind a marker: no client can forge it there",
            )
        return DiffLine(
            "format",
            before,
            f"{count(len(merged.added), 'field')} added in front: {', '.join(merged.added)}",
        )
    total = count(len(access_log.fields(change.api_type)), "field")
    return DiffLine("format", before, f"JSON with {total}")


class UndoAction(str, Enum):
    """What putting a stage back comes to."""

    RESTORE = "restore"
    ASK = "ask"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Undo:
    """How to put a stage back: `target` are the settings to write; `reason` is for the reader."""

    action: UndoAction
    target: StageSettings
    reason: str = ""


def undo(before: StageSettings, after: StageSettings, live: StageSettings) -> Undo:
    """Decide how to take a change back, given what is live now.

    The access log and the level are judged apart: each is put back where it is still what we wrote.
    A level that somebody changed since is left alone; an access log that somebody changed since is
    theirs, and a person must say whether the old one replaces it.
    """
    level, entry = live.logging_level, live.method_settings
    if not same_level(after.logging_level, before.logging_level) and same_level(
        live.logging_level, after.logging_level
    ):
        level, entry = before.logging_level, before.method_settings
    back = StageSettings(before.access_log, level, entry)
    if same_log(live.access_log, before.access_log):
        if same_level(level, live.logging_level):
            return Undo(UndoAction.NOTHING, live, "It is as it was before.")
        return Undo(UndoAction.RESTORE, StageSettings(live.access_log, level, entry))
    if same_log(live.access_log, after.access_log):
        kept = ""
        if not same_level(live.logging_level, after.logging_level):
            kept = "Its log level was changed since and stays."
        return Undo(UndoAction.RESTORE, back, kept)
    return Undo(
        UndoAction.ASK,
        back,
        "Its access log was changed by somebody else since: it now goes to "
        f"{place(live.access_log)}.",
    )


def undo_lines(live: StageSettings, target: StageSettings) -> tuple[DiffLine, ...]:
    """What putting a stage back changes of what it has now; empty when nothing."""
    old, new = live.access_log, target.access_log
    lines = []
    if not access_log.same_arn(old.destination_arn, new.destination_arn):
        lines.append(DiffLine("access log", place(old), place(new)))
    if old.format != new.format:
        lines.append(DiffLine("format", *(access_log.kind(log.format).value for log in (old, new))))
    if not same_level(live.logging_level, target.logging_level):
        levels = (live.logging_level, target.logging_level)
        lines.append(DiffLine("level", *map(level_words, levels)))
    return tuple(lines)


def drift(before: StageSettings, ours: StageSettings, live: StageSettings) -> str:
    """What somebody changed since a stage was connected; empty when it is as it was left.

    Args:
        before: what removal would put back.
        ours: what was written.
    """
    if same_settings(live, ours):
        return ""
    if same_log(live.access_log, ours.access_log):
        return f"its log level is {level_words(live.logging_level)} now"
    if same_log(live.access_log, before.access_log):
        if not live.access_log.enabled:
            return "its access log was switched off, as it was before"
        return f"the old logging is back: it goes to {place(live.access_log)}"
    if not live.access_log.enabled:
        return "its access log was switched off"
    if not log_format.same_arn(live.access_log.destination_arn, ours.access_log.destination_arn):
        return f"its access log goes to {place(live.access_log)} now"
    return "its log format was altered"
