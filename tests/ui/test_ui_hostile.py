"""Foreign text stays text on every screen, and a bug ends no screen."""

from __future__ import annotations

import unicodedata

from tests.ui.acting import SIZES, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script
from tests.ui.scripted_account import HOSTILE
from wizard.core.answers.model import Answers
from wizard.core.text import clean
from wizard.ui.screens.dialogs import Details
from wizard.ui.widgets.stage_table import StageTable


def harmful(text: str) -> list[str]:
    """The signs of a screen that could steer a terminal or turn text round."""
    kinds = ("Cc", "Cf")
    return [c for c in text if c not in "\n\u200d" and unicodedata.category(c) in kinds]


@SIZES
async def test_hostile_names_stay_text_on_every_screen(size: tuple[int, int]) -> None:
    answers = Answers(
        stages=tuple(f"{n:04x}b2c3d4/{'$default' if n % 5 == 2 else 'prod'}" for n in range(3, 9)),
        existing_logging="switch",
    )
    async with wizard("stages", script=Script(), answers=answers, token=True, size=size) as w:
        table = w.app.screen.query_one(StageTable)
        for name in HOSTILE:
            shown = clean(name)[:20]
            names = [r.name[:20] for r in w.app.account.book.shown]
            table.go(names.index(shown))
            await w.pilot.pause()
            assert shown in w.text
            assert not harmful(w.text), name
        await w.press("d")
        assert isinstance(w.app.screen, Details)
        assert not harmful(w.text)
        await w.press("escape")
        w.app.session.choices.network = "existing"
        w.app.session.drafts.update(node_group=HOSTILE[0], name_prefix=HOSTILE[2], tags=HOSTILE[7])
        for step in ("welcome", "aws", "stages", "logs", "wallarm", "node", "options"):
            w.app.go(step)
            await settle(w.pilot)
            assert not harmful(w.text), step
            if step in ("aws", "wallarm"):
                assert "[/foo]" in w.text, "markup is shown as it was written"
        w.app.session.choices.network = "new"
        w.app.session.drafts.clear()
        w.app.go("review")
        await settle(w.pilot)
        assert not harmful(w.text)
        await w.press("ctrl+n")
        await until(
            w.pilot, lambda: w.app.session.at == "proof" and bool(w.app.deployment_run.now.ended)
        )
        for step in ("deploy", "logging", "proof"):
            w.app.go(step)
            await settle(w.pilot)
            assert not harmful(w.text), step


async def test_a_bug_in_the_backend_is_shown_and_does_not_end_the_app() -> None:
    async with wizard("aws") as w:

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        w.product.account().identity = broken  # type: ignore[method-assign]
        await w.press("r")
        assert "Something unexpected happened" in w.text
        assert "ZeroDivisionError" in w.text
        assert "Traceback" not in w.text
