"""Deterministic, realistic traffic for the sample APIs, and a sender that goes through the front
door under the APIs' real host names."""

from __future__ import annotations

import hashlib
import http.client
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wizard.sandbox.catalogue import SampleApi, SampleStage

SEND_SECONDS = 30.0
Seen = tuple[str, str, str, int, str, str]
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    'ShopApp/4.2 (iPhone14,2; "Kate\'s phone"; iOS 17.5)',
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    'curl/8.5.0 {"not":"json"} \\ "quoted"',
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
)
CLIENTS = ("198.51.100.7", "203.0.113.25", "192.0.2.144", "2001:db8:85a3::8a2e:370:7334")
_IDS = ("1001", "1002", "a-17", "7f3c", "42", "no-such-404")


@dataclass(frozen=True)
class SampleRequest:
    """One request of one client to one stage; `path` is what the client sends, query included."""

    api_id: str
    stage: str
    host: str
    method: str
    path: str
    user_agent: str
    source_address: str
    body: bytes = b""


@dataclass(frozen=True)
class Sent:
    """A request and the status the front door answered."""

    request: SampleRequest
    status: int

    def expected(self) -> Seen:
        """`(method, path, host, status, source address, user agent)` as the node should see it;
        the path without its query string, because access logs carry none."""
        r = self.request
        return (
            r.method,
            r.path.partition("?")[0],
            r.host,
            self.status,
            r.source_address,
            r.user_agent,
        )


def differences(
    sent: Iterable[Sent], records: Iterable[Mapping[str, Any]]
) -> tuple[list[Seen], list[Seen]]:
    """`(missing, invented)`: what was sent and did not arrive as it was, and what arrived and was
    never sent like that. A request that arrived twice is invented once."""
    expected = Counter(one.expected() for one in sent)
    arrived = Counter(
        (r["method"], r["path"], r["host"], r["status"], r["source_address"], r["user_agent"])
        for r in records
    )
    return sorted((expected - arrived).elements()), list((arrived - expected).elements())


def for_stage(
    api: SampleApi, stage: SampleStage | str, region: str, count: int = 12
) -> tuple[SampleRequest, ...]:
    """`count` requests for one stage of a REST or HTTP API; always the same ones.

    Every route gets its share, one request in about eight goes to a path the API does not have.
    """
    name = stage if isinstance(stage, str) else stage.name
    prefix = "" if name == "$default" else f"/{name}"
    routes = [r for r in api.routes if not r.path.startswith("$") and r.method != "$default"]
    requests = []
    for n in range(count if routes else 0):
        route = routes[n % len(routes)]
        dice = hashlib.sha256(f"{api.key}/{name}/{n}".encode()).digest()
        method = "GET" if route.method == "ANY" else route.method
        path = re.sub(r"\{[^}]+\}", _IDS[dice[0] % len(_IDS)], route.path)
        if n % 8 == 7:
            method, path = "GET", f"/not-there/{n}"
        if dice[1] % 4 == 0 and method == "GET":
            path += f"?page={dice[2] % 9}&q=b%C3%BCcher"
        requests.append(
            SampleRequest(
                api.api_id,
                name,
                api.host(region),
                method,
                prefix + path,
                AGENTS[dice[3] % len(AGENTS)],
                CLIENTS[dice[4] % len(CLIENTS)],
                b'{"amount": 3}' if method in ("POST", "PUT", "PATCH") else b"",
            )
        )
    return tuple(requests)


def send(front_door: str, requests: Iterable[SampleRequest], width: int = 4) -> tuple[Sent, ...]:
    """Send the requests, at most `width` at a time; answers in the order of the requests.

    Raises OSError when the front door does not answer.
    """
    parts = urlsplit(front_door)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    todo = list(requests)
    lanes: list[Sequence[SampleRequest]] = [todo[n::width] for n in range(width)]
    with ThreadPoolExecutor(width) as pool:
        done = list(pool.map(lambda lane: list(_lane(host, port, lane)), lanes))
    return tuple(done[n % width][n // width] for n in range(len(todo)))


def _lane(host: str, port: int, requests: Sequence[SampleRequest]) -> Iterator[Sent]:
    connection = http.client.HTTPConnection(host, port, timeout=SEND_SECONDS)
    try:
        for request in requests:
            connection.putrequest(request.method, request.path, skip_host=True)
            connection.putheader("Host", request.host)
            # Header values are bytes; UTF-8 is what clients send in practice.
            connection.putheader("User-Agent", request.user_agent.encode())
            connection.putheader("X-Forwarded-For", request.source_address)
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            answer.read()
            yield Sent(request, answer.status)
    finally:
        connection.close()
