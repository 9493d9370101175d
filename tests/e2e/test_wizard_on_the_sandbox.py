"""The guided screens, by keys alone, on the sandbox with real Terraform: install to uninstall."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from textual.events import Paste
from textual.pilot import Pilot

from tests.e2e.conftest import stage_images
from tests.ui.loop_watch import LoopWatch
from tests.ui.scenes import settle, until
from tests.ui.screen_text import screen_text
from wizard.core.answers.model import Answers
from wizard.core.checks.model import Verdict
from wizard.flows.context import Options
from wizard.sandbox import Sandbox
from wizard.ui.app import WizardApp
from wizard.ui.screens.dialogs import Confirm
from wizard.ui.screens.doctor import Doctor

pytestmark = [pytest.mark.e2e, pytest.mark.long]
# Seconds of the thread's own processor time. The aim is 0.1; a machine full of work trebles it.
STALL = 1.0
WATCH = LoopWatch()


@asynccontextmanager
async def running(box: Sandbox, root: Path) -> AsyncIterator[tuple[WizardApp, Pilot[int]]]:
    env = {k: v for k, v in os.environ.items() if k not in box.unset}
    env.update(box.env, HOME=str(root), XDG_DATA_HOME=str(root / "data"))
    del env["WALLARM_API_TOKEN"]  # it is typed
    options = Options(workspace=root / "workspace", env=env)
    app = WizardApp(options, Answers(region=box.region), unicode=True)
    app.animation_level = "none"
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            with WATCH.armed():
                yield app, pilot
    finally:
        app.deployment_run.close()


async def keys(pilot: Pilot[int], *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await pilot.pause()


async def at(app: WizardApp, pilot: Pilot[int], step: str, seconds: float = 30) -> None:
    await until(pilot, lambda: app.session.at == step, seconds)
    await settle(pilot)


async def test_from_the_first_screen_to_the_proof_and_back_to_nothing(
    box: Sandbox, tmp_path: Path
) -> None:
    def client(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=box.endpoint_url, region_name=box.region,
            aws_access_key_id="sandbox", aws_secret_access_key="sandbox",
        )  # fmt: skip

    before = stage_images(client)

    async with running(box, tmp_path) as (app, pilot):
        await _install(app, pilot, box)
    assert app.return_value == 0

    async with running(box, tmp_path) as (app, pilot):
        await at(app, pilot, "home")
        await until(pilot, lambda: "1 connected" in screen_text(app), 30)
        await _add(app, pilot, 2)
    async with running(box, tmp_path) as (app, pilot):
        await at(app, pilot, "home")
        await until(pilot, lambda: "3 connected" in screen_text(app), 30)
        await _remove_one(app, pilot)
        await _examine(app, pilot)
        await _take_away(app, pilot)
    assert stage_images(client) == before
    assert not WATCH.waits, "the event loop waited for something"
    sys.stderr.write(f"{WATCH}\n")
    assert WATCH.work < STALL, f"{WATCH.culprit} kept the event loop for {WATCH.work:.2f} s"


async def _install(app: WizardApp, pilot: Pilot[int], box: Sandbox) -> None:
    """Five keys and one paste, from the first screen to Deploy."""
    await until(pilot, lambda: app.account.inventory.value is not None, 30)
    await keys(pilot, "enter")
    await at(app, pilot, "stages")
    await keys(pilot, "space", "ctrl+n")
    await at(app, pilot, "wallarm")
    app.post_message(Paste(f" {box.env['WALLARM_API_TOKEN']}\n"))
    await until(pilot, lambda: app.session.checked.token is not None, 15)
    assert "valid" in screen_text(app)
    assert box.env["WALLARM_API_TOKEN"] not in screen_text(app)
    await keys(pilot, "ctrl+n")
    await at(app, pilot, "review")
    assert "default credentials, Region us-east-1" in screen_text(app)
    await until(pilot, lambda: app.deployment_run.review.value is not None, 90)
    assert "0 to destroy" in screen_text(app)
    assert not (tmp := app.session.answers).node_url, tmp
    await keys(pilot, "ctrl+n")
    await until(pilot, lambda: bool(app.deployment_run.now.ended), 400)
    run = app.deployment_run.now
    assert run.error is None, str(run.error)
    await at(app, pilot, "proof")
    assert run.proof is not None
    assert run.proof.complete, run.proof.summary
    assert "A request travels from" in screen_text(app)
    await until(pilot, lambda: not app.advancing)
    await keys(pilot, "ctrl+n")
    await at(app, pilot, "home")
    await keys(pilot, "ctrl+q")


async def _add(app: WizardApp, pilot: Pilot[int], number: int) -> None:
    await keys(pilot, "a")
    await at(app, pilot, "stages")
    account = app.account
    await until(pilot, lambda: bool(account.inventory.value and account.connected.value), 30)
    held = {str(one.ref) for one in app.account.connected.value or ()}
    rows = [
        i for i, row in enumerate(app.account.book.shown)
        if row.logging == "off" and row.selectable and row.ref not in held
    ][:number]  # fmt: skip
    for before, row in zip((0, *rows), rows, strict=False):
        await keys(pilot, *["down"] * (row - before), "space")
    await keys(pilot, "ctrl+n")
    await until(pilot, lambda: app.deployment_run.review.value is not None, 60)
    assert app.deployment_run.review.value is not None
    assert app.deployment_run.review.value.plan is None, "Terraform need not run"
    await keys(pilot, "ctrl+n")
    await until(pilot, lambda: bool(app.deployment_run.now.ended), 120)
    assert app.deployment_run.now.error is None
    assert app.deployment_run.now.proof is not None
    assert app.deployment_run.now.proof.complete


async def _remove_one(app: WizardApp, pilot: Pilot[int]) -> None:
    await until(pilot, lambda: "s ago" in screen_text(app), 30)  # the proof's own line
    await keys(pilot, "x")
    await until(pilot, lambda: app.account.connected.value is not None, 30)
    await keys(pilot, "down", "down", "space", "ctrl+n")
    await until(pilot, lambda: app.deployment_run.withdrawal.value is not None, 60)
    await settle(pilot)
    assert "→ off" in screen_text(app)
    await keys(pilot, "ctrl+n")
    await until(pilot, lambda: bool(app.deployment_run.now.ended), 60)
    await settle(pilot)
    assert "1 of 1 stage put back" in screen_text(app)
    await until(pilot, lambda: not app.advancing)
    await keys(pilot, "ctrl+n")
    await at(app, pilot, "home")


async def _examine(app: WizardApp, pilot: Pilot[int]) -> None:
    await keys(pilot, "d")
    await until(pilot, lambda: isinstance(app.screen, Doctor))
    assert isinstance(app.screen, Doctor)
    doctor = app.screen
    await until(pilot, lambda: bool(doctor.findings) and not doctor.busy, 90)
    broken = [i for i, found in doctor.findings.items() if found.verdict is Verdict.FAIL]
    assert not broken, broken
    await keys(pilot, "escape")
    await at(app, pilot, "home")


async def _take_away(app: WizardApp, pilot: Pilot[int]) -> None:
    await keys(pilot, "u")
    await until(pilot, lambda: app.deployment_run.removal.value is not None, 90)
    await settle(pilot)
    assert "access log → off" in screen_text(app)
    await keys(pilot, "ctrl+n")
    await until(pilot, lambda: isinstance(app.screen, Confirm))
    await keys(pilot, "tab", "enter")
    await until(pilot, lambda: app.deployment_run.now.removed is not None, 300)
    removed = app.deployment_run.now.removed
    assert removed is not None
    assert removed.complete, removed.left
