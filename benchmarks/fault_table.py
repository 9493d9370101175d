"""Every way a node can fail, played on real sockets: what became of each event.

`python -m benchmarks.fault_table` prints the table. A row is right when every event is accounted
for: delivered + quarantined + malformed + skipped = received, or the handler raised; when nothing
is said to be delivered that the node has not accepted; and when no event's fields came under the
join id of another.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import outage
from benchmarks.bad_node import BadNode
from benchmarks.batches import batch
from benchmarks.fault_rows import EVENTS, ROWS, Row, always, number
from benchmarks.invoking import environment, forwarder, invoke, metric

SETTLED = ("delivered", "quarantined", "malformed", "skipped", "failed")
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"


@dataclass(frozen=True)
class Result:
    """What one row gave. `right`: every event is accounted for, and the outcome is as expected.

    `said` is how the forwarder's own metric counts the events.
    """

    row: Row
    right: bool
    said: dict[str, int]
    raised: str
    twice: int
    after: str
    seconds: float


def play(row: Row) -> Result:
    """Play one scenario."""
    began = time.monotonic()
    event = batch(EVENTS)
    context, trusted = _certificate(row.certificate)
    with BadNode(row.plan, tls=context, headers=row.headers, mute=row.mute, most=row.most) as node:
        env = {"X_NODE_URL": row.url or node.url, "X_NODE_SCHEME": "http", **trusted}
        with environment(**{**env, **dict(row.env)}):
            if row.idle:
                _go_idle(node)
            counts, raised, log = invoke(event, row.seconds)
            right = _right(row, counts, raised, node) and honest(log, raised, node)
            after = ""
            if row.again:
                node.plan = always(200)
                after, healed = _again(row, node, event)
                right = right and healed
    arrived = node.arrived()
    right = right and faithful(node)
    twice = sum(len(kinds) > 2 for kinds in arrived.values())
    said = {k: v for k, v in metric(log).items() if k in SETTLED and v}
    return Result(row, right, said, raised, twice, after, time.monotonic() - began)


def _certificate(kind: str) -> tuple[ssl.SSLContext | None, dict[str, str]]:
    """(what the node shows, what the forwarder is told to trust)."""
    if not kind:
        return None, {}
    import trustme

    authority = trustme.CA()
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    issued = authority.issue_cert(
        "node.invalid" if kind == "wrong name" else "127.0.0.1",
        not_after=yesterday if kind == "expired" else None,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    trusted = {} if kind == "unknown" else {
        "X_NODE_CA_CERTIFICATE": authority.cert_pem.bytes().decode()
    }  # fmt: skip
    return context, {"X_NODE_SCHEME": "https", **trusted}


def _go_idle(node: BadNode) -> None:
    invoke(batch(EVENTS, "before"), 20.0)
    node.close()
    node.open()
    node.accepted.clear()


def whole(node: BadNode) -> int:
    """How many events the node accepted both messages of, the request before the response."""
    return sum(
        "request" in kinds and "response" in kinds[kinds.index("request") :]
        for kinds in node.arrived().values()
    )


def faithful(node: BadNode) -> bool:
    """Whether no two events share a join id, and no event's fields came under another's."""
    seen: dict[str, set[tuple[str, str]]] = {}
    for message in node.accepted:
        length = message.headers.get("x-wallarm-response-length", "")
        if length and int(length) != 100 + number(message):  # as `benchmarks.batches` writes it
            return False
        key = message.headers["x-wallarm-request-id"]
        if number(message) >= EVENTS:
            return False
        seen.setdefault(key, set()).add((message.method, message.path))
    paths = {next(iter(what)) for what in seen.values()}
    return len(paths) == len(seen) and all(len(what) == 1 for what in seen.values())


def _right(row: Row, counts: dict[str, int], raised: str, node: BadNode) -> bool:
    if row.outcome == "raised":
        return raised.startswith("UndeliveredError")
    if raised:
        return False
    settled = sum(counts[n] for n in ("delivered", "quarantined", "malformed", "skipped"))
    wanted = int(row.outcome.partition(":")[2] or 0)
    return (
        settled == counts["received"] == EVENTS
        and counts["quarantined"] == wanted
        and counts["delivered"] == EVENTS - wanted == whole(node)
    )


def honest(log: str, raised: str, node: BadNode) -> bool:
    """Whether the forwarder's own sum is right, and it claims no more than the node accepted."""
    said = metric(log)
    settled = sum(said[name] for name in SETTLED)
    return (
        settled == said["received"] == EVENTS
        and bool(said["failed"]) == bool(raised)
        and said["delivered"] <= whole(node)
    )


def _again(row: Row, node: BadNode, event: object) -> tuple[str, bool]:
    """AWS's retry, after the fault has gone: everything must be there then."""
    if row.url:
        module = forwarder()
        os.environ["X_NODE_URL"] = node.url
        module._Warm.sender = None
    counts, raised, _ = invoke(event, 20.0)
    return (raised or f"{counts['delivered']} delivered", not raised and whole(node) == EVENTS)


def table(results: list[Result], outages: list[outage.Outage]) -> str:
    """The results as a Markdown table."""
    lines = [
        f"| fault ({EVENTS} events) | first invocation | AWS's retry, fault gone | twice | right |",
        "| --- | --- | --- | ---: | --- |",
    ]
    for result in results:
        said = ", ".join(f"{n} {name}" for name, n in result.said.items())
        how = f"raised: {said}" if result.raised else said
        mark = "yes" if result.right else f"NO: {result.raised}"
        lines.append(
            f"| {result.row.name} | {how} | {result.after or '–'} | {result.twice} | {mark} |"
        )
    lines += [
        f"| {away.name} | {away.kept} | {away.after} | {away.twice} | {away.mark} |"
        for away in outages
    ]
    return "\n".join(lines)


def main() -> int:
    """Play every row and print the table; 0 when every row is right."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fault_table", description=__doc__)
    parser.add_argument("--outage", type=float, default=20.0, metavar="SECONDS",
                        help="how long the node of the last row is away")  # fmt: skip
    parser.add_argument("--write", type=Path, help="put the table between this page's marks")
    options = parser.parse_args()
    began = time.monotonic()
    results = []
    for row in ROWS:
        results.append(play(row))
        mark = "" if results[-1].right else "NOT RIGHT: "
        print(f"{mark}{row.name}, {results[-1].seconds:.1f} s", file=sys.stderr, flush=True)
    outages = [outage.play(options.outage)] if options.outage else []
    head = (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}; {time.monotonic() - began:.0f} s."
    )
    text = f"{head}\n\n{table(results, outages)}\n"
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, after = page.split(_BEGIN)[0], page.split(_END)[1]
        options.write.write_text(f"{before}{_BEGIN}\n{text}{_END}{after}", encoding="utf-8")
    return int(not all(r.right for r in (*results, *outages)))


if __name__ == "__main__":
    sys.exit(main())
