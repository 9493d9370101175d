"""The forwarder against its floor and its naive peers, interleaved, on a fast local sink.

The floor is what nobody can save: base64, gunzip, and the JSON of envelope and lines. The peers
send one message per event, one after the other, with `requests` and with `urllib3`.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import shapes
from benchmarks.batches import batch
from benchmarks.figure import Figure, figure, measured
from benchmarks.invoking import Context, environment, forwarder
from benchmarks.prices import PRICES
from benchmarks.sink import Sink

ROUNDS = 9
EVENTS = 1000
CASES = (
    (1000, 2, False), (1000, 5, False), (1000, 20, False), (1000, 0, True), (1000, 5, True),
    (1800, 0, False), (1800, 5, False), (10_000, 0, False), (10_000, 5, False), (10_000, 0, True),
)  # events, milliseconds of the node, TLS  # fmt: skip
MEMORY_GB = 0.5
GB_SECOND, INVOCATION = PRICES["gb_second"], PRICES["invocations_million"] / 1_000_000


def floor(event: dict[str, Any]) -> int:
    """Decode and parse, and nothing else."""
    envelope = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return len([json.loads(item["message"]) for item in envelope["logEvents"]])


def ours(event: dict[str, Any]) -> int:
    """The forwarder, warm."""
    with contextlib.redirect_stdout(io.StringIO()):
        return int(forwarder().lambda_handler(event, Context(60))["delivered"])


def with_requests(url: str) -> Callable[[dict[str, Any]], int]:
    """A loop over `requests.Session`."""
    import requests

    session = requests.Session()

    def send(event: dict[str, Any]) -> int:
        return sum(
            session.request(line["httpMethod"], url + line["path"]).ok for line in _lines(event)
        )

    return send


def with_urllib3(url: str) -> Callable[[dict[str, Any]], int]:
    """A loop over one `urllib3` pool."""
    import urllib3

    pool = urllib3.PoolManager()

    def send(event: dict[str, Any]) -> int:
        return sum(
            pool.request(line["httpMethod"], url + line["path"]).status == 200
            for line in _lines(event)
        )

    return send


def _lines(event: dict[str, Any]) -> list[dict[str, str]]:
    envelope = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return [json.loads(item["message"]) for item in envelope["logEvents"]]


def measure(
    contenders: dict[str, Callable[[dict[str, Any]], int]], event: dict[str, Any], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each, taking turns, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run_once in contenders.items():
            began = time.perf_counter()
            run_once(event)
            if number:
                times[name].append(time.perf_counter() - began)
    return times


def cold_start(url: str, rounds: int = 5) -> list[float]:
    """Seconds from the start of Python until 100 events are delivered."""
    program = (
        "import json,sys;sys.path.insert(0,sys.argv[1]);import lambda_function as f;"
        "f.lambda_handler(json.load(open(sys.argv[2])),None)"
    )
    source = str(Path(str(forwarder().__file__)).parent)
    times = []
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(batch(100), file)
        file.flush()
        env = {"X_NODE_URL": url, "PATH": os.environ["PATH"]}
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, "-I", "-c", program, source, file.name],
                env=env, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
            times.append(time.perf_counter() - began)
    return times


def memory(url: str, events: int = 1800) -> float:
    """Peak resident memory in MB of a process that handles one batch of so many events.

    From /proc where there is one: `getrusage` of a fresh child still counts its parent's peak.
    """
    program = (
        "import json,resource,sys;sys.path.insert(0,sys.argv[1]);import lambda_function as f\n"
        "f.lambda_handler(json.load(open(sys.argv[2])),None)\n"
        "try: kb=int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])\n"
        "except OSError: kb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss//1024\n"
        "sys.stderr.write(str(kb))"
    )
    source = str(Path(str(forwarder().__file__)).parent)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(batch(events), file)
        file.flush()
        env = {"X_NODE_URL": url, "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, source, file.name],
            env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    return int(done.stderr) / 1024


def start_of_tls(rounds: int = ROUNDS) -> list[Figure]:
    """What a cold start pays before its first handshake: with the system's CAs, and with one."""
    import trustme

    forwarder()
    from node import Node

    https = {"X_NODE_URL": "node", "X_NODE_SCHEME": "https"}
    pinned = {"X_NODE_CA_CERTIFICATE": trustme.CA().cert_pem.bytes().decode()}
    contenders = {
        "the system's CAs (peer)": lambda _event: Node(https).context,
        "one pinned CA": lambda _event: Node({**https, **pinned}).context,
    }
    times = measure(contenders, {}, rounds)
    ms = {name: in_ms(values) for name, values in times.items()}
    peer = ms["the system's CAs (peer)"]
    return [
        measured(f"start of TLS: {name}", values, "ms", against=peer,
                 target="≤0.1× peer" if name == "one pinned CA" else "")
        for name, values in ms.items()
    ]  # fmt: skip


def run() -> list[Figure]:
    """Every figure."""
    rows: list[Figure] = []
    event = batch(EVENTS)
    with Sink() as sink:
        url = sink.url
        with environment(X_NODE_URL=url):
            contenders = {
                "floor": floor,
                "forwarder, two messages": ours,
                "requests, one after the other": with_requests(f"http://{url}"),
                "urllib3, one after the other": with_urllib3(f"http://{url}"),
            }
            times = measure(contenders, event, ROUNDS)
        ms = {name: in_ms(values) for name, values in times.items()}
        rows += [
            measured(f"{EVENTS:,} events, 0 ms: {name}", values, "ms", against=ms["floor"],
                     target="≤7× floor" if name.startswith("forwarder") else "")
            for name, values in ms.items()
        ]  # fmt: skip
        cold = in_ms(cold_start(url))
        rows.append(measured("start to 100 events delivered", cold, "ms", target="≤80 ms"))
        rows.append(figure("memory, 1,800 events", memory(url), "MB", target="≤40 MB"))
    rows += start_of_tls()
    rows += shapes.run()
    for events, latency, tls in CASES:
        rows.append(_case(events, latency, tls))
    return [*rows, *_costs(rows)]


def _case(events: int, latency: float, tls: bool) -> Figure:
    """One size at one node latency; the ratio is to the floor of the same batch."""
    event = batch(events)
    with Sink(latency, tls=tls) as sink:
        scheme = {"X_NODE_SCHEME": "https", "X_NODE_CA_CERTIFICATE": sink.ca} if tls else {}
        with environment(X_NODE_URL=sink.url, **scheme):
            times = measure({"floor": floor, "ours": ours}, event, 5 if events < 5000 else 3)
    how = "TLS" if tls else "HTTP"
    target = "≤200 ms" if (events, latency, tls) == (1000, 5, False) else ""
    name = f"{events:,} events, {latency:g} ms, {how}: forwarder"
    floors = in_ms(times["floor"])
    return measured(name, in_ms(times["ours"]), "ms", against=floors, target=target)


def _costs(rows: list[Figure]) -> list[Figure]:
    """What AWS Lambda would charge for a million requests at these times and 512 MB.

    A Lambda of 512 MB has less than a third of a core, this machine's is whole: a lower bound.
    """
    costs = []
    for name, label in (("forwarder, two messages", "forwarder"),
                        ("requests, one after the other", "requests loop")):  # fmt: skip
        spent = next(r["value"] for r in rows if r["name"].endswith(name)) / 1000
        million = 1_000_000 / EVENTS * (spent * MEMORY_GB * GB_SECOND + INVOCATION)
        costs.append(figure(f"Lambda for a million requests, 0 ms: {label}", million, "$"))
    return costs


def in_ms(seconds: list[float]) -> list[float]:
    """Milliseconds."""
    return [value * 1000 for value in seconds]
