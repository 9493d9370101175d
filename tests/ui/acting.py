"""How the tests drive the wizard: a running app, its pilot, its scripted backend."""

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
from wizard.core.secret import Secret
from wizard.flows.context import Options
from wizard.ui.app import WizardApp
from wizard.ui.views import Existing

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
READY = Answers(stages=CHOSEN)
HERE = (Existing("api-gw-discovery", "123456789012", "us-east-1", 52, 0.0),)


class Session:
    """A running app, its pilot and its backend."""

    def __init__(self, app: WizardApp, pilot: Pilot[int], backend: Scripted) -> None:
        self.app, self.pilot, self.backend = app, pilot, backend

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def told(self) -> list[str]:
        """The notifications so far."""
        return [str(n.message) for n in self.app._notifications]

    @property
    def answers(self) -> Answers:
        return self.app.state.answers

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
) -> AsyncIterator[Session]:
    backend = Scripted(script or Script(hostile=False))
    app = WizardApp(backend, Options(env={}), answers, unicode=True, start=step)
    app.follow_seconds = 0.05
    app.animation_level = "none"
    if token:
        app.state.token = Secret(TOKEN)
    async with app.run_test(size=size) as pilot:
        if step not in ("welcome", "aws"):
            app.jobs.identify()
        await settle(pilot)
        try:
            yield Session(app, pilot, backend)
        finally:
            app.jobs.close()  # whoever still waits for an answer would keep the process alive
        if backend.script.hold is not None:
            backend.script.hold.set()


def deployed() -> Script:
    """An account with one deployment on this machine."""
    return Script(hostile=False, existing=HERE)
