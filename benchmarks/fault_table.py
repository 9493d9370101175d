"""Every way a node can fail, played on real sockets: what became of each event.

`python -m benchmarks.fault_table` prints the table. A row is right when every event is accounted
for: delivered + quarantined + malformed + skipped = received, or the handler raised and what is
missing was never said to be delivered.
"""

from __future__ import annotations

import contextlib
import io
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bad_node import BadNode, Message, Plan
from benchmarks.batches import batch

SOURCE = Path(__file__).resolve().parents[1] / "lambda" / "cw-resend-lambda"
EVENTS = 30
DEAD = "127.0.0.1:1"


class Context:
    """What Lambda hands a function, as far as the forwarder asks."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


@dataclass(frozen=True)
class Row:
    """One scenario. `outcome`: `all`, `raised`, or `quarantined:<n>`."""

    name: str
    plan: Plan
    outcome: str
    seconds: float = 20.0
    url: str = ""
    headers: str = ""
    env: tuple[tuple[str, str], ...] = ()
    tls: bool = False
    again: bool = False  # the second invocation, after the fault has gone, must deliver the rest


def always(what: int | str) -> Plan:
    return lambda _m: what


def first(count: int, what: int | str) -> Plan:
    return lambda m: what if m.number < count else 200


def some(what: int | str) -> Plan:
    """Every third event, again and again until its third try."""
    tries: dict[str, int] = {}

    def plan(message: Message) -> int | str:
        key = message.headers["x-wallarm-request-id"]
        tries[key] = tries.get(key, 0) + 1
        return what if int(key[:8], 16) % 3 == 0 and tries[key] <= 2 else 200

    return plan


def path_is(path: str, what: int | str) -> Plan:
    return lambda m: what if m.path == path else 200


def every(count: int, what: int | str) -> Plan:
    return lambda m: what if m.number % count == count - 1 else 200


def _rows() -> Iterator[Row]:
    for status in (400, 401, 403, 404, 413):
        yield Row(f"{status} on one event", path_is("/p/7", status), "quarantined:1")
    for status in (401, 403, 404, 301):
        yield Row(f"{status} on all", always(status), "raised", again=True)
    yield Row("400 on all", always(400), f"quarantined:{EVENTS}")
    for status in (408, 429, 500, 503):
        yield Row(f"{status} on one message", first(1, status), "all")
        yield Row(f"{status} on some events, twice", some(status), "all")
        yield Row(f"{status} on all", always(status), "raised", again=True)
    yield Row("429 with Retry-After: 1, on one", first(1, 429), "all", headers="Retry-After: 1\r\n")
    for fault in ("reset-before", "reset-in", "reset-after", "garbage"):
        yield Row(f"{fault} on one message", first(1, fault), "all")
        yield Row(f"{fault} on every fifth message", every(5, fault), "all")
    yield Row("reset on all", always("reset-before"), "raised", again=True)
    quick = (("X_NODE_READ_SECONDS", "0.4"),)
    yield Row("hangs on one message", first(1, "hang"), "all", env=quick)
    yield Row("hangs on all", always("hang"), "raised", seconds=4.0, env=quick, again=True)
    yield Row("drips one answer", first(1, "drip"), "all", env=quick)
    yield Row("Connection: close on every third", every(3, "close"), "all")
    yield Row("Connection: close always", always("close"), "all")
    https = (("X_NODE_SCHEME", "https"),)
    yield Row("bad certificate", always(200), "raised", env=https, tls=True)
    yield Row("TLS expected, plain HTTP there", always(200), "raised", env=https)
    yield Row("connection refused", always(200), "raised", url=DEAD, again=True)
    yield Row("no such name", always(200), "raised", url="node.invalid:80", again=True)
    yield Row("deadline in the middle", lambda m: 200 if m.number < 20 else "hang", "raised",
              seconds=4.0, again=True)  # fmt: skip


ROWS = tuple(_rows())


@dataclass(frozen=True)
class Result:
    """What one row gave. `right`: every event is accounted for, and the outcome is as expected."""

    row: Row
    right: bool
    counts: dict[str, int]
    raised: str
    twice: int
    after: str
    seconds: float


def forwarder() -> Any:
    """The forwarder's module, as Lambda would load it."""
    if str(SOURCE) not in sys.path:
        sys.path.insert(0, str(SOURCE))
    import lambda_function

    return lambda_function


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """The function's environment, and a cold start."""
    module = forwarder()
    before = dict(os.environ)
    os.environ.update(values)
    module._Warm.sender = module._Warm.encoder = None
    module._Warm.delivered.clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def invoke(event: object, seconds: float) -> tuple[dict[str, int], str, str]:
    """(counts, what was raised, the function's log)."""
    module = forwarder()
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        try:
            return module.lambda_handler(event, Context(seconds)), "", log.getvalue()
        except (module.UndeliveredError, module.AccountingError) as error:
            return {}, f"{type(error).__name__}: {error}", log.getvalue()


def play(row: Row) -> Result:
    """Play one scenario."""
    began = time.monotonic()
    event = batch(EVENTS)
    with BadNode(row.plan, headers=row.headers, tls=_private() if row.tls else None) as node:
        url = row.url or node.url
        with environment(**{"X_NODE_URL": url, "X_NODE_SCHEME": "http", **dict(row.env)}):
            counts, raised, _ = invoke(event, row.seconds)
            arrived = node.arrived()
            whole = sum("request" in kinds and "response" in kinds for kinds in arrived.values())
            right = _right(row, counts, raised, whole)
            after = ""
            if row.again:
                node.plan = always(200)
                after, healed = _again(row, node, event)
                right = right and healed
        twice = sum(len(kinds) > 2 for kinds in node.arrived().values())
    return Result(row, right, counts, raised, twice, after, time.monotonic() - began)


def _private() -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _right(row: Row, counts: dict[str, int], raised: str, whole: int) -> bool:
    if row.outcome == "raised":
        return raised.startswith("UndeliveredError")
    if raised:
        return False
    settled = sum(counts[n] for n in ("delivered", "quarantined", "malformed", "skipped"))
    wanted = int(row.outcome.partition(":")[2] or 0)
    return (
        settled == counts["received"] == EVENTS
        and counts["quarantined"] == wanted
        and counts["delivered"] == EVENTS - wanted == whole
    )


def _again(row: Row, node: BadNode, event: object) -> tuple[str, bool]:
    """AWS's retry, after the fault has gone: everything must be there then."""
    if row.url:
        module = forwarder()
        os.environ["X_NODE_URL"] = node.url
        module._Warm.sender = None
    counts, raised, _ = invoke(event, 20.0)
    kinds = node.arrived().values()
    whole = sum("request" in k and "response" in k for k in kinds)
    return (raised or f"{counts['delivered']} delivered", not raised and whole == EVENTS)


def main(show: Callable[[str], None] = print) -> int:
    """Play every row and print the table; 0 when every row is right."""
    show(
        f"| fault ({EVENTS} events) | first invocation | AWS's retry, fault gone | twice | right |"
    )
    show("| --- | --- | --- | --- | --- |")
    wrong = 0
    for row in ROWS:
        result = play(row)
        wrong += not result.right
        kept = {k: v for k, v in result.counts.items() if v and k != "received"}
        said = "raised" if result.raised else ", ".join(f"{v} {k}" for k, v in kept.items())
        mark = "yes" if result.right else f"NO: {result.raised}"
        show(f"| {row.name} | {said} | {result.after or '–'} | {result.twice} | {mark} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
