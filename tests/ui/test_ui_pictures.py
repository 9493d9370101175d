"""Every screen looks as when somebody last looked at it; after looking: `--snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests import screenshots
from tests.ui.scenes import SCENES, Scene, build, perform, scenes
from tests.ui.screen_text import drawn_backgrounds, is_grey, lines_in_focus
from wizard.ui.theme import DARK

CHOSEN = [
    s for s in SCENES
    if s.name.endswith("-80x24") and s.script.hold is None and not s.name.startswith(("15", "16"))
]  # fmt: skip


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("scene", CHOSEN, ids=lambda s: s.name.removesuffix("-80x24"))
def test_a_screen_looks_as_it_should(scene: Scene, snap_compare: Callable[..., bool]) -> None:
    async def act(pilot: Pilot[int]) -> None:
        await perform(scene, pilot)
        coloured = {colour for colour in drawn_backgrounds(pilot.app) if not is_grey(colour)}
        assert coloured <= {str(DARK.primary).lower(), str(DARK.error).lower()}
        pressed, button = DARK.variables["surface-active"].lower(), str(DARK.foreground).lower()
        assert len(lines_in_focus(pilot.app, pressed, button)) <= 1, "one thing has the keys"

    app = build(scene)
    assert snap_compare(app, terminal_size=scene.size, run_before=act)


@pytest.mark.parametrize("name", ["09-deploy-80x24", "14-stop-80x24", "20-light-stages"])
async def test_a_picture_that_is_drawn_again_is_the_same_to_the_letter(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "FONTS", [])  # the SVG is enough: the PNG is drawn from it
    drawn = []
    for number in ("first", "again"):
        (folder := tmp_path / number).mkdir()
        await screenshots.shoot(next(s for s in scenes() if s.name == name), folder)
        drawn.append((folder / f"{name}.svg").read_text(encoding="utf-8"))
    assert "terminal-matrix" in drawn[0]
    assert drawn[0] == drawn[1]


# What screens say, apart from the screens.
TEXTS = {
    "doctor_text",
    "home_text",
    "node_certificates",
    "progress_rows",
    "review_text",
    "stages_text",
}


def test_every_screen_has_a_picture() -> None:
    screens = {p.stem for p in (Path(__file__).parents[2] / "wizard/ui/screens").glob("*.py")}
    shown = {s.name.split("-", 1)[1].removesuffix("-80x24") for s in SCENES}
    assert screens - shown == {"__init__", "step", "dialogs", "support_bundle"} | TEXTS
