"""Stands in for what a local AWS cannot show: instances, tasks, targets, certificates, metrics.

A loopback proxy before the local AWS. Operations it has an answer for are answered by it, in the
wire format of their service; everything else is passed through untouched.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from tests.policy.identify import UnknownRequestError, identify
from tests.relay import Relay, Reply, Request

QUERY = frozenset(("elbv2", "autoscaling", "iam", "sts"))


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the stand-in
    """Answer an operation with an error of AWS."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class Rewritten:
    """Let the local AWS answer, and replace text in what it says."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = pairs

    def apply(self, data: bytes) -> bytes:
        """The answer as it is told. Raises ValueError when there was nothing to replace."""
        text = data.decode()
        for old, new in self.pairs:
            if old not in text:
                raise ValueError(f"{old} is not in the answer")
            text = text.replace(old, new)
        return text.encode()


# Makes an answer's content from a JSON request, or raises Refused.
Made = Callable[[Mapping[str, Any]], Mapping[str, Any]]
# An answer's content, what makes it, or the local AWS's own with a change.
Answer = Mapping[str, Any] | Made | Rewritten


def refusing(code: str, message: str, status: int = 400) -> Answer:
    """An answer that is an error of AWS."""

    def answer(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Refused(code, message, status)

    return answer


class AwsOverride(Relay):
    """`with AwsOverride(url) as aws:` answers at `aws.url` what `url` answers.

    `aws.answers["ecs.DescribeServices"] = {...}` overrides that operation from then on; `asked`
    holds every operation that came, in order.
    """

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []

    def handle(self, request: Request, body: bytes) -> Reply:
        """The answer that was set for the operation, or the local AWS's."""
        headers = {k.lower(): v for k, v in request.headers.items()}
        try:
            call = identify(request.command, request.path, headers, body)
            name = f"{call.service}.{call.operation}"
        except UnknownRequestError:
            name = ""
        self.asked.append(name)
        answer = self.answers.get(name)
        if answer is not None and not isinstance(answer, Rewritten):
            return _render(name, answer, body)
        status, out, data = request.forward(body)
        return status, out, data if answer is None else answer.apply(data)


def _render(
    name: str, answer: Mapping[str, Any] | Made, body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer as the service would write it."""
    service, _, operation = name.partition(".")
    try:
        if callable(answer):
            content = answer(json.loads(body) if body.startswith(b"{") else {})
        else:
            content = answer
    except Refused as no:
        return _refusal(service, no)
    if service in QUERY:
        result = f"<{operation}Result>{_xml(content)}</{operation}Result>"
        xml = f"<{operation}Response>{result}</{operation}Response>"
        return 200, [("Content-Type", "text/xml")], xml.encode()
    return 200, [("Content-Type", "application/x-amz-json-1.1")], json.dumps(content).encode()


def _refusal(service: str, no: Refused) -> tuple[int, list[tuple[str, str]], bytes]:
    if service in QUERY:
        xml = (
            f"<ErrorResponse><Error><Code>{no.code}</Code><Message>{escape(no.message)}</Message>"
            "</Error></ErrorResponse>"
        )
        return no.status, [("Content-Type", "text/xml")], xml.encode()
    if service == "ec2":
        xml = (
            f"<Response><Errors><Error><Code>{no.code}</Code><Message>{escape(no.message)}"
            "</Message></Error></Errors></Response>"
        )
        return no.status, [("Content-Type", "text/xml")], xml.encode()
    if service == "s3":
        xml = f"<Error><Code>{no.code}</Code><Message>{escape(no.message)}</Message></Error>"
        return no.status, [("Content-Type", "application/xml")], xml.encode()
    body = json.dumps({"__type": no.code, "message": no.message})
    return no.status, [("x-amzn-ErrorType", no.code)], body.encode()


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{k}>{_xml(v)}</{k}>" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(f"<member>{_xml(v)}</member>" for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))
