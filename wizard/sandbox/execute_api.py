"""Stand-in for API Gateway's front door and its access logging, before the local AWS's data plane.

The local AWS runs APIs but writes no access logs. This server takes requests under their real host
name `<api>.execute-api.<region>.amazonaws.com`, has the local AWS execute them, and logs each one
as the stage's settings say at that moment. Not kept: a private API answers here too (the sender
counts as a client inside its VPC), and the client's address is taken from `X-Forwarded-For`, since
every request on this machine comes from 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import time
import uuid
from collections import Counter
from typing import Any

from wizard.sandbox import log_lines
from wizard.sandbox.delivery import Delivery, Line, canary_arn, stream_name
from wizard.sandbox.log_lines import Exchange
from wizard.sandbox.stages import LiveApi, LiveStage, Stages
from wizard.sandbox.web import Request, Response, Server, as_json
from wizard.sandbox.websocket import Gateway
from wizard.sandbox.wire import Answer, CallError, Client

_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_HOP_BY_HOP = frozenset(
    ("host", "connection", "content-length", "transfer-encoding", "expect", "authorization")
)
_ERROR_TYPES = {
    "MissingAuthenticationTokenException": "MISSING_AUTHENTICATION_TOKEN",
    "AccessDeniedException": "ACCESS_DENIED",
    "ForbiddenException": "INVALID_API_KEY",
    "TooManyRequestsException": "THROTTLED",
    "LimitExceededException": "QUOTA_EXCEEDED",
    "UnauthorizedException": "UNAUTHORIZED",
    "InternalServerErrorException": "API_CONFIGURATION_ERROR",
    "UnsupportedMediaTypeException": "UNSUPPORTED_MEDIA_TYPE",
}


class FrontDoor:
    """One front door for every API of one Region."""

    def __init__(self, aws_port: int, region: str, account_id: str) -> None:
        self._region = region
        self._account_id = account_id
        self._aws = Client(aws_port, region, width=8)
        self._plane = Client(aws_port, region, width=32)
        self._stages = Stages(self._aws)
        self.delivery = Delivery(self._aws)
        self._canaries: Counter[tuple[str, str]] = Counter()
        self._unlogged: Counter[str] = Counter()
        self._serial = itertools.count(1)
        self.server = Server(self._answer)
        self._sockets = Gateway(self._stages, self.log, account_id)

    async def _answer(self, request: Request) -> Response:
        host = request.header("Host").partition(":")[0].lower()
        match = _HOST.fullmatch(host)
        if match is None:
            return await self._own(request)
        try:
            api = await self._stages.api(match.group(1))
            if api is None or match.group(2) != self._region or api.disabled:
                return _refusal("HTTP" if api is None else api.api_type)
            stages = await self._stages.stages(api)
        except (CallError, OSError) as error:
            return as_json({"message": f"the local AWS does not answer: {error}"}, 502)
        stage, path = _split(api, stages, request.path)
        if stage is None:
            return _refusal(api.api_type)
        if api.api_type == "WEBSOCKET":
            return await self._sockets.accept(request, api, stage, host)
        return await self._execute(request, api, stage, path, host)

    async def _own(self, request: Request) -> Response:
        """The stand-in's own answers, under no API's name: what was delivered, and what was not."""
        if request.path == "/__deliveries":
            await self.delivery.drained()
            return as_json(
                {
                    "delivered": self.delivery.delivered,
                    "failures": list(self.delivery.failures),
                    "not_logged": dict(self._unlogged),
                }
            )
        return as_json({"message": "Forbidden"}, 403)

    async def _execute(
        self, request: Request, api: LiveApi, stage: LiveStage, path: str, host: str
    ) -> Response:
        began = time.monotonic()
        answer, integration_ms = await self._run(request, api, stage, path)
        total_ms = max(1, round((time.monotonic() - began) * 1000))
        exchange = await self._describe(
            request, api, stage, path, host, answer, integration_ms, total_ms
        )
        values = (log_lines.rest_values if api.api_type == "REST" else log_lines.http_values)(
            exchange
        )
        await self.log(api, stage, exchange.started, values)
        headers = [
            ("Content-Type", answer.headers.get("content-type", "application/json")),
            ("x-amzn-RequestId", exchange.request_id)
            if api.api_type == "REST"
            else ("apigw-requestid", exchange.request_id),
        ]
        return Response(answer.status, answer.body, headers)

    async def _run(
        self, request: Request, api: LiveApi, stage: LiveStage, path: str
    ) -> tuple[Answer, int]:
        """Have the local AWS execute the request; its own failures become a 500."""
        target = f"/_aws/execute-api/{api.api_id}/{stage.name}{path}"
        if request.query:
            target += f"?{request.query}"
        headers = [(k, v) for k, v in request.headers if k.lower() not in _HOP_BY_HOP]
        headers.append(("Host", f"127.0.0.1:{self._plane.port}"))
        began = time.monotonic()
        try:
            answer = await self._plane.request(request.method, target, headers, request.body)
        except (OSError, TimeoutError, asyncio.TimeoutError, ValueError, IndexError):
            body = b'{"message":"Internal Server Error"}'
            answer = Answer(500, {"x-amzn-errortype": "InternalServerErrorException"}, body)
        return answer, max(1, round((time.monotonic() - began) * 1000))

    async def _describe(
        self,
        request: Request,
        api: LiveApi,
        stage: LiveStage,
        path: str,
        host: str,
        answer: Answer,
        integration_ms: int,
        total_ms: int,
    ) -> Exchange:
        own_error = _own_error(api, answer)
        resource = ""
        if re.search(r"resourcePath|routeKey", stage.log_format):
            resource = await self._stages.resource_path(api, path, request.method)
        rest = api.api_type == "REST"
        # Documented: a client can choose a REST API's request id, a trap for whoever joins by it.
        chosen = request.header("x-amzn-RequestId") if rest else ""
        return Exchange(
            api_id=api.api_id,
            account_id=self._account_id,
            stage=stage.name,
            domain_name=host,
            request_id=chosen or (str(uuid.uuid4()) if rest else self._short_id()),
            extended_request_id=self._short_id(),
            method=request.method,
            path=request.path,
            protocol=request.version,
            source_address=_client(request),
            user_agent=request.header("User-Agent"),
            started=request.received_at,
            status=answer.status,
            response_length=len(answer.body),
            response_latency=total_ms,
            integration_status=None if own_error else answer.status,
            integration_latency=None if own_error else integration_ms,
            resource_path=resource if rest else "",
            route_key="" if rest else resource,
            error_message=_message(answer) if own_error else "",
            error_type=own_error,
        )

    async def log(
        self, api: LiveApi, stage: LiveStage, started: float, values: dict[str, str]
    ) -> None:
        """Log one line as the stage's settings say; REST and WebSocket need the account role."""
        if not stage.destination_arn:
            return
        if api.api_type != "HTTP" and not await self._stages.account_role():
            self._unlogged["no CloudWatch role in the account settings"] += 1
            return
        destination = stage.destination_arn
        if self._is_canary(api, stage):
            destination = canary_arn(destination)
        message = log_lines.render(stage.log_format, values)
        stream = stream_name(api.api_id, stage.name)
        self.delivery.add(Line(destination, stream, int(started * 1000), message))

    def _is_canary(self, api: LiveApi, stage: LiveStage) -> bool:
        """Spread the canary's share evenly: the same traffic gives the same split."""
        if not stage.canary_percent:
            return False
        key = (api.api_id, stage.name)
        self._canaries[key] += 1
        count, share = self._canaries[key], stage.canary_percent / 100
        return int(count * share) > int((count - 1) * share)

    def _short_id(self) -> str:
        """Sixteen characters like `JKJaXmPLvHcESHA=`."""
        number = next(self._serial).to_bytes(5, "big")
        return base64.b64encode(number + uuid.uuid4().bytes[:6]).decode("ascii")


def _split(api: LiveApi, stages: dict[str, LiveStage], path: str) -> tuple[LiveStage | None, str]:
    """The stage a path belongs to, and the rest of the path."""
    first, slash, rest = path.lstrip("/").partition("/")
    if first in stages and first != "$default":
        return stages[first], slash + rest if slash else "/"
    if api.api_type != "REST" and "$default" in stages:
        return stages["$default"], path
    return None, path


def _refusal(api_type: str) -> Response:
    """What a request gets that reaches no stage; API Gateway logs none of these."""
    if api_type == "HTTP":
        return as_json({"message": "Not Found"}, 404)
    return as_json({"message": "Forbidden"}, 403)


def _own_error(api: LiveApi, answer: Answer) -> str:
    """The response type of an error that API Gateway itself made, empty otherwise."""
    if api.api_type == "REST":
        name = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
        return (
            _ERROR_TYPES.get(name, "DEFAULT_4XX" if answer.status < 500 else "DEFAULT_5XX")
            if name
            else ""
        )
    if answer.status == 404 and _message(answer) == "Not Found":
        return "ROUTE_NOT_FOUND"  # unverified: the name HTTP APIs log for it
    return ""


def _message(answer: Answer) -> str:
    try:
        data: Any = json.loads(answer.body)
    except ValueError:
        return ""
    return str(data.get("message") or data.get("Message") or "") if isinstance(data, dict) else ""


def _client(request: Request) -> str:
    return request.header("X-Forwarded-For").partition(",")[0].strip() or request.peer
