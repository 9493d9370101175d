"""The token that was entered is on no screen, in no screenshot, and not on the clipboard."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from tests.ui.acting import wizard
from tests.ui.scripted import TOKEN

PIECES = tuple(TOKEN[start : start + 12] for start in range(0, len(TOKEN) - 12, 12))


def pieces_in(text: str) -> list[str]:
    return [piece for piece in PIECES if piece in text]


@pytest.mark.parametrize("step", ["wallarm", "node", "review"])
async def test_neither_screen_nor_screenshot_shows_it(step: str) -> None:
    async with wizard(step, size=(120, 36), token=True) as session:
        assert pieces_in(session.text) == []
        assert pieces_in(session.app.export_screenshot()) == []
        assert pieces_in(" ".join(session.told)) == []


async def test_the_masked_field_gives_nothing_to_the_clipboard() -> None:
    async with wizard("wallarm", token=True) as session:
        field = next(i for i in session.app.screen.query(Input) if i.password)
        assert field.value == TOKEN, "the field under test must hold it"
        field.focus()
        for keys in (("home", "shift+end", "ctrl+c"), ("home", "shift+end", "ctrl+x")):
            await session.press(*keys)
            assert pieces_in(session.app.clipboard) == []
