"""The sandbox's account with one log group as a deployment would have made it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flows.account import GROUP, World
from tests.flows.mortal import Mortal
from wizard.sandbox import Sandbox
from wizard.services.aws.discovery import discover


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One sandbox for all tests of a file, and for every further file in the same process."""
    for item in items:
        if "world" in getattr(item, "fixturenames", ()) and "tests/flows" in str(item.path):
            item.add_marker(pytest.mark.xdist_group(f"flows {item.path.stem}"))


@pytest.fixture(scope="session")
def account() -> Iterator[World]:
    with Sandbox.start() as box:
        env = {k: v for k, v in os.environ.items() if k not in box.unset}
        env.update(box.env)
        session = Mortal(box.region, env)
        session.client("logs").create_log_group(logGroupName=GROUP)
        identity = session.identity()
        yield World(box, env, Path(), identity, discover(session, identity), session)


@pytest.fixture
def world(account: World, tmp_path: Path) -> World:
    """The account with a workspace of its own for each test."""
    root = tmp_path / "workspace"
    root.mkdir(mode=0o700)
    account.session.begin()
    return replace(account, root=root)
