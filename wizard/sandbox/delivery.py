"""Puts rendered access-log lines where a stage's settings say, in batches, as API Gateway does."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections import deque
from dataclasses import dataclass

from wizard.sandbox.wire import CallError, Client

FLUSH_SECONDS = 0.2  # on AWS lines arrive within seconds; a short wait keeps batches realistic
BATCH_EVENTS = 500  # CloudWatch Logs takes 10,000 a call, Firehose 500
BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class Line:
    """One access-log line on its way. `timestamp` is in milliseconds."""

    destination_arn: str
    stream: str
    timestamp: int
    message: str


def stream_name(api_id: str, stage: str) -> str:
    """One log stream per stage, named like those of API Gateway: 32 hex digits."""
    return hashlib.sha256(f"{api_id}/{stage}".encode()).hexdigest()[:32]


def canary_arn(destination_arn: str) -> str:
    """The group a canary's lines go to: `<group>/Canary` (documented for REST stages)."""
    return f"{destination_arn}/Canary"


class Delivery:
    """Collects lines and delivers them; what cannot be delivered is kept in `failures`."""

    def __init__(self, aws: Client) -> None:
        self._aws = aws
        self._waiting: list[Line] = []
        self._known: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.delivered = 0
        self.failures: deque[str] = deque(maxlen=200)

    def add(self, line: Line) -> None:
        """Take a line; it is delivered within FLUSH_SECONDS."""
        self._waiting.append(line)
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._wake.clear()
            lines, self._waiting = self._waiting, []
            batches: dict[tuple[str, str], list[Line]] = {}
            for line in lines:
                batches.setdefault((line.destination_arn, line.stream), []).append(line)
            for (destination, stream), batch in batches.items():
                for part in _parts(batch):
                    await self._deliver(destination, stream, part)
            if not self._waiting:
                self._idle.set()

    async def drained(self) -> None:
        """Wait until nothing is on its way."""
        await self._idle.wait()

    async def _deliver(self, destination: str, stream: str, lines: list[Line]) -> None:
        parts = destination.split(":", 6)
        try:
            if len(parts) == 7 and parts[2] == "logs" and parts[5] == "log-group":
                await self._put_events(parts[6], stream, lines)
            elif len(parts) >= 6 and parts[2] == "firehose":
                await self._put_records(destination.rpartition("/")[2], lines)
            else:
                self.failures.append(f"{destination!r} is no access-log destination")
                return
        except (CallError, OSError, TimeoutError, asyncio.TimeoutError) as error:
            self.failures.append(f"{destination}: {error}")
            return
        self.delivered += len(lines)

    async def _put_events(self, group: str, stream: str, lines: list[Line]) -> None:
        if ":" in group:
            # API Gateway refuses such an ARN; taking it here would hide the mistake.
            raise CallError(400, "BadRequestException", "a destination ARN has no trailing :*")
        for attempt in (1, 2):
            try:
                if (group, stream) not in self._known:
                    await self._create_stream(group, stream)
                await self._aws.json_rpc(
                    "logs",
                    "Logs_20140328.PutLogEvents",
                    {
                        "logGroupName": group,
                        "logStreamName": stream,
                        "logEvents": [
                            {"timestamp": x.timestamp, "message": x.message} for x in lines
                        ],
                    },
                )
                return
            except CallError as error:
                # The group may have been deleted and made again since the stream was created.
                self._known.discard((group, stream))
                if attempt == 2 or error.code != "ResourceNotFoundException":
                    raise

    async def _create_stream(self, group: str, stream: str) -> None:
        names = {"logGroupName": group, "logStreamName": stream}
        if group.endswith("/Canary"):
            with contextlib.suppress(CallError):  # it is there already
                await self._aws.json_rpc(
                    "logs", "Logs_20140328.CreateLogGroup", {"logGroupName": group}
                )
        try:
            await self._aws.json_rpc("logs", "Logs_20140328.CreateLogStream", names)
        except CallError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
        self._known.add((group, stream))

    async def _put_records(self, stream: str, lines: list[Line]) -> None:
        records = [
            {"Data": base64.b64encode(f"{x.message}\n".encode()).decode("ascii")} for x in lines
        ]
        await self._aws.json_rpc(
            "firehose",
            "Firehose_20150804.PutRecordBatch",
            {"DeliveryStreamName": stream, "Records": records},
        )


def _parts(lines: list[Line]) -> list[list[Line]]:
    """Split into batches that the services take, oldest first."""
    parts: list[list[Line]] = [[]]
    size = 0
    for line in sorted(lines, key=lambda x: x.timestamp):
        size += len(line.message.encode()) + 26  # CloudWatch Logs counts 26 bytes an event
        if parts[-1] and (len(parts[-1]) >= BATCH_EVENTS or size > BATCH_BYTES):
            parts.append([])
            size = len(line.message.encode()) + 26
        parts[-1].append(line)
    return parts
