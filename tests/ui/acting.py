"""How the tests drive the wizard: a running app, its pilot, its scripted product."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.ui.scenes import CHOSEN, settle
from tests.ui.screen_text import screen_text
from tests.ui.script import TOKEN, Script
from tests.ui.scripted import Scripted
from wizard.core.answers.model import Answers
from wizard.core.known_deployment import KnownDeployment
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.ui import unanswered
from wizard.ui.app import WizardApp

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
READY = Answers(stages=CHOSEN)
HERE = (KnownDeployment("api-gw-discovery", "123456789012", "us-east-1", 52, 0.0),)


class Session:
    """A running app, its pilot and its product."""

    def __init__(self, app: WizardApp, pilot: Pilot[int], product: Scripted) -> None:
        self.app, self.pilot, self.product = app, pilot, product

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def told(self) -> list[str]:
        """The notifications so far."""
        return [str(n.message) for n in self.app._notifications]

    @property
    def answers(self) -> Answers:
        return self.app.session.answers

    def problem(self, step_id: str) -> str:
        """Why a step is not finished yet."""
        return unanswered.problem(self.app.session, self.app.account, step_id)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
        await settle(self.pilot)

    async def type(self, text: str) -> None:
        names = {" ": "space", "-": "minus", "/": "slash", "+": "plus", ".": "full_stop"}
        await self.press(*(names.get(c, c) for c in text))


@asynccontextmanager
async def wizard(
    step: str = "welcome",
    *,
    size: tuple[int, int] = (80, 24),
    script: Script | None = None,
    answers: Answers | None = None,
    token: bool = False,
    every: bool = False,
) -> AsyncIterator[Session]:
    product = Scripted(script or Script(hostile=False))
    app = WizardApp(Options(env={}), answers, product=product.begin, unicode=True, start=step)
    app.session.every_question = every  # Next passes over none
    app.follow_seconds = 0.05
    app.animation_level = "none"
    app.NOTIFICATION_TIMEOUT = 60.0  # a machine full of work takes its time
    if token:
        app.session.token = Secret(TOKEN)
    async with app.run_test(size=size) as pilot:
        if step not in ("welcome", "aws"):
            app.account.identify()
        await settle(pilot)
        try:
            yield Session(app, pilot, product)
        finally:
            app.let_go()  # whoever still waits for an answer would keep the process alive
        if product.script.hold is not None:
            product.script.hold.set()


def deployed() -> Script:
    """An account with one deployment on this machine."""
    return Script(hostile=False, existing=HERE)
