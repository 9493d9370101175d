"""Discovery of a large Region against the floor that AWS's own quota sets.

600 REST APIs with 3 stages each on a local AWS, behind a proxy that throttles as API Gateway does:
10 requests a second with a burst of 40, all callers together, 429 TooManyRequestsException beyond
that. The floor is the time in which that bucket lets the same number of requests through.

    python -m benchmarks.discovery [--apis 600] [--stages 3] [--latency 0.03] [--peer]

`--peer` also measures the same discovery with boto3's own "adaptive" retry mode in place of our
bucket.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.figure import Figure, figure, measured
from benchmarks.throttled import BURST, RATE, Quota, local_aws, proxy
from wizard.core.facts import Inventory
from wizard.services.aws.discovery import REST_PAGE, V2_PAGE, WORKERS, discover, prepare_clients
from wizard.services.aws.rate_limit import RESERVE, TokenBucket
from wizard.services.aws.session import Session

LATENCY = 0.08
REST_QUOTA = 1_300
ROUNDS = 9
REGION = "eu-central-1"


def session_at(port: int, bucket: TokenBucket | None = None) -> Session:
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    return Session(region=REGION, env=env, bucket=bucket)


def seed(port: int, apis: int, stages: int) -> None:
    """REST APIs up to a Region's quota of them, HTTP APIs beyond."""
    session = session_at(port, TokenBucket(1e9, 1e9))
    rest: Any = session.client("apigateway")
    http_apis: Any = session.client("apigatewayv2")

    def make(number: int) -> None:
        if number >= REST_QUOTA:
            api = http_apis.create_api(Name=f"http-{number:04}", ProtocolType="HTTP")["ApiId"]
            for stage in range(stages):
                http_apis.create_stage(ApiId=api, StageName=f"s{stage}")
            return
        api = rest.create_rest_api(name=f"api-{number:04}")["id"]
        deployment = rest.create_deployment(restApiId=api)["id"]
        for stage in range(stages):
            rest.create_stage(restApiId=api, stageName=f"s{stage}", deploymentId=deployment)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(apis)))


def without_throttle(upstream: int, latency: float) -> tuple[float, int, float]:
    """Seconds, requests, and MiB that the answer holds, when nobody limits the rate."""
    quota = Quota(rate=1e9, burst=1e9)
    server = proxy(upstream, quota, latency)
    try:
        session = session_at(server.server_port, TokenBucket(1e9, 1e9))
        identity = session.identity()
        started = time.monotonic()
        discover(session, identity)
        seconds, requests = time.monotonic() - started, quota.passed
        tracemalloc.start()
        inventory = discover(session, identity)
        before = tracemalloc.get_traced_memory()[0]
        del inventory
        kept = (before - tracemalloc.get_traced_memory()[0]) / 2**20
        tracemalloc.stop()
        return seconds, requests, kept
    finally:
        server.shutdown()
        server.server_close()


class Unpaced(TokenBucket):
    """No pacing of ours: what boto3's own retry mode makes of it."""

    def acquire(self) -> float:
        return 0.0


def measure(
    upstream: int, latency: float, *, peer: bool = False, times: int = 1
) -> tuple[float, float, Quota, Inventory]:
    """Seconds in all, seconds to the first row, the quota's counters, and what was found.

    `times`: how much faster than AWS's the quota is, and the product's pace with it.
    """
    quota = Quota(times * RATE, times * BURST)
    server = proxy(upstream, quota, latency)
    try:
        ours = TokenBucket(times * RATE, times * (BURST - RESERVE))
        session = session_at(server.server_port, Unpaced() if peer else ours)
        identity = session.identity()
        if peer:
            _adaptive(session)
        first: list[float] = []
        prepare_clients(session)  # as the first screen does, while somebody reads it
        started = time.monotonic()
        inventory = discover(
            session, identity, on_count=lambda *_: first.append(time.monotonic() - started)
        )
        return time.monotonic() - started, first[0], quota, inventory
    finally:
        server.shutdown()
        server.server_close()


def _adaptive(session: Session) -> None:
    from botocore.config import Config

    for service in ("apigateway", "apigatewayv2"):
        session._clients[service] = session._session().client(
            service,
            region_name=REGION,
            endpoint_url=session.endpoint,
            config=Config(retries={"mode": "adaptive", "total_max_attempts": 6}),
        )


def first_rows(upstream: int, latency: float) -> tuple[list[float], list[float]]:
    """Seconds to the first rows of `discover`, and to the first page of APIs for somebody who asks
    for one page of each list and does nothing with it; taking turns, without a quota.

    Both begin with clients that exist and connections that do not.
    """
    server = proxy(upstream, Quota(rate=1e9, burst=1e9), latency)
    try:
        ours, page = [], []
        for number in range(ROUNDS + 1):
            contenders = [(ours, _first_row(server.server_port)), (page, _page(server.server_port))]
            for times, seconds in contenders:
                if number:  # the first round only warms up
                    times.append(seconds)
        return ours, page
    finally:
        server.shutdown()
        server.server_close()


def _first_row(port: int) -> float:
    session = session_at(port, TokenBucket(1e9, 1e9))
    identity = session.identity()
    prepare_clients(session)
    seen: list[float] = []
    enough = threading.Event()

    def on_count(*_: int) -> None:
        seen.append(time.perf_counter() - started)
        enough.set()

    started = time.perf_counter()
    discover(session, identity, on_count=on_count, cancel=enough)
    return seen[0]


def _page(port: int) -> float:
    session = session_at(port, TokenBucket(1e9, 1e9))
    session.identity()
    rest: Any = session.client("apigateway")
    http_apis: Any = session.client("apigatewayv2")
    seen: list[float] = []

    def ask(operation: Callable[[], Any]) -> None:
        page = operation()
        if page.get("items") or page.get("Items"):
            seen.append(time.perf_counter() - started)

    with ThreadPoolExecutor(2) as pool:
        started = time.perf_counter()
        pool.submit(ask, lambda: rest.get_rest_apis(limit=REST_PAGE))
        pool.submit(ask, lambda: http_apis.get_apis(MaxResults=V2_PAGE))
    return seen[0]


def report(
    name: str, result: tuple[float, float, Quota, Inventory], times: int = 1
) -> dict[str, Any]:
    total, first, quota, inventory = result
    floor = max(0.0, (quota.passed - times * BURST) / (times * RATE))
    return {
        "name": name,
        "stages": len(inventory.stages),
        "requests": quota.passed,
        "seconds": round(total, 2),
        "floor_seconds": round(floor, 2),
        "ratio_to_floor": round(total / floor, 3) if floor else None,
        "first_row_seconds": round(first, 3),
        "throttled_on_the_wire": quota.refused,
        "problems_surfaced": len(inventory.problems),
    }


def run() -> list[Figure]:
    """50, 600 and 2,000 APIs behind the quota; the first two also without it.

    2,000 at five times AWS's quota: whatever the product adds weighs five times as much there, and
    nobody waits for three minutes.
    """
    out: list[Figure] = []
    for apis, stages, times in ((50, 3, 1), (600, 3, 1), (2_000, 1, 5)):
        with local_aws() as port:
            seed(port, apis, stages)
            rows, page = first_rows(port, LATENCY)
            found = report("token bucket", measure(port, LATENCY, times=times), times)
            free = without_throttle(port, LATENCY) if apis <= 600 else None
        label = f"{apis:,} APIs × {stages} stages" + (f", {times}× the quota" if times > 1 else "")
        floor = float(found["floor_seconds"])
        out += [
            figure(f"{label}: all (quota allows {floor:.1f} s)", float(found["seconds"]), "s",
                   ratio=found["ratio_to_floor"], target="≤1.05×" if apis >= 600 else ""),
            measured(f"{label}: first rows, against one page's round trip", rows, "s",
                     against=page, target="≤1.05×"),
            figure(f"{label}: throttling errors surfaced", float(found["problems_surfaced"]), "",
                   target="0"),
        ]  # fmt: skip
        if free:
            seconds, requests, kept = free
            bare = requests * LATENCY / WORKERS
            out += [
                figure(f"{label}: no quota, against round trips ÷ {WORKERS}", seconds, "s",
                       ratio=seconds / bare),
                figure(f"{label}: memory of the answer", kept, "MiB"),
            ]  # fmt: skip
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--apis", type=int, default=600)
    parser.add_argument("--stages", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.03, help="seconds added to each request")
    parser.add_argument("--peer", action="store_true", help="also measure boto3's adaptive mode")
    options = parser.parse_args(arguments)
    with local_aws() as port:
        seed(port, options.apis, options.stages)
        print(json.dumps(report("token bucket", measure(port, options.latency))), flush=True)
        if options.peer:
            result = measure(port, options.latency, peer=True)
            print(json.dumps(report("boto3 adaptive", result)), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
