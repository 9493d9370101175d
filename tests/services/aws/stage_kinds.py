"""Stages of a local AWS that log in every way there is, for the tests that change them."""

from __future__ import annotations

from typing import Any

from wizard.core.facts import ApiType, Identity, Stage
from wizard.services.aws.discovery import discover
from wizard.services.aws.session import Session

JSON = '{"requestId":"$context.requestId","status":$context.status}'


def found(session: Session, identity: Identity, api: str) -> Stage:
    return next(s for s in discover(session, identity).stages if s.api.api_id == api)


def dump(world: Any, stage: Stage) -> dict[str, Any]:
    """Everything AWS tells about a stage but when it was touched."""
    if stage.api.api_type is ApiType.REST:
        answer = world.rest.get_stage(restApiId=stage.api.api_id, stageName=stage.name)
    else:
        answer = world.v2.get_stage(ApiId=stage.api.api_id, StageName=stage.name)
    ignored = ("ResponseMetadata", "lastUpdatedDate", "LastUpdatedDate")
    # AWS leaves unset things out; this local one shows some of them empty.
    return {k: v for k, v in answer.items() if k not in ignored and v != {}}


def rest_level(world: Any, api: str, level: str) -> None:
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[{"op": "replace", "path": "/*/*/logging/loglevel", "value": level}],
    )


def rest_off(world: Any) -> str:
    return str(world.rest_api())


def rest_level_off(world: Any) -> str:
    api = str(world.rest_api())
    rest_level(world, api, "OFF")
    return api


def rest_with_settings(world: Any) -> str:
    api = str(world.rest_api())
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/*/*/logging/dataTrace", "value": "true"},
            {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"},
            {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "50"},
            {"op": "replace", "path": "/~1orders/GET/logging/loglevel", "value": "OFF"},
        ],
    )
    return api


def rest_logging_elsewhere(world: Any) -> str:
    api = str(world.rest_api())
    other = world.arn(world.log_group())
    world.rest.update_stage(
        restApiId=api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": other},
            {"op": "replace", "path": "/accessLogSettings/format", "value": JSON},
        ],
    )
    return api


def http_off(world: Any) -> str:
    return str(world.http_api())


def http_logging_elsewhere(world: Any) -> str:
    api = str(world.http_api())
    other = world.arn(world.log_group())
    world.v2.update_stage(
        ApiId=api,
        StageName="$default",
        AccessLogSettings={"DestinationArn": other, "Format": JSON},
        DefaultRouteSettings={"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 2},
    )
    return api


def websocket_off(world: Any) -> str:
    return str(world.websocket_api())


def websocket_with_settings(world: Any) -> str:
    settings = {"LoggingLevel": "ERROR", "DataTraceEnabled": True, "ThrottlingRateLimit": 5.0}
    return str(world.websocket_api(DefaultRouteSettings=settings))
