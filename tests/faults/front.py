"""Stands in front of the local AWS on the loopback and misbehaves when told to.

Requests are passed through untouched and counted; a `Fault` decides about each that changes or
reads something. Nothing is random: a fault repeats exactly.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te"))
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
    """

    kind: str
    code: str = ""
    status: int = 400
    seconds: float = 0.0
    every: int = 1
    count: int = 0
    service: str = ""
    path: str = ""


class Front:
    """`with Front(url) as aws:` answers at `aws.url` what `url` answers, faults apart.

    `begin(fault)` misbehaves at once; `begin(fault, after=12)` once so many writing requests more
    were passed on; `end()` behaves again. `hit` counts the requests that met a fault.
    """

    def __init__(self, upstream: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.passed = 0
        self.hit = 0
        self._fault: Fault | None = None
        self._wait = 0
        self._seen = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:  # the handshake is left to the thread of the connection
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def begin(self, fault: Fault, after: int = 0) -> None:
        """Misbehave, after so many requests more that change something."""
        with self._lock:
            self._fault, self._wait, self._seen, self.hit = fault, after, 0, 0

    def end(self) -> None:
        """Behave again."""
        with self._lock:
            self._fault = None

    def decide(self, service: str, path: str, *, writes: bool) -> Fault | None:
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
            self._seen += 1
            if self._seen % fault.every or (fault.count and self.hit >= fault.count):
                return self._pass()
            self.hit += 1
            return fault

    def _pass(self) -> None:
        self.passed += 1

    def __enter__(self) -> Front:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what some faults are about."""
        del request, client_address


def _handler(front: Front) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            service = _service(self.headers.get("Authorization", ""))
            writes = _writes(self.command, self.headers, body)
            fault = front.decide(service, self.path, writes=writes)
            if fault is not None and fault.kind in ("reset", "away"):
                self._reset()
                return
            if fault is not None and fault.kind == "slow":
                time.sleep(fault.seconds)
            if fault is not None and fault.kind == "refuse":
                status, out, data = _refusal(service, fault)
            else:
                status, out, data = self._forward(body)
            if fault is not None and fault.kind == "cut":
                self._reset()
                return
            self.send_response(status)
            for name, value in out:
                self.send_header(name, value)
            if not any(name.lower() == "content-length" for name, _ in out):
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _reply  # noqa: N815

        def _reset(self) -> None:
            # Closing with a zero linger sends RST, where a plain close would send FIN.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(*front.upstream, timeout=60)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
                connection.request(self.command, _own_path(self.path), body, headers)
                answer = connection.getresponse()
                data = answer.read()
                head = self.command == "HEAD"  # its length is that of the body it does not have
                kept = [
                    (k, v)
                    for k, v in answer.getheaders()
                    if k.lower() not in _HOP and (head or k.lower() != "content-length")
                ]
                return answer.status, kept, data
            finally:
                connection.close()

    return Handler


def _own_path(path: str) -> str:
    """The path as a server sees it; a proxy is told the whole address."""
    parts = urllib.parse.urlsplit(path)
    return path if path.startswith("/") else urllib.parse.urlunsplit(("", "", *parts[2:]))


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
