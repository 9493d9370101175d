"""Kinds of stages that the sandbox's catalogue has none of, made for a test and taken away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.flows.account import World
from wizard.core.facts import ApiType, Stage
from wizard.services.aws.discovery import discover

JSON = '{"requestId":"$context.requestId","status":"$context.status"}'
CLF = '$context.identity.sourceIp [$context.requestTime] "$context.requestId"'
FIREHOSE = "arn:aws:firehose:us-east-1:123456789012:deliverystream/amazon-apigateway-siem"
OWN = "/company/api/shared-access-logs"
Patch = dict[str, str]


def _rest(world: World, *patch: Patch) -> str:
    client: Any = world.session.client("apigateway")
    api = str(client.create_rest_api(name="made")["id"])
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    client.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    deployment = client.create_deployment(restApiId=api)["id"]
    client.create_stage(restApiId=api, stageName="prod", deploymentId=deployment)
    if patch:
        client.update_stage(restApiId=api, stageName="prod", patchOperations=list(patch))
    return api


def _v2(world: World, protocol: str, **settings: Any) -> str:
    client: Any = world.session.client("apigatewayv2")
    more = {"RouteSelectionExpression": "$request.body.action"} if protocol != "HTTP" else {}
    api = str(client.create_api(Name="made", ProtocolType=protocol, **more)["ApiId"])
    client.create_stage(ApiId=api, StageName="prod", **settings)
    return api


def _own(world: World) -> str:
    return f"arn:aws:logs:{world.box.region}:{world.box.account_id}:log-group:{OWN}"


def _set(path: str, value: str) -> Patch:
    return {"op": "replace", "path": path, "value": value}


def _log(arn: str, log_format: str) -> dict[str, Any]:
    return {"AccessLogSettings": {"DestinationArn": arn, "Format": log_format}}


# Which kind → how it is made, and the answers about a log that exists under which it is connected.
MADE: dict[str, tuple[Callable[[World], str], tuple[str, ...]]] = {
    "REST, bodies traced and limits set": (
        lambda w: _rest(
            w,
            _set("/*/*/logging/dataTrace", "true"),
            _set("/*/*/logging/loglevel", "ERROR"),
            _set("/*/*/throttling/rateLimit", "50"),
            _set("/~1orders/GET/logging/loglevel", "OFF"),
        ),
        ("keep",),
    ),
    "REST, level OFF": (lambda w: _rest(w, _set("/*/*/logging/loglevel", "OFF")), ("keep",)),
    "REST, log of its own and no level": (
        lambda w: _rest(
            w,
            _set("/accessLogSettings/destinationArn", _own(w)),
            _set("/accessLogSettings/format", JSON),
        ),
        ("keep", "switch"),
    ),
    "HTTP, limits set and a log of its own": (
        lambda w: _v2(
            w,
            "HTTP",
            DefaultRouteSettings={"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 2},
            **_log(_own(w), JSON),
        ),
        ("keep", "switch"),
    ),
    "HTTP, no JSON": (lambda w: _v2(w, "HTTP", **_log(_own(w), CLF)), ("switch",)),
    "HTTP, Firehose": (lambda w: _v2(w, "HTTP", **_log(FIREHOSE, JSON)), ("switch",)),
    "WebSocket, level and limits set": (
        lambda w: _v2(
            w,
            "WEBSOCKET",
            DefaultRouteSettings={
                "LoggingLevel": "ERROR",
                "ThrottlingRateLimit": 5.0,
                "ThrottlingBurstLimit": 2,
            },
        ),
        ("keep",),
    ),
    "WebSocket, log of its own": (
        lambda w: _v2(w, "WEBSOCKET", **_log(_own(w), JSON)),
        ("keep", "switch"),
    ),
    "WebSocket, Firehose": (lambda w: _v2(w, "WEBSOCKET", **_log(FIREHOSE, JSON)), ("switch",)),
}


def make(world: World, key: str) -> Stage:
    """A stage of that kind."""
    api = MADE[key][0](world)
    stages = discover(world.session, world.identity).stages
    return next(stage for stage in stages if stage.api.api_id == api)


def unmake(world: World, stage: Stage) -> None:
    """Take it away again."""
    world.session.begin()
    if stage.api.api_type is ApiType.REST:
        world.session.client("apigateway").delete_rest_api(restApiId=stage.api.api_id)
    else:
        world.session.client("apigatewayv2").delete_api(ApiId=stage.api.api_id)
