"""Waits, after an apply and before any stage is switched, until the node takes requests.

Terraform's "done" is a steady service: as many tasks run as are wanted. Whether the node could
register, and whether the load balancer finds it healthy, is another thing, told here as a step of
its own with what the node's log says.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from wizard.core.cost import estimate
from wizard.core.errors import WizardError
from wizard.core.events import Phase, State
from wizard.core.node.readiness import PERSISTS, NodeSight, NodeState, Readiness, judge_readiness
from wizard.core.text import count, duration
from wizard.core.tfvars import Outputs
from wizard.flows.deployment.model import Deployment
from wizard.services.aws.deployment.node_state import look_at_node
from wizard.services.checks.examination import runs_no_instances

LOOK_SECONDS = 10.0
# The grace period of the service's health checks is three minutes; an image takes one or two.
MOST_SECONDS = 600.0


def wait_for_node(
    deployment: Deployment,
    outputs: Outputs,
    *,
    cancel: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the load balancer finds the node healthy, or when nobody can tell.

    Raises WizardError WAG-E-NODE-001 with the node's own words where it cannot register, 002 where
    it is not healthy in time. No stage has been switched then.
    """
    context, answers = deployment.context, deployment.answers
    if not answers.deploys_node or not outputs.target_group_arn:
        return
    with context.phase(Phase.NODE, "Waiting for the node to take requests", "under 3m"):
        seen: deque[NodeSight] = deque(maxlen=PERSISTS)
        told, began = "", clock()
        while True:
            try:
                sight = look_at_node(deployment.session, outputs, answers.node_count)
            except WizardError as error:
                why = f": {error.why}" if error.why else ""
                context.note(f"could not be checked. {error.what}{why}", State.UNCHECKED, "Node")
                return
            if not sight.targets and runs_no_instances(context.env):
                context.note(
                    "the local AWS starts no instances and registers no targets",
                    State.UNCHECKED,
                    "Node",
                )
                return
            seen.append(sight)
            found = judge_readiness(seen, answers.node_count)
            if found.text != told:
                told = found.text
                ready = found.state is NodeState.READY
                context.note(found.text, State.DONE if ready else State.RUNNING, "Node")
            if found.state is NodeState.READY:
                return
            if found.state is NodeState.REFUSED:
                raise refused(deployment, found)
            waited = clock() - began
            if waited + LOOK_SECONDS > MOST_SECONDS or (cancel is not None and cancel.is_set()):
                raise not_in_time(deployment, found, waited)
            sleep(LOOK_SECONDS)


def what_stands(deployment: Deployment) -> str:
    """What was made, what it costs until it is removed, and that no stage was touched."""
    try:
        number = deployment.workspace.check_state()
    except WizardError:
        number = 0  # the state cannot be read, which is told elsewhere
    made = count(number, "resource") if number else "as far as it came"
    dollars = estimate(deployment.answers).total
    cost = f"up to about ${dollars:,.0f} a month" if dollars else "no fixed price"
    return (
        f"What stands ({made}) costs {cost} until `wallarm-apigw uninstall` removes it. This run "
        "switched no stage."
    )


def add_what_stands(deployment: Deployment, error: WizardError) -> None:
    """Let a refusal in the middle of an apply end with what is there now and what that costs."""
    error.next_step = f"{error.next_step} {what_stands(deployment)}".strip()


def refused(deployment: Deployment, found: Readiness) -> WizardError:
    """WAG-E-NODE-001: the node says why it cannot register."""
    token = "token" in found.cause
    cure = (
        "Make a token for this cloud with the usage type Node deployment; store it with "
        "`wallarm-apigw rotate-token`, then run the same command again."
        if token
        else "Fix what it names, then run the same command again."
    )
    return WizardError(
        "WAG-E-NODE-001",
        f"The node cannot register with the Wallarm Cloud: {found.cause}",
        why=f"Its log says: {found.words}",
        next_step=f"{cure} {what_stands(deployment)}",
    )


def not_in_time(deployment: Deployment, found: Readiness, waited: float) -> WizardError:
    """WAG-E-NODE-002: it is not healthy, and nobody says why."""
    return WizardError(
        "WAG-E-NODE-002",
        f"The node does not take requests after {duration(waited)}",
        why=f"What was seen last: {found.text}.",
        next_step="`wallarm-apigw doctor` looks for the cause; the same command goes on when it is "
        f"fixed. {what_stands(deployment)}",
    )
