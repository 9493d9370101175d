"""Talks to the local AWS in plain HTTP/1.1: the sandbox's own calls need no SDK and no signature.

The local AWS takes service and Region from the credential scope and does not verify signatures.
boto3 would cost a third of a second in every start, and its parameter checks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CALL_SECONDS = 60.0
_LIMIT = 16 * 1024 * 1024


class CallError(Exception):
    """The local AWS answered with an error; `code` is AWS's name for it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code or status}: {message}")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Keep-alive connections to one loopback port, at most `width` at a time."""

    def __init__(self, port: int, region: str = "", width: int = 8) -> None:
        self.port = port
        self.region = region
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._slots = asyncio.Semaphore(width)

    async def request(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> Answer:
        """One request; raises OSError or TimeoutError when nothing answers."""
        head = [f"{method} {target} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in headers]
        head += [f"Content-Length: {len(body)}", "", ""]
        data = "\r\n".join(head).encode("utf-8", "replace") + body
        async with self._slots:
            while True:
                fresh = not self._idle
                reader, writer = await self._connection()
                try:
                    writer.write(data)
                    answer, keep = await asyncio.wait_for(_read(reader, method), CALL_SECONDS)
                except (ConnectionError, asyncio.IncompleteReadError) as error:
                    writer.close()
                    # An idle connection may have been closed by the other side; a new one not.
                    if fresh:
                        raise ConnectionError(f"no answer to {method} {target}") from error
                    continue
                except BaseException:
                    writer.close()
                    raise
                if keep:
                    self._idle.append((reader, writer))
                else:
                    writer.close()
                return answer

    async def rest(self, service: str, method: str, target: str, data: object = None) -> Any:
        """A REST-style AWS call (API Gateway); returns the decoded JSON answer."""
        body = b"" if data is None else json.dumps(data).encode()
        return self._decoded(
            await self.request(method, target, self._signed(service, "application/json"), body)
        )

    async def json_rpc(self, service: str, target: str, data: Mapping[str, object]) -> Any:
        """A JSON-style AWS call (`X-Amz-Target`): CloudWatch Logs, Firehose, SSM."""
        headers = [*self._signed(service, "application/x-amz-json-1.1"), ("X-Amz-Target", target)]
        return self._decoded(await self.request("POST", "/", headers, json.dumps(data).encode()))

    async def form(self, service: str, body: bytes) -> str:
        """A query-style AWS call (CloudFormation, IAM); returns the XML answer as text."""
        headers = self._signed(service, "application/x-www-form-urlencoded")
        answer = await self.request("POST", "/", headers, body)
        if answer.status >= 300:
            raise CallError(answer.status, "", answer.body.decode(errors="replace")[:300])
        return answer.body.decode()

    async def xml(self, service: str, target: str, body: str) -> str:
        """A REST-XML call (Route 53); returns the XML answer as text."""
        headers = self._signed(service, "application/xml")
        answer = await self.request("POST", target, headers, body.encode())
        if answer.status >= 300:
            raise CallError(answer.status, "", answer.body.decode(errors="replace")[:300])
        return answer.body.decode()

    async def close(self) -> None:
        """Close the idle connections."""
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    def _signed(self, service: str, content_type: str) -> list[tuple[str, str]]:
        scope = f"sandbox/20260101/{self.region}/{service}/aws4_request"
        signature = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        return [
            ("Host", f"127.0.0.1:{self.port}"),
            ("Content-Type", content_type),
            ("Authorization", signature),
        ]

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._idle:
            return self._idle.pop()
        return await asyncio.open_connection("127.0.0.1", self.port, limit=_LIMIT)

    @staticmethod
    def _decoded(answer: Answer) -> Any:
        try:
            data = json.loads(answer.body) if answer.body.strip() else {}
        except ValueError:
            data = {"message": answer.body.decode(errors="replace")[:300]}
        if answer.status >= 300:
            code = str(data.get("__type") or answer.headers.get("x-amzn-errortype", ""))
            code = code.split("#")[-1].split(":")[0]
            message = str(data.get("message") or data.get("Message") or "")
            raise CallError(answer.status, code, message)
        return data


async def _read(reader: asyncio.StreamReader, method: str) -> tuple[Answer, bool]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body, keep = b"", headers.get("connection", "").lower() != "close"
    if method == "HEAD" or status in (204, 304) or status < 200:
        pass
    elif headers.get("transfer-encoding", "").lower().endswith("chunked"):
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0].strip(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readuntil(b"\r\n")
        body = b"".join(parts)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body, keep = await reader.read(), False
    return Answer(status, headers, body), keep
