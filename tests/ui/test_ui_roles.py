"""Roles of the user's own AWS configuration, on the real backend: assumed, with a code and without.

STS is a stand-in that takes each right code once, as AWS does; the rest is the local AWS.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.one_time_code import DEVICE, CodeGate, user
from tests.services.aws.conftest import aws_url as aws_url
from tests.ui.acting import SIZES
from tests.ui.scenes import settle, until
from tests.ui.screen_text import screen_text
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.flows.context import Options
from wizard.ui.app import WizardApp
from wizard.ui.screens.dialogs import AskCode

RIGHT, NEXT, WRONG = "483920", "573801", "111112"
PATIENCE = 60.0


@pytest.fixture
def gate(aws_url: str) -> Iterator[CodeGate]:
    with CodeGate(aws_url, RIGHT, NEXT) as it:
        yield it


@asynccontextmanager
async def started(
    gate: CodeGate, home: Path, start: str, size: tuple[int, int] = (80, 24), profile: str = ""
) -> AsyncIterator[tuple[WizardApp, Pilot[int]]]:
    options = Options(workspace=home / "workspace", env=user(gate.url, home))
    answers = Answers(profile=profile, region="eu-central-1")
    app = WizardApp(options, answers, unicode=True, start=start)
    app.animation_level = "none"
    try:
        async with app.run_test(size=size) as pilot:
            yield app, pilot
    finally:
        app.deployment_run.close()


def looked_around(app: WizardApp) -> bool:
    """Every check of the first screen has its answer."""
    told = app.session.checked.first.values()
    return bool(told) and all(c.state not in (State.TODO, State.RUNNING) for c in told)


async def code_asked(app: WizardApp, pilot: Pilot[int]) -> None:
    await until(pilot, lambda: isinstance(app.screen, AskCode), PATIENCE)


@SIZES
async def test_a_role_is_assumed_and_the_screen_says_which(
    gate: CodeGate, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with started(gate, tmp_path, "aws", size) as (app, pilot):
        app.account.identity.reset()
        await until(pilot, lambda: app.account.profiles.value is not None, PATIENCE)
        await settle(pilot)
        await pilot.press("down", "down", "space")
        await until(pilot, lambda: app.account.identity.value is not None, PATIENCE)
        assert app.session.answers.profile == "role"
        assert "assumed-role/operator" in screen_text(app)
        assert gate.seen == []


@SIZES
async def test_a_code_is_asked_for_once_and_then_serves_every_part_of_the_wizard(
    gate: CodeGate, tmp_path: Path, size: tuple[int, int]
) -> None:
    async with started(gate, tmp_path, "welcome", size, "role-with-code") as (app, pilot):
        await code_asked(app, pilot)
        assert DEVICE.rpartition("/")[2] in screen_text(app)
        await pilot.press(*RIGHT, "enter")
        # The checks and the account were asked for at the same time; both go on with this code.
        await until(pilot, lambda: looked_around(app), PATIENCE)
        await until(pilot, lambda: not app.account.identity.busy, PATIENCE)
        assert not isinstance(app.screen, AskCode)
        assert app.session.checked.first["identity"].state is State.DONE
        assert app.account.identity.value is not None
        assert "assumed-role/admin" in app.account.identity.value.arn
        await pilot.press("r")
        await until(pilot, lambda: looked_around(app), PATIENCE)
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.session.at == "aws")
        app.account.identity.reset()
        app.account.identify()
        app.account.read_log_groups()
        app.account.read_networks()
        await until(pilot, lambda: app.account.identity.value is not None, PATIENCE)
        await until(pilot, lambda: app.account.networks.value is not None, PATIENCE)
        assert gate.seen == [RIGHT]
        assert RIGHT not in screen_text(app)


async def test_a_wrong_code_is_explained_and_asked_for_anew(gate: CodeGate, tmp_path: Path) -> None:
    async with started(gate, tmp_path, "aws", profile="role-with-code") as (app, pilot):
        await code_asked(app, pilot)
        await pilot.press(*WRONG, "enter")
        await until(pilot, lambda: app.account.identity.error is not None, PATIENCE)
        assert "The MFA code was refused" in screen_text(app)
        await pilot.press("r")
        await code_asked(app, pilot)
        assert app.screen.query_one("#code", Input).value == "", "the refused code is gone"
        await pilot.press(*RIGHT, "enter")
        await until(pilot, lambda: app.account.identity.value is not None, PATIENCE)
        assert "assumed-role/admin" in screen_text(app)
        assert gate.seen == [WRONG, RIGHT]


async def test_whoever_has_no_code_at_hand_can_choose_another_profile(
    gate: CodeGate, tmp_path: Path
) -> None:
    async with started(gate, tmp_path, "aws", profile="role-with-code") as (app, pilot):
        await code_asked(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.account.identity.error is not None, PATIENCE)
        assert "No MFA code was given" in screen_text(app)
        await pilot.press("up", "space")
        await until(pilot, lambda: app.account.identity.value is not None, PATIENCE)
        assert app.session.answers.profile == "role"
        assert gate.seen == []


async def test_a_code_is_not_shown_while_it_is_typed(gate: CodeGate, tmp_path: Path) -> None:
    async with started(gate, tmp_path, "aws", profile="role-with-code") as (app, pilot):
        await code_asked(app, pilot)
        await pilot.press(*RIGHT[:5])
        await settle(pilot)
        assert app.screen.query_one("#code", Input).value == RIGHT[:5]
        assert RIGHT[:3] not in screen_text(app)
        assert "•••••" in screen_text(app)
        await pilot.press("escape")


async def test_who_waves_the_code_away_does_so_for_all_that_wait_for_it(
    gate: CodeGate, tmp_path: Path
) -> None:
    """As a session does it: one at a time asks for the code, the others wait for what it got."""
    refused: list[str] = []
    turn = threading.Lock()
    async with started(gate, tmp_path, "welcome") as (app, pilot):
        await until(pilot, lambda: looked_around(app), PATIENCE)

        def ask() -> None:
            with turn:
                try:
                    app.workers_at_work.ask_code(DEVICE)
                except WizardError as error:
                    refused.append(error.code)

        for name in ("one", "two"):
            app.workers_at_work.start(name, ask, lambda _: None)
        await code_asked(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(refused) == 2, PATIENCE)
        assert refused == ["WAG-E-AWS-021"] * 2
        app.workers_at_work.start("three", ask, lambda _: None)
        await code_asked(app, pilot)
        await pilot.press("escape")
