"""Stands in front of the local AWS on the loopback and misbehaves when told to.

Requests are passed through untouched and counted; a `Fault` decides about each that changes or
reads something. Nothing is random: a fault repeats exactly.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, replace
from typing import Any

from tests.relay import Relay, Reply, Request

_XML = frozenset(("iam", "sts", "ec2", "s3", "elasticloadbalancing", "autoscaling", "sns"))


@dataclass(frozen=True)
class Fault:
    """What becomes of a request.

    Args:
        kind: `refuse` (an error of AWS), `slow` (answered after `seconds`), `reset` (the connection
            is cut before the request is passed on), `cut` (it is passed on and carried out, then
            the connection is cut), `away` (nothing is answered: every connection is reset).
        code, status: of `refuse`.
        every: only each such request.
        count: only so many requests, then everything works again; 0 means for good.
        service: only requests that are signed for this service.
        path: only requests whose path holds this text.
        action: only requests of this name, where the service names them in a header.
    """

    kind: str
    code: str = ""
    status: int = 400
    seconds: float = 0.0
    every: int = 1
    count: int = 0
    service: str = ""
    path: str = ""
    action: str = ""


class Front(Relay):
    """`with Front(url) as aws:` answers at `aws.url` what `url` answers, faults apart.

    `begin(fault)` misbehaves at once; `begin(fault, after=12)` once so many writing requests more
    were passed on; `end()` behaves again. `hit` counts the requests that met a fault.
    """

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(upstream)
        self.passed = 0
        self.hit = 0
        self._fault: Fault | None = None
        self._wait = 0
        self._seen = 0
        self._lock = threading.Lock()
        self._scheme = "https" if tls else "http"
        if tls:  # the handshake is left to the thread of the connection
            self.server.socket = tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"{self._scheme}://127.0.0.1:{self.server.server_address[1]}"

    def begin(self, fault: Fault, after: int = 0) -> None:
        """Misbehave, after so many requests more that change something."""
        with self._lock:
            self._fault, self._wait, self._seen, self.hit = fault, after, 0, 0
            # Where answers are lost on purpose, the local AWS is not to give them once more.
            self.headers = {"X-Answers-May-Be-Lost": "yes"} if fault.kind == "cut" else {}

    def end(self) -> None:
        """Behave again."""
        with self._lock:
            self._fault = None

    def decide(self, service: str, path: str, action: str = "", *, writes: bool) -> Fault | None:
        """The fault this request meets, if any."""
        with self._lock:
            fault = self._fault
            if fault is None:
                return self._pass()
            if self._wait > 0:
                self._wait -= writes
                return self._pass()
            if (fault.service and service != fault.service) or fault.path not in path:
                return self._pass()
            if fault.action and action != fault.action:
                return self._pass()
            self._seen += 1
            if self._seen % fault.every or (fault.count and self.hit >= fault.count):
                return self._pass()
            self.hit += 1
            return fault

    def _pass(self) -> None:
        self.passed += 1

    def handle(self, request: Request, body: bytes) -> Reply | None:
        """Pass it on, unless a fault decides otherwise."""
        service = _service(request.headers.get("Authorization", ""))
        writes = _writes(request.command, request.headers, body)
        action = str(request.headers.get("X-Amz-Target", "")).rpartition(".")[2]
        fault = self.decide(service, request.path, action, writes=writes)
        if fault is None:
            return request.forward(body)
        if fault.kind in ("reset", "away"):
            return _reset(request)
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        reply = _refusal(service, fault) if fault.kind == "refuse" else request.forward(body)
        return _reset(request) if fault.kind == "cut" else reply


def _reset(request: Request) -> None:
    # Closing with a zero linger sends RST, where a plain close would send FIN.
    linger = struct.pack("ii", 1, 0)
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.close_connection = True
    request.connection.close()


def _service(authorization: str) -> str:
    """`logs`, from the scope of the signature."""
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""


def _writes(method: str, headers: Any, body: bytes) -> bool:
    """Whether the request changes something, by the customs of AWS's names."""
    if method != "POST":
        return method in ("PUT", "DELETE", "PATCH")
    name = str(headers.get("X-Amz-Target", "")).rpartition(".")[2]
    if not name and b"Action=" in body:
        name = urllib.parse.parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return not name.startswith(("Describe", "List", "Get", "Lookup", "Filter"))


def _refusal(service: str, fault: Fault) -> tuple[int, list[tuple[str, str]], bytes]:
    words = {
        "ExpiredToken": "The security token included in the request is expired",
        "ExpiredTokenException": "The security token included in the request is expired",
        "LimitExceededException": "Resource limit exceeded.",
    }.get(fault.code, "Rate exceeded")
    if service == "s3" and fault.code.startswith("Throttling"):
        fault = replace(fault, code="SlowDown", status=503)  # as S3 says it, HEAD included
    if service in _XML:
        if service == "ec2":
            xml = f"<Response><Errors><Error><Code>{fault.code}</Code><Message>{words}</Message>"
            xml += "</Error></Errors></Response>"
        elif service == "s3":
            xml = f"<Error><Code>{fault.code}</Code><Message>{words}</Message></Error>"
        else:
            xml = f"<ErrorResponse><Error><Code>{fault.code}</Code><Message>{words}</Message>"
            xml += "</Error></ErrorResponse>"
        return fault.status, [("Content-Type", "text/xml")], xml.encode()
    body = json.dumps({"__type": fault.code, "message": words})
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amzn-ErrorType", fault.code)]
    return fault.status, headers, body.encode()
