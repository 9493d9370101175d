"""What API Gateway answers, item by item, as facts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    EndpointType,
    Identity,
    Stage,
    StageSettings,
)
from wizard.core.partitions import partition_of

ALL_METHODS = "*/*"


@dataclass(frozen=True)
class LiveStage:
    """A stage as it is now; `method_setting` and `route_settings` are what AWS sent, unread."""

    settings: StageSettings
    method_setting: dict[str, Any] = field(default_factory=dict)
    route_settings: dict[str, Any] = field(default_factory=dict)
    managed: bool = False


def rest_api(item: dict[str, Any]) -> Api:
    """One item of `GetRestApis`."""
    kinds = (item.get("endpointConfiguration") or {}).get("types") or []
    kind = kinds[0] if kinds else "EDGE"
    return Api(
        api_id=item["id"],
        name=item.get("name", ""),
        api_type=ApiType.REST,
        endpoint_type=EndpointType(kind) if kind in EndpointType.__members__ else EndpointType.EDGE,
        tags=dict(item.get("tags") or {}),
        execute_api_disabled=bool(item.get("disableExecuteApiEndpoint")),
    )


def v2_api(item: dict[str, Any]) -> Api:
    """One item of `GetApis`."""
    websocket = item.get("ProtocolType") == "WEBSOCKET"
    return Api(
        api_id=item["ApiId"],
        name=item.get("Name", ""),
        api_type=ApiType.WEBSOCKET if websocket else ApiType.HTTP,
        managed=bool(item.get("ApiGatewayManaged")),
        tags=dict(item.get("Tags") or {}),
        execute_api_disabled=bool(item.get("DisableExecuteApiEndpoint")),
    )


def rest_stage(identity: Identity, api: Api, item: dict[str, Any]) -> Stage:
    """One item of v1 `GetStages`."""
    name = item["stageName"]
    return Stage(
        api=api,
        name=name,
        settings=from_rest(item).settings,
        has_canary=bool(item.get("canarySettings")),
        tags=dict(item.get("tags") or {}),
        invoke_url=invoke_url(identity, api, name),
    )


def v2_stage(identity: Identity, api: Api, item: dict[str, Any]) -> Stage:
    """One item of v2 `GetStages`."""
    name = item["StageName"]
    return Stage(
        api=api,
        name=name,
        settings=from_v2(item, api.api_type).settings,
        managed=bool(item.get("ApiGatewayManaged")),
        tags=dict(item.get("Tags") or {}),
        invoke_url=invoke_url(identity, api, name),
    )


def invoke_url(identity: Identity, api: Api, stage: str) -> str:
    """The stage's default address; HTTP APIs, and they alone, serve `$default` at the root."""
    scheme = "wss" if api.api_type is ApiType.WEBSOCKET else "https"
    suffix = partition_of(identity.partition).suffix
    path = "" if stage == "$default" and api.api_type is ApiType.HTTP else stage
    return f"{scheme}://{api.api_id}.execute-api.{identity.region}.{suffix}/{path}"


def from_rest(stage: dict[str, Any]) -> LiveStage:
    """The settings in an answer of v1 `GetStage` (or one item of `GetStages`)."""
    log = stage.get("accessLogSettings") or {}
    setting = dict((stage.get("methodSettings") or {}).get(ALL_METHODS) or {})
    return LiveStage(
        StageSettings(
            AccessLog(log.get("destinationArn") or "", log.get("format") or ""),
            setting.get("loggingLevel") or "",
            json.dumps(setting, sort_keys=True) if setting else "",
        ),
        method_setting=setting,
    )


def from_v2(stage: dict[str, Any], api_type: ApiType) -> LiveStage:
    """The settings in an answer of v2 `GetStage` (or one item of `GetStages`)."""
    log = stage.get("AccessLogSettings") or {}
    route = dict(stage.get("DefaultRouteSettings") or {})
    level = route.get("LoggingLevel") or "" if api_type is ApiType.WEBSOCKET else ""
    return LiveStage(
        StageSettings(AccessLog(log.get("DestinationArn") or "", log.get("Format") or ""), level),
        route_settings=route,
        managed=bool(stage.get("ApiGatewayManaged")),
    )
