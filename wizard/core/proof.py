"""One request followed from the API to the node: the hops, what each proves, and what it cannot.

Pure: the evidence is gathered by `services.proof`, the story is told here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wizard.core.events import Hop, State
from wizard.core.text import duration

MARKER_PREFIX = "wallarm-apigw-proof/"
# A path that no API defines: API Gateway itself answers 403 or 404 and logs the request, so the
# owner's backend never sees it, and API Discovery, which counts only 2xx, does not list it.
PROOF_PATH = "wallarm-apigw-proof"

HOPS = (
    ("sent", "sent to the API"),
    ("logged", "written to the log group"),
    ("delivered", "delivered by the subscription filter"),
    ("handled", "handled by the forwarder"),
    ("arrived", "arrived at the node"),
)

LOOK_AT = {
    "sent": "Is the API reachable from this machine? Private APIs answer only inside their VPC; "
    'use proof "wait" and send a request from there.',
    "logged": "Does the stage log to this group, and may API Gateway write there (account "
    "CloudWatch role for REST and WebSocket, resource policy for HTTP APIs)?",
    "delivered": "Does the log group have the subscription filter, and may CloudWatch Logs invoke "
    "the function? Run `wallarm-apigw doctor`.",
    "handled": "Look at the forwarder's own log group for errors and time-outs.",
    "arrived": "Look at the node's log and the load balancer's target health.",
}


@dataclass(frozen=True)
class Evidence:
    """What was seen of the request so far; times in epoch seconds, 0.0 where not seen.

    `handled` is when the forwarder sent the request on, `answered` when the node had answered it;
    `node_status` is the node's HTTP answer to the forwarder; `node_seen` says whether the node's
    own record was read (only the sandbox offers one).
    """

    sent: float = 0.0
    logged: float = 0.0
    delivered: float = 0.0
    handled: float = 0.0
    outcome: str = ""
    node_status: int | None = None
    node_seen: bool = False
    arrived: float = 0.0
    answered: float = 0.0


@dataclass(frozen=True)
class Proof:
    """The hops of one request and one sentence about them."""

    request: str
    marker: str
    hops: tuple[Hop, ...]
    summary: str

    @property
    def complete(self) -> bool:
        """Every hop was reached; a hop that cannot be read from here counts as not checked."""
        return all(h.state in (State.DONE, State.UNCHECKED) for h in self.hops)


def initial() -> tuple[Hop, ...]:
    """The hops before anything happened."""
    return tuple(Hop(key, title, State.TODO) for key, title in HOPS)


def tell(evidence: Evidence, *, function: str, node_readable: bool) -> tuple[Hop, ...]:
    """The hops as the evidence shows them; the first one not reached is `running`."""
    titles = dict(HOPS) | {"handled": f"handled by {function}"}
    times = {
        "sent": evidence.sent,
        "logged": evidence.logged,
        "delivered": evidence.delivered,
        "handled": evidence.handled,
        "arrived": evidence.arrived,
    }
    hops: list[Hop] = []
    waiting = False
    for key, _ in HOPS:
        at = times[key]
        if waiting:
            hops.append(Hop(key, titles[key], State.TODO))
        elif key == "handled" and at and evidence.outcome != "delivered":
            hops.append(Hop(key, titles[key], State.FAILED, at, _outcome(evidence)))
            waiting = True
        elif key == "arrived" and not node_readable:
            hops.append(_unread_node(evidence, titles[key]))
        elif at:
            hops.append(Hop(key, titles[key], State.DONE, at))
        else:
            hops.append(Hop(key, titles[key], State.RUNNING))
            waiting = True
    return tuple(hops)


def not_sent(why: str) -> tuple[Hop, ...]:
    """The hops when the request itself could not be sent."""
    first, *others = initial()
    return (replace(first, state=State.FAILED, detail=f"not sent: {why}"), *others)


def give_up(hops: tuple[Hop, ...], waited: float) -> tuple[Hop, ...]:
    """Mark the hop that was being waited for as failed, with what to look at."""
    late = f"not seen within {duration(waited)}."
    return tuple(
        replace(h, state=State.FAILED, detail=f"{late} {LOOK_AT[h.key]}")
        if h.state is State.RUNNING
        else h
        for h in hops
    )


def finished(hops: tuple[Hop, ...]) -> bool:
    """Nothing more can come: all reached, or one failed."""
    return all(h.state is not State.RUNNING for h in hops)


def summary(hops: tuple[Hop, ...]) -> str:
    """One sentence about the journey."""
    failed = next((h for h in hops if h.state is State.FAILED), None)
    if failed is not None:
        return f"The request was not {failed.title}."
    seen = [h.at for h in hops if h.at]
    took = max(seen) - min(seen) if seen else 0.0
    if hops[-1].state is State.UNCHECKED:
        return f"The node answered the forwarder {took:.1f}s after the request was sent."
    return f"A request travels from your API to the node in {took:.1f}s."


def _outcome(evidence: Evidence) -> str:
    status = "" if evidence.node_status is None else f", the node answered {evidence.node_status}"
    return f"the forwarder reports: {evidence.outcome or 'unknown'}{status}"


def _unread_node(evidence: Evidence, title: str) -> Hop:
    if evidence.node_status is None:
        return Hop("arrived", title, State.UNCHECKED, 0.0, "the node's own record is not readable")
    return Hop(
        "arrived",
        title,
        State.UNCHECKED,
        evidence.answered or evidence.handled,
        f"the node answered {evidence.node_status}; its own record is not readable from here",
    )
