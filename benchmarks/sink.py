"""A node that accepts everything as fast as one core can: the floor's other end.

`python -m benchmarks.sink LATENCY-MS [CERTIFICATE]` prints its port and serves until its standard
input ends; with a PEM file of key and certificates it speaks TLS.
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Sink:
    """The sink in a process of its own. Use as a context manager."""

    def __init__(self, latency_ms: float = 0.0, *, tls: bool = False) -> None:
        self._latency = latency_ms
        self._tls = tls
        self._certificate = ""
        self.port = 0
        self.ca = ""

    @property
    def url(self) -> str:
        """Host and port, as the forwarder wants them."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Sink:
        arguments = [str(self._latency)]
        if self._tls:
            self._make_certificate()
            arguments.append(self._certificate)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._process.stdout is None:
            raise ValueError("no pipe")
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)
        if self._certificate:
            Path(self._certificate).unlink()

    def _make_certificate(self) -> None:
        """`ca` is the PEM to trust; the key and its certificate go to a file only we may read."""
        import trustme

        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        self.ca = authority.cert_pem.bytes().decode()
        with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
            file.write(issued.private_key_and_cert_chain_pem.bytes())
        self._certificate = file.name


def serve(latency: float, certificate: str = "") -> None:
    """Answer every request head after `latency` seconds, until standard input ends."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener.fileno(), select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    sockets: dict[int, socket.socket] = {}
    due: list[tuple[float, int, int]] = []
    while True:
        patience = max(0.0, due[0][0] - time.perf_counter()) if due else 1.0
        for fd, _ in poll.poll(patience):
            if fd == 0:
                if not os.read(0, 1024):
                    return
            elif fd == listener.fileno():
                client, _ = listener.accept()
                if context:  # one handshake after the other: they happen once a connection
                    client = context.wrap_socket(client, server_side=True)
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets[client.fileno()] = client
                poll.register(client.fileno(), select.EPOLLIN)
            else:
                _receive(fd, sockets, due, poll, latency)
        now = time.perf_counter()
        while due and due[0][0] <= now:
            _, fd, count = heapq.heappop(due)
            if fd in sockets:
                sockets[fd].send(ANSWER * count)


def _receive(
    fd: int,
    sockets: dict[int, socket.socket],
    due: list[tuple[float, int, int]],
    poll: select.epoll,
    latency: float,
) -> None:
    try:
        data = sockets[fd].recv(65536)
    except ssl.SSLWantReadError:
        return
    except ConnectionError:
        data = b""
    if not data:
        poll.unregister(fd)
        sockets.pop(fd).close()
        return
    count = data.count(b"\r\n\r\n")
    if not count:
        return
    if latency:
        heapq.heappush(due, (time.perf_counter() + latency, fd, count))
    else:
        sockets[fd].send(ANSWER * count)


if __name__ == "__main__":
    serve(float(sys.argv[1]) / 1000 if len(sys.argv) > 1 else 0.0, *sys.argv[2:])
