"""The wire between forwarder and node. The only module that knows it.

UNVERIFIED: the node's connector protocol is not published. What is here follows the known header
names; every name, the style and the request id can be set by environment. See PROTOCOL.md.

Per event two messages: the original request (its method, path and headers as far as an access log
has them), then its response metadata, joined by a request id that is derived from the log event, so
that a repeated delivery carries the same id.
"""

import hashlib
import os
import re

from grammar import METHODS, is_address, is_host

VERSION = "0.1.0"

_NODE_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,255}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
# What may stand in a path as it is (RFC 3986, 3.3); everything else is percent-encoded. A question
# mark too: the log's path comes without the query.
_IN_PATH = r"A-Za-z0-9/:@!$&'()*+,;=~\-._"
_ENCODED = "%[0-9A-Fa-f]{2}"
_PLAIN_PATH = re.compile(f"/[{_IN_PATH}]*(?:{_ENCODED}[{_IN_PATH}]*)*")
_TO_ENCODE = re.compile(f"(?!{_ENCODED})[^{_IN_PATH}]".encode())
MOST_PATH = 8192
_WITH_BODY = ("POST", "PUT", "PATCH")
STYLES = ("two-messages", "one-message", "multipart")
IDS = ("event", "log")  # made from the log event, or the log's own requestId
_LOG_ID = re.compile(r"[A-Za-z0-9_=-]{8,128}")


class Unsendable(ValueError):  # noqa: N818 - it is a verdict on an event, not a failure of ours
    """An event that cannot be put into a request."""


class Encoder:
    """Turns the fields of a line into the bytes of its messages.

    Args:
        env: the function's environment.
    """

    def __init__(self, env=None):
        env = os.environ if env is None else env
        prefix = _name(env.get("X_NODE_HEADER_PREFIX"), "X-Wallarm-")
        style = env.get("X_NODE_STYLE", "")
        self.style = style if style in STYLES else STYLES[0]
        self.two = self.style != "one-message"
        self._parts = self.style == "multipart"
        self._ids = "log" if env.get("X_NODE_REQUEST_ID") == "log" else "event"
        kind = _clean(env.get("X_NODE_CONNECTOR_TYPE") or "aws-api-gateway")
        version = _clean(env.get("X_NODE_CONNECTOR_VERSION") or VERSION)
        application = _clean(env.get("X_WALLARM_APPLICATION_ID") or "-1")
        self._fixed = (
            f"{prefix}Connector-Type: {kind}\r\n"
            f"{prefix}Connector-Version: {version}\r\n"
            f"{prefix}Application-Id: {application}\r\n"
        )
        self._names = tuple(
            prefix + name
            for name in ("Request-Id", "Method", "Forwarded-Host", "Forwarded-For")
        )  # fmt: skip
        self._answer = (
            (f"{prefix}Response-Status", "status"),
            (f"{prefix}Response-Length", "responseLength"),
            (f"{prefix}Response-Time", "responseLatency"),
        )
        self.node_host = _host(env.get("X_NODE_URL", "")) or "node"
        self.dialect = {
            "style": self.style,
            "connector_type": kind,
            "connector_version": version,
            "header_prefix": prefix,
            "request_id": self._ids,
        }

    def messages(self, line, request_id):
        """(request, response metadata or None) as bytes; raises Unsendable.

        Args:
            line: the values of a line that was read.
        """
        method, path = line.get("httpMethod", ""), line.get("path", "")
        if method not in METHODS:
            raise Unsendable("method")
        if len(path) > MOST_PATH:
            raise Unsendable("path")
        if not _PLAIN_PATH.fullmatch(path):
            path = _path(path)
            if len(path) > MOST_PATH:
                raise Unsendable("path")
        agent = line.get("userAgent", "")
        host = line.get("domainName", "")
        source = line.get("sourceIp", "")
        if not (agent.isascii() and agent.isprintable()):
            agent = _clean(agent)
        if not is_address(source):
            source = ""
        if not is_host(host):
            host = ""
        name_id, name_method, name_host, name_for = self._names
        told_id = request_id
        if self._ids == "log" and _LOG_ID.fullmatch(str(line.get("requestId", ""))):
            told_id = line["requestId"]
        head = (
            f"{'POST' if self._parts else method} {path} HTTP/1.1\r\n"
            f"Host: {host or self.node_host}\r\n{self._fixed}"
            f"{name_id}: {told_id}\r\n{name_method}: {method}\r\n"
        )
        if host:
            head += f"{name_host}: {host}\r\n"
        if source:
            head += f"{name_for}: {source}\r\n"
        if self._parts:
            return self._multipart(head, line, request_id, host, agent)
        if agent:
            head += f"User-Agent: {agent}\r\n"
        if method in _WITH_BODY:
            head += "Content-Length: 0\r\n"  # an access log has no body
        request, response = head.encode(), self._response(line).encode()
        if not self.two:
            return request + response + b"\r\n", None
        return request + b"\r\n", request + response + b"\r\n"

    def _multipart(self, head, line, request_id, host, agent):
        """Both messages as multipart/form-data: the original headers are a part, so is the body.

        The boundary is made from the log event: no client can know it.
        """
        edge = f"wallarm-apigw-{request_id}"
        own = f"Host: {host}\r\n" if host else ""
        if agent:
            own += f"User-Agent: {agent}\r\n"
        body = "".join(
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in (("headers", own), ("body", ""))
        )
        body = f"{body}--{edge}--\r\n".encode()
        rest = (
            f"Content-Type: multipart/form-data; boundary={edge}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        response = head + self._response(line) + rest
        return (head + rest).encode() + body, response.encode() + body

    def _response(self, line):
        out = ""
        for name, key in self._answer:
            if key in line:
                out += f"{name}: {line[key]}\r\n"
        return out


def request_id(log_group, log_stream, event_id, again=None):
    """32 hex digits that are the same whenever the same log event is delivered."""
    text = f"{log_group}\n{log_stream}\n{event_id}"
    if again is not None:
        text += f"\n{again}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _path(path):
    if path[:1] != "/" or _CONTROL.search(path):
        raise Unsendable("path")
    text = path.encode("utf-8", "surrogatepass")
    return _TO_ENCODE.sub(lambda byte: b"%%%02X" % byte[0][0], text).decode()


def _clean(text):
    return _CONTROL.sub(" ", text).strip().encode("utf-8", "replace").decode()


def _host(url):
    return url if _NODE_HOST.fullmatch(url) else ""


def _name(text, otherwise):
    return text if text and _HEADER_NAME.fullmatch(text) else otherwise
