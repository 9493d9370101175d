"""Stand-in for the Wallarm Native Node: takes what the forwarder sends, and tells what it got.

The connector port takes traffic and nothing else, so that no path of an API can collide with the
stand-in's own. Its counters are on a port of their own, as on the real node (9000); health, the
record, faults and behaviour are on the control port. What a message means to it is in `node_model`,
a model: the node's wire protocol is not public, and a real node may want something else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from wizard.sandbox.node_model import Behaviour, NodeModel
from wizard.sandbox.records import pair
from wizard.sandbox.web import Request, Response, Server, as_json

MAX_MESSAGES = 200_000  # a bounded memory, far beyond any test
FAULTS = ("status", "hang", "reset", "close", "slow", "garbage")


@dataclass
class Fault:
    """How the connector shall misbehave.

    mode: one of FAULTS. status: answered for "status". delay: seconds before the answer. times: how
    many messages are hit, 0 means until the next reset. skip: how many messages go well first.
    retry_after: the Retry-After header, when not empty. contains: only targets holding this text.
    """

    mode: str
    status: int = 503
    delay: float = 0.0
    times: int = 0
    skip: int = 0
    retry_after: str = ""
    contains: str = ""
    hits: int = 0

    def strikes(self, request: Request) -> bool:
        """Whether this message is hit; counts it."""
        if self.contains and self.contains not in request.target:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times and self.hits >= self.times:
            return False
        self.hits += 1
        return True

    def response(self) -> Response:
        """What the hit message gets; a slow one gets the node's own answer, later."""
        if self.mode == "status":
            headers = [("Retry-After", self.retry_after)] if self.retry_after else []
            return Response(self.status, b"stand-in fault\n", headers, delay=self.delay)
        return Response(fault=self.mode, delay=self.delay)


class Node:
    """One stand-in node: connector, metrics and control port, in the caller's event loop."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []
        self.model = NodeModel()
        self.faults: list[Fault] = []
        self.connector = Server(self._receive)
        self.metrics = Server(self._metrics)
        self.control = Server(self._control)

    async def start(
        self, connector_port: int = 0, control_port: int = 0, metrics_port: int = 0
    ) -> None:
        """Bind the ports on 127.0.0.1."""
        await self.connector.start(connector_port)
        await self.control.start(control_port)
        await self.metrics.start(metrics_port)

    async def close(self) -> None:
        """Close the ports."""
        await self.connector.close()
        await self.control.close()
        await self.metrics.close()

    def records(self) -> list[dict[str, object]]:
        """One record per request that arrived; see `wizard.sandbox.records.pair`."""
        return pair(self.messages, self.model.behaviour.header_prefix)

    async def _receive(self, request: Request) -> Response:
        fault = next((f for f in self.faults if f.strikes(request)), None)
        understood = False
        if fault is None or fault.mode == "slow":
            judged = self.model.receive(request)
            understood = judged.understood
            response = Response(judged.status, delay=fault.delay if fault else 0.0)
        else:
            response = fault.response()
        if len(self.messages) < MAX_MESSAGES:
            self.messages.append(
                {
                    "method": request.method,
                    "target": request.target,
                    "headers": request.headers,
                    "body": request.body.decode("utf-8", "replace"),
                    "received_at": request.received_at,
                    "answered": response.fault or response.status,
                    "understood": understood,
                }
            )
        return response

    async def _metrics(self, request: Request) -> Response:
        if request.path != "/metrics" or not self.model.behaviour.metrics:
            return as_json({"error": "not found"}, 404)
        return Response(
            200, self.model.metrics().encode(), [("Content-Type", "text/plain; version=0.0.4")]
        )

    async def _control(self, request: Request) -> Response:
        what = (request.method, request.path)
        if request.method in ("GET", "HEAD") and request.path in ("/live", "/ready"):
            return as_json({"status": "ok"})
        if what == ("GET", "/__record"):
            return as_json(self.records())
        if what == ("GET", "/__messages"):
            return as_json(self.messages)
        if what == ("POST", "/__reset"):
            self.messages.clear()
            self.faults.clear()
            self.model.behaviour = Behaviour()
            return as_json({"status": "empty"})
        if what == ("POST", "/__restart"):
            self.model.restart()
            return as_json({"status": "restarted"})
        if what == ("POST", "/__behave"):
            return self._behave(request)
        if what == ("POST", "/__fail"):
            return self._fail(request)
        return as_json({"error": "not found"}, 404)

    def _behave(self, request: Request) -> Response:
        try:
            self.model.behaviour = Behaviour.of(json.loads(request.body or b"{}"))
        except (ValueError, TypeError, AttributeError) as error:
            return as_json({"error": str(error)}, 400)
        return as_json({"status": "as told"})

    def _fail(self, request: Request) -> Response:
        try:
            wanted = json.loads(request.body or b"{}")
            fault = Fault(**wanted)
        except (ValueError, TypeError) as error:
            return as_json({"error": str(error)}, 400)
        if fault.mode == "none":
            self.faults.clear()
        elif fault.mode in FAULTS:
            self.faults.append(fault)
        else:
            return as_json({"error": f"mode is none or one of {', '.join(FAULTS)}"}, 400)
        return as_json({"faults": len(self.faults)})
