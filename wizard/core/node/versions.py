"""What versions of the Native Node are known to bring for this connector (Wallarm's changelog)."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.answers.rules import MIN_NODE_VERSION, node_version
from wizard.core.events import State

NEWEST_KNOWN = (0, 25, 5)  # 2026-08-11


@dataclass(frozen=True)
class Step:
    """What a version brought: whoever runs an older one lacks it."""

    version: tuple[int, ...]
    lacks: str


STEPS = (
    Step(MIN_NODE_VERSION, "does not support Amazon API Gateway"),
    Step((0, 22, 0), "waits for responses that never come, as a request without metadata has none"),
    Step((0, 23, 0), "writes API tokens into its own log"),
    Step((0, 23, 1), "loses memory over time"),
)
RECOMMENDED = STEPS[-1].version


def judge_version(version: str) -> tuple[State, str]:
    """(DONE, WARNING, FAILED or UNCHECKED; why) for the version a node tells, or an image tag."""
    found = node_version(version)
    if found is None:
        return State.UNCHECKED, f"{version or 'no version'} names no version"
    lacking = [step for step in STEPS if found < step.version]
    if not lacking:
        newer = " (newer than any this product knows)" if found > NEWEST_KNOWN else ""
        return State.DONE, f"{version}{newer} supports Amazon API Gateway"
    why = "; ".join(f"before {'.'.join(map(str, s.version))} it {s.lacks}" for s in lacking)
    state = State.FAILED if found < MIN_NODE_VERSION else State.WARNING
    return state, f"{version}: {why}"


def version_warnings(answers: Answers) -> tuple[str, ...]:
    """What to say in the review about the image tag of the node that is deployed."""
    if not answers.deploys_node:
        return ()
    state, why = judge_version(answers.node_tag)
    recommended = ".".join(map(str, RECOMMENDED))
    if state is State.UNCHECKED:
        text = (
            f"The node's image tag `{answers.node_tag}` names no version: each new instance takes "
            f"what it means by then. Pin one for production, {recommended} or newer."
        )
        return (text,)
    if state is State.WARNING:
        return (f"The node's image {why}. Take {recommended} or newer.",)
    return ()
