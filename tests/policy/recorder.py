"""A loopback proxy before the local AWS that notes which operation every request asks for.

With a judge it also refuses, as AWS would, what a policy does not allow. Bodies pass through and
are not kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from tests.policy.identify import Call, UnknownRequestError, identify
from tests.relay import Relay, Reply, Request

# Says why a call is refused, or nothing.
Judge = Callable[[Call], str]
# Sees a request whole: the call (None where it is not known), and every byte that was sent.
Witness = Callable[["Call | None", bytes], None]


class Recorder(Relay):
    """`with Recorder(url) as recorder:` answers at `recorder.url` what `url` answers.

    `calls` holds `(phase, caller, call, status)` in order; set `phase` between the steps of a run.
    `caller` is terraform or wizard.
    """

    def __init__(
        self,
        upstream: str,
        judge: Judge | None = None,
        witness: Witness | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(upstream)
        self.judge = judge
        self.witness = witness
        self.headers = dict(headers or {})  # added to what is passed on
        self.phase = ""
        self.calls: list[tuple[str, str, Call, int]] = []
        self.unknown: list[str] = []
        self.refused: list[tuple[str, str]] = []  # the phase, and what was not allowed
        self._lock = threading.Lock()

    def note(self, caller: str, call: Call, status: int) -> None:
        """Keep one call."""
        with self._lock:
            self.calls.append((self.phase, caller, call, status))

    def handle(self, request: Request, body: bytes) -> Reply:
        """Note what is asked for, and pass it on unless the judge refuses."""
        headers = {k.lower(): v for k, v in request.headers.items()}
        agent = headers.get("user-agent", "")
        caller = "terraform" if "Terraform" in agent or "terraform" in agent else "wizard"
        call: Call | None = None
        try:
            call = identify(request.command, request.path, headers, body)
        except UnknownRequestError as error:
            with self._lock:
                self.unknown.append(f"{caller}: {error}")
        if self.witness:
            head = f"{request.command} {request.path}\n{request.headers.as_string()}"
            self.witness(call, head.encode() + body)
        reason = self.judge(call) if self.judge and call else ""
        if reason and call is not None:
            with self._lock:
                self.refused.append((self.phase, reason))
            reply = _refusal(call, reason)
        else:
            reply = request.forward(body)
        if call is not None:
            self.note(caller, call, reply[0])
        return reply


def _refusal(call: Call, reason: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """What AWS answers to a call that is not allowed, in the service's own wire format."""
    text = reason.replace("&", "and").replace("<", "(").replace(">", ")").replace('"', "'")
    if call.service == "ec2":
        xml = (
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code>"
            f"<Message>{text}</Message></Error></Errors><RequestID>0</RequestID></Response>"
        )
        return 403, [("Content-Type", "text/xml")], xml.encode()
    if call.service == "s3":
        xml = f"<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>"
        return 403, [("Content-Type", "application/xml")], xml.encode()
    if call.service in ("iam", "sts", "elbv2", "autoscaling", "route53"):
        xml = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
            f"<Message>{text}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
        )
        return 403, [("Content-Type", "text/xml")], xml.encode()
    body = f'{{"__type":"AccessDeniedException","message":"{text}"}}'
    return (
        403,
        [("Content-Type", "application/x-amz-json-1.1"),
         ("x-amzn-ErrorType", "AccessDeniedException")],
        body.encode(),
    )  # fmt: skip
