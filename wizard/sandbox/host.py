"""The sandbox's own process: starts the local AWS, serves every stand-in, ends with its parent.

Reads one line of JSON from standard input, answers with one line on standard output, and then runs
until standard input ends, which happens when the parent stops it or is killed. Whatever happens
then, the local AWS, its Lambda workers and all files are gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from wizard.sandbox import backend, leftovers
from wizard.sandbox.apis import Seeder
from wizard.sandbox.cloud import Cloud
from wizard.sandbox.execute_api import FrontDoor
from wizard.sandbox.local_aws import LocalAws, StartError
from wizard.sandbox.node import Node
from wizard.sandbox.web import Server
from wizard.sandbox.wire import CallError, Client

# Names that lead to the stand-in node inside Lambda workers: the load balancer's, and the endings
# that private DNS names have.
NODE_NAMES = (".elb.amazonaws.com", ".local", ".internal")
METRICS_PORT = 9000  # where a node tells its counters, unless it is configured otherwise


class Host:
    """Everything that runs, in the order it was started."""

    def __init__(self, root: Path, account_id: str, region: str) -> None:
        self._root = root
        self._account_id = account_id
        self._region = region
        self._aws = LocalAws(root, account_id, region)
        self._node = Node()
        self._cloud = Cloud(self._node.records)
        self._backend = backend.make()
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[Server] = [self._cloud.server, self._backend]

    async def start(self, *, seed: bool) -> dict[str, int]:
        """Start everything; returns the ports and process ids. Raises StartError."""
        await self._node.start()
        for server in (self._cloud.server, self._backend):
            await server.start()
        # The counters first: a line that names a port wins over the one for every port.
        counters, connector = self._node.metrics.port, self._node.connector.port
        lines = [f"127.0.0.1:{counters} {name}:{METRICS_PORT}\n" for name in NODE_NAMES]
        lines += [f"127.0.0.1:{connector} {name}\n" for name in NODE_NAMES]
        self._aws.hosts.write_text("".join(lines))
        await self._aws.start()
        front = FrontDoor(self._aws.port, self._region, self._account_id)
        await front.server.start()
        self._servers.append(front.server)
        self._tasks.append(asyncio.create_task(front.delivery.run()))
        if seed:
            client = Client(self._aws.port, self._region)
            try:
                await Seeder(client, self._account_id, self._backend.port).run()
            except (CallError, OSError, KeyError, asyncio.TimeoutError) as error:
                raise StartError(f"The sample APIs could not be created: {error}") from error
            finally:
                await client.close()
        return {
            "aws": self._aws.port,
            "aws_pid": self._aws.pid,
            "execute_api": front.server.port,
            "connector": self._node.connector.port,
            "control": self._node.control.port,
            "metrics": self._node.metrics.port,
            "cloud": self._cloud.server.port,
            "backend": self._backend.port,
        }

    async def stop(self) -> None:
        """End everything that runs."""
        for task in self._tasks:
            task.cancel()
        await self._aws.stop()
        for server in self._servers:
            await server.close()
        await self._node.close()


async def _until_stdin_ends() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass


async def _serve(host: Host, *, seed: bool) -> int:
    ended = asyncio.create_task(_until_stdin_ends())
    started = asyncio.create_task(host.start(seed=seed))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.cancel)
    try:
        await asyncio.wait((ended, started), return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            started.cancel()
            return 1
        try:
            _say({"ready": started.result()})
        except StartError as error:
            _say({"error": str(error)})
            return 1
        await asyncio.wait((ended,))
        return 0
    finally:
        await asyncio.shield(host.stop())


def _say(data: object) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(data) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Run as `python -m wizard.sandbox.host`; the parent writes the settings."""
    line = sys.stdin.readline()
    if not line:
        return 1  # the parent is gone already
    settings = json.loads(line)
    root = Path(settings["root"])
    lock = leftovers.hold(root)
    host = Host(root, settings["account_id"], settings["region"])
    try:
        return asyncio.run(_serve(host, seed=settings["seed"]))
    finally:
        leftovers.end_terraform(root)
        for entry in list(root.iterdir()) if root.is_dir() else ():
            if settings["keep_logs"] and entry.suffix == ".log":
                continue
            shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(True)
        if not settings["keep_logs"]:
            shutil.rmtree(root, ignore_errors=True)
        os.close(lock)


if __name__ == "__main__":
    code = main()
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the parent may be gone
    sys.exit(code)
