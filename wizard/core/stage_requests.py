"""The API Gateway requests that turn a stage's logging from what it is into what it shall be.

Pure: `services.aws.stages` sends them. Paths are those of the "Patch operations" page of the API
Gateway REST API reference; REST stages are changed by patches, HTTP and WebSocket by API v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core.facts import ApiType, StageSettings
from wizard.core.stages.change import same_level, same_log

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
) -> list[dict[str, str]]:
    """The `patchOperations` of REST `UpdateStage` that turn `live` into `target`; one request.

    Args:
        method_setting: the live `methodSettings["*/*"]`. When the level was never set before and
            this entry holds nothing but our level, the whole entry is removed, which leaves the
            stage exactly as it was; otherwise the level becomes OFF.
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
        elif _only_our_level(method_setting or {}, throttle or {}):
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


def _only_our_level(entry: Mapping[str, Any], throttle: Mapping[str, Any]) -> bool:
    limits = {
        "throttlingBurstLimit": throttle.get("burstLimit"),
        "throttlingRateLimit": throttle.get("rateLimit"),
    }
    chosen = any(key in entry and entry[key] != limit for key, limit in limits.items())
    return not chosen and all(
        entry.get(key, default) == default for key, default in _METHOD_DEFAULTS.items()
    )
