"""How a stage's change is taken back, and what somebody changed since. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wizard.core.facts import StageSettings
from wizard.core.stages import log_format
from wizard.core.stages.change import level_words, place, same_level, same_log, same_settings


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
    level = live.logging_level
    if not same_level(after.logging_level, before.logging_level) and same_level(
        live.logging_level, after.logging_level
    ):
        level = before.logging_level
    back = StageSettings(before.access_log, level)
    if same_log(live.access_log, before.access_log):
        if same_level(level, live.logging_level):
            return Undo(UndoAction.NOTHING, live, "It is as it was before.")
        return Undo(UndoAction.RESTORE, StageSettings(live.access_log, level))
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
