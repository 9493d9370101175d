"""Finds out which way of speaking the node understands: harmless messages, its own counters.

Only the forwarder can reach the node, and it sends to the node of its environment alone. What is
found is written into the answers; nothing deployed changes before `wallarm-apigw install` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.node.dialect import Dialect, Tried, environment_with
from wizard.core.node.verdicts import Grasp
from wizard.core.text import clean
from wizard.flows.context import Context
from wizard.flows.deployment.answers import save_answers
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import require_own
from wizard.services.aws.forwarder import (
    TRIAL_SECONDS,
    ProbeAnswer,
    api_host,
    ask_probe,
    try_dialect,
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
