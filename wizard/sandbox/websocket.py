"""WebSocket APIs at the front door: handshake, frames, and one log line per event.

The routes' integrations are not run; what matters here is the access log of CONNECT, MESSAGE and
DISCONNECT. The route selection expression is the default one, `$request.body.action`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wizard.sandbox.log_lines import SocketEvent, websocket_values
from wizard.sandbox.stages import LiveApi, LiveStage, Stages
from wizard.sandbox.web import Request, Response, as_json

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_FRAME = 32 * 1024  # documented: a frame holds 32 KB
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA

Log = Callable[[LiveApi, LiveStage, float, dict[str, str]], Awaitable[None]]


@dataclass
class _Connection:
    api: LiveApi
    stage: LiveStage
    host: str
    address: str
    user_agent: str
    connection_id: str
    connected_at: float


class Gateway:
    """Serves the connections of every WebSocket API."""

    def __init__(self, stages: Stages, log: Log, account_id: str) -> None:
        self._stages = stages
        self._log = log
        self._account_id = account_id

    async def accept(self, request: Request, api: LiveApi, stage: LiveStage, host: str) -> Response:
        """Answer the handshake; anything else is refused."""
        key = request.header("Sec-WebSocket-Key")
        if request.header("Upgrade").lower() != "websocket" or not key:
            return as_json({"message": "Forbidden"}, 403)
        connection = _Connection(
            api,
            stage,
            host,
            request.header("X-Forwarded-For").partition(",")[0].strip() or request.peer,
            request.header("User-Agent"),
            base64.b64encode(uuid.uuid4().bytes[:11]).decode("ascii"),
            request.received_at,
        )
        await self._event(connection, "CONNECT", "$connect", 200)
        digest = hashlib.sha1(key.encode("latin-1") + _MAGIC, usedforsecurity=False).digest()
        headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", base64.b64encode(digest).decode("ascii")),
        ]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._messages(connection, reader, writer)
            finally:
                await self._event(connection, "DISCONNECT", "$disconnect", 200)

        return Response(101, b"", headers, upgrade=serve)

    async def _messages(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        routes = await self._stages.route_keys(connection.api)
        while True:
            try:
                opcode, payload = await read_frame(reader)
            except (asyncio.IncompleteReadError, ConnectionError, ValueError):
                return
            if opcode == _CLOSE:
                writer.write(frame(_CLOSE, payload[:2]))
                await writer.drain()
                return
            if opcode == _PING:
                writer.write(frame(_PONG, payload))
            elif opcode in (_TEXT, _BINARY):
                route = _route(payload, routes)
                await self._event(connection, "MESSAGE", route, 200 if route else 403)
                if not route:
                    message = {"message": "Forbidden", "connectionId": connection.connection_id}
                    writer.write(frame(_TEXT, json.dumps(message).encode()))
            await writer.drain()

    async def _event(self, c: _Connection, kind: str, route: str, status: int) -> None:
        now = time.time()
        event = SocketEvent(
            api_id=c.api.api_id,
            account_id=self._account_id,
            stage=c.stage.name,
            domain_name=c.host,
            request_id=base64.b64encode(uuid.uuid4().bytes[:11]).decode("ascii"),
            extended_request_id=base64.b64encode(uuid.uuid4().bytes[:11]).decode("ascii"),
            connection_id=c.connection_id,
            event_type=kind,
            route_key=route,
            source_address=c.address,
            user_agent=c.user_agent,
            connected_at=c.connected_at,
            started=now,
            status=status,
            message_id=base64.b64encode(uuid.uuid4().bytes[:11]).decode("ascii")
            if kind == "MESSAGE"
            else "",
            error_message="" if status < 400 else "Forbidden",
            integration_latency=1 if status < 400 else None,
        )
        stage = (await self._stages.stages(c.api)).get(c.stage.name)
        if stage is not None:
            await self._log(c.api, stage, now, websocket_values(event))


def frame(opcode: int, payload: bytes, mask: bytes = b"") -> bytes:
    """One unfragmented frame; a client gives the four bytes to mask with."""
    flag = 0x80 if mask else 0
    if len(payload) < 126:
        head = struct.pack("!BB", 0x80 | opcode, flag | len(payload))
    else:
        head = struct.pack("!BBH", 0x80 | opcode, flag | 126, len(payload))
    return head + mask + (_masked(payload, mask) if mask else payload)


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """`(opcode, payload)` of the next frame. Raises ValueError for one that is too long."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    if length > _MAX_FRAME:
        raise ValueError("the frame is too long")
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(length)
    return first & 0x0F, _masked(payload, mask) if mask else payload


def _masked(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def _route(payload: bytes, routes: set[str]) -> str:
    try:
        data = json.loads(payload)
    except ValueError:
        data = None
    action = data.get("action") if isinstance(data, dict) else None
    if isinstance(action, str) and action in routes and not action.startswith("$"):
        return action
    return "$default" if "$default" in routes else ""
