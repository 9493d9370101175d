"""The way to the Wallarm Cloud and to the APIs is the one this environment names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.flows.preflight import Preflight
from wizard.services.http import open_session
from wizard.services.wallarm import check_token

NOWHERE = "http://127.0.0.1:9"


class Server:
    """Answers everything; `seen` is what was asked for, as it was written in the request."""

    def __init__(self) -> None:
        seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.seen = seen
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    it = Server()
    threading.Thread(target=it.http.serve_forever, args=(0.05,), daemon=True).start()
    yield it
    it.http.shutdown()
    it.http.server_close()


def test_proxy_and_ca_of_the_given_environment_are_used_and_no_netrc() -> None:
    session = open_session({"HTTPS_PROXY": "http://proxy.example:3128", "SSL_CERT_FILE": "/ca.pem"})
    assert session.proxies["https"] == "http://proxy.example:3128"
    assert session.verify == "/ca.pem"
    assert session.trust_env is False


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_everything_goes_through_the_proxy(server: Server, name: str) -> None:
    env = {name: server.url, "WALLARM_APIGW_CLOUD_URL": "http://cloud.example.invalid"}
    check_token("api.wallarm.com", Secret("A" * 64), env)
    preflight = Preflight(Options(env=env), lambda _: pytest.fail("no AWS here"))
    assert preflight._cloud(Answers()).state is State.DONE
    assert all(path.startswith("http://cloud.example.invalid/") for path in server.seen)
    assert len(server.seen) == 2


@pytest.mark.parametrize("hosts", ["127.0.0.1", "*", "intranet.example,127.0.0.0/8"])
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_hosts_that_need_no_proxy_are_asked_directly(
    server: Server, name: str, hosts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with open_session({"HTTP_PROXY": NOWHERE, name: hosts}) as session:
        assert session.get(server.url, timeout=5).status_code == 200
    with (
        open_session({"HTTP_PROXY": NOWHERE, name: "other.example"}) as session,
        pytest.raises(requests.exceptions.ProxyError),
    ):
        session.get(server.url, timeout=5)


def test_what_this_process_has_in_its_environment_does_not_count(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_session({}) as session:
        answer = session.get(server.url, timeout=5)
    assert "Authorization" not in answer.request.headers
