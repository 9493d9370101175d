"""What the Wallarm Cloud says, and what it means when it says nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Finding, Verdict
from wizard.core.facts import Identity
from wizard.core.journal.record import Record
from wizard.core.secret import Secret
from wizard.flows.doctor.examine import NO_OUTPUTS
from wizard.services.checks import wallarm
from wizard.services.checks.examination import Examination
from wizard.services.wallarm import reason

TOKEN = "Ab+/" * 16
GROUP = Answers().node_group
WHOLE = {
    "active": True, "hostname": GROUP, "instance_count": 2, "active_instance_count": 1,
    "requests_amount": 7, "token": "keep-me-out", "secret": "keep-me-out",
}  # fmt: skip
USER = {"status": 200, "body": {"clientid": 42}}


@dataclass
class Cloud:
    """Answers by path; anything else is 404. `asked` holds (path and query, token)."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


class NoAws:
    """These checks ask AWS nothing."""

    def client(self, service: str) -> Any:
        """Never called."""
        raise AssertionError(service)


@contextmanager
def cloud(answers: dict[str, tuple[int, Any]]) -> Iterator[Cloud]:
    """A Wallarm API on this machine."""
    it = Cloud(answers)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            it.asked.append((self.path, self.headers.get("X-WallarmApi-Token", "")))
            status, body = it.answers.get(self.path.partition("?")[0], (404, {}))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _reply  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def exam(url: str, token: str = TOKEN) -> Examination:
    """A deployment of which only the Wallarm side matters."""
    return Examination(
        clients=NoAws(),
        identity=Identity("123456789012", "", "us-east-1"),
        answers=Answers(region="us-east-1", wallarm_api_host="us1.api.wallarm.com"),
        outputs=NO_OUTPUTS,
        record=Record(),
        env={"WALLARM_APIGW_CLOUD_URL": url, "NO_PROXY": "127.0.0.1"},
        token=Secret(token) if token else None,
    )


@pytest.mark.parametrize(
    ("path", "answer", "verdict", "words"),
    [
        (
            "/v2/node",
            {"body": [{"active": True}, {"active": True, "hostname": "other"}]},
            Verdict.FAIL,
            "2 nodes, none of them of group api-gateway-api-discovery",
        ),
        ("/v2/node", {"body": []}, Verdict.FAIL, "0 nodes, none of them of group"),
        (
            "/v2/node",
            {"body": [{"active": False, "hostname": GROUP}]},
            Verdict.FAIL,
            "group api-gateway-api-discovery, and none of it is active",
        ),
        (
            "/v2/node",
            {"body": [{"active": True, "hostname": GROUP}]},
            Verdict.PASS,
            "group api-gateway-api-discovery: active",
        ),
        ("/v2/node", {"body": [{"active": True, "node_group": GROUP}]}, Verdict.PASS, "active"),
        (
            "/v2/node",
            {"body": [{"active": True}, WHOLE, None]},
            Verdict.PASS,
            "active, 1 of 2 instances active, 7 requests counted",
        ),
        (
            "/v2/node",
            {"body": [{"active": True, "hostname": "other"}] * 1000},
            Verdict.UNCHECKED,
            "none of the first 1,000 nodes",
        ),
        ("/v2/node", {"body": "unexpected"}, Verdict.UNCHECKED, "not a list"),
        ("/v2/node", b"<html>", Verdict.UNCHECKED, "us1.api.wallarm.com"),
    ],
)
def test_an_active_node_is_one_the_cloud_lists(
    path: str, answer: Any, verdict: Verdict, words: str
) -> None:
    with cloud({"/v1/user": (200, USER), path: (200, answer)}) as it:
        found = wallarm.node_active(exam(it.url))
        asked = it.asked[-1]
    assert (found.verdict, words in found.evidence) == (verdict, True), found
    assert asked == ("/v2/node?filter%5Bclientid%5D%5B%5D=42&limit=1000", TOKEN)
    assert "keep-me-out" not in repr(found)


@pytest.mark.parametrize(
    ("status", "answer", "verdict", "words"),
    [
        (200, {"body": {"enabled": True}}, Verdict.PASS, "enabled"),
        (200, {"body": {"enabled": True, "min_requests": 2}}, Verdict.PASS, "min_requests 2"),
        (200, {"body": {"enabled": False}}, Verdict.FAIL, "disabled for Wallarm account 42"),
        (200, {"body": {"other": 1}}, Verdict.UNCHECKED, "does not say"),
        (403, {"body": "Access denied"}, Verdict.UNCHECKED, "answered 403"),
    ],
)
def test_discovery_is_off_only_when_the_cloud_says_so(
    status: int, answer: Any, verdict: Verdict, words: str
) -> None:
    path = "/v1/clients/42/apid/config"
    with cloud({"/v1/user": (200, USER), path: (status, answer)}) as it:
        found = wallarm.discovery_enabled(exam(it.url))
    assert (found.verdict, words in found.evidence) == (verdict, True), found


@pytest.mark.parametrize(
    ("status", "answer", "verdict", "words"),
    [
        (200, {"body": [{"path": "/a", "requests": 3}, {"path": "/b", "requests": 4}]},
         Verdict.PASS, "2 endpoints listed, 7 requests counted"),
        (200, {"body": [{"path": "/a"}]}, Verdict.PASS, "1 endpoint listed"),
        (200, {"body": "unexpected"}, Verdict.UNCHECKED, "not a list"),
        (403, {"body": "Access denied"}, Verdict.UNCHECKED, "answered 403"),
    ],
)  # fmt: skip
def test_the_inventory_tells_how_many_endpoints_and_requests_it_counts(
    status: int, answer: Any, verdict: Verdict, words: str
) -> None:
    path = "/v4/clients/42/rules/endpoints"
    with cloud({"/v1/user": (200, USER), path: (status, answer)}) as it:
        found = wallarm.endpoints_listed(exam(it.url))
    assert (found.verdict, words in found.evidence) == (verdict, True), found


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        ((0, 200), Verdict.UNCHECKED, "2 requests over 5 minutes"),
        ((0, 301), Verdict.WARN, "though requests that count were seen"),
        ((), Verdict.UNCHECKED, "2 requests over 5 minutes"),
    ],
)
def test_an_empty_inventory_is_a_warning_only_when_an_endpoint_should_be_in_it(
    seconds: tuple[int, ...], verdict: Verdict, words: str
) -> None:
    path = "/v4/clients/42/rules/endpoints"
    with cloud({"/v1/user": (200, USER), path: (200, {"body": []})}) as it:
        seen = exam(it.url)
        seen.once("events", lambda: [event(at) for at in seconds])
        found = wallarm.endpoints_listed(seen)
    assert (found.verdict, words in found.evidence) == (verdict, True), found
    assert found.settles


def event(at: float, **changes: str) -> dict[str, Any]:
    """An access-log event, this many seconds after some moment."""
    line = {"httpMethod": "GET", "status": "200", "domainName": "api.example.com", "path": "/a"}
    return {"timestamp": 1_700_000_000_000 + int(at * 1000), "message": json.dumps(line | changes)}


@pytest.mark.parametrize(
    ("events", "verdict", "words"),
    [
        ([event(0), event(400)], Verdict.PASS,
         "2 of 2 requests count; asked again 5 minutes after the first request: 1 of 1 endpoint"),
        ([event(0), event(400, path="/b")], Verdict.PASS, ": 0 of 2 endpoints"),
        ([event(0, status="404"), event(1)], Verdict.PASS, "1 of 2 requests count"),
        ([event(0, domainName="127.0.0.1")], Verdict.WARN, "1 × host 127.0.0.1"),
        ([event(0, domainName="localhost:8080")], Verdict.WARN, "1 × host localhost"),
        ([event(0, httpMethod="HEAD"), event(1, httpMethod="OPTIONS")], Verdict.WARN, "1 × HEAD"),
        ([event(0, httpMethod="-")], Verdict.WARN, "1 × without a method"),
        ([event(0, status="304")], Verdict.WARN, "1 × answered 304"),
        ([event(0, path="/v1/users:batch"), event(1, path="/~joe")], Verdict.WARN,
         "none of 2 requests counts (2 × a path name that is not counted)"),
        ([event(0, status="-", wallarm_status="200")], Verdict.PASS, "1 of 1 request count"),
        ([{"timestamp": 0, "message": "no JSON"}], Verdict.UNCHECKED, "could be read"),
        ([{"timestamp": 0, "message": '{"a":' + "[" * 9000}, event(0)], Verdict.PASS, "1 of 1"),
    ],
)  # fmt: skip
def test_traffic_counts_by_the_rules_of_api_discovery(
    events: list[dict[str, Any]], verdict: Verdict, words: str
) -> None:
    seen = exam("http://127.0.0.1:9")
    seen.once("events", lambda: events)
    found = wallarm.traffic_counts(seen)
    assert (found.verdict, words in found.evidence) == (verdict, True), found


LOOKS = (
    wallarm.token_accepted, wallarm.node_active, wallarm.discovery_enabled,
    wallarm.endpoints_listed,
)  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_a_deployment_token_that_is_refused_is_never_called_wrong(look: Any) -> None:
    with cloud({"/v1/user": (403, {"body": "Access denied"})}) as it:
        assert look(exam(it.url)).verdict is Verdict.UNCHECKED


@pytest.mark.parametrize("look", LOOKS)
def test_without_a_token_nobody_is_asked(look: Any) -> None:
    with cloud({}) as it:
        assert look(exam(it.url, token="")).verdict is Verdict.UNCHECKED
        assert it.asked == []


def test_no_finding_holds_the_token() -> None:
    found: list[Finding] = []
    with cloud({"/v1/user": (200, USER), "/v2/node": (500, {})}) as it:
        found += [look(exam(it.url)) for look in (*LOOKS, wallarm.cloud_reachable)]
    found += [look(exam(it.url)) for look in (*LOOKS, wallarm.cloud_reachable)]  # now offline
    assert TOKEN not in repr(found)
    assert TOKEN not in repr(exam(it.url))


def test_a_wallarm_api_that_does_not_answer_is_a_failed_check_that_names_the_host() -> None:
    with cloud({}) as it:
        pass
    found = wallarm.cloud_reachable(exam(it.url))
    assert found.verdict is Verdict.FAIL
    sentence, _, original = found.evidence.partition(" In full: ")
    assert sentence == (
        "us1.api.wallarm.com cannot be reached from here: the connection was refused."
    )
    assert original.startswith("ConnectionError: ")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.exceptions.ProxyError("x"), "the proxy refused the connection"),
        (requests.exceptions.SSLError("x"), "its certificate is not trusted here"),
        (requests.exceptions.ConnectTimeout("x"), "no connection within"),
        (requests.exceptions.ReadTimeout("x"), "no answer within"),
        (requests.exceptions.ConnectionError("NameResolutionError(…)"), "not known here (DNS)"),
        (requests.exceptions.ConnectionError("reset"), "no connection"),
    ],
)
def test_why_it_does_not_answer_is_said_in_plain_words(
    error: requests.RequestException, said: str
) -> None:
    assert said in reason(error)
