"""IAM as a client sees it: GetRole and SimulatePrincipalPolicy, answered as a test decides."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.policy.judge import matches

ACCOUNT = "123456789012"
Form = dict[str, list[str]]
XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"


class Iam:
    """Answers GetRole and SimulatePrincipalPolicy; `decide` gives a result's XML by action."""

    def __init__(self) -> None:
        self.asked: list[Form] = []
        self.decide: Callable[[str], str] = lambda _action: "allowed"
        self.policies: Policies | None = None
        self.error: dict[str, str] = {}
        self.broken: tuple[int, str] | None = None  # what comes in place of any answer
        self.role_path = "/"
        iam = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                form = urllib.parse.parse_qs(body.decode())
                iam.asked.append(form)
                status, xml = iam.broken or iam.answer(form)
                data = xml.encode()
                self.send_response(status)
                kind = "text/html" if iam.broken else "text/xml"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, form: Form) -> tuple[int, str]:
        action = form["Action"][0]
        if action in self.error:
            code = self.error[action]
            return (404 if code == "NoSuchEntity" else 403), (
                f'<ErrorResponse xmlns="{XMLNS}"><Error><Type>Sender</Type><Code>{code}</Code>'
                f"<Message>User is not authorized to perform: iam:{action}</Message></Error>"
                "<RequestId>1</RequestId></ErrorResponse>"
            )
        if action == "GetRole":
            name = form["RoleName"][0]
            inner = (
                f"<Role><RoleName>{name}</RoleName><Path>{self.role_path}</Path>"
                f"<Arn>arn:aws:iam::{ACCOUNT}:role{self.role_path}{name}</Arn>"
                "<RoleId>AROA</RoleId><CreateDate>2026-01-01T00:00:00Z</CreateDate></Role>"
            )
        else:
            actions = [v[0] for k, v in form.items() if k.startswith("ActionNames.member")]
            places = [v[0] for k, v in form.items() if k.startswith("ResourceArns.member")]
            members = "".join(
                f"<member><EvalActionName>{a}</EvalActionName>"
                f"<EvalResourceName>{place}</EvalResourceName>{self.result(form, a, place)}"
                "</member>"
                for a in actions
                for place in (places if self.policies else places[:1])
            )
            inner = (
                f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"
            )
        return 200, (
            f'<{action}Response xmlns="{XMLNS}"><{action}Result>{inner}</{action}Result>'
            f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
        )

    def result(self, form: Form, action: str, resource: str) -> str:
        if self.policies is not None:
            return self.policies.result(action, resource, told(form))
        text = self.decide(action)
        return text if "<" in text else f"<EvalDecision>{text}</EvalDecision>"


def told(form: Form) -> dict[str, list[str]]:
    """The context of a simulated request: values by condition key in lower case."""
    out: dict[str, list[str]] = {}
    number = 1
    while key := form.get(f"ContextEntries.member.{number}.ContextKeyName"):
        start = f"ContextEntries.member.{number}.ContextKeyValues.member."
        out[key[0].lower()] = [v[0] for k, v in form.items() if k.startswith(start)]
        number += 1
    return out


class Policies:
    """Evaluates policies as IAM documents it, for the operators that companies' policies use.

    An explicit deny wins; a key that was not told is absent, which makes `StringEquals` false and
    `StringNotEquals` true. Every key that any of the policies asks for and that was not told is
    listed in `MissingContextValues`.
    """

    def __init__(
        self, *documents: dict[str, Any], organisation: Iterable[dict[str, Any]] = ()
    ) -> None:
        self.statements = [s for d in documents for s in d["Statement"]]
        self.above = [s for d in organisation for s in d["Statement"]]

    def result(self, action: str, resource: str, context: dict[str, list[str]]) -> str:
        """The inner XML of one result."""

        def any_fits(effect: str, statements: Iterable[dict[str, Any]]) -> bool:
            return any(
                s["Effect"] == effect and _fits(s, action, resource, context) for s in statements
            )

        above, denied = any_fits("Deny", self.above), any_fits("Deny", self.statements)
        granted = any_fits("Allow", self.statements)
        decision = "explicitDeny" if above or denied else "allowed" if granted else "implicitDeny"
        every = (*self.statements, *self.above)
        keys = {k for s in every for keys in s.get("Condition", {}).values() for k in keys}
        lacking = "".join(
            f"<member>{key}</member>" for key in sorted(keys) if key.lower() not in context
        )
        missing = f"<MissingContextValues>{lacking}</MissingContextValues>" if lacking else ""
        detail = (
            "<OrganizationsDecisionDetail><AllowedByOrganizations>false</AllowedByOrganizations>"
            "</OrganizationsDecisionDetail>"
        )
        return f"<EvalDecision>{decision}</EvalDecision>{missing}{detail if above else ''}"


def _fits(
    statement: dict[str, Any], action: str, resource: str, context: dict[str, list[str]]
) -> bool:
    if "NotAction" in statement:
        if any(matches(p, action) for p in _list(statement["NotAction"])):
            return False
    elif not any(matches(p, action) for p in _list(statement["Action"])):
        return False
    # A pattern of ours stands for what it will match: it has to lie within the policy's.
    if not any(p == "*" or matches(p, resource) for p in _list(statement["Resource"])):
        return False
    return all(
        _holds(operator, context.get(key.lower()), _list(wanted))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, values: list[str] | None, wanted: list[str]) -> bool:
    exists, operator = operator.endswith("IfExists"), operator.removesuffix("IfExists")
    every, operator = operator.startswith("ForAllValues:"), operator.rpartition(":")[2]
    if operator == "Null":
        return (values is None) == (wanted[0] == "true")
    if values is None:
        return exists or every or "Not" in operator
    like = "Like" in operator or operator.startswith("Arn")
    unlike = "Not" in operator
    found = [any(matches(w, v) if like else w == v for w in wanted) != unlike for v in values]
    return all(found) if every or unlike else any(found)


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(v) for v in value]
