"""Requests followed from their APIs to the node: the hops, what each proves, and what it cannot.

Pure: the evidence is gathered by the flow, the story is told here. One request for each stage; the
last hop is the node's own word, by the counters that it keeps of what it understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wizard.core.events import Hop, State
from wizard.core.facts import StageRef
from wizard.core.text import count, duration

if TYPE_CHECKING:
    from wizard.core.node.verdicts import Grasp

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
    ("understood", "understood by the node"),
)

LOOK_AT = {
    "sent": "Is the API reachable from this machine? Private APIs answer only inside their VPC; "
    'use proof "wait" and send a request from there.',
    "logged": "Does the stage log to this group, and may API Gateway write there (account "
    "CloudWatch role for REST and WebSocket, resource policy for HTTP APIs)?",
    "delivered": "The forwarder's own log group would tell of it. Does the API's log group have "
    "the subscription filter, may CloudWatch Logs invoke the function, and may the function write "
    "to its log group? Run `wallarm-apigw doctor`.",
    "handled": "Look at the forwarder's own log group for errors and time-outs.",
    "arrived": "Look at the node's log and the load balancer's target health.",
    "understood": "Run `wallarm-apigw doctor`: it says what the node has counted.",
}


@dataclass(frozen=True)
class Evidence:
    """What was seen of the request so far; times in epoch seconds, 0.0 where not seen.

    `handled` is when the forwarder sent the request on, `answered` when the node had answered it;
    `node_status` is the node's HTTP answer to the forwarder; `node_seen` says whether the node's
    own record was read (only the sandbox offers one); `grasp` is what the node's counters say, None
    while they may still change, and `counted` when they were read. `client`: nothing was sent, a
    client's request is waited for; then `batches` tells what the forwarder made of all events since
    it came, because only marked requests are told one by one.
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
    grasp: Grasp | None = None
    counted: float = 0.0
    client: bool = False
    batches: Batches | None = None


@dataclass(frozen=True)
class Batches:
    """What the forwarder said of its batches since a moment: events by what became of them, and
    when it said so first (epoch seconds)."""

    at: float
    received: int
    delivered: int
    lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """In one line."""
        rest = "".join(f", {number:,} {name}" for name, number in self.lost.items())
        return f"of {count(self.received, 'event')} since then {self.delivered:,} delivered{rest}"


_LOST = ("quarantined", "malformed", "failed")


def sum_batches(lines: Iterable[Mapping[str, Any]], since: float) -> Batches | None:
    """The forwarder's metric lines from a moment on, as one; None where none of them tells of an
    HTTP request.

    Args:
        lines: as it wrote them (`observe.metrics`).
        since: epoch seconds.
    """
    found = []
    for line in lines:
        at = line.get("_aws", {}).get("Timestamp", 0) / 1000
        if at >= since and _number(line, "received") > _number(line, "skipped"):
            found.append((at, line))
    if not found:
        return None
    total = {n: sum(_number(line, n) for _, line in found) for n in (*_COUNTED, *_LOST)}
    return Batches(
        min(at for at, _ in found),
        total["received"] - total["skipped"],
        total["delivered"],
        {name: total[name] for name in _LOST if total[name]},
    )


_COUNTED = ("received", "skipped", "delivered")


def _number(line: Mapping[str, Any], name: str) -> int:
    value = line.get(name, 0)
    return value if isinstance(value, int) else 0


def is_line_of(message: str, ref: StageRef) -> bool:
    """Whether an access-log line is of an HTTP request to this stage: by what AWS wrote first."""
    start = message[:512].replace(" ", "")
    stage = json.dumps(ref.stage)
    return start.startswith(f'{{"wallarm_log":"http/{ref.api_id}","stage":{stage},')


@dataclass(frozen=True)
class StageProof:
    """One stage's request. `waits`: what it waits for instead, where none was sent; then there are
    no hops."""

    ref: StageRef
    api_name: str
    request: str = ""
    marker: str = ""
    hops: tuple[Hop, ...] = ()
    waits: str = ""

    @property
    def label(self) -> str:
        """Which stage, for a reader."""
        return self.ref.label(self.api_name)

    @property
    def state(self) -> State:
        """The worst that became of it: FAILED, RUNNING, WARNING, or DONE; UNCHECKED where it
        waits."""
        if self.waits:
            return State.UNCHECKED
        found = {hop.state for hop in self.hops}
        for state in (State.FAILED, State.RUNNING, State.WARNING):
            if state in found:
                return state
        return State.DONE

    @property
    def text(self) -> str:
        """What is to be said of it, in one line."""
        if self.waits:
            return self.waits
        for state in (State.FAILED, State.RUNNING, State.WARNING):
            hop = next((h for h in self.hops if h.state is state), None)
            if hop is not None and state is State.FAILED:
                return f"not {hop.title}: {hop.detail}"
            if hop is not None and state is State.RUNNING:
                return f"not yet {hop.title}"
            if hop is not None:
                return hop.detail
        last = [hop for hop in self.hops if hop.state is State.DONE]
        return last[-1].title if last else ""


@dataclass(frozen=True)
class Proof:
    """The hops of all requests together, one sentence about them, and each stage on its own."""

    request: str
    marker: str
    hops: tuple[Hop, ...]
    summary: str
    stages: tuple[StageProof, ...] = ()

    @property
    def complete(self) -> bool:
        """Every hop was reached; a hop that cannot be read from here counts as not checked."""
        good = (State.DONE, State.UNCHECKED, State.WARNING)
        return all(h.state in good for h in self.hops)


def initial() -> tuple[Hop, ...]:
    """The hops before anything happened."""
    return tuple(Hop(key, title, State.TODO) for key, title in HOPS)


def hops_of(evidence: Evidence, *, function: str, node_readable: bool) -> tuple[Hop, ...]:
    """The hops as the evidence shows them; the first one not reached is `running`."""
    titles = dict(HOPS) | {"handled": f"handled by {function}"}
    if evidence.client:
        titles["sent"] = "made by a client"
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
        at = times.get(key, 0.0)
        if waiting:
            hops.append(Hop(key, titles[key], State.TODO))
        elif key == "understood":
            hops.append(_understood(evidence, titles[key]))
        elif key == "handled" and at and evidence.outcome != "delivered":
            hops.append(Hop(key, titles[key], State.FAILED, at, _outcome(evidence)))
            waiting = True
        elif key == "handled" and at and evidence.batches is not None:
            state = State.WARNING if evidence.batches.lost else State.DONE
            hops.append(Hop(key, titles[key], state, at, evidence.batches.text))
        elif key == "arrived" and (evidence.client or not node_readable):
            hops.append(_unread_node(evidence, titles[key]))
        elif at:
            hops.append(Hop(key, titles[key], State.DONE, at))
        else:
            hops.append(Hop(key, titles[key], State.RUNNING))
            waiting = True
    return tuple(hops)


def _understood(evidence: Evidence, title: str) -> Hop:
    grasp = evidence.grasp
    if grasp is None:
        return Hop("understood", title, State.RUNNING)
    detail = f"{grasp.text}. {grasp.hint}".rstrip(". ") if grasp.hint else grasp.text
    detail = "" if grasp.state is State.DONE else detail
    return Hop("understood", title, grasp.state, evidence.counted, detail)


def not_sent(why: str) -> tuple[Hop, ...]:
    """The hops when the request itself could not be sent."""
    first, *others = initial()
    return (replace(first, state=State.FAILED, detail=f"not sent: {why}"), *others)


AT_THE_NODE = (
    "The request is at the node all the same: only the log line that tells of it is missing."
)


def give_up(hops: tuple[Hop, ...], waited: float, *, at_node: bool = False) -> tuple[Hop, ...]:
    """Mark the hop that was being waited for as failed, with what to look at.

    Args:
        at_node: the node's own record has the request, so it is only not told of.
    """
    late = f"not seen within {duration(waited)}."
    return tuple(
        replace(
            h, state=State.FAILED, detail=f"{late} {AT_THE_NODE if at_node else LOOK_AT[h.key]}"
        )
        if h.state is State.RUNNING
        else h
        for h in hops
    )


def finished(hops: tuple[Hop, ...]) -> bool:
    """Nothing more can come: all reached, or one failed."""
    return all(h.state is not State.RUNNING for h in hops)


def waits_for_counters(hops: tuple[Hop, ...]) -> bool:
    """Only the node's own word is missing."""
    return [h.key for h in hops if h.state is State.RUNNING] == ["understood"]


def took(hops: Sequence[Hop]) -> float:
    """Seconds from the sending to the node; the counters are read later, so they do not count."""
    seen = [h.at for h in hops if h.at and h.key != "understood"]
    return max(seen) - min(seen) if seen else 0.0


def summary(hops: tuple[Hop, ...]) -> str:
    """One sentence about the journey."""
    failed = next((h for h in hops if h.state is State.FAILED), None)
    if failed is not None:
        return f"The request was not {failed.title}."
    states = {h.key: h.state for h in hops}
    seconds = f"{took(hops):.1f}s"
    if states.get("arrived") is State.UNCHECKED:
        said = f"The node answered the forwarder {seconds} after the request was sent"
    else:
        said = f"A request travels from your API to the node in {seconds}"
    if states.get("understood") in (State.DONE, State.WARNING):
        return f"{said}, and is understood by the node."
    return f"{said}."


def waits_for_traffic(reason: str) -> str:
    """What a stage waits for that cannot be called from here."""
    return f"waits for traffic of its own: {reason}"


def no_traffic(waited: float) -> str:
    """What a stage waits for that nobody has called meanwhile. Nothing is sent to it."""
    return f"waits for traffic of its own: {_QUIET} within {duration(waited)}"


_QUIET = "no request came"
NOT_TRIED = "not tried: the requests before it did not arrive"


# --- Several stages ------------------------------------------------------------------------------

# Of several stages' hops the first of these that one of them has is the hop's state as a whole.
_WORST = (
    State.FAILED,
    State.RUNNING,
    State.TODO,
    State.WARNING,
    State.UNCHECKED,
    State.DONE,
)


def together(stages: Sequence[StageProof]) -> tuple[Hop, ...]:
    """The hops of all stages as one: as far as the slowest got, in the words of the worst."""
    sent = [one for one in stages if one.hops]
    if not sent:
        return initial()
    out = []
    for hops in zip(*(one.hops for one in sent), strict=True):
        state = next(s for s in _WORST if any(h.state is s for h in hops))
        worst = next(n for n, h in enumerate(hops) if h.state is state)
        hop, detail = hops[worst], hops[worst].detail
        if detail and len(sent) > 1 and any(h.detail != detail for h in hops):
            detail = f"{sent[worst].label}: {detail}"
        reached = state not in (State.RUNNING, State.TODO)
        out.append(replace(hop, detail=detail, at=max(h.at for h in hops) if reached else 0.0))
    return tuple(out)


def conclude(stages: Sequence[StageProof]) -> Proof | None:
    """The proof of these stages; None where no request could be sent to any."""
    sent = [one for one in stages if one.hops]
    if not sent:
        return None
    hops = together(sent)
    if len(stages) == 1:
        text = summary(hops)
    else:
        good = [one for one in sent if one.state is not State.FAILED]
        waiting = [one for one in stages if not one.hops]
        quiet = all(_QUIET in one.waits for one in waiting)
        text = _counted(sent, good, len(waiting), "had no request" if quiet else "")
    return Proof(sent[0].request, sent[0].marker, hops, text, tuple(stages))


def _counted(
    sent: Sequence[StageProof], good: Sequence[StageProof], waiting: int, quiet: str
) -> str:
    was = quiet or f"{'was' if waiting == 1 else 'were'} not called from here"
    rest = f" {count(waiting, 'further stage')} {was}." if waiting else ""
    if len(good) < len(sent):
        bad = next(one for one in sent if one not in good)
        said = f"{len(good)} of {count(len(sent), 'stage')} proved; {bad.label} was {bad.text}"
        return f"{said.rstrip('.')}.{rest}"
    seconds = sorted(took(one.hops) for one in good)
    first, last = (f"{value:.1f}s" for value in (seconds[0], seconds[-1]))
    time = first if first == last else f"{first} to {last}"
    states = {hop.key: hop.state for hop in together(good)}
    understood = states["understood"] in (State.DONE, State.WARNING)
    tail = ", and is understood by the node" if understood else ""
    where = good[0].label if len(good) == 1 else f"each of {count(len(good), 'stage')}"
    return f"A request travels from {where} to the node in {time}{tail}.{rest}"


def _outcome(evidence: Evidence) -> str:
    status = "" if evidence.node_status is None else f", the node answered {evidence.node_status}"
    said = f"the forwarder reports: {evidence.outcome or 'unknown'}{status}"
    if evidence.batches is not None:
        said = f"the forwarder reports: {evidence.batches.text}"
    grasp = evidence.grasp
    if grasp is None or not grasp.reasons:
        return said
    return f"{said}; the node counts: {grasp.reasons[0].what}. {grasp.hint}"


def _unread_node(evidence: Evidence, title: str) -> Hop:
    if evidence.client:
        at = evidence.answered or evidence.handled
        text = "the node answered the forwarder; its own record is not readable from here"
        return Hop("arrived", title, State.UNCHECKED, at, text)
    if evidence.node_status is None:
        return Hop("arrived", title, State.UNCHECKED, 0.0, "the node's own record is not readable")
    return Hop(
        "arrived",
        title,
        State.UNCHECKED,
        evidence.answered or evidence.handled,
        f"the node answered {evidence.node_status}; its own record is not readable from here",
    )
