"""What the node's counters and version mean: did it understand, and if not, why, and what helps.

One table of reasons serves the proof at the end of an install, the checks of doctor, and the search
for the dialect. Names of counters are documented by Wallarm; what a node answers to a message that
it does not understand is not, so nothing here rests on a status. What a version brought comes from
Wallarm's changelog.
"""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.answers.rules import MIN_NODE_VERSION, node_version
from wizard.core.events import State
from wizard.core.node.counters import Growth, NodeCounters

OTHER_TRAFFIC = (
    "Other traffic of the same moment raises these counts, too: one that rose says that messages "
    "like this are understood, one that did not rise says that this one was not."
)
NOT_COUNTED = (
    "this version of the node does not count what it processed, or it has processed nothing yet"
)
DIALECT_HINT = "`wallarm-apigw node-dialect` finds out which way of speaking this node understands."


@dataclass(frozen=True)
class Reason:
    """One counter that explains why a message came to nothing.

    what: in a report, after a colon. cause and fix: sentences. hides: whether messages that are
    counted here are also among the processed ones.
    """

    family: str
    label: str
    what: str
    cause: str
    fix: str
    hides: bool = False

    @property
    def name(self) -> str:
        """The counter in the node's own words."""
        return f"{self.family} {self.label}"


# In the order of causes: the first that grew explains the others.
REASONS = (
    Reason(
        "errors",
        "DroppedOnOverload",
        "dropped on overload",
        "The node gets more than it can take, and answers 503.",
        "Give it more memory or a larger instance type, or raise node_count; the forwarder "
        "tries again meanwhile.",
    ),
    Reason(
        "rejected",
        "remote_address",
        "rejected: remote_address",
        "`connector.allowed_networks` of the node does not hold the sender's address.",
        "Add the forwarder's network, or its load balancer's, to allowed_networks.",
    ),
    Reason(
        "rejected",
        "connector_info",
        "rejected: connector_info",
        "The node does not know this connector's type or version.",
        f"Change the node's version, or the connector's type. {DIALECT_HINT}",
    ),
    Reason(
        "rejected",
        "host",
        "rejected: host",
        "`connector.allowed_hosts` of the node, or the hosts of a Security Edge node, lack the "
        "API's host name.",
        "Add the API's host name, `<api id>.execute-api.<region>.amazonaws.com` or its custom "
        "domain, to the allowed hosts.",
    ),
    Reason(
        "errors",
        "MsgDataFormat",
        "not readable: MsgDataFormat",
        "The node could not read the message's shape.",
        DIALECT_HINT,
    ),
    Reason(
        "errors",
        "MsgType",
        "not readable: MsgType",
        "The node could not tell what kind of message it is.",
        DIALECT_HINT,
    ),
    Reason(
        "errors",
        "ReqBodyReading",
        "not readable: ReqBodyReading",
        "The node could not read the body of the request.",
        DIALECT_HINT,
    ),
    Reason(
        "errors",
        "RespBodyReading",
        "not readable: RespBodyReading",
        "The node could not read the body of the response.",
        DIALECT_HINT,
    ),
    Reason(
        "errors",
        "DuplicateReqId",
        "duplicate id",
        "The node has seen this request id. A batch that AWS repeats carries the same ids, and "
        "then this is well; with ids of the log a client can repeat one.",
        "If it grows without retries, let the forwarder make the ids: take X_NODE_REQUEST_ID "
        "out of forwarder_environment.",
    ),
    Reason(
        "flow_errors",
        "FlowIsMissingRequest",
        "response without its request",
        "The node knows no request of that id: it went to another replica, came too late, or "
        "was not understood.",
        f"Look at the other counters first. {DIALECT_HINT}",
    ),
    Reason(
        "flow_errors",
        "FlowIsMissingResponse",
        "request without its response",
        "The node waited for the response metadata in vain.",
        f"{DIALECT_HINT} Before 0.22.0 a request without a response is not counted at all.",
    ),
    Reason(
        "bypassed",
        "mode_off",
        "not inspected: mode off",
        "The filtration mode is off for this node, host or application: nothing is handed on.",
        "Set the mode to monitoring: `mode` in the node's configuration, or in Wallarm Console.",
        hides=True,
    ),
    Reason(
        "bypassed",
        "input_filters",
        "not inspected: input filters",
        "An input filter of the node's configuration leaves such requests out.",
        "Take the API's host or path out of `input_filters`.",
        hides=True,
    ),
)


@dataclass(frozen=True)
class Grasp:
    """What the node made of a message that was followed.

    state: DONE understood whole; WARNING understood, but look at `reasons`; FAILED not understood;
    UNCHECKED nobody could see.
    """

    state: State
    request: bool | None
    response: bool | None
    text: str
    reasons: tuple[Reason, ...] = ()

    @property
    def hint(self) -> str:
        """Cause and fix of the first reason; empty where there is none."""
        return f"{self.reasons[0].cause} {self.reasons[0].fix}" if self.reasons else ""


def judge_request(grown: Growth, sent: int = 1, *, why_unread: str = "") -> Grasp:
    """Whether the node understood `sent` requests and their responses, by how its counters grew.

    Args:
        why_unread: in words, where the counters could not be read.
    """
    if not grown.replicas:
        return Grasp(State.UNCHECKED, None, None, why_unread or "the node's counters were not read")
    reasons = tuple(r for r in REASONS if grown.by(r.family, r.label))
    if not grown.told("processed", "request"):
        # The first rows of a counter may come with what it counts: a node that refused every
        # message since its start tells none of those that it processed.
        refused = [r for r in reasons if r.family in _REFUSALS]
        seen = grown.by("seen", "total")
        if refused and 0 < seen <= sum(grown.by(r.family, r.label) for r in refused):
            text = f"{_MARKS[False, False]}: {refused[0].what}"
            return Grasp(State.FAILED, False, False, text, reasons)
        return Grasp(State.UNCHECKED, None, None, NOT_COUNTED, reasons)
    request, response = (grown.by("processed", kind) >= sent for kind in ("request", "response"))
    marks = _MARKS[request, response]
    silent = [r for r in reasons if r.hides]
    if request and response and silent and not _exported(grown, sent):
        return Grasp(State.FAILED, True, True, f"{marks}, but {silent[0].what}", tuple(silent))
    if request and response:
        if reasons:
            also = ", ".join(f"{r.what} ({grown.by(r.family, r.label)})" for r in reasons)
            return Grasp(State.WARNING, True, True, f"{marks}; meanwhile also {also}", reasons)
        return Grasp(State.DONE, True, True, "understood by the node: request and response")
    if reasons:
        return Grasp(State.FAILED, request, response, f"{marks}: {reasons[0].what}", reasons)
    if not grown.complete:
        unread = f"{grown.others} of {grown.replicas + grown.others} replicas"
        text = f"{marks}: it may have gone to one of those that could not be read, {unread}"
        return Grasp(State.UNCHECKED, None, None, text)
    if not grown.by("seen", "total"):
        return Grasp(State.FAILED, request, response, f"{marks}: the node has seen no message")
    text = f"{marks}: the node has seen it, and neither processed nor refused it"
    return Grasp(State.FAILED, request, response, text)


_REFUSALS = ("rejected", "errors")
_MARKS = {
    (True, True): "request and response understood",
    (True, False): "request understood, response not",
    (False, True): "response understood, request not",
    (False, False): "neither request nor response understood",
}


def _exported(grown: Growth, sent: int) -> bool:
    return grown.by("exported") >= sent


# A retry after a broken connection, or a probe, may be refused now and then.
_SHARE = 100  # one in so many is worth a word
_FEW = 10


@dataclass(frozen=True)
class Standing:
    """What the counts since the node's start say: DONE, WARNING, FAILED, or UNCHECKED.

    `settles`: it may be well by itself in a while.
    """

    state: State
    text: str
    reasons: tuple[Reason, ...] = ()
    settles: bool = False


def judge_understanding(counters: NodeCounters) -> Standing:
    """Whether the node understands the forwarder, by all that it has counted since its start."""
    if not counters.read:
        return Standing(State.UNCHECKED, counters.summary)
    seen, processed = counters.total("seen", "total"), counters.total("processed", "request")
    refused = [r for r in REASONS if r.family in _REFUSALS and _often(counters, r)]
    refused = [r for r in refused if r.label != "DuplicateReqId"]
    if processed is None and not 0 < (seen or 0) <= sum(_count(counters, r) for r in refused):
        return Standing(State.UNCHECKED, NOT_COUNTED)
    bypassed = [r for r in REASONS if r.hides and _often(counters, r)]
    if not processed:
        if refused:
            return Standing(State.FAILED, _told(counters, refused), tuple(refused))
        if seen:
            text = f"{counters.summary}: messages came, none of them a request"
            return Standing(State.UNCHECKED, text, settles=True)
        return Standing(State.UNCHECKED, "the node has seen no message yet", settles=True)
    whole = [r for r in bypassed if _count(counters, r) >= processed]
    if whole:
        return Standing(State.FAILED, _told(counters, whole), tuple(whole))
    much = [r for r in (*refused, *bypassed) if _is_share(_count(counters, r), processed)]
    if much:
        return Standing(State.WARNING, _told(counters, much), tuple(much))
    return Standing(State.DONE, counters.summary)


def judge_pairing(counters: NodeCounters) -> Standing:
    """Whether requests and responses find each other, by all that was counted since the start."""
    if not counters.read:
        return Standing(State.UNCHECKED, counters.summary)
    request, response = (counters.total("processed", kind) for kind in ("request", "response"))
    if request is None:
        return Standing(State.UNCHECKED, NOT_COUNTED)
    if not request:
        return Standing(State.UNCHECKED, "the node has understood no request yet", settles=True)
    missing = [r for r in REASONS if r.family == "flow_errors" and _often(counters, r)]
    if not response:
        text = f"{request:,} requests were understood, and not one response"
        first = missing or [r for r in REASONS if r.label == "FlowIsMissingResponse"]
        return Standing(State.FAILED, text, tuple(first))
    much = [r for r in missing if _is_share(_count(counters, r), request)]
    if much:
        return Standing(State.WARNING, _told(counters, much), tuple(much))
    return Standing(State.DONE, f"{request:,} requests and {response:,} responses understood")


def _count(counters: NodeCounters, reason: Reason) -> int:
    return counters.total(reason.family, reason.label) or 0


def _often(counters: NodeCounters, reason: Reason) -> bool:
    return _count(counters, reason) > 0


def _is_share(number: int, of: int) -> bool:
    return number >= _FEW and number * _SHARE >= of


def _told(counters: NodeCounters, reasons: list[Reason]) -> str:
    why = "; ".join(f"{_count(counters, r):,} × {r.what}. {r.cause} {r.fix}" for r in reasons[:2])
    return f"{counters.summary}. {why}"


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
