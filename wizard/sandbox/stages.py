"""What the front door needs to know about a stage, read from the local AWS at every request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wizard.sandbox.wire import CallError, Client


@dataclass(frozen=True)
class LiveApi:
    """One API as the local AWS has it. `api_type` is REST, HTTP or WEBSOCKET."""

    api_id: str
    api_type: str
    disabled: bool = False  # the default endpoint is switched off


@dataclass(frozen=True)
class LiveStage:
    """One stage with its access-log settings as they are now."""

    name: str
    destination_arn: str = ""
    log_format: str = ""
    canary_percent: float = 0.0


class Stages:
    """Looks APIs, stages and the account role up; nothing is cached but an API's type."""

    def __init__(self, aws: Client) -> None:
        self._aws = aws
        self._types: dict[str, str] = {}

    async def api(self, api_id: str) -> LiveApi | None:
        """The API of that id, or None."""
        order = ("v2", "v1") if self._types.get(api_id, "REST") != "REST" else ("v1", "v2")
        for version in order:
            found = await self._api(api_id, version)
            if found is not None:
                self._types[api_id] = found.api_type
                return found
        return None

    async def stages(self, api: LiveApi) -> dict[str, LiveStage]:
        """All stages of an API by name."""
        if api.api_type == "REST":
            data = await self._get(f"/restapis/{api.api_id}/stages")
            return {s["stageName"]: _rest_stage(s) for s in data.get("item", [])}
        data = await self._get(f"/v2/apis/{api.api_id}/stages")
        return {s["stageName"]: _v2_stage(s) for s in data.get("items", [])}

    async def account_role(self) -> str:
        """ARN of the account-wide CloudWatch role, without which REST and WebSocket log nothing."""
        return str((await self._get("/account")).get("cloudwatchRoleArn") or "")

    async def resource_path(self, api: LiveApi, path: str, method: str) -> str:
        """The REST resource or HTTP route that serves a request; empty when none does."""
        if api.api_type == "REST":
            data = await self._get(f"/restapis/{api.api_id}/resources?limit=500")
            candidates = [
                (str(r["path"]), str(r["path"]))
                for r in data.get("item", [])
                if {method, "ANY"} & set(r.get("resourceMethods") or {})
            ]
            return best_match(candidates, path)
        data = await self._get(f"/v2/apis/{api.api_id}/routes")
        keys = [str(r["routeKey"]) for r in data.get("items", [])]
        candidates = [
            (pattern, key)
            for key in keys
            for verb, _, pattern in [key.partition(" ")]
            if verb in (method, "ANY") and pattern
        ]
        return best_match(candidates, path) or ("$default" if "$default" in keys else "")

    async def route_keys(self, api: LiveApi) -> set[str]:
        """The route keys of a WebSocket API."""
        data = await self._get(f"/v2/apis/{api.api_id}/routes")
        return {str(r["routeKey"]) for r in data.get("items", [])}

    async def _api(self, api_id: str, version: str) -> LiveApi | None:
        name = quote(api_id, safe="")
        try:
            if version == "v1":
                data = await self._get(f"/restapis/{name}")
                return LiveApi(api_id, "REST", bool(data.get("disableExecuteApiEndpoint")))
            data = await self._get(f"/v2/apis/{name}")
        except CallError as error:
            if error.status == 404:
                return None
            raise
        disabled = bool(data.get("disableExecuteApiEndpoint"))
        return LiveApi(api_id, str(data.get("protocolType", "HTTP")), disabled)

    async def _get(self, target: str) -> Mapping[str, Any]:
        data: Mapping[str, Any] = await self._aws.rest("apigateway", "GET", target)
        return data


def best_match(candidates: list[tuple[str, str]], path: str) -> str:
    """The most specific of `(path pattern, name)`: literal before `{id}` before `{proxy+}`."""
    fitting = [
        (("+}" not in pattern, -pattern.count("{"), len(pattern)), name)
        for pattern, name in candidates
        if _pattern(pattern).fullmatch(path)
    ]
    return max(fitting)[1] if fitting else ""


def _pattern(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", pattern)
    regex = "".join(
        (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    )
    return re.compile(regex)


def _rest_stage(data: Mapping[str, Any]) -> LiveStage:
    log = data.get("accessLogSettings") or {}
    canary = data.get("canarySettings") or {}
    return LiveStage(
        str(data["stageName"]),
        str(log.get("destinationArn") or ""),
        str(log.get("format") or ""),
        float(canary.get("percentTraffic") or 0.0),
    )


def _v2_stage(data: Mapping[str, Any]) -> LiveStage:
    log = data.get("accessLogSettings") or {}
    return LiveStage(
        str(data["stageName"]),
        str(log.get("destinationArn") or ""),
        str(log.get("format") or ""),
    )
