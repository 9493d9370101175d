"""Missing permissions are found before anything is changed; IAM is played on the wire."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from wizard.core.answers import Answers
from wizard.core.facts import Identity
from wizard.core.policy import needs
from wizard.core.policy_needs import Need
from wizard.services.aws.permissions import Denier, Verdict, check
from wizard.services.aws.session import Session

ACCOUNT = "123456789012"
NEEDS = (
    Need(
        ("lambda:CreateFunction", "lambda:GetPolicy"),
        ("*",),
        {"aws:RequestedRegion": ("us-east-1",)},
    ),
)
Form = dict[str, list[str]]
XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"


class Iam:
    """Answers GetRole and SimulatePrincipalPolicy; `decide` gives a result's XML by action."""

    def __init__(self) -> None:
        self.asked: list[Form] = []
        self.decide: Callable[[str], str] = lambda _action: "allowed"
        self.error: dict[str, str] = {}
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
                status, xml = iam.answer(form)
                data = xml.encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/xml")
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
            members = "".join(
                f"<member><EvalActionName>{a}</EvalActionName>"
                f"<EvalResourceName>*</EvalResourceName>{self.result(a)}</member>"
                for a in actions
            )
            inner = (
                f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"
            )
        return 200, (
            f'<{action}Response xmlns="{XMLNS}"><{action}Result>{inner}</{action}Result>'
            f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
        )

    def result(self, action: str) -> str:
        text = self.decide(action)
        return text if "<" in text else f"<EvalDecision>{text}</EvalDecision>"


@pytest.fixture
def iam() -> Iterator[Iam]:
    it = Iam()
    yield it
    it.server.shutdown()
    it.server.server_close()


def who(resource: str, service: str = "sts") -> Identity:
    return Identity(ACCOUNT, f"arn:aws:{service}::{ACCOUNT}:{resource}", "us-east-1")


def session(iam: Iam) -> Session:
    env = {
        "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }  # fmt: skip
    return Session(region="us-east-1", env=env)


def _said(detail: str, name: str) -> str:
    return f"<{detail}><{name}>false</{name}></{detail}>"


JANE = who("user/jane", "iam")


def test_allowed_when_every_action_is(iam: Iam) -> None:
    found = check(session(iam), NEEDS, JANE)
    assert (found.state, found.missing, found.asked) == (Verdict.ALLOWED, (), 2)
    assert found.principal == JANE.arn


def test_a_missing_action_is_named_with_the_policy_to_attach(iam: Iam) -> None:
    iam.decide = lambda action: "implicitDeny" if action.endswith("CreateFunction") else "allowed"
    found = check(session(iam), NEEDS, JANE)
    assert found.state is Verdict.DENIED
    assert [(m.action, m.by) for m in found.missing] == [
        ("lambda:CreateFunction", Denier.NOTHING_ALLOWS)
    ]
    (statement,) = json.loads(found.to_attach())["Statement"]
    assert statement["Action"] == ["lambda:CreateFunction"]


@pytest.mark.parametrize(
    ("detail", "by"),
    [
        (_said("OrganizationsDecisionDetail", "AllowedByOrganizations"), Denier.ORGANISATION),
        (_said("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary"),
         Denier.BOUNDARY),
        ("", Denier.EXPLICIT),
    ],
    ids=["organisation", "boundary", "explicit"],
)  # fmt: skip
def test_who_denies_is_named_and_attaching_a_policy_is_not_suggested(
    iam: Iam, detail: str, by: Denier
) -> None:
    iam.decide = lambda _action: f"<EvalDecision>explicitDeny</EvalDecision>{detail}"
    found = check(session(iam), NEEDS, JANE)
    assert {m.by for m in found.missing} == {by}
    assert found.to_attach() == ""
    assert by.value in str(found.missing[0])


def test_a_session_is_asked_about_by_its_role_with_its_path(iam: Iam) -> None:
    iam.role_path = "/aws-reserved/sso.amazonaws.com/eu-west-1/"
    found = check(session(iam), NEEDS, who("assumed-role/AWSReservedSSO_Admin_1/jane@example.com"))
    assert found.principal == (
        f"arn:aws:iam::{ACCOUNT}:role/aws-reserved/sso.amazonaws.com/eu-west-1/"
        "AWSReservedSSO_Admin_1"
    )
    assert iam.asked[-1]["PolicySourceArn"] == [found.principal]


def test_without_leave_to_read_the_role_it_is_taken_to_have_no_path(iam: Iam) -> None:
    iam.error = {"GetRole": "AccessDenied"}
    found = check(session(iam), NEEDS, who("assumed-role/deployer/ci"))
    assert found.principal == f"arn:aws:iam::{ACCOUNT}:role/deployer"
    assert found.state is Verdict.ALLOWED


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_whoever_may_not_ask_gets_unknown_and_why(iam: Iam, code: str) -> None:
    iam.error = {"SimulatePrincipalPolicy": code}
    found = check(session(iam), NEEDS, JANE)
    assert found.state is Verdict.UNKNOWN
    assert "SimulatePrincipalPolicy" in found.reason


@pytest.mark.parametrize("resource", ["root", "federated-user/jane"])
def test_principals_that_iam_does_not_simulate_are_unknown(iam: Iam, resource: str) -> None:
    found = check(session(iam), NEEDS, who(resource))
    assert found.state is Verdict.UNKNOWN
    assert found.reason
    assert iam.asked == []


def test_an_unreachable_iam_is_unknown(iam: Iam) -> None:
    iam.server.shutdown()
    iam.server.server_close()
    assert check(session(iam), NEEDS, JANE).state is Verdict.UNKNOWN


def test_everything_that_a_deployment_needs_is_asked_about(iam: Iam) -> None:
    asked = needs(Answers(), "deploy", ACCOUNT)
    found = check(session(iam), asked, JANE)
    assert found.asked == sum(len(n.actions) for n in asked)
    contexts = [
        value[0] for form in iam.asked for key, value in form.items() if "ContextKeyName" in key
    ]
    assert "iam:PassedToService" in contexts
    assert len(iam.asked) <= 60
