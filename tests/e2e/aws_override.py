"""Stands in for what a local AWS cannot show: instances, tasks, targets, certificates, metrics.

A loopback proxy before the local AWS. Operations it has an answer for are answered by it, in the
wire format of their service; everything else is passed through untouched.
"""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape

from tests.policy.identify import UnknownRequestError, identify

QUERY = frozenset(("elbv2", "autoscaling", "iam", "sts"))
_HOP = frozenset(("connection", "keep-alive", "proxy-connection", "transfer-encoding", "te"))


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the stand-in
    """Answer an operation with an error of AWS."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Rewritten:
    """Let the local AWS answer, and replace text in what it says."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs

    def apply(self, data: bytes) -> bytes:
        """The answer as it is told. Raises ValueError when there was nothing to replace."""
        text = data.decode()
        for old, new in self.pairs:
            if old not in text:
                raise ValueError(f"{old} is not in the answer")
            text = text.replace(old, new)
        return text.encode()


# Makes an answer's content from a JSON request, or raises Refused.
Made = Callable[[Mapping[str, Any]], Mapping[str, Any]]
# An answer's content, what makes it, or the local AWS's own with a change.
Answer = Mapping[str, Any] | Made | Rewritten


def refusing(code: str, message: str, status: int = 400) -> Answer:
    """An answer that is an error of AWS."""

    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Refused(code, message, status)

    return answer


class AwsOverride:
    """`with AwsOverride(url) as aws:` answers at `aws.url` what `url` answers.

    `aws.answers["ecs.DescribeServices"] = {...}` overrides that operation from then on; `asked`
    holds every operation that came, in order.
    """

    def __init__(self, upstream: str) -> None:
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> AwsOverride:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(aws: AwsOverride) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k.lower(): v for k, v in self.headers.items()}
            try:
                call = identify(self.command, self.path, headers, body)
                name = f"{call.service}.{call.operation}"
            except UnknownRequestError:
                name = ""
            aws.asked.append(name)
            answer = aws.answers.get(name)
            if answer is None:
                status, out, data = self._forward(body)
            elif isinstance(answer, Rewritten):
                status, out, data = self._forward(body)
                data = answer.apply(data)
            else:
                status, out, data = _render(name, answer, body)
            self.send_response(status)
            for key, value in out:
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _reply  # noqa: N815

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(*aws.upstream, timeout=60)
            try:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                kept = [
                    (k, v)
                    for k, v in answer.getheaders()
                    if k.lower() not in _HOP | {"content-length"}
                ]
                return answer.status, kept, answer.read()
            finally:
                connection.close()

    return Handler


def _render(
    name: str, answer: Mapping[str, Any] | Made, body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer as the service would write it."""
    service, _, operation = name.partition(".")
    try:
        if callable(answer):
            content = answer(json.loads(body) if body.startswith(b"{") else {})
        else:
            content = answer
    except Refused as no:
        return _refusal(service, no)
    if service in QUERY:
        result = f"<{operation}Result>{_xml(content)}</{operation}Result>"
        xml = f"<{operation}Response>{result}</{operation}Response>"
        return 200, [("Content-Type", "text/xml")], xml.encode()
    return 200, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(content).encode()


def _refusal(service: str, no: Refused) -> tuple[int, list[tuple[str, str]], bytes]:
    if service in QUERY:
        xml = (
            f"<ErrorResponse><Error><Code>{no.code}</Code><Message>{escape(no.message)}</Message>"
            "</Error></ErrorResponse>"
        )
        return no.status, [("Content-Type", "text/xml")], xml.encode()
    if service == "ec2":
        xml = (
            f"<Response><Errors><Error><Code>{no.code}</Code><Message>{escape(no.message)}"
            "</Message></Error></Errors></Response>"
        )
        return no.status, [("Content-Type", "text/xml")], xml.encode()
    if service == "s3":
        xml = f"<Error><Code>{no.code}</Code><Message>{escape(no.message)}</Message></Error>"
        return no.status, [("Content-Type", "application/xml")], xml.encode()
    body = json.dumps({"__type": no.code, "message": no.message})
    return no.status, [("x-amzn-ErrorType", no.code)], body.encode()


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{k}>{_xml(v)}</{k}>" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(f"<member>{_xml(v)}</member>" for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))
