"""IAM as a client sees it: GetRole and SimulatePrincipalPolicy, answered as a test decides."""

from __future__ import annotations

import threading
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT = "123456789012"
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
            place = form["ResourceArns.member.1"][0]
            members = "".join(
                f"<member><EvalActionName>{a}</EvalActionName>"
                f"<EvalResourceName>{place}</EvalResourceName>{self.result(a)}</member>"
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
