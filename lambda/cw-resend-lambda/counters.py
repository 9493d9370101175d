"""Reads the node's own counters: what it understood of what it was sent, and why it did not.

Prometheus text, per replica, from where X_NODE_METRICS says (`host[:port][/path]`, port 9000 and
/metrics by default). Bounded: so many replicas, so many bytes, so many seconds in all. A family
that a version lacks is None, never 0. Only numbers, a version and three words leave this module.

The names of the families are documented by Wallarm ("the list may vary by version").
"""

import re
import socket
import time

PORT, PATH = 9000, "/metrics"
MOST_REPLICAS = 16
MOST_BYTES = 16 * 1024 * 1024  # a node that serves many hosts has a line for each
MOST_LINE = 4096
MOST_HEAD = 64 * 1024
MOST_LABELS = 32
SECONDS = 5.0  # for all replicas together
REPLICA_SECONDS = 2.0
# Route 53 answers a multivalue name with eight addresses at most, taken at random: then it is asked
# again, and what it told lately counts too.
MOST_ANSWERED = 8
LOOKUPS = 8
REMEMBERED_SECONDS = 60.0

_SERVER = b"wallarm_gonode_http_connector_server_"
INFO = b"wallarm_gonode_application_info"
# family: (name in the summary, the label that tells its rows apart)
FAMILIES = {
    _SERVER + b"messages_seen_total": ("seen", "type"),
    _SERVER + b"messages_processed_total": ("processed", "type"),
    _SERVER + b"messages_rejected_total": ("rejected", "reason"),
    _SERVER + b"errors_total": ("errors", "type"),
    _SERVER + b"requests_bypassed_total": ("bypassed", "reason"),
    _SERVER + b"requests_blocked_total": ("blocked", ""),
    b"wallarm_gonode_http_inspector_errors_total": ("flow_errors", "type"),
    b"wallarm_gonode_postanalytics_exporter_serialized_requests_exported_total": ("exported", ""),
}
WORDS = ("version", "mode", "deployment_type")

_PLACE = re.compile(
    r"(?:http://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9._-]*))(?::([0-9]{1,5}))?"
    r"(/[A-Za-z0-9/._-]{0,200})?"
)
# A line is no longer than MOST_LINE, and nothing here can be matched in two ways.
_LINE = re.compile(rb"([a-z_]+)(?:\{([^{}]*)\})? ([0-9.eE+-]{1,32})(?: [0-9-]{1,20})?")
_LABEL = re.compile(rb'([a-z_]{1,32})="([A-Za-z0-9_.+-]{1,64})"')


class UnreadableError(Exception):
    """Why the counters cannot be read, in words for people."""


def read_counters(env, seconds=None):
    """`{"address", "error", "replicas": [...]}`; never raises.

    A replica is `{"address", "error", "version", "mode", "deployment_type", "cut", "seen",
    "processed", "rejected", "errors", "bypassed", "flow_errors", "blocked", "exported"}`: counts by
    label for a family with labels, one count for the others, None for what was not told. `cut`: its
    text ended early. Counts only grow, until the replica starts anew.

    Args:
        env: the function's environment.
        seconds: how long all of it may take; SECONDS if left out.
    """
    wanted = env.get("X_NODE_METRICS", "").strip()
    found = {"address": wanted[:300], "error": "", "replicas": []}
    if not wanted:
        found["error"] = "X_NODE_METRICS is not set"
        return found
    end = time.monotonic() + (SECONDS if seconds is None else seconds)
    try:
        host, port, path = _split(wanted)
        places = _resolve(host, port)
    except UnreadableError as why:
        found["error"] = str(why)
        return found
    for place in places[:MOST_REPLICAS]:
        found["replicas"].append(_replica(place, host, path, end))
    if len(places) > MOST_REPLICAS:
        found["error"] = f"only {MOST_REPLICAS} of {len(places)} addresses were read"
    return found


def _split(wanted):
    match = _PLACE.fullmatch(wanted)
    if match is None or not 0 < int(match[3] or PORT) < 65536:
        raise UnreadableError("X_NODE_METRICS is not host, host:port or host:port/path")
    return match[1] or match[2], int(match[3] or PORT), match[4] or PATH


_told = {}  # (host, port): {place: when it was told}


def _resolve(host, port):
    """Each address once, in a stable order."""
    found = _look_up(host, port)
    if len(found) < MOST_ANSWERED:
        _told.pop((host, port), None)
        return sorted(found, key=str)
    now, lately = time.monotonic(), _told.setdefault((host, port), {})
    for _ in range(LOOKUPS):
        more = _look_up(host, port)
        if len(more) > MOST_ANSWERED:  # not one of those answers: it is whole
            return sorted(more, key=str)
        found |= more
    lately.update(dict.fromkeys(found, now))
    for place in [p for p, at in lately.items() if now - at > REMEMBERED_SECONDS]:
        del lately[place]
    return sorted(lately, key=str)


def _look_up(host, port):
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreadableError(f"{host} has no address: {type(error).__name__}") from None
    return {(family, address) for family, _, _, _, address in found}


def _replica(place, host, path, end):
    family, address = place
    told = {"address": str(address[0]), "error": "", "cut": False, **dict.fromkeys(WORDS)}
    told |= {name: None for name, _ in FAMILIES.values()}
    end = min(end, time.monotonic() + REPLICA_SECONDS)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            _within(sock, end)
            sock.connect(address)
            # HTTP/1.0: the answer ends with the connection and comes in no chunks.
            sock.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            _read(sock, end, told)
        finally:
            sock.close()
    except UnreadableError as why:
        told["error"] = str(why)
    except OSError as error:
        told["error"] = f"{type(error).__name__}: {error}"[:200]
    return told


def _within(sock, end):
    left = end - time.monotonic()
    if left <= 0:
        raise UnreadableError("the time is over")
    sock.settimeout(left)


def _read(sock, end, told):
    head = b""
    while b"\r\n\r\n" not in head:
        _within(sock, end)
        part = sock.recv(65536)
        head += part
        if not part or len(head) > MOST_HEAD + 65536:
            raise UnreadableError("the answer is not HTTP")
    head, _, rest = head.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
    if status is None:
        raise UnreadableError("the answer is not HTTP")
    if status[1] != b"200":
        raise UnreadableError(f"status {status[1].decode()}")
    length = re.search(rb"(?i)\r\nContent-Length:[ \t]*([0-9]{1,15})[ \t]*(?:\r\n|\Z)", head)
    wanted = int(length[1]) if length else None
    size = len(rest)
    try:
        while True:
            rest = _lines(rest, told)
            if size >= MOST_BYTES or (wanted is not None and size >= wanted):
                break
            _within(sock, end)
            part = sock.recv(65536)
            if not part:
                break
            size += len(part)
            rest += part
    except (OSError, UnreadableError):
        told["cut"] = True  # what came so far is kept
    told["cut"] = told["cut"] or size >= MOST_BYTES or (wanted is not None and size < wanted)
    if wanted is None or size >= wanted:
        _line(rest, told)  # the last one needs no line end
    if all(told[name] is None for name, _ in FAMILIES.values()):
        raise UnreadableError("the answer holds none of the node's counters")


def _lines(data, told):
    """Take whole lines; gives what is left. An endless line is dropped up to its end."""
    *lines, rest = data.split(b"\n")
    for line in lines:
        _line(line, told)
    return rest if len(rest) <= MOST_LINE else b"#"


def _line(line, told):
    name = line.partition(b"{")[0].partition(b" ")[0]
    if (name not in FAMILIES and name != INFO) or len(line) > MOST_LINE:
        return
    match = _LINE.fullmatch(line.rstrip(b"\r"))
    if match is None:
        return
    labels = {key.decode(): value.decode() for key, value in _LABEL.findall(match[2] or b"")}
    if name == INFO:
        for word in WORDS:
            told[word] = labels.get(word, told[word])
        return
    short, label = FAMILIES[name]
    value = _number(match[3])
    if value is None:
        return
    if not label:
        told[short] = value
    elif label in labels:
        counts = told[short] = told[short] or {}
        if labels[label] in counts or len(counts) < MOST_LABELS:
            # Rows that differ in another label are parts of one sum.
            counts[labels[label]] = counts.get(labels[label], 0) + value


def _number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if 0 <= value < 1e18 else None
