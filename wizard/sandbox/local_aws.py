"""Starts and ends ministack, the local AWS: a child process on a free loopback port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import site
import socket
import subprocess
import sys
from pathlib import Path

from wizard.sandbox.wire import Client

START_SECONDS = 40.0
STOP_SECONDS = 4.0
PORT_ATTEMPTS = 5
_HERE = Path(__file__).resolve().parent
# Nothing else of the caller's environment reaches the local AWS and its Lambda workers: no
# credentials, no profile, no proxy.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)


class StartError(Exception):
    """The local AWS did not come up; the text holds the end of its log."""


class LocalAws:
    """One running ministack with everything it writes below `root`."""

    launcher = _HERE / "child" / "launcher.py"

    def __init__(self, root: Path, account_id: str, region: str) -> None:
        self._root = root
        self._account_id = account_id
        self._region = region
        self._process: subprocess.Popen[bytes] | None = None
        self.log = root / "local-aws.log"
        self.hosts = root / "hosts"
        self.port = 0

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start it and wait until it answers; another port is tried when one is taken meanwhile.

        Raises StartError.
        """
        for _ in range(PORT_ATTEMPTS):
            self.port = free_port()
            mark = f"sandbox-{secrets.token_hex(8)}"
            self._spawn(mark)
            if await self._answers(mark):
                return
            await self.stop()
            if not self._port_was_taken():
                break
        raise StartError(f"The local AWS did not start.\n{self.log_tail()}")

    def _spawn(self, mark: str) -> None:
        for name in ("tmp", "home", "state", "s3"):
            (self._root / name).mkdir(mode=0o700, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(self.launcher)],
                stdin=subprocess.PIPE,  # its end tells the child that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._root,
                env=self._environment(mark),
                start_new_session=True,
            )

    def _environment(self, mark: str) -> dict[str, str]:
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return env | {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": self._account_id,
            "MINISTACK_REGION": self._region,
            "MINISTACK_VERSION": mark,  # comes back in its health answer: it is ours, not another
            "STATE_DIR": str(self._root / "state"),
            "S3_DATA_DIR": str(self._root / "s3"),
            "TMPDIR": str(self._root / "tmp"),
            "HOME": str(self._root / "home"),
            "PYTHONUSERBASE": site.getuserbase(),  # packages of `pip install --user` stay visible
            "PYTHONPATH": str(_HERE / "worker_path"),
            "PYTHONUNBUFFERED": "1",
            "WALLARM_APIGW_SANDBOX_HOSTS": str(self.hosts),
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            # No containers and no further ports, even where a container engine is installed.
            "DOCKER_HOST": "unix:///nonexistent/sandbox.sock",
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "NO_PROXY": "*",
        }

    async def _answers(self, mark: str) -> bool:
        client = Client(self.port)
        headers = [("Host", f"127.0.0.1:{self.port}")]
        end = asyncio.get_running_loop().time() + START_SECONDS
        try:
            while asyncio.get_running_loop().time() < end:
                if self._process is None or self._process.poll() is not None:
                    return False
                with contextlib.suppress(
                    OSError,
                    ValueError,
                    IndexError,
                    asyncio.TimeoutError,
                    asyncio.IncompleteReadError,
                ):
                    # Short, because whoever took the port may never answer.
                    answer = await asyncio.wait_for(
                        client.request("GET", "/_ministack/health", headers), 1.0
                    )
                    if json.loads(answer.body).get("version") == mark:
                        return True
                await asyncio.sleep(0.05)
            return False
        finally:
            await client.close()

    def _port_was_taken(self) -> bool:
        text = self.log_tail().lower()
        return "already in use" in text or "address in use" in text

    def log_tail(self, lines: int = 15) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    async def stop(self) -> None:
        """End it with everything it started; returns when nothing of it is left."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_SECONDS)
        # The group holds the Lambda workers too; it exists as long as one of them does.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def free_port() -> int:
    """A loopback port that is free right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
