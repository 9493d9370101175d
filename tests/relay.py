"""A server between the product and the local AWS: it passes requests on, and may do otherwise.

What it does otherwise is the business of those who use it: record, refuse, rewrite, misbehave.
"""

from __future__ import annotations

import http.client
import sys
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, TypeVar

Headers = list[tuple[str, str]]
Reply = tuple[int, Headers, bytes]
Between = TypeVar("Between", bound="Relay")
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te"))
_OURS = _HOP | {"content-length", "expect"}


class Relay:
    """`with Relay(url) as relay:` answers at `relay.url`; subclasses say what, in `handle`."""

    timeout = 60

    def __init__(self, upstream: str) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.headers: Mapping[str, str] = {}  # added to what is passed on
        self.server = _Server(("127.0.0.1", 0), _handler(self))

    def handle(self, request: Request, body: bytes) -> Reply | None:
        """The reply to a request; None where the connection was dealt with already."""
        return request.forward(body)

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self: Between) -> Between:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.server.server_close()


class Request(BaseHTTPRequestHandler):
    """One request on its way. `relay` is set by the server that made the class."""

    protocol_version = "HTTP/1.1"
    relay: Relay

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def forward(self, body: bytes) -> Reply:
        """What upstream answers; a header goes on as it came, its length is that of the body."""
        connection = http.client.HTTPConnection(*self.relay.upstream, timeout=self.relay.timeout)
        try:
            connection.putrequest(
                self.command, _own_path(self.path), skip_host=True, skip_accept_encoding=True
            )
            passed = [(n, v) for n, v in self.headers.items() if n.lower() not in _OURS]
            for name, value in (*passed, *self.relay.headers.items()):
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
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

    def _answer(self) -> None:
        reply = self.relay.handle(self, self._body())
        if reply is None:
            return
        status, headers, data = reply
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is what some faults are about; anything else is told."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(relay: Relay) -> Callable[..., Request]:
    return type("Handler", (Request,), {"relay": relay, "timeout": 2 * relay.timeout})


def _own_path(path: str) -> str:
    """The path as a server sees it; a proxy is told the whole address."""
    parts = urllib.parse.urlsplit(path)
    return path if path.startswith("/") else urllib.parse.urlunsplit(("", "", *parts[2:]))
