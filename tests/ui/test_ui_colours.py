"""Every surface and state exists among the 256 colours that most terminals have."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem
from textual.color import Color as Rgb
from textual.theme import Theme

from tests.ui.screen_text import is_grey
from wizard.ui.theme import DARK, LIGHT

# Behind texts, from the quietest to the loudest.
SURFACES = ("background", "surface", "panel", "panel-lighten-1", "surface-active")
OTHERS = (
    "panel-darken-1", "panel-lighten-2", "panel-lighten-3", "primary", "primary-lighten-1",
    "error", "foreground", "border", "border-blurred", "scrollbar", "scrollbar-hover",
    "scrollbar-active", "block-cursor-background", "block-cursor-blurred-background",
    "block-hover-background", "input-selection-background",
)  # fmt: skip
TEXTS = ("foreground", "text-muted", "text-disabled", "primary", "success", "warning", "error")
EXACT = {Color.from_ansi(number).get_truecolor() for number in range(16, 256)}
THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])


def colour_of(theme: Theme, name: str) -> str:
    """A colour of a theme by the name that styles use, as `#rrggbb`."""
    return Rgb.parse(theme.to_color_system().generate()[name]).hex6.lower()


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@THEMES
@pytest.mark.parametrize("name", [*SURFACES, *OTHERS, *TEXTS])
def test_each_colour_of_a_theme_is_one_of_the_256(theme: Theme, name: str) -> None:
    # Textual works its shades out in another colour space: one step of 256 is rounding.
    wanted = Color.parse(colour_of(theme, name)).get_truecolor()
    assert any(max(abs(a - b) for a, b in zip(wanted, one, strict=True)) <= 1 for one in EXACT)


@THEMES
def test_surfaces_and_states_are_greys_that_stay_apart_in_a_terminal_of_256(theme: Theme) -> None:
    wanted = [Color.parse(colour_of(theme, name)) for name in SURFACES]
    drawn = [c.downgrade(ColorSystem.EIGHT_BIT).get_truecolor() for c in wanted]
    assert all(is_grey(colour.hex) for colour in drawn)
    levels = [colour.red for colour in drawn]
    assert levels == sorted(set(levels), reverse=not theme.dark)


@THEMES
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("behind", SURFACES)
def test_a_text_can_be_read_on_every_surface(theme: Theme, name: str, behind: str) -> None:
    light, dark = sorted((luminance(colour_of(theme, one)) for one in (name, behind)), reverse=True)
    least = 2.5 if name == "text-disabled" else 3.7
    assert (light + 0.05) / (dark + 0.05) >= least
