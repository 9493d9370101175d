"""Reads, changes and puts back one stage's logging on AWS, and always knows how it ended.

A change is made only when the stage still is as it was shown, and it counts only when reading it
back shows it. Recording is the caller's: every function takes and returns plain images.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.facts import ApiType, StageRef, StageSettings
from wizard.core.stages import change as rules
from wizard.core.stages.change import Mode, StageChange, UndoAction, same_level, same_log, undo
from wizard.services.aws import log_delivery
from wizard.services.aws.errors import (
    code_of,
    explain,
    is_not_found,
    message_of,
    never_sent,
    no_answer,
)
from wizard.services.aws.items import LiveStage, from_rest, from_v2

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


_DENIED = frozenset(("AccessDeniedException", "UnauthorizedException", "BadRequestException"))
ROLE_MISSING = "CloudWatch Logs role ARN must be set"


def refused(error: Exception, ref: StageRef, doing: str, profile: str) -> WizardError:
    """The WizardError for what API Gateway answered to a request about a stage."""
    words = message_of(error)
    if is_not_found(error):
        return WizardError(
            "WAG-E-STAGES-012",
            f"{ref} does not exist any more",
            why=words,
            next_step="Load the stages again. Nothing was changed.",
        )
    if ROLE_MISSING in words:
        return WizardError(
            "WAG-E-STAGES-013",
            f"{ref} was not changed: the account has no CloudWatch role for API Gateway",
            why=words,
            next_step="Let the wizard set the role (asked for, recorded), or set it in the API "
            "Gateway console under Settings.",
        )
    if (code_of(error) in _DENIED and "logs:" in words) or "Insufficient permissions" in words:
        return WizardError(
            "WAG-E-STAGES-019",
            f"{ref} was not changed: these credentials may not set up log delivery",
            why=words,
            next_step="HTTP APIs need logs:CreateLogDelivery, logs:GetLogDelivery, "
            "logs:UpdateLogDelivery, logs:ListLogDeliveries, logs:DeleteLogDelivery, "
            "logs:PutResourcePolicy, logs:DescribeResourcePolicies and logs:DescribeLogGroups; "
            "`wallarm-apigw iam-policy` prints them.",
        )
    if code_of(error) == "BadRequestException" and "log" in words.lower():
        return WizardError(
            "WAG-E-STAGES-017",
            f"{ref} was not changed: AWS refuses the access log",
            why=words,
            next_step="Check that the log group exists in this Region and that the format is valid "
            "for this API type.",
        )
    if code_of(error) == "ConflictException":
        return WizardError(
            "WAG-E-STAGES-018",
            f"{ref} was not changed: something else changes it right now",
            why=words,
            next_step="Run the same command again in a minute.",
        )
    return explain(error, doing, profile)


# What AWS fills in when `/*/*` is created by setting nothing but a log level. Throttling is filled
# in from the account's limits.
_METHOD_DEFAULTS: Mapping[str, object] = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def rest_patch(
    live: StageSettings,
    target: StageSettings,
    method_setting: Mapping[str, Any] | None = None,
    throttle: Mapping[str, Any] | None = None,
    written: str | None = None,
) -> list[dict[str, str]]:
    """The `patchOperations` of REST `UpdateStage` that turn `live` into `target`; one request.

    Args:
        method_setting: the live `methodSettings["*/*"]`. Where there was no such entry before
            (`target.method_settings` is empty) and it still is what was read back after our change,
            the whole entry is removed, which leaves the stage exactly as it was; otherwise the
            level becomes OFF.
        written: that entry as it was read back then; None where the journal does not say. Then it
            has to hold nothing but our level.
        throttle: the account's `throttleSettings` (`burstLimit`, `rateLimit`); an entry whose
            throttling differs from them holds a limit that somebody chose.
    `dataTrace` is never touched.
    """
    ops: list[dict[str, str]] = []
    if not same_log(live.access_log, target.access_log):
        if target.access_log.enabled:
            ops += [
                _replace("/accessLogSettings/destinationArn", target.access_log.destination_arn),
                _replace("/accessLogSettings/format", target.access_log.format),
            ]
        else:
            ops.append({"op": "remove", "path": "/accessLogSettings"})
    if live.logging_level != target.logging_level:
        if target.logging_level:
            ops.append(_replace("/*/*/logging/loglevel", target.logging_level))
        elif _all_ours(method_setting or {}, throttle or {}, target.method_settings, written):
            ops.append({"op": "remove", "path": "/*/*"})
        elif not same_level(live.logging_level, ""):
            ops.append(_replace("/*/*/logging/loglevel", "OFF"))
    return ops


@dataclass(frozen=True)
class V2Requests:
    """What API Gateway v2 is asked: `update` are keyword arguments of `UpdateStage` (empty: no such
    call); `delete_log` means `DeleteAccessLogSettings`."""

    update: dict[str, Any]
    delete_log: bool = False


def v2_requests(
    api_type: ApiType,
    live: StageSettings,
    target: StageSettings,
    route_settings: Mapping[str, Any] | None = None,
) -> V2Requests:
    """The requests that turn `live` into `target` on an HTTP or WebSocket stage.

    Args:
        route_settings: the live `DefaultRouteSettings`. They are sent back as they are with the
            level changed, because it is undocumented whether members that are left out are kept.
    """
    update: dict[str, Any] = {}
    delete_log = False
    if not same_log(live.access_log, target.access_log):
        if target.access_log.enabled:
            update["AccessLogSettings"] = {
                "DestinationArn": target.access_log.destination_arn,
                "Format": target.access_log.format,
            }
        else:
            delete_log = True
    if api_type is ApiType.WEBSOCKET and live.logging_level != target.logging_level:
        settings = {k: v for k, v in (route_settings or {}).items() if k != "LoggingLevel"}
        if target.logging_level:
            settings["LoggingLevel"] = target.logging_level
        update["DefaultRouteSettings"] = settings
    return V2Requests(update, delete_log)


def _replace(path: str, value: str) -> dict[str, str]:
    return {"op": "replace", "path": path, "value": value}


def _all_ours(
    entry: Mapping[str, Any], throttle: Mapping[str, Any], before: str | None, written: str | None
) -> bool:
    """Whether the whole entry came with our change of the level.

    Args:
        before, written: the entry before and after it, as `StageSettings.method_settings`.
    """
    if before:
        return False
    if before is not None and written:
        return bool(dict(entry) == json.loads(written))
    return _only_our_level(entry, throttle)


def _only_our_level(entry: Mapping[str, Any], throttle: Mapping[str, Any]) -> bool:
    limits = {
        "throttlingBurstLimit": throttle.get("burstLimit"),
        "throttlingRateLimit": throttle.get("rateLimit"),
    }
    chosen = any(key in entry and entry[key] != limit for key, limit in limits.items())
    return not chosen and all(
        entry.get(key, default) == default for key, default in _METHOD_DEFAULTS.items()
    )


READ_BACK_SECONDS = 5.0


class Result(str, Enum):
    """What became of a stage."""

    CHANGED = "changed"
    UNCHANGED = "already so"
    RESTORED = "restored"
    ASK = "changed by somebody else"
    GONE = "does not exist any more"


@dataclass(frozen=True)
class Outcome:
    """The result, the settings as read back, and a sentence for the reader where there is one."""

    ref: StageRef
    result: Result
    settings: StageSettings
    note: str = ""


def read_stage(session: Session, ref: StageRef, api_type: ApiType) -> LiveStage:
    """The stage as it is now. Raises WizardError (WAG-E-STAGES-012 when it is gone)."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if api_type is ApiType.REST:
            answer: Any = session.client("apigateway").get_stage(
                restApiId=ref.api_id, stageName=ref.stage
            )
            return from_rest(answer)
        answer = session.client("apigatewayv2").get_stage(ApiId=ref.api_id, StageName=ref.stage)
        return from_v2(answer, api_type)
    except (BotoCoreError, ClientError) as error:
        raise refused(error, ref, f"Reading the stage {ref}", session.login_profile) from error


def read_settings(session: Session, ref: StageRef, api_type: ApiType) -> StageSettings:
    """The part of the stage this product may change."""
    return read_stage(session, ref, api_type).settings


def apply_change(session: Session, change: StageChange) -> Outcome:
    """Make one change.

    Raises WizardError: WAG-E-STAGES-011 when the stage is no longer as it was shown, 012 when it is
    gone, 013 when the account's CloudWatch role is missing, and with `in_doubt` when neither the
    change nor reading it back was answered.
    """
    if change.mode is Mode.SKIP:
        return Outcome(change.ref, Result.UNCHANGED, change.before, change.reason)
    live = read_stage(session, change.ref, change.api_type)
    if rules.same_settings(live.settings, change.after):
        return Outcome(change.ref, Result.UNCHANGED, live.settings)
    if not rules.same_settings(live.settings, change.before):
        raise WizardError(
            "WAG-E-STAGES-011",
            f"{change.ref} was changed by somebody else in the meantime; it is left as it is",
            why=_difference(change.before, live.settings),
            next_step="Try again: the new difference is shown before anything is changed.",
        )
    settings = _write(session, change.ref, change.api_type, live, change.after)
    return Outcome(change.ref, Result.CHANGED, settings)


def restore_stage(
    session: Session,
    ref: StageRef,
    api_type: ApiType,
    before: StageSettings,
    after: StageSettings,
    *,
    attempts: tuple[StageSettings, ...] = (),
    force: bool = False,
) -> Outcome:
    """Put a stage back as it was before, where its logging is still ours.

    Args:
        before, after: the images the journal holds.
        attempts: what interrupted changes may have written since; it is ours, too.
        force: a person said so: put it back although somebody else changed the access log since.
    Returns Result.ASK, with nothing done, when a person must decide; Result.GONE for a stage or API
    that was deleted.
    """
    try:
        live = read_stage(session, ref, api_type)
    except WizardError as error:
        if error.code == "WAG-E-STAGES-012":
            return Outcome(ref, Result.GONE, StageSettings(), "There is nothing to put back.")
        raise
    ours = (after, *reversed(attempts))
    written = next(
        (o for o in ours if rules.same_log(o.access_log, live.settings.access_log)), after
    )
    decision = undo(before, written, live.settings)
    if decision.action is UndoAction.NOTHING:
        return Outcome(ref, Result.UNCHANGED, live.settings, decision.reason)
    if decision.action is UndoAction.ASK and not force:
        return Outcome(ref, Result.ASK, live.settings, decision.reason)
    settings = _write(session, ref, api_type, live, decision.target, written.method_settings)
    notes = ["" if force else decision.reason, _what_stays(decision.target, settings)]
    return Outcome(ref, Result.RESTORED, settings, " ".join(filter(None, notes)))


def _what_stays(target: StageSettings, settings: StageSettings) -> str:
    """What of the method settings could not be put back, in words."""
    if target.logging_level or not settings.method_settings or target.method_settings:
        return ""
    return (
        "Its method settings have an entry for all methods (*/*) now, which stays with the level "
        "off: it holds other settings too, and somebody may have chosen them."
    )


def _write(
    session: Session,
    ref: StageRef,
    api_type: ApiType,
    live: LiveStage,
    target: StageSettings,
    written: str | None = None,
) -> StageSettings:
    from botocore.exceptions import BotoCoreError, ClientError

    send = _sender(session, ref, api_type, live, target, written)
    try:
        send()
    except (BotoCoreError, ClientError) as error:
        if not no_answer(error) or never_sent(error):
            raise _refused_change(session, error, ref, live) from error
        return _after_silence(session, ref, api_type, live, target, error)
    return _read_back(session, ref, api_type, target)


def _refused_change(
    session: Session, error: Exception, ref: StageRef, live: LiveStage
) -> WizardError:
    """What AWS answered to a change, with what only the account can tell about it."""
    words = message_of(error)
    if live.managed and code_of(error):
        return WizardError(
            "WAG-E-STAGES-022",
            f"{ref} was not changed: AWS manages this stage (quick create) and refuses",
            why=f"{code_of(error)}: {words}",
            next_step="Set its access log in the API Gateway console, or in CloudFormation with "
            "AWS::ApiGatewayV2::ApiGatewayManagedOverrides; then connect it with its log group "
            "kept. Or make a stage of your own for the API. A repetition does not fix it.",
        )
    if log_delivery.may_be_full(words):
        full = log_delivery.explain_full(session, f"{ref} was not changed", words)
        if full is not None:
            return full
    return refused(error, ref, f"Changing {ref}", session.login_profile)


def _sender(
    session: Session,
    ref: StageRef,
    api_type: ApiType,
    live: LiveStage,
    target: StageSettings,
    written: str | None = None,
) -> Callable[[], None]:
    if api_type is ApiType.REST:
        return lambda: _send_rest(session, ref, live, target, written)
    requests = v2_requests(api_type, live.settings, target, live.route_settings)
    return lambda: _send_v2(session, ref, api_type, requests, target)


def _send_rest(
    session: Session,
    ref: StageRef,
    live: LiveStage,
    target: StageSettings,
    written: str | None = None,
) -> None:
    client = session.client("apigateway")
    throttle: dict[str, Any] = {}
    if live.settings.logging_level and not target.logging_level:
        throttle = dict(client.get_account().get("throttleSettings") or {})
    operations: Any = rest_patch(live.settings, target, live.method_setting, throttle, written)
    if operations:
        client.update_stage(restApiId=ref.api_id, stageName=ref.stage, patchOperations=operations)


def _send_v2(
    session: Session,
    ref: StageRef,
    api_type: ApiType,
    requests: V2Requests,
    target: StageSettings,
) -> None:
    client = session.client("apigatewayv2")
    if requests.update:
        client.update_stage(ApiId=ref.api_id, StageName=ref.stage, **requests.update)
    if requests.delete_log:
        client.delete_access_log_settings(ApiId=ref.api_id, StageName=ref.stage)
    if "DefaultRouteSettings" in requests.update and not target.logging_level:
        # Leaving the level out unsets it where the settings are replaced; where they are merged
        # (which of the two AWS does is unverified) it has to be switched off.
        live = read_stage(session, ref, api_type)
        if not rules.same_level(live.settings.logging_level, ""):
            off: Any = {**live.route_settings, "LoggingLevel": "OFF"}
            client.update_stage(ApiId=ref.api_id, StageName=ref.stage, DefaultRouteSettings=off)


def _read_back(
    session: Session, ref: StageRef, api_type: ApiType, target: StageSettings
) -> StageSettings:
    deadline = time.monotonic() + READ_BACK_SECONDS
    try:
        while True:
            settings = read_stage(session, ref, api_type).settings
            if rules.same_settings(settings, target):
                return settings
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
    except WizardError as error:
        if error.code == "WAG-E-STAGES-012":
            raise
        raise _in_doubt(ref, str(error)) from error
    raise WizardError(
        "WAG-E-STAGES-014",
        f"{ref} does not have the settings that AWS accepted",
        why=_difference(target, settings),
        next_step="Somebody or something else is changing this stage right now. Run the same "
        "command again: it looks first.",
        in_doubt=True,  # part of the change may have stayed
    )


def _after_silence(
    session: Session,
    ref: StageRef,
    api_type: ApiType,
    live: LiveStage,
    target: StageSettings,
    error: Exception,
) -> StageSettings:
    """The request was sent and nothing came back: ask the stage what happened."""
    try:
        settings = read_stage(session, ref, api_type).settings
    except WizardError as second:
        if second.code == "WAG-E-STAGES-012":
            raise
        raise _in_doubt(ref, f"{message_of(error)}; then: {second.why or second.what}") from error
    if rules.same_settings(settings, target):
        return settings
    if rules.same_settings(settings, live.settings):
        raise WizardError(
            "WAG-E-STAGES-015",
            f"The connection broke; {ref} was not changed",
            why=message_of(error),
            next_step="Run the same command again.",
        ) from error
    raise WizardError(
        "WAG-E-STAGES-014",
        f"The connection broke, and {ref} is neither as before nor as wanted",
        why=_difference(target, settings),
        next_step="Run the same command again; it goes on from what is there now.",
        in_doubt=True,
    ) from error


def _in_doubt(ref: StageRef, why: str) -> WizardError:
    return WizardError(
        "WAG-E-STAGES-016",
        f"The connection broke; whether {ref} was changed is not known",
        why=why,
        next_step="Run the same command again when AWS can be reached; it looks first.",
        in_doubt=True,
    )


def _difference(expected: StageSettings, found: StageSettings) -> str:
    parts = []
    one, two = expected.access_log, found.access_log
    if one.destination_arn != two.destination_arn:
        parts.append(
            f"access log: {one.destination_arn or 'off'} expected, {two.destination_arn or 'off'} "
            "found"
        )
    if one.format != two.format:
        parts.append("the log format differs")
    if not rules.same_level(expected.logging_level, found.logging_level):
        parts.append(
            f"log level: {expected.logging_level or 'OFF'} expected, "
            f"{found.logging_level or 'OFF'} found"
        )
    return "; ".join(parts) or "the difference could not be named"
