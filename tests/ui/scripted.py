"""A backend that plays a script: realistic data, hostile names, delays and failures on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.ui.scripted_logs import ScriptedLog, scripted_logs
from wizard.core.answers import Answers
from wizard.core.change import Mode, plan_change
from wizard.core.checklist import CHECKS
from wizard.core.checks import (
    About,
    Finding,
    Report,
    Result,
    Verdict,
    failed,
    passed,
    selected,
    unchecked,
    warned,
)
from wizard.core.errors import WizardError
from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    EndpointType,
    HostedZone,
    Identity,
    Inventory,
    LogGroup,
    Network,
    Problem,
    Stage,
    StageRef,
    StageSettings,
    Subnet,
    SubscriptionFilter,
)  # fmt: skip
from wizard.core.groups import group_of
from wizard.core.progress import ProgressReducer
from wizard.core.proof import HOPS, Proof
from wizard.core.reading_order import View
from wizard.core.report import (
    Hop,
    HopChanged,
    Listener,
    Note,
    Phase,
    PhaseChanged,
    StageReport,
    State,
    TerraformChanged,
)  # fmt: skip
from wizard.core.secret import Secret
from wizard.core.terraform_events import (
    ApplyComplete,
    ApplyErrored,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    PlannedChange,
    describe,
)  # fmt: skip
from wizard.flows.bundle import shown
from wizard.ui.backend import AskMfa, AskStage, Check, Profile, ShowLogin
from wizard.ui.stage_text import view_of
from wizard.ui.views import (
    Connected,
    Existing,
    Link,
    PlannedResource,
    RemovalView,
    RemovedView,
    ReviewView,
    StatusLine,
)

ACCOUNT = "123456789012"
TOKEN = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdEfGhIjKlMnOpQrStUvWxYz"
EPOCH = 1_791_201_871.22  # the scripted now
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

RESOURCES = (
    "aws_vpc.this", "aws_internet_gateway.this", "aws_subnet.public[0]", "aws_subnet.public[1]",
    "aws_subnet.private[0]", "aws_subnet.private[1]", "aws_eip.nat[0]", "aws_nat_gateway.this[0]",
    "aws_route_table.public", "aws_route_table.private[0]", "aws_route_table.private[1]",
    "aws_route.internet", "aws_security_group.lambda", "aws_security_group.node",
    "aws_security_group.alb", "aws_lb.node", "aws_lb_target_group.node", "aws_lb_listener.node",
    "aws_ecs_cluster.this", "aws_ecs_capacity_provider.this", "aws_ecs_task_definition.node",
    "aws_ecs_service.node", "aws_launch_template.node", "aws_autoscaling_group.node",
    "aws_service_discovery_private_dns_namespace.this", "aws_service_discovery_service.node",
    "aws_cloudwatch_log_group.node", "aws_cloudwatch_log_group.lambda",
    "aws_cloudwatch_log_group.api_gateway[0]", "aws_lambda_function.forwarder",
    "aws_lambda_permission.logs", "aws_lambda_function_event_invoke_config.forwarder",
    "aws_cloudwatch_log_subscription_filter.api_gateway[0]", "aws_s3_bucket.undelivered",
    "aws_iam_role.lambda", "aws_iam_role_policy.lambda", "aws_iam_role.instance",
    "aws_iam_instance_profile.node", "aws_iam_role.task_execution",
)  # fmt: skip


def _kind(address: str) -> str:
    return address.split(".")[0]


LOG_GROUPS = (
    "/aws/apigateway/wallarm-api-discovery-1a2b3c4d",
    "/aws/lambda/wallarm-cw-resend-1a2b3c4d",
)


@dataclass
class Script:
    """What the scripted account holds, and what goes wrong in it."""

    apis: int = 40
    stages_per_api: int = 2
    hostile: bool = True
    slow: float = 0.0  # seconds of every scripted wait; 0 for tests
    fail: dict[str, WizardError] = field(default_factory=dict)  # by method name, raised once
    existing: tuple[Existing, ...] = ()
    elsewhere: tuple[Existing, ...] = ()
    removed_before: bool = False  # all but the log data
    token_state: State = State.UNCHECKED
    mfa: bool = False
    cached: float = 0.0  # seconds since the list of stages was read; 0 for never
    destroys: bool = False
    hold: threading.Event | None = None  # deploy waits for it half-way
    settles: bool = True  # a graceful stop lets go of `hold`; else only a harder one does
    clock: Callable[[], float] = time.monotonic
    tick: Callable[[float], None] = lambda seconds: None


def deploy_error() -> WizardError:
    """A failure as the deployer explains it."""
    return WizardError(
        "WAG-E-TF-021",
        "AWS refused to create the load balancer",
        why="Error: creating ELBv2 application Load Balancer (api-gw-discovery): operation error "
        "Elastic Load Balancing v2: CreateLoadBalancer, https response error StatusCode: 403, "
        "AccessDenied: User is not authorized to perform: elasticloadbalancing:CreateLoadBalancer",
        next_step="Give the role platform-admin the deploy policy (IAM policy tab of Review), "
        "then Retry. What is there already is kept.",
    )


class Scripted:
    """Implements `wizard.ui.backend.Backend` without AWS or Terraform."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.listener: Listener = lambda event: None
        self.saved_answers: list[Answers] = []
        self.calls: list[str] = []
        self.cancelled = threading.Event()
        self.killed = threading.Event()
        self._answers = Answers()
        self._review: ReviewView | None = None
        self._inventory: tuple[Stage, ...] = ()
        self._reducer: ProgressReducer | None = None
        self.asked_with: Secret | None = None  # the token of the last examination
        self.broken = True  # one link, until it is mended
        self.followers = scripted_logs(self.script.hostile, HOSTILE)
        self.deleted_logs: bool | None = None

    # Help of the script itself

    def _wait(self, units: float = 1.0) -> None:
        if self.script.slow:
            time.sleep(self.script.slow * units)

    def _enter(self, name: str) -> None:
        self.calls.append(name)
        error = self.script.fail.pop(name, None)
        if error is not None:
            raise error

    def ask_with(self, agree: Callable[[str], bool]) -> None:
        self.agree = agree

    def listen(self, listener: Listener) -> None:
        self.listener = listener

    # Looking around

    def preflight(self, answers: Answers, on_check: Callable[[Check], None]) -> None:
        self._enter("preflight")
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
        for key, question, *_ in plan:
            on_check(Check(key, question, State.TODO))
        for key, question, state, answer, next_step in plan:
            on_check(Check(key, question, State.RUNNING, "checking"))
            self._wait(0.6)
            on_check(Check(key, question, state, answer, next_step))

    def existing(self) -> tuple[Existing, ...]:
        self._enter("existing")
        return self.script.existing

    def elsewhere(self, answers: Answers) -> tuple[Existing, ...]:
        self._enter("elsewhere")
        return self.script.elsewhere

    def saved(self, existing: Existing) -> Answers | None:
        return Answers(name_prefix=existing.name_prefix, region=existing.region)

    def profiles(self) -> tuple[Profile, ...]:
        self._enter("profiles")
        hostile = (Profile(HOSTILE[0], "keys"),) if self.script.hostile else ()
        return (
            Profile("acme-prod", "SSO", "acme.awsapps.com", "us-east-1"),
            Profile("acme-staging", "SSO", "acme.awsapps.com", "eu-central-1"),
            Profile("audit", "role", "arn:aws:iam::210987654321:role/audit", "us-east-1"),
            Profile("jane", "keys", "static key"),
            Profile("ci", "process", "aws-vault"),
            *hostile,
        )

    def regions(self, answers: Answers) -> tuple[str, ...]:
        self._enter("regions")
        return (
            "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-central-1",
            "eu-west-1", "eu-west-2", "eu-north-1", "ap-south-1", "ap-southeast-1",
            "ap-southeast-2", "ap-northeast-1", "sa-east-1",
        )  # fmt: skip

    def identity(self, answers: Answers, ask_mfa: AskMfa) -> Identity:
        self._wait(0.8)
        self._enter("identity")
        if self.script.mfa:
            code = ask_mfa("arn:aws:iam::123456789012:mfa/jane")
            self.calls.append(f"mfa {code}")
        return Identity(
            ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/platform-admin/jane", answers.region,
            "acme-prod",
        )  # fmt: skip

    def sso_login(self, answers: Answers, show: ShowLogin, cancel: threading.Event) -> None:
        self._enter("sso_login")
        show("https://device.sso.us-east-1.amazonaws.com/", "ABCD-EFGH")
        self._wait(4)

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        looking_at: Callable[[], View] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        everything = stages(self.script, answers.region)
        if self.script.cached and on_cached:
            gone = replace(everything[0].api, api_id="gone", name="gone-since")
            on_cached((*everything, replace(everything[0], api=gone)), self.script.cached)
            self._wait(1)
        self._enter("discover")
        self.looking_at = looking_at or View
        self._inventory = everything
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
            self._wait(0.3)
        problems = ()
        if self.script.hostile:
            problems = (
                Problem("z9y8x7 (legacy)", "AccessDenied: not authorized for apigateway:GET"),
            )
        return Inventory(
            self.identity_now(answers), everything, tuple({s.api.api_id: s.api for s in everything}
            .values()), problems, "2026-10-05T12:04:31Z",
        )  # fmt: skip

    def identity_now(self, answers: Answers) -> Identity:
        return Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/jane", answers.region, "acme-prod")

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        self._enter("log_groups")
        self._wait()
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
        self._enter("networks")
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
        self._enter("zones")
        return (HostedZone("Z0123456789ABC", "acme.example"),
                HostedZone("Z0PRIVATE", "corp.internal", True))  # fmt: skip

    def check_token(self, answers: Answers, token: Secret) -> Check:
        self._enter("check_token")
        self._wait()
        state = self.script.token_state
        words = {
            State.DONE: ("valid: accepted by the Wallarm Cloud", ""),
            State.FAILED: ("refused by the Wallarm Cloud",
                           "A token of the other cloud looks the same: check US or EU."),
            State.UNCHECKED: ("could not check: a deployment token may not ask the Cloud",
                              "The node's own log will tell after the deployment."),
        }[state]  # fmt: skip
        return Check("token", "Token", state, *words)

    def check_node(self, answers: Answers) -> Check:
        self._enter("check_node")
        return Check("node", "Node", State.DONE, f"{answers.node_url} answers in 12 ms")

    # The run

    def review(self, answers: Answers, token: Secret | None) -> ReviewView:
        self.listener(PhaseChanged(Phase.PLAN, State.RUNNING, "Working out the changes"))
        self._enter("review")
        self._answers = answers
        for address in RESOURCES[:6]:
            self.listener(Note(f"{address}: reading its present state"))
            self._wait(0.3)
        resources = tuple(PlannedResource(a, "create", group_of(_kind(a), a)) for a in RESOURCES)
        if self.script.destroys:
            resources += (
                PlannedResource("aws_launch_template.old", "delete", "Node"),
                PlannedResource("aws_lb_listener.node", "replace", "Load balancer",
                                "its certificate changed"),
            )  # fmt: skip
        by_ref = {str(s.ref): s for s in self._inventory or stages(self.script, answers.region)}
        chosen, skipped = [], []
        group = f"arn:aws:logs:{answers.region}:{ACCOUNT}:log-group:" + (
            answers.api_gateway_log_group_name or "/aws/apigateway/wallarm-api-discovery-f64911f6"
        )
        for ref in answers.stages:
            stage = by_ref[ref]
            change = plan_change(stage, group, answers.existing_logging)
            label = f"{stage.api.name} / {stage.name}"
            if change.mode is Mode.SKIP:
                skipped.append((label, change.reason))
            else:
                chosen.append((label, view_of(stage, change)))
        self.listener(PhaseChanged(Phase.PLAN, State.DONE, "Working out the changes"))
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["apigateway:GET", "apigateway:PATCH"], "Resource": "*"}
        ]}  # fmt: skip
        self._review = ReviewView(
            resources,
            tuple(chosen),
            tuple(skipped),
            (
                ("2 × t3.medium", 60.74, "730 h, on demand"),
                ("Load balancer", 16.43, "internal, without capacity units"),
                ("NAT gateway", 32.85, "one, without traffic"),
                ("Logs", 4.10, "8 GB a month, 0.5 KB a line"),
                ("Lambda", 0.35, "1 million requests a month"),
            ),
            114.47,
            "us-east-1 list prices of 2026-08",
            {"deploy": json.dumps(policy, indent=2)},
            "~/.local/share/wallarm-apigw/123456789012-us-east-1-api-gw-discovery/answers.json",
        )
        return self._review

    def _tell(self, event: object, now: float) -> None:
        assert self._reducer is not None
        self._reducer.apply(event, now)  # type: ignore[arg-type]
        line = describe(event)  # type: ignore[arg-type]
        self.listener(TerraformChanged(self._reducer.snapshot(now), line))

    def deploy(self) -> None:
        self.calls.append("deploy")
        self.cancelled.clear()
        self._reducer = ProgressReducer()
        self.listener(PhaseChanged(Phase.DEPLOY, State.RUNNING, "Applying", "5m"))
        clock = self.script.clock
        for address in RESOURCES:
            self._tell(PlannedChange(address, _kind(address), "create"), clock())
        failure = self.script.fail.pop("deploy", None)
        for number in range(0, len(RESOURCES), 3):
            batch = RESOURCES[number : number + 3]
            if self.cancelled.is_set():
                raise WizardError(
                    "WAG-E-TF-030", "Terraform was stopped", why="Interrupted on request.",
                    next_step="Retry goes on where it stopped.",
                )  # fmt: skip
            for address in batch:
                self._tell(ApplyStart(address, _kind(address), "create"), clock())
            if number == 15 and self.script.hold is not None:
                self.script.tick(41.0)
                self.script.hold.wait(120)
            self._wait(1.5)
            self.script.tick(7.0)
            for address in batch:
                if failure is not None and _kind(address) == "aws_lb":
                    self._tell(ApplyErrored(address, _kind(address), "create", 3.0), clock())
                    self._tell(
                        Diagnostic("error", "creating ELBv2 Load Balancer", failure.why, address,
                                   "load_balancer.tf", 12),
                        clock(),
                    )  # fmt: skip
                    self.listener(PhaseChanged(Phase.DEPLOY, State.FAILED, "Applying"))
                    raise failure
                self._tell(ApplyComplete(address, _kind(address), "create", 2.0, "id"), clock())
        self._tell(ChangeSummary(len(RESOURCES), 0, 0, 0, "apply"), clock())
        self.listener(PhaseChanged(Phase.DEPLOY, State.DONE, "Applying"))

    def switch_stages(self) -> tuple[StageReport, ...]:
        self._enter("switch_stages")
        self.listener(PhaseChanged(Phase.STAGES, State.RUNNING, "Switching access logging on"))
        answers = self._answers
        reports = []
        for number, ref in enumerate(answers.stage_refs):
            self._wait()
            report = StageReport(ref, ref.api_id, State.DONE, "access log on, read back, recorded")
            if number == 2:
                report = StageReport(
                    ref, ref.api_id, State.FAILED,
                    "ConflictException: Unable to complete operation due to concurrent "
                    "modification. Please try again later.",
                )  # fmt: skip
            self.listener(report)
            reports.append(report)
        self.listener(PhaseChanged(Phase.STAGES, State.DONE, "Switching access logging on"))
        return tuple(reports)

    def undo_stage(self, ref: str) -> StageReport:
        self._enter("undo_stage")
        return StageReport(StageRef.parse(ref), "", State.SKIPPED, "put back to what it was")

    def prove(self, cancel: threading.Event) -> Proof | None:
        self._enter("prove")
        self.listener(PhaseChanged(Phase.PROOF, State.RUNNING, "Following one request"))
        marker = "5f0c1e2d3b4a59687786950413223191"
        request = "GET /prod/wallarm-apigw-proof"
        self.listener(Note(f"{request}  id {marker}", subject="Request"))
        hops = []
        at = EPOCH
        titles = dict(HOPS) | {"handled": "handled by wallarm-cw-resend-f64911f6"}
        for key, title in titles.items():
            self.listener(HopChanged(Hop(key, title, State.RUNNING)))
            self._wait()
            at += {"logged": 0.41, "delivered": 0.586, "handled": 0.304, "arrived": 0.021}.get(
                key, 0.0
            )
            hop = Hop(key, title, State.DONE, at)
            self.listener(HopChanged(hop))
            hops.append(hop)
        self.listener(PhaseChanged(Phase.PROOF, State.DONE, "Following one request"))
        return Proof(request, marker, tuple(hops),
                     "A request travels from your API to the node in 1.3 s.")  # fmt: skip

    def summary(self) -> tuple[Link, ...]:
        return (
            Link("Wallarm Console", "API Discovery", "https://my.wallarm.com/api-discovery"),
            Link("Access logs", "/aws/apigateway/wallarm-api-discovery-f64911f6"),
            Link("Forwarder", "/aws/lambda/wallarm-cw-resend-f64911f6"),
            Link("Node", "/ecs/api-gw-discovery-node-f64911f6"),
            Link("Answers file", "~/.local/share/wallarm-apigw/…/answers.json"),
        )

    def undo(self) -> None:
        self._enter("undo")
        self._wait(3)

    def collect_bundle(self, answers: Answers) -> Mapping[str, str]:
        self._enter("collect_bundle")
        said = HOSTILE[0] if self.script.hostile else "pass"
        return {"versions.txt": "wallarm-apigw 1.0.0\n", "report.txt": f"WAG-LOG-005 {said}\n"}

    def show_bundle(self, files: Mapping[str, str]) -> str:
        return shown(files)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        self._enter("write_bundle")
        self.bundle = (name, dict(files))
        return f"/home/jane/{name}"

    def cancel(self) -> None:
        self.calls.append("cancel")
        self.cancelled.set()
        if self.script.hold is not None and self.script.settles:
            self.script.hold.set()

    def harder(self) -> None:
        self.calls.append("harder")
        self.killed.set()
        if self.script.hold is not None:
            self.script.hold.set()

    def save(self, answers: Answers) -> str:
        self.saved_answers.append(answers)
        return "~/.local/share/wallarm-apigw/answers.json"

    def status(self, answers: Answers) -> tuple[StatusLine, ...]:
        self._enter("status")
        if self.script.hostile:
            return tuple(StatusLine(t, State.WARNING, t) for t in HOSTILE)
        return (
            StatusLine("Infrastructure", State.DONE, "52 resources, as planned"),
            StatusLine("Stages", State.WARNING, "2 connected, 1 was changed by somebody else"),
            StatusLine("Events", State.DONE, "18,204 in the last hour, 0 undelivered"),
            StatusLine("Node", State.DONE, "0.25.5, registered, 2 of 2 healthy"),
        )

    # An existing deployment

    def connected(self, answers: Answers) -> tuple[Connected, ...]:
        self._enter("connected")
        group = "/aws/apigateway/wallarm-api-discovery-f64911f6"
        if self.script.hostile:
            return tuple(
                Connected(f"{n:04x}b2c3d4/prod", HOSTILE[n - 3], False, HOSTILE[n - 3])
                for n in range(3, 3 + len(HOSTILE))
            )
        return (
            Connected("0000b2c3d4/prod", group),
            Connected("0001b2c3d4/prod", "/acme/access-logs"),
            Connected("0001b2c3d4/staging", group, same=False,
                      note="somebody changed its logging since"),
        )  # fmt: skip

    def review_add(self, answers: Answers) -> ReviewView:
        self._enter("review_add")
        view = self.review(answers, None)
        self.calls.remove("review")
        self._review = replace(view, resources=(), policies={})
        return self._review

    def add_stages(self) -> tuple[StageReport, ...]:
        self._enter("add_stages")
        return self.switch_stages()

    def remove_stages(
        self, answers: Answers, refs: tuple[str, ...], ask: AskStage
    ) -> tuple[StageReport, ...]:
        self._enter("remove_stages")
        return self._put_back(refs, ask)

    def _put_back(self, refs: tuple[str, ...], ask: AskStage) -> tuple[StageReport, ...]:
        self.listener(PhaseChanged(Phase.STAGES, State.RUNNING, "Putting the logging back"))
        reports = []
        for ref in refs:
            self._wait()
            state, text = State.DONE, "as before"
            if ref == "0001b2c3d4/staging" and not ask(ref, "its log group is now /ops/logs"):
                state, text = State.WARNING, "changed by somebody else: left as it is"
            report = StageReport(StageRef.parse(ref), "", state, text)
            self.listener(report)
            reports.append(report)
        self.listener(PhaseChanged(Phase.STAGES, State.DONE, "Putting the logging back"))
        return tuple(reports)

    def review_uninstall(self, answers: Answers) -> RemovalView:
        self._enter("review_uninstall")
        self._wait(3)
        if self.script.hostile:
            return RemovalView(
                tuple(f"{n:04x}b2c3d4/prod" for n in range(3, 9)), (), HOSTILE[0], HOSTILE
            )
        if self.script.removed_before:
            return RemovalView((), (), "", (), LOG_GROUPS)
        return RemovalView(
            ("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging"),
            tuple(PlannedResource(a, "delete", group_of(_kind(a), a)) for a in RESOURCES),
            "/wallarm-apigw/api-gw-discovery/token",
            ("API Gateway's CloudWatch role; other APIs may rely on it (no cost)",),
            LOG_GROUPS,
        )

    def uninstall(self, ask: AskStage, *, delete_logs: bool) -> RemovedView:
        self._enter("uninstall")
        self.deleted_logs = delete_logs
        reports = self._put_back(("0000b2c3d4/prod", "0001b2c3d4/prod", "0001b2c3d4/staging"), ask)
        self._reducer = ProgressReducer()
        self.listener(PhaseChanged(Phase.DESTROY, State.RUNNING, "Removing"))
        clock = self.script.clock
        for address in RESOURCES:
            self._tell(PlannedChange(address, _kind(address), "delete"), clock())
        for number, address in enumerate(RESOURCES):
            self._tell(ApplyStart(address, _kind(address), "delete"), clock())
            if number == 20 and self.script.hold is not None:
                self.script.tick(41.0)
                self.script.hold.wait(120)
            self._tell(ApplyComplete(address, _kind(address), "delete", 2.0, "id"), clock())
        left = ["API Gateway's CloudWatch role; other APIs may rely on it (no cost)"]
        complete = all(r.state is State.DONE for r in reports)
        left += [f"{r.ref}: {r.message}" for r in reports if r.state is not State.DONE]
        left += [] if delete_logs else [f"{name}: log data" for name in LOG_GROUPS]
        return RemovedView(len(RESOURCES), tuple(left), complete)

    def diagnose(
        self,
        answers: Answers,
        token: Secret | None,
        only: tuple[str, ...],
        on_result: Callable[[Result], None],
    ) -> Report:
        self._enter("diagnose")
        self.asked_with = token
        results = []
        for check in selected(CHECKS, only, (), with_node=True):
            self._wait(0.2)
            finding = passed("seen")
            because = ""
            if check.check_id == "WAG-LOG-005" and self.broken:
                finding = failed(
                    "logs.DescribeSubscriptionFilters of /aws/apigateway/x: none [/found]"
                    + (" ".join(HOSTILE) if self.script.hostile else ""),
                    "x",
                )
            elif check.check_id == "WAG-LOG-006" and self.broken:
                because = "WAG-LOG-005"
                finding = Finding(Verdict.SKIPPED, f"because of {because}")
            elif check.check_id == "WAG-NOD-009":
                finding = unchecked("AccessDenied: ec2:DescribeRouteTables")
            elif check.check_id == "WAG-API-006":
                finding = warned("12 of 40 events are OPTIONS")
            link = f"https://{answers.region}.console.aws.amazon.com/?about={check.check_id}"
            result = Result(check, finding, because, link=link)
            on_result(result)
            results.append(result)
        about = About("api-gw-discovery", ACCOUNT, answers.region, "1.0.0", "2026-10-04T12:31:11Z")
        return Report(tuple(results), about)

    def fix_preview(self, answers: Answers, found: Result) -> str:
        self._enter("fix_preview")
        return "Put the subscription filter of /aws/apigateway/x back"

    def fix(self, answers: Answers, found: Result) -> None:
        self._enter("fix")
        self.broken = False

    def logs(self, answers: Answers) -> tuple[ScriptedLog, ...]:
        self._enter("logs")
        return self.followers

    def export(self, name: str, text: str) -> str:
        self._enter("export")
        self.exported = (name, text)
        return f"/home/jane/{name}"

    def close(self) -> None:
        self.calls.append("close")


OTHER_GROUP = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/acme/access-logs"
OWN_FORMAT = (
    '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp",'
    '"caller":"$context.identity.caller"}'
)
OUR_GROUP = (
    f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/apigateway/wallarm-api-discovery-f64911f6"
)
FIREHOSE = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/amazon-apigateway-audit"


def stages(script: Script, region: str) -> tuple[Stage, ...]:
    """The stages of the scripted account, the same every time."""
    from wizard.core.access_log import render_format

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
                    has_canary=number % 13 == 2 and at == 0,
                    invoke_url=f"https://{api.api_id}.execute-api.{region}.amazonaws.com/"
                    + ("" if stage == "$default" else stage),
                )
            )  # fmt: skip
    return tuple(out)
