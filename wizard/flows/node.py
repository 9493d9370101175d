"""What is asked of the deployed node: whether it takes requests, and how it wants to be spoken to.

After an apply, and before any stage is switched, it is waited for: Terraform's "done" is a steady
service, as many tasks running as are wanted. Whether the node could register, and whether the load
balancer finds it healthy, is another thing, told as a step of its own with what its log says.

Which way of speaking it understands is found with harmless messages and its own counters. Only the
forwarder can reach the node, and it sends to the node of its environment alone. What is found is
written into the answers; nothing deployed changes before `wallarm-apigw install` does it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.answers.model import Answers
from wizard.core.cost import estimate, standing
from wizard.core.errors import WizardError
from wizard.core.events import Phase, State
from wizard.core.node.dialect import Dialect, Tried, environment_with
from wizard.core.node.readiness import PERSISTS, NodeSight, NodeState, Readiness, judge_readiness
from wizard.core.node.verdicts import Grasp
from wizard.core.terraform.failures import for_removal
from wizard.core.text import clean, count, duration
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context
from wizard.flows.deployment.answers import save_answers
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import require_own
from wizard.services.aws.deployment.node_state import look_at_node
from wizard.services.aws.forwarder import (
    TRIAL_SECONDS,
    ProbeAnswer,
    api_host,
    ask_probe,
    try_dialect,
)
from wizard.services.checks.examination import runs_no_instances
from wizard.services.terraform.errors import TerraformError

LOOK_SECONDS = 10.0
# The grace period of the service's health checks is three minutes; an image takes one or two.
MOST_SECONDS = 600.0
# No room for the state, AWS out of reach: more may have been made than is recorded.
UNRECORDED = frozenset(("WAG-E-TF-114", "WAG-E-TF-117", "WAG-E-TF-118"))


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


def what_stands(deployment: Deployment, *, certain: bool = True) -> str:
    """What was made, what it costs until it is removed, and that no stage was touched.

    Args:
        certain: whether Terraform has recorded all that it made.
    """
    try:
        facts = deployment.state_facts()
    except WizardError:  # it cannot be read, which is told elsewhere
        facts, certain = None, False
    if facts is None and certain:
        return "Terraform made nothing, and nothing costs anything. This run switched no stage."
    if facts is None:
        made, dollars = "as far as it came", estimate(deployment.answers).total
    else:
        made = count(facts.resources, "resource")
        dollars = standing(deployment.answers, facts.addresses)
    return (
        f"What stands ({made}) costs {_price(dollars)} until `wallarm-apigw uninstall` removes it. "
        "This run switched no stage."
    )


def what_remains(deployment: Deployment) -> str:
    """What a removal that was refused has left so far, and what that costs; empty where that is
    not known."""
    try:
        facts = deployment.state_facts()
    except WizardError:
        facts = None
    if facts is None:
        return ""
    dollars = standing(deployment.answers, facts.addresses)
    return (
        f"What is removed stays removed. What still stands ({count(facts.resources, 'resource')}) "
        f"costs {_price(dollars)} until `wallarm-apigw uninstall` has removed it."
    )


def _price(dollars: float) -> str:
    return f"up to about ${max(dollars, 1):,.0f} a month" if dollars else "no fixed price"


def add_what_stands(deployment: Deployment, error: WizardError) -> None:
    """Let a refusal in the middle of an apply end with what is there now and what that costs."""
    lost = isinstance(error, TerraformError) and (error.in_doubt or error.code in UNRECORDED)
    text = what_stands(deployment, certain=not lost)
    error.next_step = f"{error.next_step} {text}".strip()


def add_what_remains(deployment: Deployment, error: WizardError) -> None:
    """Let a refusal in the middle of a removal end with what is left and what that costs."""
    error.next_step = f"{for_removal(error.next_step)} {what_remains(deployment)}".strip()


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
        next_step=f"{cure} {what_stands(deployment, certain=False)}",
    )


def not_in_time(deployment: Deployment, found: Readiness, waited: float) -> WizardError:
    """WAG-E-NODE-002: it is not healthy, and nobody says why."""
    return WizardError(
        "WAG-E-NODE-002",
        f"The node does not take requests after {duration(waited)}",
        why=f"What was seen last: {found.text}.",
        next_step="`wallarm-apigw doctor` looks for the cause; the same command goes on when it is "
        f"fixed. {what_stands(deployment, certain=False)}",
    )


EVENTS = 3  # messages of one try


@contextmanager
def open_search(context: Context, answers: Answers) -> Iterator[DialectSearch]:
    """Hold a deployment for a search. Raises WizardError where there is none, or another run
    holds it."""
    session = open_session(context, answers)
    identity = identify(session, answers)
    with open_deployment(context, answers, session, identity, "node-dialect") as deployment:
        require_own(deployment)
        yield DialectSearch(deployment, deployment.outputs().lambda_function_name)


class DialectSearch:
    """One search in a deployment that is held."""

    def __init__(self, deployment: Deployment, function: str) -> None:
        self.deployment = deployment
        self._function = function

    @property
    def answers(self) -> Answers:
        """The answers, with what was adopted."""
        return self.deployment.answers

    def look(self) -> ProbeAnswer:
        """How the forwarder speaks now, and that the node's counters can be read.

        Raises WizardError where they cannot: without them nothing could be told.
        """
        try:
            functions = self.deployment.session.client("lambda")
            found = ask_probe(functions, self._function, counters_only=True)
        except (ClientError, BotoCoreError) as error:
            raise _unread(clean(str(error), 300)) from error
        if not found.known:
            raise _unread(found.error)
        if not found.counters.read:
            raise _unread(found.counters.problem or "no replica answered")
        return found

    def attempt(self, candidates: Iterable[Dialect]) -> tuple[Tried, ...]:
        """Try these, one after the other; each is told as it ends."""
        functions = self.deployment.session.patient_client("lambda", TRIAL_SECONDS)
        found = []
        for dialect in candidates:
            try:
                tried = try_dialect(functions, self._function, dialect, self._host, EVENTS)
            except (ClientError, BotoCoreError) as error:
                text = clean(str(error), 300)
                tried = Tried(dialect, Grasp(State.UNCHECKED, None, None, text))
            found.append(tried)
            said = f"{dialect.title}: {tried.grasp.text}"
            statuses = ", ".join(map(str, sorted(set(tried.statuses))))
            told = f"{said} (answered {statuses})" if statuses else said
            self.deployment.context.note(told, tried.grasp.state, dialect.name)
        return tuple(found)

    def adopt(self, dialect: Dialect) -> Answers:
        """Write this way of speaking into the answers. Nothing deployed changes by it."""
        environment = environment_with(self.answers.forwarder_environment, dialect)
        self.deployment.answers = self.answers.with_(forwarder_environment=environment)
        path = save_answers(self.deployment)
        self.deployment.context.note(f"{dialect.title}; kept in {path}", subject="Answers")
        return self.answers

    @property
    def _host(self) -> str:
        """The host name of a connected API: a node may take messages of no other host."""
        held = next(iter(self.deployment.journal.record.stages), None)
        return api_host(held, self.deployment.identity) if held else ""


def _unread(why: str) -> WizardError:
    return WizardError(
        "WAG-E-DIALECT-002",
        "The node's counters cannot be read, so nothing can be found out",
        why=why,
        next_step="For a node of your own set node_metrics to its host:port, open that port to the "
        "forwarder, and run `wallarm-apigw install`. A hosted node shows none.",
    )
