"""Follows one request from an API to the node and tells each hop as it is reached."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from wizard.core import proof as story
from wizard.core.errors import WizardError
from wizard.core.events import Hop, HopChanged, State
from wizard.core.facts import ApiType, Stage
from wizard.core.proof import MARKER_PREFIX, PROOF_PATH, Evidence, Proof
from wizard.core.tfvars import Outputs
from wizard.flows.deployment.model import Deployment

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


SEND_TIMEOUT = (5.0, 15.0)
EXECUTE_API_VARIABLE = "WALLARM_APIGW_EXECUTE_API_URL"
NODE_RECORD_VARIABLE = "WALLARM_APIGW_NODE_RECORD_URL"


@dataclass(frozen=True)
class Route:
    """Where the evidence of one request is looked for."""

    stage: Stage
    log_group: str
    lambda_log_group: str
    marker: str
    started: float  # epoch seconds

    @property
    def url(self) -> str:
        """The address that is requested."""
        return f"{self.stage.invoke_url.rstrip('/')}/{PROOF_PATH}"

    @property
    def request(self) -> str:
        """The request in one line, for people."""
        return f"GET {urlsplit(self.url).path}"


def can_send(stage: Stage) -> str:
    """Why a request cannot be sent to this stage from here, or an empty string."""
    if stage.api.api_type is ApiType.WEBSOCKET:
        return "WebSocket messages carry no method and path"
    if stage.api.endpoint_type.value == "PRIVATE":
        return "a private API answers only inside its VPC"
    if stage.api.execute_api_disabled or not stage.invoke_url:
        return "its default endpoint is disabled"
    return ""


def send(route: Route, env: Mapping[str, str]) -> int:
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


def look(
    route: Route, seen: Evidence, logs: CloudWatchLogsClient, env: Mapping[str, str]
) -> Evidence:
    """What can be seen by now, added to what was seen before."""
    if not seen.logged:
        event = _first(logs, route.log_group, f'"{MARKER_PREFIX}{route.marker}"', route.started)
        if event:
            seen = replace(seen, logged=_seconds(event.get("ingestionTime", event["timestamp"])))
    if not seen.handled:
        event = _first(logs, route.lambda_log_group, f'"{route.marker}"', route.started)
        line = _proof_line(event["message"], route.marker) if event else None
        if line:
            received, answered = (_seconds(line.get(k)) for k in ("received_at", "delivered_at"))
            seen = replace(
                seen,
                delivered=received,
                # Sent on, which is before it arrives; a forwarder of old tells the answer only.
                handled=_seconds(line.get("sent_at")) or answered or received,
                answered=answered,
                outcome=str(line.get("outcome", "")),
                node_status=line.get("node_status"),
            )
            # The log line proves the earlier hop too, even where searching it lags behind.
            seen = replace(seen, logged=seen.logged or seen.delivered)
    if not seen.arrived and env.get(NODE_RECORD_VARIABLE):
        at = _node_time(env[NODE_RECORD_VARIABLE], route.marker)
        seen = replace(seen, node_seen=at is not None, arrived=at or 0.0)
    return seen


def node_readable(env: Mapping[str, str]) -> bool:
    """Whether the node's own record can be read (only the sandbox's stand-in offers one)."""
    return bool(env.get(NODE_RECORD_VARIABLE))


def _first(
    logs: CloudWatchLogsClient, group: str, pattern: str, started: float
) -> dict[str, Any] | None:
    """The first matching event of a group, or None; a group not there yet has none."""
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            filterPattern=pattern,
            startTime=int((started - 60) * 1000),
            PaginationConfig={"MaxItems": 50},
        )
        for page in pages:
            for event in page.get("events", []):
                return dict(event)
    except logs.exceptions.ResourceNotFoundException:
        return None
    return None


def _proof_line(message: str, marker: str) -> dict[str, Any] | None:
    """The forwarder's proof line inside a log message, for exactly this marker."""
    for line in message.splitlines():
        start = line.find("{")
        if start < 0:
            continue
        try:
            data = json.loads(line[start:])
        except json.JSONDecodeError:
            continue
        if isinstance(data, dict) and data.get("event") == "proof" and data.get("id") == marker:
            return data
    return None


def _node_time(url: str, marker: str) -> float | None:
    import requests

    try:
        records = requests.get(url, timeout=SEND_TIMEOUT).json()
    except (requests.RequestException, ValueError):
        return None
    for item in records:
        if item.get("user_agent") == MARKER_PREFIX + marker:
            return float(item.get("received_at") or time.time())
    return None


def _seconds(milliseconds: Any) -> float:
    return float(milliseconds) / 1000 if isinstance(milliseconds, (int, float)) else 0.0


POLL_SECONDS = 0.5
# On AWS the first log event of a stage can take minutes (unverified from here).
DEADLINE_SECONDS = 300.0


def prove(
    deployment: Deployment,
    stages: tuple[Stage, ...],
    outputs: Outputs,
    cancel: threading.Event | None = None,
    *,
    deadline: float = DEADLINE_SECONDS,
) -> Proof | None:
    """Send one marked request to the first stage that can take it, and follow it.

    Returns None when no connected stage can be reached from here; a note says why.
    """
    context = deployment.context
    route = _route(deployment, stages, outputs)
    if route is None:
        return None
    logs = deployment.session.client("logs")
    readable = node_readable(context.env)
    context.note(f"{route.request}  id {route.marker}", subject="Request")
    seen = Evidence()
    try:
        status = send(route, context.env)
        seen = Evidence(sent=route.started)
        context.note(f"the API answered {status}; your backend was not called", subject="Request")
    except WizardError as error:
        hops = story.not_sent(error.why)
        for hop in hops:
            context.emit(HopChanged(hop))
        context.note(error.next_step, State.FAILED)
        return Proof(route.request, route.marker, hops, error.what)
    waited_from, told = time.monotonic(), set[Hop]()
    while True:
        seen = look(route, seen, logs, context.env)
        hops = story.tell(seen, function=outputs.lambda_function_name, node_readable=readable)
        waited = time.monotonic() - waited_from
        stopped = cancel is not None and cancel.is_set()
        if not story.finished(hops) and (waited > deadline or stopped):
            hops = story.give_up(hops, waited)
        for hop in hops:
            if hop not in told:
                told.add(hop)
                context.emit(HopChanged(hop))
        if story.finished(hops):
            return Proof(route.request, route.marker, hops, story.summary(hops))
        time.sleep(POLL_SECONDS)


def _route(deployment: Deployment, stages: tuple[Stage, ...], outputs: Outputs) -> Route | None:
    connected = deployment.journal.record.stages
    for stage in stages:
        held = connected.get(stage.ref)
        if held is None:
            continue
        reason = can_send(stage)
        if reason:
            deployment.context.note(
                f"no request can be sent from here: {reason}", State.SKIPPED, str(stage.ref)
            )
            continue
        return Route(
            stage=stage,
            log_group=held.log_group or outputs.api_gateway_log_group,
            lambda_log_group=outputs.lambda_log_group,
            marker=uuid.uuid4().hex,
            started=time.time(),
        )
    return None
