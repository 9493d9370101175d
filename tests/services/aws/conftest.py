"""A local AWS for the contract tests: real requests, real boto3, nothing mocked."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wizard.core.facts import Identity
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session

pytest.importorskip("ministack")

REGION = "eu-central-1"
ACCOUNT = "123456789012"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_env() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


def unlimited() -> TokenBucket:
    """The local AWS has no quota; the budget has tests of its own."""
    return TokenBucket(10_000, 10_000)


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = _free_port()
    folder = tmp_path_factory.mktemp("local-aws")
    env = clean_env() | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "TMPDIR": str(folder),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("local_aws.py"))],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 40
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/_ministack/health", timeout=2).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / "log").read_text(errors="replace")[-3000:])
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _user(aws_url: str, folder: Path) -> dict[str, str]:
    """The environment of a user with a key pair; their real AWS files are out of reach."""
    return clean_env() | {
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }


@pytest.fixture
def env(aws_url: str, tmp_path: Path) -> dict[str, str]:
    return _user(aws_url, tmp_path)


@pytest.fixture(scope="session")
def session(aws_url: str, tmp_path_factory: pytest.TempPathFactory) -> Session:
    user = _user(aws_url, tmp_path_factory.mktemp("user"))
    return Session(region=REGION, env=user, bucket=unlimited())


@pytest.fixture(scope="session")
def identity(session: Session) -> Identity:
    return session.identity()


class World:
    """Makes APIs and log groups with names of their own, so that tests cannot meet."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.rest: Any = session.client("apigateway")
        self.v2: Any = session.client("apigatewayv2")
        self.logs: Any = session.client("logs")

    def name(self, word: str = "orders") -> str:
        return f"{word}-{uuid.uuid4().hex[:8]}"

    def rest_api(self, name: str = "", *stages: str, **arguments: Any) -> str:
        api = self.rest.create_rest_api(name=name or self.name(), **arguments)["id"]
        root = self.rest.get_resources(restApiId=api)["items"][0]["id"]
        self.rest.put_method(
            restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE"
        )
        self.rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        deployment = self.rest.create_deployment(restApiId=api)["id"]
        for stage in stages or ("prod",):
            self.rest.create_stage(restApiId=api, stageName=stage, deploymentId=deployment)
        return str(api)

    def http_api(self, name: str = "", *stages: str) -> str:
        return self._v2_api("HTTP", name, stages or ("$default",))

    def websocket_api(self, name: str = "", *stages: str, **settings: Any) -> str:
        return self._v2_api("WEBSOCKET", name, stages or ("prod",), **settings)

    def _v2_api(self, kind: str, name: str, stages: tuple[str, ...], **settings: Any) -> str:
        api = self.v2.create_api(
            Name=name or self.name(),
            ProtocolType=kind,
            RouteSelectionExpression="$request.body.action",
        )["ApiId"]
        for stage in stages:
            self.v2.create_stage(ApiId=api, StageName=stage, **settings)
        return str(api)

    def log_group(self, name: str = "", **arguments: Any) -> str:
        name = name or f"/aws/apigateway/{self.name('group')}"
        self.logs.create_log_group(logGroupName=name, **arguments)
        return name

    def arn(self, group: str) -> str:
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"


@pytest.fixture(scope="session")
def world(session: Session) -> World:
    return World(session)


@pytest.fixture
def arn(world: Any) -> str:
    """Of a new log group."""
    return str(world.arn(world.log_group()))
