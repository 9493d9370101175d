"""One sandbox behind the front that refuses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flows.account import GROUP, World
from tests.flows.mortal import Mortal
from tests.refusing.front import RefusingAws
from wizard.sandbox import Sandbox
from wizard.services.aws.discovery import discover


@pytest.fixture(scope="session")
def refusing() -> Iterator[tuple[World, RefusingAws]]:
    with Sandbox.start() as box, RefusingAws(box.endpoint_url) as aws:
        env = {k: v for k, v in os.environ.items() if k not in box.unset}
        env.update(box.env)
        env.update(AWS_ENDPOINT_URL=aws.url, AWS_MAX_ATTEMPTS="1")
        session = Mortal(box.region, env)
        session.client("logs").create_log_group(logGroupName=GROUP)
        identity = session.identity()
        yield World(box, env, Path(), identity, discover(session, identity), session), aws


@pytest.fixture
def world(refusing: tuple[World, RefusingAws], tmp_path: Path) -> World:
    root = tmp_path / "workspace"
    root.mkdir(mode=0o700)
    refusing[0].session.begin()
    return replace(refusing[0], root=root)


@pytest.fixture
def aws(refusing: tuple[World, RefusingAws]) -> RefusingAws:
    refusing[1].begin()
    return refusing[1]
