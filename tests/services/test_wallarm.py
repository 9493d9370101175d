"""The token against a stand-in cloud: valid, refused and could not check differ."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from wizard.core.secret import Secret
from wizard.sandbox.cloud import CLIENT_ID, DEPLOYMENT_TOKEN, TOKEN, Cloud
from wizard.services.wallarm import REFUSED, UNCHECKED, VALID, base_url, check_token

HOST = "us1.api.wallarm.com"


@pytest.fixture(scope="module")
def env() -> Iterator[dict[str, str]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    cloud = Cloud(list)
    asyncio.run_coroutine_threadsafe(cloud.server.start(), loop).result(5)
    yield {"WALLARM_APIGW_CLOUD_URL": f"http://127.0.0.1:{cloud.server.port}"}
    asyncio.run_coroutine_threadsafe(cloud.server.close(), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)


def test_a_token_the_cloud_accepts_is_valid_and_names_its_account(env: dict[str, str]) -> None:
    verdict = check_token(HOST, Secret(TOKEN), env)
    assert (verdict.state, verdict.client_id) == (VALID, CLIENT_ID)


def test_a_deployment_token_that_may_ask_nothing_is_not_called_wrong(env: dict[str, str]) -> None:
    verdict = check_token(HOST, Secret(DEPLOYMENT_TOKEN), env)
    assert verdict.state == UNCHECKED
    assert "403" in verdict.detail


def test_an_api_token_that_is_refused_is_refused(env: dict[str, str]) -> None:
    assert check_token(HOST, Secret("A" * 64), env, deployment=False).state == REFUSED


def test_a_malformed_token_is_refused_without_asking_anybody() -> None:
    verdict = check_token(HOST, Secret("short"), {"WALLARM_APIGW_CLOUD_URL": "http://127.0.0.1:9"})
    assert verdict.state == REFUSED
    assert "64" in verdict.detail


def test_a_cloud_that_does_not_answer_is_could_not_check() -> None:
    verdict = check_token(HOST, Secret("A" * 64), {"WALLARM_APIGW_CLOUD_URL": "http://127.0.0.1:9"})
    assert verdict.state == UNCHECKED
    assert "A" * 64 not in verdict.detail


def test_without_a_sandbox_the_cloud_is_asked_over_tls() -> None:
    assert base_url(HOST, {}) == f"https://{HOST}"


@pytest.mark.parametrize(
    "host",
    ["api.wallarm.com.evil.example", "evil.example", "wallarm.com.evil.example", "awallarm.com"],
)
def test_a_host_that_is_not_wallarms_is_not_sent_the_token(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sent(*_: object, **__: object) -> None:
        raise AssertionError("the token was sent")

    monkeypatch.setattr("requests.Session.post", sent)
    verdict = check_token(host, Secret("A" * 64), {})
    assert verdict.state == UNCHECKED
    assert host in verdict.detail
