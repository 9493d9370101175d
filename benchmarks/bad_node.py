"""A node that misbehaves on order, on a real socket; it keeps what it accepted.

Runs in a thread. `plan(message)` says what to do with each message: an int is answered as a status,
a word is one of `reset-before`, `reset-in`, `reset-after`, `hang`, `drip`, `garbage`, `bad-chunk`,
`close`, or one of the odd but right ways to say 200 in `ODD`.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# Whole answers, each of them HTTP, and none of them what a simple node says.
ODD: dict[str, tuple[str, bytes]] = {
    "chunked": ("Transfer-Encoding: chunked\r\n", b"2;x=y\r\nok\r\n0\r\nTrailer: z\r\n\r\n"),
    "continue-first": ("Content-Length: 2\r\n", b"ok"),
    "too-long": ("Content-Length: 3000000\r\n", b"x" * 3_000_000),
    "without-length": ("Connection: close\r\n", b"ok"),
}
BAD_CHUNK = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n-6\r\nok\r\n0\r\n\r\n"


@dataclass
class Message:
    """One message as it came. `number` counts all messages from 0; `at` is a monotonic clock's."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    at: float


Plan = Callable[[Message], "int | str"]


@dataclass
class BadNode:
    """A context manager; `url` is host:port. A `mute` one takes connections and says nothing."""

    plan: Plan = lambda _message: 200
    tls: ssl.SSLContext | None = None
    headers: str = ""
    host: str = "127.0.0.1"
    mute: bool = False
    most: int = 10_000  # connections at a time; further ones are reset
    accepted: list[Message] = field(default_factory=list)
    seen: int = 0
    connections: int = 0
    port: int = 0

    def __enter__(self) -> BadNode:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def open(self) -> None:
        """Listen, on the same port as before if there was one."""

        async def start() -> None:
            self._tasks: set[asyncio.Task[None] | None] = set()
            self._server = await asyncio.start_server(
                self._serve, self.host, self.port, ssl=self.tls, backlog=512
            )
            self.port = int(self._server.sockets[0].getsockname()[1])

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(10)

    def close(self) -> None:
        """Refuse connections from now on, and end those there are."""

        async def stop() -> None:
            self._server.close()
            tasks = [task for task in self._tasks if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(10)

    def arrived(self) -> dict[str, list[str]]:
        """Accepted messages by request id: `request`, `response` or `both`, in order."""
        out: dict[str, list[str]] = {}
        for message in self.accepted:
            kind = "response" if "x-wallarm-response-status" in message.headers else "request"
            out.setdefault(message.headers["x-wallarm-request-id"], []).append(kind)
        return out

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            if len(self._tasks) > self.most:
                raise ConnectionError
            if self.mute:
                await asyncio.sleep(3600)
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "replace")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        message = Message(self.seen, method, path, headers, time.monotonic())
        self.seen += 1
        return await self._do(self.plan(message), message, writer)

    async def _do(self, what: int | str, message: Message, writer: asyncio.StreamWriter) -> bool:
        if what == "reset-before":
            writer.transport.abort()
            return False
        if what == "hang":
            await asyncio.sleep(3600)
        if what == "garbage":
            writer.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
            return True
        if what == "bad-chunk":
            writer.write(BAD_CHUNK)
            return True
        status = what if isinstance(what, int) else 200
        if 200 <= status < 300:
            self.accepted.append(message)
        if what in ODD:
            return await self._odd(str(what), writer)
        close = "Connection: close\r\n" if what == "close" else ""
        text = f"HTTP/1.1 {status} X\r\n{self.headers}{close}Content-Length: 2\r\n\r\n"
        answer = text.encode() + (b"" if message.method == "HEAD" else b"ok")
        if what == "reset-in":
            writer.write(answer[:9])
            await writer.drain()
            writer.transport.abort()
            return False
        if what == "drip":
            for byte in answer:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.2)
        writer.write(answer if what != "drip" else b"")
        await writer.drain()
        if what == "reset-after":
            writer.transport.abort()
            return False
        return what != "close"

    async def _odd(self, what: str, writer: asyncio.StreamWriter) -> bool:
        headers, body = ODD[what]
        if what == "continue-first":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        writer.write(f"HTTP/1.1 200 X\r\n{headers}\r\n".encode() + body)
        await writer.drain()
        return what != "without-length"
