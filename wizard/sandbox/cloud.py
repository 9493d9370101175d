"""Stand-in for the Wallarm Cloud's API, as far as the product asks it anything.

Paths and envelopes (`{"status", "body"}`, `clientid`) are those of Wallarm's public Go client;
what a deployment token may read is unverified, here it is refused everything.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from wizard.sandbox.web import Request, Response, Server, as_json

CLIENT_ID = 10042
TOKEN = "sandbox/token/that/opens/nothing".ljust(64, "0")
DEPLOYMENT_TOKEN = "sandbox/token/for/deployment/only".ljust(64, "0")
_CLIENT_PATH = re.compile(r"/v[14]/clients/(\d+)/(apid/config|rules/endpoints)")


class Cloud:
    """Answers for `https://<wallarm_api_host>` on a loopback port.

    Args:
        records: the stand-in node's records; the inventory is made of them. Left out on purpose:
            an endpoint's five minutes of waiting before the real inventory shows it.
    """

    def __init__(self, records: Callable[[], list[dict[str, Any]]]) -> None:
        self._records = records
        self._started = int(time.time())
        self.server = Server(self._answer)

    async def _answer(self, request: Request) -> Response:
        if request.path == "/":
            return as_json({"status": 404, "body": "not found"}, 404)
        token = request.header("X-WallarmApi-Token")
        if token == DEPLOYMENT_TOKEN:
            return as_json({"status": 403, "body": "Access denied"}, 403)
        if token != TOKEN:
            return as_json({"status": 401, "body": "Not authenticated"}, 401)
        if (request.method, request.path) == ("POST", "/v1/user"):
            user = {"id": 1, "clientid": CLIENT_ID, "client_id": CLIENT_ID, "enabled": True}
            return as_json({"status": 200, "body": user})
        if (request.method, request.path) == ("GET", "/v2/node"):
            return as_json({"status": 200, "body": self._nodes()})
        match = _CLIENT_PATH.fullmatch(request.path)
        if request.method != "GET" or match is None:
            return as_json({"status": 404, "body": "not found"}, 404)
        if int(match.group(1)) != CLIENT_ID:
            return as_json({"status": 403, "body": "Access denied"}, 403)
        if match.group(2) == "apid/config":
            return as_json({"status": 200, "body": {"enabled": True, "clientid": CLIENT_ID}})
        return as_json({"status": 200, "body": self._inventory()})

    def _nodes(self) -> list[dict[str, object]]:
        """The node of the sandbox, and one that belongs to somebody else of the account."""
        common: dict[str, object] = {
            "type": "cloud_node",
            "enabled": True,
            "active": True,
            "clientid": CLIENT_ID,
            "create_time": self._started,
            "last_activity": int(time.time()),
            "instance_count": 1,
            "active_instance_count": 1,
            # As in the real answer: whoever reads it must keep neither.
            "token": "sandbox/node/token",
            "secret": "sandbox-node-secret",
        }
        ours = {"id": 1, "hostname": "api-gateway-api-discovery"}
        return [
            {**common, **ours, "requests_amount": len(self._records())},
            {**common, "id": 2, "hostname": "nginx-edge", "requests_amount": 5},
        ]

    def _inventory(self) -> list[dict[str, object]]:
        seen = Counter(
            (str(r["host"]), str(r["method"]), str(r["path"]))
            for r in self._records()
            if r["understood"]
            and isinstance(r["status"], int)
            and 200 <= r["status"] < 300
            and r["method"] not in ("OPTIONS", "HEAD")
        )
        return [
            {"domain": host, "method": method, "path": path, "requests": n}
            for (host, method, path), n in sorted(seen.items())
            if n >= 2
        ]
