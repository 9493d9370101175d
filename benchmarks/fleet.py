"""Fleets: a table of 300 targets with 20,000 stages, rules over them, 40 accounts x 17 Regions.

Discovery goes through the proxy of `throttled`, with a bucket as API Gateway's for each account and
Region, and every request takes as long as one over a network. Its floor is the round trips, divided
by how many are made at once.

    python -m benchmarks.fleet
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import json
import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3

from benchmarks.figure import Figure, figure, interleaved, measured
from benchmarks.throttled import Quota, local_aws, proxy
from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.facts import Api, ApiType, Stage
from wizard.core.fleet import Fleet, parse_fleet
from wizard.core.stages.rules import effect_of
from wizard.flows.context import Context, Options
from wizard.flows.fleet import ACCOUNTS_AT_ONCE, TargetRun, discover_fleet
from wizard.services.aws.regions import WORKERS
from wizard.ui.fleet import FleetApp

TARGETS, STAGES = 300, 20_000
ACCOUNTS, ROLE, LATENCY = 40, "wallarm-deployer", 0.05
WITH_APIS = ("eu-central-1", "us-east-1")
ROUNDS = 5


def fleet() -> Fleet:
    targets = [
        {"name": f"team-{n:03}", "account_id": f"{n:012}", "region": "eu-west-1"}
        for n in range(TARGETS)
    ]
    return parse_fleet(json.dumps({"targets": targets}), "fleet.json")


def status(target: int) -> dict[str, Any]:
    """As `wallarm-apigw status --json` says it, with a target's share of the stages."""
    share, now = STAGES // TARGETS + 1, time.time()
    event = {"at": now - 60, "since": now - 86_400, "problem": ""}
    stages = [
        {"ref": f"a{target:04}{n:03}/prod", "same": True, "since": "", "last_event": event}
        for n in range(share)
    ]
    return {"stages": stages, "events_last_hour": target, "undelivered": 0, "unfinished": []}


async def table() -> tuple[list[float], list[float], list[float]]:
    """Milliseconds: all targets' documents heard; the table brought up to date; a keystroke."""
    found = fleet()
    runs = {t.name: TargetRun(t) for t in found.targets}
    app = FleetApp(found, "fleet.json", lambda *_: contextlib.nullcontext(), runs, look_at=())  # type: ignore[arg-type, return-value]
    heard, shown, typed = [], [], []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        home = app.home
        for _ in range(ROUNDS):
            ended = [
                TargetRun(t, State.DONE, "", 1.0, 0, status(n)) for n, t in enumerate(found.targets)
            ]
            began = time.perf_counter()
            for run in ended:
                home.hear(run)
            heard.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            home._tell_news()
            shown.append(1000 * (time.perf_counter() - began))
            began = time.perf_counter()
            home.query_one("#filter").value = f"team-{_}"  # type: ignore[attr-defined]
            await pilot.pause()
            typed.append(1000 * (time.perf_counter() - began))
    return heard, shown, typed


def rules() -> list[Figure]:
    """One more rule over all stages, against matching every name once with a ready pattern."""
    kinds = (*ApiType,)
    stages = [
        Stage(Api(f"a{n:06}", f"orders-{n % 500}", kinds[n % 3], tags={"team": f"t{n % 40}"}),
              ("prod", "dev")[n % 2])
        for n in range(STAGES)
    ]  # fmt: skip
    pattern = re.compile(fnmatch.translate("orders-1*"))
    times = interleaved(
        {
            "floor": lambda: [s for s in stages if pattern.match(s.api.name)],
            "effect": lambda: effect_of("api:orders-1* stage:prod", ("tag:team=t3",), stages),
        },
        ROUNDS,
    )
    floor, ours = ([1000 * t for t in times[name]] for name in ("floor", "effect"))
    return [
        measured(f"{STAGES:,} stages: what a rule would take, against one pattern over their names",
                 ours, "ms", against=floor, target="≤1,000 ms")
    ]  # fmt: skip


class Budgets(Quota):
    """A bucket as API Gateway's for every account and Region."""

    def __init__(self) -> None:
        super().__init__()
        self.buckets: dict[tuple[str, str], Quota] = {}
        self._guard = threading.Lock()

    def admit(self, signed: str = "") -> bool:
        key, _, region = signed.partition("Credential=")[2].split("/")[:3]
        with self._guard:
            bucket = self.buckets.setdefault((key, region), Quota())
        return bucket.admit()


@contextlib.contextmanager
def organization() -> Iterator[int]:
    """A local AWS with the accounts, each with the role, and APIs in some Regions."""
    with local_aws(mended=True) as port:
        url = f"http://127.0.0.1:{port}"

        def client(service: str, account: str, region: str = "us-east-1") -> Any:
            return boto3.client(
                service, endpoint_url=url, region_name=region,
                aws_access_key_id=account, aws_secret_access_key="bench",
            )  # fmt: skip

        organizations = client("organizations", "bench")
        for number in range(ACCOUNTS - 1):
            made = organizations.create_account(
                Email=f"a{number}@example.com", AccountName=f"team {number:02}"
            )
            account = made["CreateAccountStatus"]["AccountId"]
            client("iam", account).create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
            for region in WITH_APIS:
                client("apigatewayv2", account, region).create_api(Name="o", ProtocolType="HTTP")
        yield port


def discovery() -> list[Figure]:
    """Every account and Region looked at once."""
    quota = Budgets()
    with organization() as port, tempfile.TemporaryDirectory() as home:
        server = proxy(port, quota, LATENCY)
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env |= {
            "HOME": home, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
        }  # fmt: skip
        notes: list[Any] = []
        try:
            began = time.perf_counter()
            found = discover_fleet(
                Context(Options(env=env), notes.append), Answers(region="us-east-1"), ROLE
            )
            seconds = time.perf_counter() - began
        finally:
            server.shutdown()
            server.server_close()
    asked = sum(bucket.passed for bucket in quota.buckets.values())
    floor = asked * LATENCY / (ACCOUNTS_AT_ONCE * WORKERS)
    places = len(quota.buckets)
    label = f"{ACCOUNTS} accounts, {places // ACCOUNTS} Regions each"
    return [
        figure(f"{label}: found, against round trips ÷ {ACCOUNTS_AT_ONCE * WORKERS}", seconds, "s",
               ratio=seconds / floor, target="≤60 s"),
        figure(f"{label}: most requests to one account's Region (of a burst of 40)",
               max(bucket.passed for bucket in quota.buckets.values()), "", target="≤10"),
        figure(f"{label}: throttled", sum(b.refused for b in quota.buckets.values()), "",
               target="0"),
        figure(f"{label}: targets found", len(found), "", target=f"{(ACCOUNTS - 1) * 2}"),
    ]  # fmt: skip


def run() -> list[Figure]:
    """All of it."""
    heard, shown, typed = asyncio.run(table())
    label = f"{TARGETS} targets, {STAGES:,} stages"
    each = statistics.median(heard)
    return [
        figure(f"{label}: what all of them said, read", each, "ms"),
        measured(f"{label}: the table brought up to date, against reading what they said", shown,
                 "ms", against=heard, target="≤50 ms"),
        measured(f"{label}: filter keystroke", typed, "ms"),
        *rules(),
        *discovery(),
    ]  # fmt: skip


if __name__ == "__main__":
    for item in run():
        print(item["name"], round(item["value"], 2), item["unit"], item["ratio"], item["target"])
