"""Stand-in for the VPC's DNS and for the load balancer, inside the sandbox's Lambda workers only.

A forwarder on AWS reaches the node under the load balancer's DNS name or a private one. Neither
exists on this machine, so names listed in the file that WALLARM_APIGW_SANDBOX_HOSTS points to lead
to the stand-in node. The forwarder and the Terraform outputs stay exactly what they are on AWS.

Lines: `ADDRESS:PORT NAME[:PORT]`; a NAME that begins with a dot means every name below it, a port
behind it limits the line to requests for that port. The first line that fits wins. The file is read
at each look-up, because names come into being while the sandbox runs.
"""

from __future__ import annotations

import os
from typing import Any

_FILE = os.environ.get("WALLARM_APIGW_SANDBOX_HOSTS", "")


def _target(host: Any, port: Any) -> tuple[str, int] | None:
    """(address, port) for a listed name, or None."""
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    name = str(host or "").rstrip(".").lower()
    try:
        with open(_FILE, encoding="utf-8") as lines:  # noqa: PTH123 - pathlib costs start-up time
            entries = [line.split() for line in lines]
    except OSError:
        return None
    for entry in entries:
        if len(entry) != 2 or entry[0].startswith("#"):
            continue
        listed, _, only_port = entry[1].lower().partition(":")
        if only_port and only_port != str(port):
            continue
        if name == listed or (listed.startswith(".") and name.endswith(listed)):
            address, _, target_port = entry[0].rpartition(":")
            return address, int(target_port)
    return None


def _install() -> None:
    import socket

    look_up = socket.getaddrinfo
    resolve = socket.gethostbyname

    def getaddrinfo(
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name callers use
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        target = _target(host, port)
        if target is None:
            return look_up(host, port, family, type, proto, flags)
        kind = type or socket.SOCK_STREAM
        return [(socket.AF_INET, socket.SocketKind(kind), proto or socket.IPPROTO_TCP, "", target)]

    def gethostbyname(host: str) -> str:
        target = _target(host, 0)
        return resolve(host) if target is None else target[0]

    socket.getaddrinfo = getaddrinfo
    socket.gethostbyname = gethostbyname


# Only a Lambda worker has a function's name in its environment; the local AWS itself has not.
if _FILE and os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
    _install()
