"""Whether a node that was deployed is ready, judged from what AWS and its own log say.

A steady service is not a ready node: the container keeps running when it cannot register, and ECS
counts it as running. Only healthy targets say that the node takes requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from wizard.core.text import clean, count

# The node's own words and what they mean (Wallarm's documentation of the Native Node).
REGISTERED = "node registration done"
KNOWN_FAILURES = (
    ("access denied", "the token belongs to the other Wallarm Cloud, or may not register nodes"),
    ('label "group" is required', "the node group is missing"),
    ("illegal base64", "the token is malformed"),
    ("subscription limited", "the Wallarm subscription does not allow another node"),
    ("not found", "wallarm_api_host is not a Wallarm API server"),
    ("with error", "the registration failed"),
)
# Of these a repetition may be the end: they are believed when they stay (looks in a row).
PERSISTS = 3


def log_line_meaning(line: str) -> str:
    """What a line of the node's log means as a failed registration; empty for any other line."""
    return next((text for words, text in KNOWN_FAILURES if words in line.lower()), "")


@dataclass(frozen=True)
class NodeSight:
    """What one look saw.

    Args:
        targets: health of each target of the load balancer, as `(state, AWS's words)`.
        registrations: the last line about the registration of each newest container.
        tasks: last status of each task, as ECS names it.
        pulled: of how many tasks the image is there.
        stopped: why the last task stopped, in AWS's words.
    """

    targets: tuple[tuple[str, str], ...] = ()
    registrations: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    pulled: int = 0
    stopped: str = ""

    @property
    def healthy(self) -> int:
        """Targets that take requests."""
        return sum(state == "healthy" for state, _ in self.targets)


class NodeState(str, Enum):
    """How the wait stands."""

    READY = "ready"
    WAITING = "waiting"
    REFUSED = "refused"  # Wallarm, or the node itself, says why it will not


@dataclass(frozen=True)
class Readiness:
    """The state, a line for the reader, and where refused the node's words and what they mean."""

    state: NodeState
    text: str
    words: str = ""
    cause: str = ""


def judge_readiness(sights: Iterable[NodeSight], wanted: int) -> Readiness:
    """How the wait stands after these looks, oldest first.

    Args:
        wanted: how many nodes there are to be.
    """
    seen = tuple(sights)
    last = seen[-1]
    text = describe(last, wanted)
    if last.healthy >= wanted:
        return Readiness(NodeState.READY, text)
    failed = [_failure(sight) for sight in seen[-PERSISTS:]]
    if len(failed) == PERSISTS and all(failed):
        return Readiness(
            NodeState.REFUSED, text, clean(failed[-1], 300), log_line_meaning(failed[-1])
        )
    return Readiness(NodeState.WAITING, text)


def describe(sight: NodeSight, wanted: int) -> str:
    """One look in a line: targets, image, task, registration."""
    parts = [f"{sight.healthy} of {wanted} healthy"]
    if sight.tasks:
        parts.append(
            f"image pulled, {_tasks(sight.tasks)}" if sight.pulled else _tasks(sight.tasks)
        )
    failure = _failure(sight)
    if failure:
        parts.append(f"registration: {log_line_meaning(failure)}")
    elif any(REGISTERED in line for line in sight.registrations):
        parts.append("registration done")
    elif sight.pulled:
        parts.append("no word about the registration yet")
    waiting = next((words for state, words in sight.targets if state != "healthy" and words), "")
    if waiting and sight.healthy < wanted:
        parts.append(clean(waiting, 160))
    if sight.stopped and sight.healthy < wanted:
        parts.append(f"last task stopped: {clean(sight.stopped, 200)}")
    return "; ".join(parts)


def _tasks(states: tuple[str, ...]) -> str:
    each = {state: states.count(state) for state in dict.fromkeys(states)}
    return ", ".join(f"{count(number, 'task')} {state.lower()}" for state, number in each.items())


def _failure(sight: NodeSight) -> str:
    """A line that tells of a failed registration; empty where one container has registered."""
    if any(REGISTERED in line for line in sight.registrations):
        return ""
    return next((line for line in sight.registrations if log_line_meaning(line)), "")
