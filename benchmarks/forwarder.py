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
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.batches import batch
from benchmarks.fault_table import Context, environment, forwarder
from benchmarks.sink import Sink

ROUNDS = 9
EVENTS = 1000


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
    import tempfile
    from pathlib import Path

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
    """Peak resident memory in MB of a process that handles one batch of so many events."""
    program = (
        "import json,resource,sys;sys.path.insert(0,sys.argv[1]);import lambda_function as f;"
        "f.lambda_handler(json.load(open(sys.argv[2])),None);"
        "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    import tempfile
    from pathlib import Path

    source = str(Path(str(forwarder().__file__)).parent)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(batch(events), file)
        file.flush()
        env = {"X_NODE_URL": url, "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-I", "-c", program, source, file.name],
            env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    return int(done.stderr) / unit


def run() -> list[dict[str, Any]]:
    """Every figure as `{name, value, unit, ratio, target}`."""
    rows: list[dict[str, Any]] = []
    event = batch(EVENTS)
    with Sink() as sink:
        url = f"127.0.0.1:{sink.port}"
        with environment(X_NODE_URL=url):
            contenders = {
                "floor": floor,
                "forwarder, two messages": ours,
                "requests, one after the other": with_requests(f"http://{url}"),
                "urllib3, one after the other": with_urllib3(f"http://{url}"),
            }
            times = measure(contenders, event, ROUNDS)
        base = statistics.median(times["floor"])
        for name, values in times.items():
            middle = statistics.median(values)
            rows.append(row(f"{EVENTS} events, 0 ms: {name}", middle, middle / base,
                            "≤7× floor" if name.startswith("forwarder") else ""))  # fmt: skip
        cold = statistics.median(cold_start(url))
        rows.append(row("start to 100 events delivered", cold, None, "≤80 ms"))
        rows.append({"name": "memory, 1,800 events", "value": memory(url), "unit": "MB",
                     "ratio": None, "target": "≤40 MB"})  # fmt: skip
    for latency in (2, 5, 20):
        with Sink(latency) as sink, environment(X_NODE_URL=f"127.0.0.1:{sink.port}"):
            values = measure({"ours": ours}, event, 5)["ours"]
        target = "≤0.2 s" if latency == 5 else ""
        rows.append(row(f"{EVENTS} events, {latency} ms: forwarder", statistics.median(values),
                        statistics.median(values) / base, target))  # fmt: skip
    return rows


def row(name: str, seconds: float, ratio: float | None, target: str = "") -> dict[str, Any]:
    """One figure in milliseconds."""
    return {"name": name, "value": seconds * 1000, "unit": "ms", "ratio": ratio, "target": target}


def main() -> None:
    """Print the figures as a table."""
    print("| forwarder | median | × floor | target |")
    print("| --- | --- | --- | --- |")
    for item in run():
        ratio = f"{item['ratio']:.1f}" if item["ratio"] else "–"
        print(f"| {item['name']} | {item['value']:.1f} {item['unit']} | {ratio} | "
              f"{item['target'] or '–'} |")  # fmt: skip


__all__ = ["main", "run"]

if __name__ == "__main__":
    main()
