"""Follows one request from an API to the node and tells each hop as it is reached."""

from __future__ import annotations

import threading
import time
import uuid

from wizard.core import proof as story
from wizard.core.errors import WizardError
from wizard.core.events import Hop, HopChanged, State
from wizard.core.facts import Stage
from wizard.core.proof import Evidence, Proof
from wizard.core.tfvars import Outputs
from wizard.flows.deployment.model import Deployment
from wizard.services import proof as evidence

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
    readable = evidence.node_readable(context.env)
    context.note(f"{route.request}  id {route.marker}", subject="Request")
    seen = Evidence()
    try:
        status = evidence.send(route, context.env)
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
        seen = evidence.look(route, seen, logs, context.env)
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


def _route(
    deployment: Deployment, stages: tuple[Stage, ...], outputs: Outputs
) -> evidence.Route | None:
    connected = deployment.journal.record.stages
    for stage in stages:
        held = connected.get(stage.ref)
        if held is None:
            continue
        reason = evidence.can_send(stage)
        if reason:
            deployment.context.note(
                f"no request can be sent from here: {reason}", State.SKIPPED, str(stage.ref)
            )
            continue
        return evidence.Route(
            stage=stage,
            log_group=held.log_group or outputs.api_gateway_log_group,
            lambda_log_group=outputs.lambda_log_group,
            marker=uuid.uuid4().hex,
            started=time.time(),
        )
    return None
