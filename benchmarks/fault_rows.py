"""The ways a node can fail, one row each, and what must become of the events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bad_node import ODD, Message, Plan

EVENTS = 30
DEAD = "127.0.0.1:1"
REFUSED, AGAIN = (413,), (408, 429, 500, 503)
WRONG = (301, 400, 401, 403, 404, 405, 415, 422)  # to a whole batch: about us


@dataclass(frozen=True)
class Row:
    """One scenario. `outcome`: `all`, `raised`, or `quarantined:<n>`.

    certificate: `good`, `unknown`, `wrong name`, `expired`; empty for plain HTTP.
    again: a second invocation, after the fault has gone, must deliver the rest.
    most: connections that the node takes at a time; it resets others.
    idle: a first batch went well, then the node closed the kept connections.
    """

    name: str
    plan: Plan
    outcome: str
    seconds: float = 20.0
    url: str = ""
    headers: str = ""
    env: tuple[tuple[str, str], ...] = ()
    certificate: str = ""
    mute: bool = False
    most: int = 10_000
    again: bool = False
    idle: bool = False


def always(what: int | str) -> Plan:
    """Every message."""
    return lambda _m: what


def first(count: int, what: int | str) -> Plan:
    """The first messages, whichever they are."""
    return lambda m: what if m.number < count else 200


def some(what: int | str) -> Plan:
    """Every third event, again and again until its third try."""
    tries: dict[str, int] = {}

    def plan(message: Message) -> int | str:
        key = message.headers["x-wallarm-request-id"]
        tries[key] = tries.get(key, 0) + 1
        return what if number(message) % 3 == 0 and tries[key] <= 2 else 200

    return plan


def of(numbers: range, what: int | str) -> Plan:
    """These events, whenever they come."""
    return lambda m: what if number(m) in numbers else 200


def every(count: int, what: int | str) -> Plan:
    """Each so many-th message."""
    return lambda m: what if m.number % count == count - 1 else 200


def number(message: Message) -> int:
    """The event's place in its batch: `benchmarks.batches` puts it into the path."""
    return int(message.path.rpartition("/")[2])


ONE, SOME = range(7, 8), range(0, EVENTS, 3)


def _rows() -> Iterator[Row]:
    yield from _statuses()
    yield from _sockets()
    yield from _odd()
    yield from _tls()
    yield Row("connection refused", always(200), "raised", url=DEAD, again=True)
    yield Row("no such name", always(200), "raised", url="node.invalid:80", again=True)
    yield Row("deadline in the middle", lambda m: 200 if m.number < 45 else "hang", "raised",
              seconds=4.0, again=True)  # fmt: skip


def _statuses() -> Iterator[Row]:
    # A redirect that was followed would arrive as /p/99, an event that nobody sent.
    there = "Location: /p/99\r\n"
    for status in (*REFUSED, *WRONG):
        yield Row(f"{status} on one event", of(ONE, status), "quarantined:1", headers=there)
        yield Row(f"{status} on a third", of(SOME, status), f"quarantined:{len(SOME)}",
                  headers=there)  # fmt: skip
    for status in REFUSED:
        yield Row(f"{status} on all", always(status), f"quarantined:{EVENTS}")
    for status in WRONG:
        yield Row(f"{status} on all", always(status), "raised", headers=there, again=True)
    for status in AGAIN:
        yield Row(f"{status} on one message", first(1, status), "all")
        yield Row(f"{status} on a third, twice", some(status), "all")
        yield Row(f"{status} on all", always(status), "raised", again=True)
    yield Row("503 on one event, always", of(ONE, 503), "raised", again=True)
    yield Row("429 with Retry-After: 1, on one", first(1, 429), "all", headers="Retry-After: 1\r\n")
    yield Row("503 with Retry-After: 3600, on all", always(503), "raised", seconds=60.0,
              headers="Retry-After: 3600\r\n", again=True)  # fmt: skip
    yield Row("429 with a date long past, on one", first(1, 429), "all",
              headers="Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n")  # fmt: skip


def _sockets() -> Iterator[Row]:
    quick = (("X_NODE_READ_SECONDS", "0.4"),)
    for fault in ("reset-before", "reset-in", "reset-after", "garbage", "bad-chunk"):
        yield Row(f"{fault} on one message", first(1, fault), "all")
        yield Row(f"{fault} on every fifth message", every(5, fault), "all")
        if fault != "reset-after":  # its answer is whole: every event arrives
            yield Row(f"{fault} on all", always(fault), "raised", again=True)
    yield Row("reset-after on all", always("reset-after"), "all")
    yield Row("hangs on one message", first(1, "hang"), "all", env=quick)
    yield Row("hangs on a third, once each", of_once(SOME, "hang"), "all", env=quick)
    yield Row("hangs on all", always("hang"), "raised", seconds=4.0, env=quick, again=True)
    yield Row("drips one answer", first(1, "drip"), "all", env=quick)
    yield Row("drips every answer", always("drip"), "raised", seconds=4.0, env=quick, again=True)
    yield Row("Connection: close on every third", every(3, "close"), "all")
    yield Row("Connection: close always", always("close"), "all")
    yield Row("kept connections closed meanwhile", always(200), "all", idle=True)
    yield Row("takes four connections, resets others", always(200), "all", most=4)


def of_once(numbers: range, what: int | str) -> Plan:
    """The first message of each of these events."""
    met: set[int] = set()

    def plan(message: Message) -> int | str:
        if number(message) not in numbers or number(message) in met:
            return 200
        met.add(number(message))
        return what

    return plan


def _odd() -> Iterator[Row]:
    for what in ODD:
        yield Row(f"odd but right: {what}", always(what), "all")


def _tls() -> Iterator[Row]:
    for certificate in ("unknown", "wrong name", "expired"):
        yield Row(f"certificate: {certificate}", always(200), "raised", certificate=certificate)
    yield Row("TLS, reset-before on every fifth", every(5, "reset-before"), "all",
              certificate="good")  # fmt: skip
    yield Row("TLS, Connection: close on every third", every(3, "close"), "all",
              certificate="good")  # fmt: skip
    yield Row("TLS, kept connections closed meanwhile", always(200), "all",
              certificate="good", idle=True)  # fmt: skip
    https = (("X_NODE_SCHEME", "https"), ("X_NODE_CONNECT_SECONDS", "0.3"))
    yield Row("TLS expected, plain HTTP there", always(200), "raised", env=https)
    yield Row("the TLS handshake hangs", always(200), "raised", seconds=4.0, env=https, mute=True)


ROWS = tuple(_rows())
