"""Follows one request from each chosen API to the node and tells each hop as it is reached.

Either a marked one is sent, or, where nothing may be, a client's own is waited for. The last hop is
the node's own word: its counters before and after, read by the forwarder.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core import proof as story
from wizard.core.answers.model import EDGE, Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import Hop, HopChanged, Phase, StageFollowed, State
from wizard.core.facts import ApiType, Inventory, Stage, StageRef
from wizard.core.node.counters import EDGE_COUNTERS, NodeCounters, growth
from wizard.core.node.verdicts import OTHER_TRAFFIC, Grasp, judge_request
from wizard.core.proof import MARKER_PREFIX, PROOF_PATH, Evidence, Proof, StageProof
from wizard.core.text import clean, closest
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import (
    identify,
    open_session,
    read_deployment,
    read_inventory,
)
from wizard.flows.deployment.ownership import require_own
from wizard.services.aws.forwarder import ask_probe

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


SEND_TIMEOUT = (5.0, 15.0)
EXECUTE_API_VARIABLE = "WALLARM_APIGW_EXECUTE_API_URL"
NODE_RECORD_VARIABLE = "WALLARM_APIGW_NODE_RECORD_URL"


@dataclass(frozen=True)
class Route:
    """Where the evidence of one stage's request is looked for."""

    stage: Stage
    log_group: str
    lambda_log_group: str
    marker: str
    started: float  # epoch seconds
    waits: bool = False  # for a request of a client; none is sent

    @property
    def url(self) -> str:
        """The address that is requested."""
        return f"{self.stage.invoke_url.rstrip('/')}/{PROOF_PATH}"

    @property
    def request(self) -> str:
        """The request in one line, for people; empty where it will be a client's."""
        return "" if self.waits else f"GET {urlsplit(self.url).path}"


def can_send(stage: Stage) -> str:
    """Why a request cannot be sent to this stage from here, or an empty string."""
    if stage.api.api_type is ApiType.WEBSOCKET:
        return "WebSocket messages carry no method and path"
    if stage.api.endpoint_type.value == "PRIVATE":
        return "a private API answers only inside its VPC"
    if stage.api.execute_api_disabled or not stage.invoke_url:
        return "its default endpoint is disabled"
    return ""


def send_request(route: Route, env: Mapping[str, str]) -> int:
    """Send the marked request and return the HTTP status. Raises WizardError when nothing answers.

    Redirects are not followed: the request must reach this stage and nothing else.
    """
    import requests

    from wizard.services.http import open_session

    url, headers = route.url, {"User-Agent": MARKER_PREFIX + route.marker}
    override = env.get(EXECUTE_API_VARIABLE)
    if override:
        parts = urlsplit(url)
        url = override.rstrip("/") + parts.path
        headers["Host"] = parts.netloc
    try:
        with open_session(env) as session:
            answer = session.get(url, headers=headers, timeout=SEND_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        raise WizardError(
            "WAG-E-PROOF-001",
            f"No answer from {route.stage.api.name} / {route.stage.name}",
            why=f"{type(error).__name__}: {error}",
            next_step="Check the network path from this machine to the API, or choose to wait for "
            "a request of your own.",
        ) from error
    return answer.status_code


def collect_evidence(
    routes: Collection[Route],
    seen: Mapping[str, Evidence],
    logs: CloudWatchLogsClient,
    env: Mapping[str, str],
) -> dict[str, Evidence]:
    """What can be seen by now, added to what was seen before; by marker.

    Each log group is read once, whatever number of requests is looked for in it.
    """
    found = dict(seen)
    for group in sorted({r.log_group for r in routes if not seen[r.marker].logged}):
        mine = [r for r in routes if r.log_group == group]
        # The path is a term of its own in every line; part of a term may not match (unverified).
        for event in _events(logs, group, f'"{PROOF_PATH}"', mine):
            for route in mine:
                one = found[route.marker]
                if route.marker in event["message"] and not one.logged:
                    at = _seconds(event.get("ingestionTime", event["timestamp"]))
                    found[route.marker] = replace(one, logged=at)
    for group in sorted({r.lambda_log_group for r in routes if not seen[r.marker].handled}):
        for event in _events(logs, group, '"proof"', routes):
            for line in _proof_lines(event["message"]):
                marker = str(line.get("id"))
                if marker in found and not found[marker].handled:
                    found[marker] = _handled(found[marker], line)
    if env.get(NODE_RECORD_VARIABLE) and not all(one.arrived for one in found.values()):
        times = _node_times(env[NODE_RECORD_VARIABLE])
        for marker, one in found.items():
            if not one.arrived and marker in times:
                found[marker] = replace(one, node_seen=True, arrived=times[marker])
    return found


def look_for_clients(
    routes: Collection[Route], seen: Mapping[str, Evidence], logs: CloudWatchLogsClient
) -> dict[str, Evidence]:
    """The same for the first request that a client made to each stage; nothing was sent."""
    found = dict(seen)
    for route in routes:
        one = found[route.marker]
        if one.logged:
            continue
        ref = route.stage.ref
        for event in _events(logs, route.log_group, f'"http/{ref.api_id}"', [route], early=0):
            if story.is_line_of(event["message"], ref):
                sent = _seconds(event["timestamp"])
                at = _seconds(event.get("ingestionTime", event["timestamp"]))
                found[route.marker] = replace(one, sent=sent, logged=at)
                break
    late = [r for r in routes if found[r.marker].logged and not found[r.marker].handled]
    for group in sorted({route.lambda_log_group for route in late}):
        lines = [
            line
            for event in _events(logs, group, '"CloudWatchMetrics"', late, early=0)
            for line in _json_lines(event["message"])
            if isinstance(line.get("_aws"), dict)
        ]
        for route in late:
            one = found[route.marker]
            batches = story.sum_batches(lines, one.logged)
            if batches is not None:
                outcome = "delivered" if batches.delivered else "not delivered"
                at = batches.at
                found[route.marker] = replace(
                    one, delivered=at, handled=at, outcome=outcome, batches=batches
                )
    return found


def _handled(seen: Evidence, line: Mapping[str, Any]) -> Evidence:
    received, answered = (_seconds(line.get(k)) for k in ("received_at", "delivered_at"))
    status = line.get("node_status")
    return replace(
        seen,
        # The log line proves the earlier hop too, even where searching it lags behind.
        logged=seen.logged or received,
        delivered=received,
        # Sent on, which is before it arrives; a forwarder of old tells the answer only.
        handled=_seconds(line.get("sent_at")) or answered or received,
        answered=answered,
        outcome=str(line.get("outcome", "")),
        node_status=status if isinstance(status, int) else None,
    )


def node_readable(env: Mapping[str, str]) -> bool:
    """Whether the node's own record can be read (only the sandbox's stand-in offers one)."""
    return bool(env.get(NODE_RECORD_VARIABLE))


def _events(
    logs: CloudWatchLogsClient,
    group: str,
    pattern: str,
    routes: Collection[Route],
    *,
    early: float = 60.0,
) -> list[dict[str, Any]]:
    """Matching events of a group since the requests were sent; a group not there yet has none.

    Args:
        early: seconds before that, for clocks that differ.
    """
    since = min(route.started for route in routes) - early
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern=pattern,
            startTime=int(since * 1000),
            PaginationConfig={"MaxItems": MOST_EVENTS},
        )
        return [dict(event) for page in pages for event in page.get("events", [])]
    except logs.exceptions.ResourceNotFoundException:
        return []


def _proof_lines(message: str) -> list[dict[str, Any]]:
    """The forwarder's proof lines inside a log message."""
    return [line for line in _json_lines(message) if line.get("event") == "proof"]


def _json_lines(message: str) -> list[dict[str, Any]]:
    """The JSON objects inside a log message, one a line."""
    found = []
    for line in message.splitlines():
        start = line.find("{")
        try:
            data = json.loads(line[start:]) if start >= 0 else None
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            found.append(data)
    return found


def _node_times(url: str) -> dict[str, float]:
    """When the node received each marked request, by marker."""
    import requests

    try:
        records = requests.get(url, timeout=SEND_TIMEOUT).json()
    except (requests.RequestException, ValueError):
        return {}
    return {
        str(item.get("user_agent", "")).removeprefix(MARKER_PREFIX): float(
            item.get("received_at") or time.time()
        )
        for item in records
    }


def _seconds(milliseconds: Any) -> float:
    return float(milliseconds) / 1000 if isinstance(milliseconds, (int, float)) else 0.0


MOST_EVENTS = 500  # of one group and one look; ours are few, others may have sent the like
POLL_SECONDS = 0.5
# On AWS the first log event of a stage can take minutes (unverified from here).
DEADLINE_SECONDS = 300.0
# Together, because the forwarder tells of at most ten marked requests of a batch.
ROUND = 8
WAITING = "none is sent: the next one that a client makes is followed"
COUNTER_SECONDS = 10.0  # a node counts a moment after it has answered


def prove(
    deployment: Deployment,
    stages: tuple[Stage, ...],
    outputs: Outputs,
    cancel: threading.Event | None = None,
    *,
    deadline: float = DEADLINE_SECONDS,
) -> Proof | None:
    """Send one marked request to each connected stage that can take it, and follow them.

    Where the answers say `wait` nothing is sent: the first request of a client is followed, stage
    by stage. Returns None when no connected stage can be reached from here, or no client called
    one; notes say why.
    """
    waits = deployment.answers.proof == "wait"
    routes, done = _routes(deployment, stages, outputs, waits=waits)
    if not routes:
        return None
    order = {stage.ref: number for number, stage in enumerate(stages)}
    if waits:
        deployment.context.note(WAITING, subject="Request")
        done += _Round(deployment, routes, outputs, tuple(done)).follow(cancel, deadline)
        return story.conclude(sorted(done, key=lambda one: order[one.ref]))
    first = routes[0]
    deployment.context.note(f"{first.request}  id {first.marker}", subject="Request")
    for start in range(0, len(routes), ROUND):
        some = routes[start : start + ROUND]
        stopped = cancel is not None and cancel.is_set()
        failed = start > 0 and all(one.state is State.FAILED for one in done if one.hops)
        if stopped or failed:
            done += [_one(route, waits=story.NOT_TRIED) for route in some]
            continue
        done += _Round(deployment, some, outputs, tuple(done)).follow(cancel, deadline)
    return story.conclude(sorted(done, key=lambda one: order[one.ref]))


class _Round:
    """Some requests, sent one after the other, or waited for, and followed together."""

    def __init__(
        self,
        deployment: Deployment,
        routes: Sequence[Route],
        outputs: Outputs,
        before: tuple[StageProof, ...],
    ) -> None:
        self._waits = any(route.waits for route in routes)
        self._quiet = ""  # why those that nobody called are not followed
        answers = deployment.answers
        self._nodes = answers.node_count if answers.deploys_node else 0
        self._hides = EDGE_COUNTERS if answers.place == EDGE else ""
        self._context = deployment.context
        self._session = deployment.session
        self._routes = {route.marker: route for route in routes}
        self._outputs = outputs
        self._before = before
        self._readable = node_readable(self._context.env)
        self._seen: dict[str, Evidence] = {}
        self._unsent: dict[str, str] = {}
        self._told: set[Hop] = set()
        self._states: dict[str, tuple[State, str]] = {}

    def follow(self, cancel: threading.Event | None, deadline: float) -> list[StageProof]:
        """Send and follow until all have arrived, one way or another, or time is up."""
        logs = self._session.client("logs")
        counted = self._counters()
        if self._waits:
            self._seen = {marker: Evidence(client=True) for marker in self._routes}
        else:
            self._send()
        began = time.monotonic()
        hops: dict[str, tuple[Hop, ...]] = {}
        while True:
            followed = [self._routes[marker] for marker in self._seen]
            if followed and self._waits:
                self._seen = look_for_clients(followed, self._seen, logs)
            elif followed:
                self._seen = collect_evidence(followed, self._seen, logs, self._context.env)
            hops = {marker: self._hops(marker) for marker in self._routes}
            if all(story.finished(h) or story.waits_for_counters(h) for h in hops.values()):
                break
            waited = time.monotonic() - began
            if waited > deadline or (cancel is not None and cancel.is_set()):
                self._quiet = story.no_traffic(waited) if self._waits else ""
                hops = {
                    marker: h if story.waits_for_counters(h) else self._give_up(marker, h, waited)
                    for marker, h in hops.items()
                }
                break
            self._tell(hops)
            time.sleep(POLL_SECONDS)
        self._tell(hops)
        return self._ask_node(counted, hops)

    def _send(self) -> None:
        for marker, route in self._routes.items():
            try:
                status = send_request(route, self._context.env)
            except WizardError as error:
                self._unsent[marker] = error.why
                self._context.note(error.next_step, State.FAILED, str(route.stage.ref))
                continue
            self._seen[marker] = Evidence(sent=route.started)
            said = f"the API answered {status}; your backend was not called"
            subject = "Request" if len(self._routes) == 1 else str(route.stage.ref)
            self._context.note(said, subject=subject)

    def _hops(self, marker: str) -> tuple[Hop, ...]:
        if marker in self._unsent:
            return story.not_sent(self._unsent[marker])
        name = self._outputs.lambda_function_name
        return story.hops_of(self._seen[marker], function=name, node_readable=self._readable)

    def _give_up(self, marker: str, hops: tuple[Hop, ...], waited: float) -> tuple[Hop, ...]:
        at_node = marker in self._seen and self._seen[marker].node_seen
        return story.give_up(hops, waited, at_node=at_node)

    def _ask_node(
        self, before: NodeCounters, hops: Mapping[str, tuple[Hop, ...]]
    ) -> list[StageProof]:
        """The last hop of all that got so far, and an explanation for those that were refused."""
        reached = [m for m, h in hops.items() if story.waits_for_counters(h)]
        refused = [m for m in self._seen if self._seen[m].outcome not in ("", "delivered")]
        final = dict(hops)
        if reached or refused:
            grasp = self._grasp(before, len(reached))
            now = time.time()
            for marker in (*reached, *refused):
                self._seen[marker] = replace(self._seen[marker], grasp=grasp, counted=now)
                final[marker] = self._hops(marker)
        self._tell(final)
        return [self._followed(marker, final[marker]) for marker in self._routes]

    def _followed(self, marker: str, hops: tuple[Hop, ...]) -> StageProof:
        """What became of one; where nobody called its stage, that it still waits."""
        quiet = self._quiet and not self._seen[marker].logged
        if quiet:
            return _one(self._routes[marker], waits=self._quiet)
        return _one(self._routes[marker], hops)

    def _grasp(self, before: NodeCounters, sent: int) -> Grasp:
        """What the node made of these requests, as soon as it has counted them."""
        end = time.monotonic() + COUNTER_SECONDS
        while True:
            after = self._counters() if before.read else before
            grown = growth(before, after)
            why = self._hides or before.problem or after.problem
            problem = f"the node's counters cannot be read: {why}"
            grasp = judge_request(grown, max(sent, 1), why_unread=problem)
            good = grasp.state in (State.DONE, State.WARNING)
            if good or not grown.replicas or time.monotonic() > end:
                break
            time.sleep(POLL_SECONDS)
        if good and grown.by("processed", "request") > sent:
            self._context.note(OTHER_TRAFFIC, subject="Counters")
        if grasp.state is State.FAILED and sent > 1:
            request, response = (grown.by("processed", k) for k in ("request", "response"))
            text = f"of {sent} sent together {request} requests and {response} responses count"
            return replace(grasp, text=f"{text}: {grasp.text}")
        return grasp

    def _counters(self) -> NodeCounters:
        try:
            functions = self._session.client("lambda")
            name = self._outputs.lambda_function_name
            answer = ask_probe(functions, name, counters_only=True)
        except (ClientError, BotoCoreError) as error:
            return NodeCounters(error=clean(str(error), 200))
        found = answer.counters if answer.known else NodeCounters(error=answer.error)
        return replace(found, wanted=self._nodes)

    def _tell(self, hops: Mapping[str, tuple[Hop, ...]]) -> None:
        """Tell what is new: the hops of all stages as one, and each stage where there are more."""
        now = [self._followed(marker, hops[marker]) for marker in self._routes]
        stages = [*self._before, *now]
        for hop in story.together(stages):
            if hop not in self._told:
                self._told.add(hop)
                self._context.emit(HopChanged(hop))
        if len(stages) < 2:
            return
        for one in now:
            if self._states.get(one.marker) != (one.state, one.text):
                self._states[one.marker] = (one.state, one.text)
                self._context.emit(StageFollowed(one.ref, one.api_name, one.state, one.text))


def _one(route: Route, hops: tuple[Hop, ...] = (), *, waits: str = "") -> StageProof:
    stage = route.stage
    return StageProof(stage.ref, stage.api.name, route.request, route.marker, hops, waits)


def _routes(
    deployment: Deployment, stages: tuple[Stage, ...], outputs: Outputs, *, waits: bool
) -> tuple[list[Route], list[StageProof]]:
    """(requests to send, stages that none can be sent to from here), of those connected.

    Args:
        waits: nothing is sent; only what is no HTTP request cannot be followed then.
    """
    connected = deployment.journal.record.stages
    routes, waiting = list[Route](), list[StageProof]()
    for stage in stages:
        held = connected.get(stage.ref)
        if held is None:
            continue
        reason = can_send(stage)
        if reason and not (waits and stage.api.api_type is not ApiType.WEBSOCKET):
            said = story.waits_for_traffic(reason)
            waiting.append(StageProof(stage.ref, stage.api.name, waits=said))
            deployment.context.emit(StageFollowed(stage.ref, stage.api.name, State.UNCHECKED, said))
            continue
        routes.append(
            Route(
                stage=stage,
                log_group=held.log_group or outputs.api_gateway_log_group,
                lambda_log_group=outputs.lambda_log_group,
                marker=uuid.uuid4().hex,
                started=time.time(),
                waits=waits,
            )
        )
    return routes, waiting


def prove_deployment(
    context: Context,
    answers: Answers,
    refs: Collection[str] = (),
    cancel: threading.Event | None = None,
) -> Proof | None:
    """Follow a request through stages that are connected, at any time. Changes nothing.

    Args:
        refs: stages by `<api id>/<stage>`; empty takes every connected one.
    Raises UsageError for one that is not connected, WizardError where nothing is deployed.
    """
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = read_deployment(context, answers, session, identity, "proof")
    require_own(deployment)
    outputs = deployment.outputs()
    connected = {str(ref) for ref in deployment.journal.record.stages}
    for ref in refs:
        if ref not in connected:
            near = closest(ref, connected)
            raise UsageError(
                "WAG-E-STAGES-004",
                f"{ref} is not connected",
                next_step=f"Did you mean {near[0]}?" if near else "See `wallarm-apigw status`.",
                keys=("stages",),
            )
    inventory = read_inventory(context, session, identity)
    wanted = set(refs) or connected
    stages = tuple(stage for stage in inventory.stages if str(stage.ref) in wanted)
    absent = [
        _absent(StageRef.parse(ref), inventory)
        for ref in sorted(wanted - {str(stage.ref) for stage in stages})
    ]
    for one in absent:
        context.emit(StageFollowed(one.ref, one.api_name, one.state, one.text))
    with context.phase(Phase.PROOF, "Following a request of each stage", "under 1m"):
        proof = prove(deployment, stages, outputs, cancel)
    return replace(proof, stages=(*proof.stages, *absent)) if proof is not None else None


def _absent(ref: StageRef, inventory: Inventory) -> StageProof:
    """A connected stage that was not found, so that none is passed over in silence."""
    problem = inventory.unread(ref)
    why = (
        f"{problem.subject} could not be read: {problem.message}"
        if problem is not None
        else "the account has no such stage any more"
    )
    return StageProof(ref, "", waits=f"not followed: {why}")
