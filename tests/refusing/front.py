"""Stands before the local AWS and answers chosen calls as AWS documents it; all others pass."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.policy.identify import UnknownRequestError, identify
from tests.relay import Relay, Reply, Request

_XML = frozenset(("iam", "sts", "elbv2", "autoscaling", "route53"))


@dataclass(frozen=True)
class Answer:
    """What AWS answers to one call.

    Args:
        service, operation: as botocore names them.
        code, words, status: of an error.
        body: the whole answer in place of an error, as the service writes it.
        times: only so many calls, then the local AWS answers again; 0 means for good.
    """

    service: str
    operation: str
    code: str = ""
    words: str = ""
    status: int = 400
    body: str = ""
    times: int = 0


class RefusingAws(Relay):
    """`with RefusingAws(url) as aws:` answers at `aws.url`; `begin(*answers)` sets what is refused,
    `met` counts the calls that were answered here, `asked` lists every call."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], Answer] = {}
        self.met: dict[tuple[str, str], int] = {}
        self.asked: list[str] = []

    def begin(self, *answers: Answer) -> None:
        """From now on these calls, and no others, are answered here."""
        with self._lock:
            self._answers = {(a.service, a.operation): a for a in answers}
            self.met = {}
            self.asked = []

    def handle(self, request: Request, body: bytes) -> Reply | None:
        """The documented answer, or what the local AWS says."""
        headers = {k.lower(): v for k, v in request.headers.items()}
        try:
            call = identify(request.command, request.path, headers, body)
        except UnknownRequestError:
            return request.forward(body)
        key = (call.service, call.operation)
        with self._lock:
            self.asked.append(f"{call.service}:{call.operation}")
            answer = self._answers.get(key)
            if answer is not None and answer.times and self.met.get(key, 0) >= answer.times:
                answer = None
            if answer is not None:
                self.met[key] = self.met.get(key, 0) + 1
        return request.forward(body) if answer is None else wire(answer)


def wire(answer: Answer) -> Reply:
    """The answer in the service's own format."""
    xml = answer.service in _XML or answer.service in ("ec2", "s3")
    if answer.body:
        kind = "text/xml" if xml else "application/x-amz-json-1.1"
        if answer.body.lstrip().startswith(("<!DOCTYPE", "<html")):
            kind = "text/html"
        return answer.status, [("Content-Type", kind)], answer.body.encode()
    code, words = escape(answer.code), escape(answer.words)
    error = f"<Error><Code>{code}</Code><Message>{words}</Message></Error>"
    if answer.service == "ec2":
        text = f"<Response><Errors>{error}</Errors><RequestID>0</RequestID></Response>"
    elif answer.service == "s3":
        text = error
    elif xml:
        text = f"<ErrorResponse>{error}<RequestId>0</RequestId></ErrorResponse>"
    else:
        data = json.dumps({"__type": answer.code, "message": answer.words, "Message": answer.words})
        headers = [
            ("Content-Type", "application/x-amz-json-1.1"),
            ("x-amzn-ErrorType", answer.code),
        ]
        return answer.status, headers, data.encode()
    return answer.status, [("Content-Type", "text/xml")], text.encode()
