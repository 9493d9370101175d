"""A local AWS with many APIs, behind a proxy that throttles as API Gateway does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RATE, BURST = 10.0, 40.0  # requests a second, all callers of a Region together; documented


_GAPS = Path(__file__).parents[1] / "wizard" / "sandbox" / "child" / "gaps.py"
_MENDED = f"""
import runpy, sys
runpy.run_path({str(_GAPS)!r})["fill"]()
sys.argv = ["ministack"]
runpy.run_module("ministack", run_name="__main__")
"""


class Quota:
    """API Gateway's bucket: a request that finds it empty is refused, not queued."""

    def __init__(self, rate: float = RATE, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._tokens = burst
        self._at = time.monotonic()
        self._lock = threading.Lock()
        self.passed = 0
        self.refused = 0

    def admit(self, signed: str = "") -> bool:
        """Whether a request passes; `signed` is its Authorization, which says whose it is."""
        del signed
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            self.passed += 1
            return True


def proxy(upstream: int, quota: Quota, latency: float) -> ThreadingHTTPServer:
    """A throttling proxy on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            time.sleep(latency)
            limited = self.path.startswith(("/restapis", "/v2/", "/account"))
            if limited and not quota.admit(self.headers.get("Authorization", "")):
                answer = json.dumps({"message": "Too Many Requests"}).encode()
                self._reply(429, {"x-amzn-errortype": "TooManyRequestsException"}, answer)
                return
            connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            kept = {
                k: v
                for k, v in response.getheaders()
                if k.lower() not in ("content-length", "transfer-encoding", "connection", "date")
            }
            connection.close()
            self._reply(response.status, kept, answer)

        def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@contextlib.contextmanager
def local_aws(*, mended: bool = False) -> Iterator[int]:
    """ministack on a free port; `mended` as the sandbox runs it, with Regions closed as on AWS."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, *(("-c", _MENDED) if mended else ("-m", "ministack"))],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    url = f"http://127.0.0.1:{port}/_ministack/health"
                    urllib.request.urlopen(url, timeout=2).close()
                    break
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(20)
