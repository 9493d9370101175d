"""How a change is taken back, and what somebody changed since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizard.core.facts import AccessLog, ApiType, StageSettings
from wizard.core.stages.change import UndoAction, drift, undo, undo_lines
from wizard.core.stages.log_format import render_format

ARN = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/apigateway/wallarm-api-discovery-1"
THEIRS = "arn:aws:logs:eu-central-1:123456789012:log-group:theirs"
STREAM = "arn:aws:firehose:eu-central-1:123456789012:deliverystream/amazon-apigateway-siem"
JSON = '{"requestId":"$context.requestId","who":"$context.identity.caller"}'
CLF = '$context.identity.sourceIp [$context.requestTime] "$context.requestId"'
OFF = StageSettings()


def logging(arn: str, log_format: str = JSON, level: str = "") -> StageSettings:
    return StageSettings(AccessLog(arn, log_format), level)


# before, what we wrote, what is there now → what happens, and what is written
WRITTEN = logging(ARN, render_format(ApiType.REST), "INFO")
UNDO = {
    "still ours": (OFF, WRITTEN, WRITTEN, UndoAction.RESTORE, OFF),
    "put back already": (OFF, WRITTEN, OFF, UndoAction.NOTHING, OFF),
    "OFF and never set mean the same": (
        OFF,
        WRITTEN,
        StageSettings(AccessLog(), "OFF"),
        UndoAction.NOTHING,
        StageSettings(AccessLog(), "OFF"),
    ),
    "only the level is left": (
        OFF,
        WRITTEN,
        StageSettings(AccessLog(), "INFO"),
        UndoAction.RESTORE,
        OFF,
    ),
    "another destination": (OFF, WRITTEN, logging(THEIRS, level="INFO"), UndoAction.ASK, OFF),
    "another format": (OFF, WRITTEN, logging(ARN, JSON, "INFO"), UndoAction.ASK, OFF),
    "switched off, was theirs": (
        logging(THEIRS),
        WRITTEN,
        StageSettings(AccessLog(), "INFO"),
        UndoAction.ASK,
        logging(THEIRS),
    ),
    "theirs comes back": (
        logging(THEIRS, level="ERROR"),
        WRITTEN,
        WRITTEN,
        UndoAction.RESTORE,
        logging(THEIRS, level="ERROR"),
    ),
    "a level chosen since stays": (
        OFF,
        WRITTEN,
        replace(WRITTEN, logging_level="ERROR"),
        UndoAction.RESTORE,
        StageSettings(AccessLog(), "ERROR"),
    ),
    "a level we never changed stays": (
        logging(THEIRS, level="INFO"),
        logging(THEIRS, JSON + " ", "INFO"),
        logging(THEIRS, JSON + " ", "INFO"),
        UndoAction.RESTORE,
        logging(THEIRS, level="INFO"),
    ),
}


@pytest.mark.parametrize("case", UNDO.values(), ids=UNDO.keys())
def test_taking_back(
    case: tuple[StageSettings, StageSettings, StageSettings, UndoAction, StageSettings],
) -> None:
    before, after, live, action, target = case
    decided = undo(before, after, live)
    assert decided.action is action
    assert decided.target == target


@pytest.mark.parametrize(
    ("before", "ours", "live", "said"),
    [
        (OFF, logging(ARN, level="INFO"), logging(ARN, level="INFO"), ""),
        (OFF, logging(ARN), logging(ARN + ":*"), ""),
        (OFF, logging(ARN, level="INFO"), OFF, "switched off, as it was before"),
        (logging(THEIRS), logging(ARN), logging(THEIRS), "old logging is back: it goes to theirs"),
        (logging(THEIRS), logging(ARN), OFF, "its access log was switched off"),
        (OFF, logging(ARN), logging(STREAM), "goes to Firehose amazon-apigateway-siem now"),
        (OFF, logging(ARN), logging(ARN, CLF), "its log format was altered"),
        (OFF, logging(ARN, level="INFO"), logging(ARN), "its log level is off now"),
    ],
)
def test_what_somebody_changed_since_is_said(
    before: StageSettings, ours: StageSettings, live: StageSettings, said: str
) -> None:
    found = drift(before, ours, live)
    assert said in found
    assert bool(found) is bool(said)


@pytest.mark.parametrize(
    ("live", "target", "lines"),
    [
        (WRITTEN, OFF, [("access log", "/aws/apigateway/wallarm-api-discovery-1", "off"),
                        ("format", "JSON", "none"), ("level", "errors and info", "off")]),
        (WRITTEN, logging(ARN, CLF, "INFO"), [("format", "JSON", "CLF")]),
        (WRITTEN, logging(f"{ARN}:*", WRITTEN.access_log.format, "ERROR"),
         [("level", "errors and info", "errors only")]),
        (logging(THEIRS), logging(STREAM),
         [("access log", "theirs", "Firehose amazon-apigateway-siem")]),
        (OFF, StageSettings(AccessLog(), "OFF"), []),
        (WRITTEN, WRITTEN, []),
    ],
)  # fmt: skip
def test_what_putting_back_changes_is_told_setting_by_setting(
    live: StageSettings, target: StageSettings, lines: list[tuple[str, str, str]]
) -> None:
    assert [(one.label, one.before, one.after) for one in undo_lines(live, target)] == lines
