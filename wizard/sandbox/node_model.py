"""A model of what the Wallarm Native Node understands, and of the counters it keeps about that.

It is a model, not the node: the node's wire protocol is not published. The names of the counters,
their labels and what is in `total` follow the vendor's page on the Go node's metrics (the sample
there counts a rejected message as seen in `total` only). Statuses are documented for a host that is
not allowed (415), for overload (503) and for a blocked request (403); every other answer is a
setting of `Behaviour`, because nobody outside has seen it.
"""

from __future__ import annotations

import email.parser
import email.policy
import ipaddress
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from wizard.sandbox.web import Request

STYLES = ("two-messages", "one-message", "multipart")
MOST_FLOWS = 100_000  # a bounded memory, far beyond any test

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_CONNECTOR = "wallarm_gonode_http_connector_server_"
_SEEN = ("health", "request", "response", "total")
_PROCESSED = ("request", "response")
_REJECTED = ("connector_info", "host", "remote_address")
_ERRORS = (
    "DroppedOnOverload",
    "DuplicateReqId",
    "MsgDataFormat",
    "MsgType",
    "MsgpackDataFormat",
    "MsgpackDecode",
    "NilBody",
    "ReqBodyReading",
    "RespBodyReading",
)
_BYPASSED = ("input_filters", "mode_off")
_FLOWS = (
    "ErrorCreatingFlow",
    "FlowAlreadyExists",
    "FlowIsMissing",
    "FlowIsMissingRequest",
    "FlowIsMissingResponse",
    "FlowTimeouts",
)


@dataclass(frozen=True)
class Behaviour:
    """How the modelled node is set up, and how strict it is. As made, it takes what it can read.

    styles: the shapes of message it reads. connector_types, connector_versions: accepted values;
    empty accepts any and none. header_prefix: how its header names begin. hex_ids: request ids
    must be 32 hex digits. allowed_hosts, allowed_networks: empty allows all. blocking, denied:
    requests from a denied address get 403. mode_off, filtered: such requests are not inspected
    (`filtered` holds beginnings of paths). overloaded: every message is dropped with 503.
    refused_status: its answer to a message whose connector it does not know or that it cannot read;
    200 hides most. duplicate_status: to a request whose id it has seen. response_seconds: how long
    it waits for a response. metrics: whether its counters can be read. left_out: families of
    counters that this version has not.
    """

    version: str = "0.25.5"
    styles: tuple[str, ...] = STYLES
    connector_types: tuple[str, ...] = ()
    connector_versions: tuple[str, ...] = ()
    header_prefix: str = "X-Wallarm-"
    hex_ids: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_networks: tuple[str, ...] = ()
    blocking: bool = False
    denied: tuple[str, ...] = ()
    mode_off: bool = False
    filtered: tuple[str, ...] = ()
    overloaded: bool = False
    refused_status: int = 200
    duplicate_status: int = 200
    response_seconds: float = 30.0
    metrics: bool = True
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Behaviour:
        """A behaviour from JSON; raises TypeError for a setting or a kind of value it has not."""
        known = {f.name: getattr(cls(), f.name) for f in fields(cls)}
        values: dict[str, object] = {}
        for name, value in settings.items():
            if name not in known:
                raise TypeError(f"the node has no setting {name}")
            was = known[name]
            fits = isinstance(value, list if isinstance(was, tuple) else type(was))
            if not fits and not (isinstance(was, float) and isinstance(value, int)):
                raise TypeError(f"{name} cannot be {value!r}")
            values[name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Understood:
    """What became of one message: the HTTP status, and whether the node made sense of it."""

    status: int
    understood: bool


@dataclass(frozen=True)
class _Message:
    """One message as read: `kind` is request, response or both."""

    kind: str
    request_id: str


class NodeModel:
    """Judges messages one after the other, and counts.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.behaviour = Behaviour()
        self._clock = clock
        self._flows: OrderedDict[str, float | None] = OrderedDict()  # None: paired already
        self.restart()

    def restart(self) -> None:
        """Count from nothing again, as after a restart of the node."""
        self.seen: Counter[str] = Counter()
        self.processed: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.bypassed: Counter[str] = Counter()
        self.flow_errors: Counter[str] = Counter()
        self.blocked = 0
        self.exported = 0
        self._flows.clear()

    def receive(self, request: Request) -> Understood:
        """Judge one message."""
        how = self.behaviour
        self.seen["total"] += 1
        if how.overloaded:
            self.errors["DroppedOnOverload"] += 1
            return Understood(503, understood=False)
        if how.allowed_networks and not _within(request.peer, how.allowed_networks):
            self.rejected["remote_address"] += 1
            return Understood(403, understood=False)
        if not self._knows_connector(request):
            self.rejected["connector_info"] += 1
            return Understood(how.refused_status, understood=False)
        host = self._header(request, "Forwarded-Host") or request.header("Host")
        if how.allowed_hosts and host not in how.allowed_hosts:
            self.rejected["host"] += 1
            return Understood(415, understood=False)
        message = self._read(request)
        if message is None:
            self.errors["MsgDataFormat"] += 1
            return Understood(how.refused_status, understood=False)
        if message.kind == "response":
            return self._response(message)
        return self._request(request, message)

    def _request(self, request: Request, message: _Message) -> Understood:
        how = self.behaviour
        self.seen["request"] += 1
        if message.request_id in self._flows:
            self.errors["DuplicateReqId"] += 1
            return Understood(how.duplicate_status, understood=True)
        self._remember(message.request_id)
        self.processed["request"] += 1
        if how.mode_off:
            self.bypassed["mode_off"] += 1
        elif how.filtered and request.path.startswith(how.filtered):
            self.bypassed["input_filters"] += 1
        status = 200
        if how.denied and self._header(request, "Forwarded-For") in how.denied and how.blocking:
            self.blocked += 1
            status = 403
        if message.kind == "both":
            self.seen["response"] += 1
            self._close(message.request_id)
        return Understood(status, understood=True)

    def _response(self, message: _Message) -> Understood:
        self.seen["response"] += 1
        if self._flows.get(message.request_id) is None:  # never seen, or paired already
            self.flow_errors["FlowIsMissingRequest"] += 1
        else:
            self._close(message.request_id)
        return Understood(200, understood=True)

    def _close(self, request_id: str) -> None:
        self._flows[request_id] = None
        self.processed["response"] += 1
        if not self.behaviour.mode_off:
            self.exported += 1

    def _remember(self, request_id: str) -> None:
        self._flows[request_id] = self._clock()
        while len(self._flows) > MOST_FLOWS:
            _, since = self._flows.popitem(last=False)
            self.flow_errors["FlowTimeouts"] += since is not None

    def _knows_connector(self, request: Request) -> bool:
        how = self.behaviour
        kind, version = (self._header(request, f"Connector-{n}") for n in ("Type", "Version"))
        return (not how.connector_types or kind in how.connector_types) and (
            not how.connector_versions or version in how.connector_versions
        )

    def _read(self, request: Request) -> _Message | None:
        how = self.behaviour
        request_id = self._header(request, "Request-Id")
        answered = self._header(request, "Response-Status").isdigit()
        if not request_id or (how.hex_ids and not _HEX_ID.fullmatch(request_id)):
            return None
        if is_multipart(request.header("Content-Type")):
            parts = read_parts(request.header("Content-Type"), request.body)
            if "multipart" not in how.styles or not {"headers", "body"} <= {*parts}:
                return None
            return _Message("response" if answered else "request", request_id)
        if "two-messages" in how.styles:
            both = answered and "one-message" in how.styles and request_id not in self._flows
            kind = "both" if both else "response" if answered else "request"
            return _Message(kind, request_id)
        if "one-message" in how.styles and answered:
            return _Message("both", request_id)
        return None

    def _header(self, request: Request, name: str) -> str:
        return request.header(self.behaviour.header_prefix + name)

    def _late(self) -> int:
        """Requests whose response has not come in time; each is counted once."""
        now, wait = self._clock(), self.behaviour.response_seconds
        late = [i for i, at in self._flows.items() if at is not None and now - at >= wait]
        for request_id in late:
            self._flows[request_id] = None
        # From 0.22.0 on a request counts without its response.
        self.exported += len(late)
        return len(late)

    def metrics(self) -> str:
        """The counters as Prometheus text."""
        self.flow_errors["FlowIsMissingResponse"] += self._late()
        out: list[str] = []

        def family(name: str, kind: str, text: str, rows: Mapping[str, float]) -> None:
            if name in self.behaviour.left_out:
                return
            out.append(f"# HELP {name} {text}")
            out.append(f"# TYPE {name} {kind}")
            out.extend(f"{name}{labels} {value}" for labels, value in rows.items())

        def labelled(label: str, values: tuple[str, ...], counts: Counter[str]) -> dict[str, float]:
            return {f'{{{label}="{value}"}}': counts[value] for value in values}

        info = (
            f'{{deployment_type="stand-in-model",mode="connector-server",'
            f'version="{self.behaviour.version}"}}'
        )
        family(
            "wallarm_gonode_application_info", "gauge", "A model, not a Wallarm node.", {info: 1}
        )
        family(
            f"{_CONNECTOR}errors_total",
            "counter",
            "Errors, by type.",
            labelled("type", _ERRORS, self.errors),
        )
        family(
            f"{_CONNECTOR}messages_processed_total",
            "counter",
            "Messages that were understood.",
            labelled("type", _PROCESSED, self.processed),
        )
        family(
            f"{_CONNECTOR}messages_rejected_total",
            "counter",
            "Messages refused, by reason.",
            labelled("reason", _REJECTED, self.rejected),
        )
        family(
            f"{_CONNECTOR}messages_seen_total",
            "counter",
            "Messages that came; total has all.",
            labelled("type", _SEEN, self.seen),
        )
        family(
            f"{_CONNECTOR}requests_blocked_total",
            "counter",
            "Requests that were blocked.",
            {"": self.blocked},
        )
        family(
            f"{_CONNECTOR}requests_bypassed_total",
            "counter",
            "Requests not inspected.",
            labelled("reason", _BYPASSED, self.bypassed),
        )
        family(
            "wallarm_gonode_http_inspector_errors_total",
            "counter",
            "Flow errors, by type.",
            {f'{{aggregate="sum",type="{name}"}}': self.flow_errors[name] for name in _FLOWS},
        )
        family(
            "wallarm_gonode_postanalytics_exporter_serialized_requests_exported_total",
            "counter",
            "Requests handed on for analysis.",
            {"": self.exported},
        )
        return "\n".join(out) + "\n"


def is_multipart(content_type: str) -> bool:
    """Whether a Content-Type says multipart/form-data."""
    return content_type.lower().startswith("multipart/form-data")


def read_parts(content_type: str, body: bytes) -> dict[str, str]:
    """The parts of a multipart/form-data body by name; what cannot be read has none."""
    text = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body
    whole = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    parts: dict[str, str] = {}
    for part in whole.iter_parts() if whole.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            parts[name] = payload.decode("utf-8", "replace")
    return parts


def _within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(network, strict=False) for network in networks)
