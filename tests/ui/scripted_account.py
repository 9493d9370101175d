"""The scripted account: hostile names, and stages that log in every way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.ui.script import Player, Script
from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    Certificate,
    EndpointType,
    HostedZone,
    Identity,
    Inventory,
    LogGroup,
    Network,
    Problem,
    Stage,
    StageSettings,
    Subnet,
    SubscriptionFilter,
)  # fmt: skip
from wizard.core.secret import Secret
from wizard.core.stages.log_format import render_format
from wizard.flows.account import Profile
from wizard.flows.preflight import HANGS_ON, FirstCheck
from wizard.services.aws.regions import RegionApis

ACCOUNT = "123456789012"
HOSTILE = (
    "x [/foo] [bold red]not bold[/]",
    "[prod]",
    "ansi \x1b[31mred\x1b[0m \x07bell",
    "right \u202eto\u202c left אבג",
    "emoji 🚀👩‍👩‍👧‍👦 漢字",
    "line\nbreak\tand\r\x00control",
    "{braces} %s $(shell) `x` ; --flag",
    "n" * 1000,
)
NAMES = (
    "orders", "payments", "customers", "catalogue", "inventory", "shipping", "returns", "search",
    "recommendations", "notifications", "pricing", "promotions", "reviews", "invoices", "tax",
    "fraud-check", "sessions", "identity", "webhooks", "partners", "reporting", "exports",
)  # fmt: skip


OTHER_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/acme/access-logs"
OWN_FORMAT = (
    '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp",'
    '"caller":"$context.identity.caller"}'
)
OUR_GROUP = (
    f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/apigateway/wallarm-api-discovery-f64911f6"
)
FIREHOSE = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/amazon-apigateway-audit"


def certificates(region: str) -> tuple[Certificate, ...]:
    """Those of the scripted account; the last has a name that none can have."""
    base, march = f"arn:aws:acm:{region}:{ACCOUNT}:certificate/", 1_803_859_200.0
    return (
        Certificate(f"{base}11111111-aaaa", ("*.acme.example", "acme.example"), expires=march),
        Certificate(f"{base}22222222-bbbb", ("wallarm-node.acme.example",), kind="IMPORTED",
                    expires=march - 5_000_000),
        Certificate(f"{base}33333333-cccc", ("*.other.example",), expires=march),
        Certificate(f"{base}44444444-dddd", ("*.acme.example",), kind="PRIVATE", expires=march),
        Certificate(f"{base}55555555-eeee", (HOSTILE[0], "*.acme.example"), expires=march),
    )  # fmt: skip


def stages(script: Script, region: str) -> tuple[Stage, ...]:
    """The stages of the scripted account, the same every time."""
    out = []
    stage_names = ("prod", "staging", "dev", "test", "qa", "blue", "green", "canary", "demo", "eu")
    for number in range(script.apis):
        kind = (ApiType.REST, ApiType.REST, ApiType.HTTP, ApiType.REST, ApiType.WEBSOCKET)[
            number % 5
        ]
        name = NAMES[number % len(NAMES)]
        if number >= len(NAMES):
            name += f"-{('v2', 'internal', 'events', 'legacy', 'mobile')[number % 5]}"
        if number >= 110:
            name += f"-{number:04d}"
        if script.hostile and 3 <= number < 3 + len(HOSTILE):
            name = HOSTILE[number - 3]
        tags = {}
        if number % 4 == 0:
            tags["aws:cloudformation:stack-name"] = f"{NAMES[number % len(NAMES)]}-api"
        managed = number % 11 == 7
        api = Api(f"{number:04x}b2c3d4", name, kind,
                  EndpointType.PRIVATE if number % 9 == 8 else EndpointType.REGIONAL,
                  managed=managed, tags=tags)  # fmt: skip
        for at in range(script.stages_per_api):
            log, level = AccessLog(), ""
            pick = (number * 3 + at) % 7
            if pick == 3:
                log = AccessLog(OTHER_GROUP, OWN_FORMAT)
            elif pick == 5:
                log, level = AccessLog(OUR_GROUP, render_format(kind)), "INFO"
            elif pick == 6 and number % 2:
                log = AccessLog(FIREHOSE, "$context.requestId $context.status")
            stage = "$default" if kind is ApiType.HTTP and at == 0 else stage_names[at]
            out.append(
                Stage(
                    api, stage, StageSettings(log, level), managed=managed,
                    has_canary=kind is ApiType.REST and number % 13 == 3 and at == 0,
                    invoke_url=f"https://{api.api_id}.execute-api.{region}.amazonaws.com/"
                    + ("" if stage == "$default" else stage),
                )
            )  # fmt: skip
    return tuple(out)


class ScriptedChecks:
    """The first checks, and those of a token and a node."""

    def __init__(self, player: Player) -> None:
        self.p = player

    def run(self, answers: Answers, on_check: Callable[[FirstCheck], None], only: str = "") -> None:
        self.p.enter("preflight")
        self.p.calls += [f"preflight {only}"] if only else []
        plan = (
            ("terraform", "Terraform", State.DONE, "1.11.4, provider hashicorp/aws 5.100.0", ""),
            ("identity", "AWS identity", State.DONE,
             f"acme-prod {ACCOUNT}, assumed role platform-admin", ""),
            ("region", "Region", State.DONE, answers.region, ""),
            ("permissions", "Permissions", State.WARNING, "3 of 184 actions are missing",
             "Review prints the exact policy; give it to whoever manages your roles."),
            ("cloud", "Wallarm Cloud", State.DONE, f"{answers.wallarm_api_host} answers", ""),
            ("existing", "Earlier deployment", State.SKIPPED, "none on this machine", ""),
        )  # fmt: skip
        wanted = [row for row in plan if only in ("", row[0], *HANGS_ON.get(row[0], ()))]
        for key, question, *_ in wanted:
            on_check(FirstCheck(key, question, State.TODO))
        for key, question, state, answer, next_step in wanted:
            on_check(FirstCheck(key, question, State.RUNNING, "checking"))
            self.p.wait(0.6)
            bad = self.p.script.bad_checks.get(key, [])
            on_check(bad.pop(0) if bad else FirstCheck(key, question, state, answer, next_step))

    def check_token(self, answers: Answers, token: Secret) -> FirstCheck:
        self.p.enter("check_token")
        self.p.wait()
        state = self.p.script.token_state
        words = {
            State.DONE: ("valid: accepted by the Wallarm Cloud", ""),
            State.FAILED: ("refused by the Wallarm Cloud",
                           "A token of the other cloud looks the same: check US or EU."),
            State.UNCHECKED: ("could not check: a deployment token may not ask the Cloud",
                              "The node's own log will tell after the deployment."),
        }[state]  # fmt: skip
        return FirstCheck("token", "Token", state, *words)

    def check_node(self, answers: Answers) -> FirstCheck:
        self.p.enter("check_node")
        return FirstCheck("node", "Node", State.DONE, f"{answers.node_url} answers in 12 ms")


class ScriptedAccount:
    """Looking around."""

    def __init__(self, player: Player) -> None:
        self.p = player
        self.checks = ScriptedChecks(player)
        self.priority: Callable[[Api], Any] | None = None

    def session(self, answers: Answers) -> None:
        return None

    def bundles(self) -> tuple[str, ...]:
        return self.p.script.bundles

    def profiles(self) -> tuple[Profile, ...]:
        self.p.enter("profiles")
        hostile = (Profile(HOSTILE[0], "keys"),) if self.p.script.hostile else ()
        return (
            Profile("acme-prod", "SSO", "acme.awsapps.com", "us-east-1"),
            Profile("acme-staging", "SSO", "acme.awsapps.com", "eu-central-1"),
            Profile("audit", "role", "arn:aws:iam::210987654321:role/audit", "us-east-1"),
            Profile("jane", "keys", "static key"),
            Profile("ci", "process", "aws-vault"),
            *hostile,
        )

    def regions(self, answers: Answers) -> tuple[str, ...]:
        self.p.enter("regions")
        return (
            "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-central-1",
            "eu-west-1", "eu-west-2", "eu-north-1", "ap-south-1", "ap-southeast-1",
            "ap-southeast-2", "ap-northeast-1", "sa-east-1",
        )  # fmt: skip

    def identity(self, answers: Answers) -> Identity:
        self.p.wait(0.8)
        self.p.enter("identity")
        if self.p.script.mfa:
            assert self.p.context.ask_code is not None
            code = self.p.context.ask_code("arn:aws:iam::123456789012:mfa/jane")
            self.p.calls.append(f"mfa {code}")
        return Identity(
            ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/platform-admin/jane", answers.region,
            "acme-prod",
        )  # fmt: skip

    def sso_login(
        self, answers: Answers, show: Callable[[str, str], None], cancel: threading.Event
    ) -> None:
        self.p.enter("sso_login")
        show("https://device.sso.us-east-1.amazonaws.com/", "ABCD-EFGH")
        self.p.wait(4)

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        priority: Callable[[Api], Any] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        everything = stages(self.p.script, answers.region)
        if self.p.script.cached and on_cached:
            gone = replace(everything[0].api, api_id="gone", name="gone-since")
            on_cached((*everything, replace(everything[0], api=gone)), self.p.script.cached)
            self.p.wait(1)
        self.p.enter("discover")
        self.priority = priority
        known = len({s.api.api_id for s in everything})
        size = max(6, len(everything) // 20)
        read: set[str] = set()
        for start in range(0, len(everything), size):
            if cancel.is_set():
                break
            batch = everything[start : start + size]
            read |= {s.api.api_id for s in batch}
            on_batch(batch)
            on_count(len(read), known)
            self.p.wait(0.3)
        problems = ()
        if self.p.script.hostile:
            problems = (
                Problem("z9y8x7 (legacy)", "AccessDenied: not authorized for apigateway:GET"),
            )
        return Inventory(
            self.identity_now(answers), everything, tuple({s.api.api_id: s.api for s in everything}
            .values()), problems, "2026-10-05T12:04:31Z",
        )  # fmt: skip

    def identity_now(self, answers: Answers) -> Identity:
        return Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/jane", answers.region, "acme-prod")

    def count_regions(
        self, answers: Answers, on_region: Callable[[RegionApis], None]
    ) -> tuple[RegionApis, ...]:
        self.p.enter("count_regions")
        out = []
        for number, region in enumerate(self.regions(answers)):
            self.p.wait(0.2)
            one = RegionApis(region, apis=12 * number, connected=number // 2)
            if number == 3:
                problem = "Reading the APIs failed. AccessDenied: not authorized [/red]"
                one = RegionApis(region, problem=problem)
            on_region(one)
            out.append(one)
        return tuple(out)

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        self.p.enter("log_groups")
        self.p.wait()
        one = SubscriptionFilter("to-datadog", "arn:aws:lambda:us-east-1:1:function:datadog")
        base = f"arn:aws:logs:{answers.region}:{ACCOUNT}:log-group:"
        names = [f"/aws/apigateway/{n}" for n in NAMES[:8]] + [
            "/ecs/backend", "/aws/lambda/" + "long-function-name-" * 12, "shared-access-logs",
        ]  # fmt: skip
        groups = [
            LogGroup(n, base + n, "STANDARD", 30 if i % 3 else None, i * 10**8,
                     (one,) * (i % 3))
            for i, n in enumerate(names)
        ]  # fmt: skip
        groups.append(LogGroup("/archive/ia", base + "/archive/ia", "INFREQUENT_ACCESS", None))
        return tuple(groups)

    def networks(self, answers: Answers) -> tuple[Network, ...]:
        self.p.enter("networks")
        zones = ("us-east-1a", "us-east-1b")
        subnets = tuple(
            Subnet(f"subnet-0{p}{i}a1b2c3d4e5f60", f"prod-{'public' if p else 'private'}-{z[-1]}",
                   f"10.0.{p * 10 + i}.0/24", z, bool(p))
            for p in (0, 1)
            for i, z in enumerate(zones)
        )  # fmt: skip
        return (
            Network("vpc-0a1b2c3d4e5f60718", "prod", "10.0.0.0/16", subnets),
            Network("vpc-0ffffffffffffffff", HOSTILE[0], "172.31.0.0/16", (), True),
        )

    def zones(self, answers: Answers) -> tuple[HostedZone, ...]:
        self.p.enter("zones")
        return (HostedZone("Z0123456789ABC", "acme.example"),
                HostedZone("Z0PRIVATE", "corp.internal", True))  # fmt: skip

    def certificates(self, answers: Answers) -> tuple[Certificate, ...]:
        self.p.enter("certificates")
        made = certificates(answers.region)
        return made if self.p.script.hostile else made[:-1]
