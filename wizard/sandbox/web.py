"""A small HTTP/1.1 server: what the stand-ins of the sandbox are built on, standard library only.

Keep-alive, pipelining, chunked and sized bodies. Header names keep the spelling they arrived with,
so that the stand-in node can record exactly what was sent.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 16 * 1024 * 1024
_NO_BODY = frozenset((204, 304))


@dataclass
class Request:
    """One request as it arrived; `target` is the request line's middle, undecoded."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: str
    received_at: float  # epoch seconds
    version: str = "HTTP/1.1"

    def header(self, name: str, default: str = "") -> str:
        """The last header of that name, whatever its case."""
        wanted = name.lower()
        for key, value in reversed(self.headers):
            if key.lower() == wanted:
                return value
        return default

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string without the question mark."""
        return self.target.partition("?")[2]


Upgrade = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Response:
    """What is answered, and how badly.

    `delay` (seconds) comes before the answer. `fault` "hang" never answers, "reset" cuts the
    connection with RST, "close" closes it without an answer, "garbage" answers something that is
    no HTTP. `upgrade` takes the connection over after the head was sent.
    """

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    delay: float = 0.0
    fault: str = ""
    upgrade: Upgrade | None = None


Handler = Callable[[Request], Awaitable[Response]]


def as_json(data: object, status: int = 200) -> Response:
    """A JSON answer."""
    body = json.dumps(data, ensure_ascii=False).encode()
    return Response(status, body, [("Content-Type", "application/json")])


class MalformedError(Exception):
    """The bytes on the wire are no HTTP/1.1 request."""


class Server:
    """Listens on a loopback port until it is closed; answers through one handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int = 0) -> int:
        """Bind 127.0.0.1 and return the port; 0 lets the system choose a free one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", port, limit=MAX_HEAD_BYTES, backlog=1024
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        try:
            while True:
                request = await read_request(reader, writer, address)
                if request is None or not await self._answer(request, reader, writer):
                    break
        except MalformedError as error:
            body = str(error).encode()
            writer.write(
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if task is not None:
                self._connections.discard(task)
            writer.close()

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        response = await self._handler(request)
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.fault:
            await _misbehave(response.fault, reader, writer)
            return False
        wants_close = request.header("Connection").lower()
        keep = wants_close != "close" and (
            request.version != "HTTP/1.0" or wants_close == "keep-alive"
        )
        writer.write(_head(request, response, keep))
        await writer.drain()
        if response.upgrade is not None:
            await response.upgrade(reader, writer)
            return False
        return keep


def _head(request: Request, response: Response, keep: bool) -> bytes:
    """Status line, headers and body as one write."""
    try:
        reason = HTTPStatus(response.status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    body = response.body
    if response.upgrade is None and response.status not in _NO_BODY:
        lines.append(f"Content-Length: {len(body)}")
    if not keep:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    silent = request.method == "HEAD" or response.status in _NO_BODY
    return head if silent else head + body


async def _misbehave(
    fault: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    if fault == "hang":
        while await reader.read(65536):  # until the client gives up
            pass
    elif fault == "reset":
        writer.transport.abort()
    elif fault == "garbage":
        writer.write(b"\x00\x01 not HTTP \xff\r\n\r\n")
        await writer.drain()


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
) -> Request | None:
    """The next request, or None when the client closed the connection. Raises MalformedError."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise MalformedError("the connection ended inside a request head") from None
        return None
    except asyncio.LimitOverrunError:
        raise MalformedError("the request head is too long") from None
    received = time.time()
    first, _, rest = _text(head[:-4]).lstrip("\r\n").partition("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise MalformedError("malformed request line")
    headers: list[tuple[str, str]] = []
    length, chunked, expects = 0, False, False
    for line in rest.split("\r\n") if rest else ():
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise MalformedError("malformed header line")
        value = value.strip(" \t")
        headers.append((name, value))
        lowered = name.lower()
        if lowered == "content-length":
            if not value.isdigit():
                raise MalformedError("malformed Content-Length")
            length = int(value)
        elif lowered == "transfer-encoding":
            chunked = value.lower().endswith("chunked")
        elif lowered == "expect":
            expects = value.lower() == "100-continue"
    if expects:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if length > MAX_BODY_BYTES:
        raise MalformedError("the body is too long")
    try:
        body = await _chunks(reader) if chunked else await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise MalformedError("the connection ended inside a body") from None
    return Request(parts[0], parts[1], headers, body, peer, received, parts[2])


def _text(head: bytes) -> str:
    """Clients send UTF-8 where the standard says bytes; anything else is read as Latin-1."""
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError:
        return head.decode("latin-1")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        size_line = await reader.readuntil(b"\r\n")
        try:
            size = int(size_line.split(b";")[0].strip(), 16)
        except ValueError:
            raise MalformedError("malformed chunk") from None
        if len(body) + size > MAX_BODY_BYTES:
            raise MalformedError("the body is too long")
        if size == 0:
            while (await reader.readuntil(b"\r\n")).strip():  # trailers
                pass
            return bytes(body)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
