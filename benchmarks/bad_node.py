"""A node that misbehaves on order, on a real socket; it keeps what it accepted.

Runs in a thread. `plan(message)` says what to do with each message: an int is answered as a status,
a word is one of `reset-before`, `reset-in`, `reset-after`, `hang`, `drip`, `garbage`, `close`.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Message:
    """One message as it came. `number` counts all messages from 0."""

    number: int
    method: str
    path: str
    headers: dict[str, str]


Plan = Callable[[Message], "int | str"]


@dataclass
class BadNode:
    """Use as a context manager; `url` is host:port."""

    plan: Plan = lambda _message: 200
    delay: float = 0.0
    tls: ssl.SSLContext | None = None
    headers: str = ""
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
        return f"127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, on the same port as before if there was one."""

        async def start() -> None:
            self._tasks: set[asyncio.Task[None] | None] = set()
            self._server = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, ssl=self.tls, backlog=512
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
        message = Message(self.seen, method, path, headers)
        self.seen += 1
        what = self.plan(message)
        if self.delay:
            await asyncio.sleep(self.delay)
        return await self._do(what, message, writer)

    async def _do(self, what: int | str, message: Message, writer: asyncio.StreamWriter) -> bool:
        if what == "reset-before":
            writer.transport.abort()
            return False
        if what == "hang":
            await asyncio.sleep(3600)
        if what == "garbage":
            writer.write(b"\x00\x01\x02 this is not HTTP\r\n\r\n")
            return True
        status = what if isinstance(what, int) else 200
        if 200 <= status < 300:
            self.accepted.append(message)
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
