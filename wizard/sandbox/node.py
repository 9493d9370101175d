"""Stand-in for the Wallarm Native Node: takes what the forwarder sends, and tells what it got.

The connector port takes traffic and nothing else, so that no path of an API can collide with the
stand-in's own. Health, metrics, the record and the faults are on the control port (on the real node
they are on ports of their own too: 8080 and 9000). Unverified: the node's wire protocol is not
public. What is recorded here follows the forwarder's own description of it; a real node may want
something else.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass

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
        """What the hit message gets."""
        if self.mode == "slow":
            return Response(200, delay=self.delay)
        if self.mode == "status":
            headers = [("Retry-After", self.retry_after)] if self.retry_after else []
            return Response(self.status, b"stand-in fault\n", headers, delay=self.delay)
        return Response(fault=self.mode, delay=self.delay)


class Node:
    """One stand-in node: a connector port and a control port, in the caller's event loop."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []
        self.answers: Counter[int | str] = Counter()
        self.faults: list[Fault] = []
        self.connector = Server(self._receive)
        self.control = Server(self._control)

    async def start(self, connector_port: int = 0, control_port: int = 0) -> None:
        """Bind both ports on 127.0.0.1."""
        await self.connector.start(connector_port)
        await self.control.start(control_port)

    async def close(self) -> None:
        """Close both ports."""
        await self.connector.close()
        await self.control.close()

    async def _receive(self, request: Request) -> Response:
        fault = next((f for f in self.faults if f.strikes(request)), None)
        response = Response() if fault is None else fault.response()
        answered: int | str = response.fault or response.status
        self.answers[answered] += 1
        if len(self.messages) < MAX_MESSAGES:
            self.messages.append(
                {
                    "method": request.method,
                    "target": request.target,
                    "headers": request.headers,
                    "body": request.body.decode("utf-8", "replace"),
                    "received_at": request.received_at,
                    "answered": answered,
                }
            )
        return response

    async def _control(self, request: Request) -> Response:
        what = (request.method, request.path)
        if request.method in ("GET", "HEAD") and request.path in ("/live", "/ready"):
            return as_json({"status": "ok"})
        if what == ("GET", "/metrics"):
            return Response(
                200, self._metrics().encode(), [("Content-Type", "text/plain; version=0.0.4")]
            )
        if what == ("GET", "/__record"):
            return as_json(pair(self.messages))
        if what == ("GET", "/__messages"):
            return as_json(self.messages)
        if what == ("POST", "/__reset"):
            self.messages.clear()
            self.faults.clear()
            self.answers.clear()
            return as_json({"status": "empty"})
        if what == ("POST", "/__fail"):
            return self._fail(request)
        return as_json({"error": "not found"}, 404)

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

    def _metrics(self) -> str:
        """Prometheus text; unverified: the real node's metric names are its own."""
        lines = [
            "# HELP standin_messages_total Messages the connector answered, by answer.",
            "# TYPE standin_messages_total counter",
        ]
        lines += [f'standin_messages_total{{answer="{a}"}} {n}' for a, n in self.answers.items()]
        lines += [
            "# HELP standin_time_seconds The stand-in's clock.",
            "# TYPE standin_time_seconds gauge",
            f"standin_time_seconds {time.time():.3f}",
        ]
        return "\n".join(lines) + "\n"
