"""A loopback proxy before the local AWS that notes which operation every request asks for.

With a judge it also refuses, as AWS would, what a policy does not allow. Bodies pass through and
are not kept.
"""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.policy.identify import Call, UnknownRequestError, identify

# Says why a call is refused, or nothing.
Judge = Callable[[Call], str]
# Sees a request whole: the call (None where it is not known), and every byte that was sent.
Witness = Callable[["Call | None", bytes], None]
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te"))


class Recorder:
    """`with Recorder(url) as recorder:` answers at `recorder.url` what `url` answers.

    `calls` holds `(phase, caller, call, status)` in order; set `phase` between the steps of a run.
    `caller` is terraform or wizard.
    """

    def __init__(
        self,
        upstream: str,
        judge: Judge | None = None,
        witness: Witness | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.judge = judge
        self.witness = witness
        self.headers = dict(headers or {})  # added to what is passed on
        self.phase = ""
        self.calls: list[tuple[str, str, Call, int]] = []
        self.unknown: list[str] = []
        self.refused: list[str] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def note(self, caller: str, call: Call, status: int) -> None:
        """Keep one call."""
        with self._lock:
            self.calls.append((self.phase, caller, call, status))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 120

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def _answer(self) -> None:
                body = self._body()
                headers = {k.lower(): v for k, v in self.headers.items()}
                agent = headers.get("user-agent", "")
                caller = "terraform" if "Terraform" in agent or "terraform" in agent else "wizard"
                call: Call | None = None
                try:
                    call = identify(self.command, self.path, headers, body)
                except UnknownRequestError as error:
                    with recorder._lock:
                        recorder.unknown.append(f"{caller}: {error}")
                if recorder.witness:
                    head = f"{self.command} {self.path}\n{self.headers.as_string()}"
                    recorder.witness(call, head.encode() + body)
                reason = recorder.judge(call) if recorder.judge and call else ""
                if reason and call is not None:
                    with recorder._lock:
                        recorder.refused.append(reason)
                    status, out, data = _refusal(call, reason)
                else:
                    status, out, data = self._forward(body)
                if call is not None:
                    recorder.note(caller, call, status)
                self.send_response(status)
                for name, value in out:
                    self.send_header(name, value)
                if self.command != "HEAD" or not any(n.lower() == "content-length" for n, _ in out):
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

            def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                connection = http.client.HTTPConnection(*recorder.upstream, timeout=120)
                try:
                    connection.putrequest(
                        self.command, self.path, skip_host=True, skip_accept_encoding=True
                    )
                    for name, value in self.headers.items():
                        if name.lower() not in _HOP | {"content-length", "expect"}:
                            connection.putheader(name, value)
                    for name, value in recorder.headers.items():
                        connection.putheader(name, value)
                    connection.putheader("Content-Length", str(len(body)))
                    connection.endheaders(body)
                    answer = connection.getresponse()
                    data = answer.read()
                    kept = [
                        (k, v)
                        for k, v in answer.getheaders()
                        if k.lower() not in _HOP
                        and (k.lower() != "content-length" or self.command == "HEAD")
                    ]
                    return answer.status, kept, data
                finally:
                    connection.close()

        return Handler


def _refusal(call: Call, reason: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """What AWS answers to a call that is not allowed, in the service's own wire format."""
    text = reason.replace("&", "and").replace("<", "(").replace(">", ")").replace('"', "'")
    if call.service == "ec2":
        xml = (
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
            f"<Message>{text}</Message></Error></Errors><RequestID>0</RequestID></Response>"
        )
        return 403, [("Content-Type", "text/xml")], xml.encode()
    if call.service == "s3":
        xml = f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>"
        return 403, [("Content-Type", "application/xml")], xml.encode()
    if call.service in ("iam", "sts", "elbv2", "autoscaling", "route53"):
        xml = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
            f"<Message>{text}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
        )
        return 403, [("Content-Type", "text/xml")], xml.encode()
    body = f'{{"__type":"AccessDeniedException","message":"{text}"}}'
    return (
        403,
        [("Content-Type", "application/x-amz-json-1.1"),
         ("x-amzn-ErrorType", "AccessDeniedException")],
        body.encode(),
    )  # fmt: skip
