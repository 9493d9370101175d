"""The look: two themes with one accent colour, state colours, and what stands in for Unicode."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

from wizard.core.events import State, glyph


def _theme(
    name: str,
    *,
    dark: bool,
    fore: str,
    background: str,
    surface: str,
    panel: str,
    accent: str,
    bright: str,
    good: str,
    warn: str,
    bad: str,
    pressed: str,
    raised: str,
    flat: str,
    line: str,
    muted: str,
    faint: str,
    resting: str,
) -> Theme:
    """A theme: its colours, and the states of things under the names of Textual's own widgets.

    `pressed` is where the keys go (a row, a field), `resting` a row that waits for them; a button
    is `raised`, one that can do nothing `flat`.
    """
    return Theme(
        name=name,
        dark=dark,
        foreground=fore,
        background=background,
        surface=surface,
        panel=panel,
        primary=accent,
        secondary=accent,
        accent=accent,
        success=good,
        warning=warn,
        error=bad,
        variables={
            "surface-active": pressed,
            "block-cursor-foreground": fore,
            "block-cursor-background": pressed,
            "block-cursor-blurred-background": pressed,  # the palette's keys go to its field
            "block-hover-background": resting,
            "input-selection-background": line,
            "screen-selection-background": line,
            "panel-darken-1": resting,
            "panel-lighten-1": flat,
            "panel-lighten-2": raised,
            "panel-lighten-3": line,
            "primary-lighten-1": bright,
            "text-muted": muted,
            "text-disabled": faint,
            "border": line,
            "border-blurred": line,
            "scrollbar": line,
            "scrollbar-hover": faint,
            "scrollbar-active": accent,
            "footer-key-foreground": accent,
        },
    )


# Every colour is one of the 256 that most terminals have (in tmux, over SSH): there a bluish dark
# surface would turn navy and a shaded button teal. So surfaces and states are greys, each one step
# apart, and nothing is blended from two colours.
DARK = _theme(
    "wallarm-dark",
    dark=True,
    fore="#D7D7D7",
    background="#121212",
    surface="#1C1C1C",
    panel="#262626",
    accent="#5FAFFF",
    bright="#87D7FF",
    good="#5FD787",
    warn="#FFAF00",
    bad="#FF5F5F",
    pressed="#3A3A3A",
    raised="#444444",
    flat="#303030",
    line="#4E4E4E",
    muted="#A8A8A8",
    faint="#808080",
    resting="#262626",
)
LIGHT = _theme(
    "wallarm-light",
    dark=False,
    fore="#1C1C1C",
    background="#FFFFFF",
    surface="#EEEEEE",
    panel="#E4E4E4",
    accent="#005FD7",
    bright="#005FFF",
    good="#005F00",
    warn="#875F00",
    bad="#AF0000",
    pressed="#D0D0D0",
    raised="#C6C6C6",
    flat="#DADADA",
    line="#B2B2B2",
    muted="#585858",
    faint="#767676",
    resting="#EEEEEE",
)


@dataclass(frozen=True)
class Ink:
    """Rich styles of the current theme, for text that is drawn line by line.

    `unicode` is False in a terminal that shows ASCII only.
    """

    plain: Style
    muted: Style
    bold: Style
    strong: Style
    accent: Style
    good: Style
    warn: Style
    bad: Style
    unicode: bool = True

    def of(self, state: State) -> Style:
        """The colour of a state; the glyph and the word carry the meaning."""
        return {
            State.DONE: self.good,
            State.RUNNING: self.accent,
            State.WARNING: self.warn,
            State.FAILED: self.bad,
        }.get(state, self.muted)

    def mark(self, state: State) -> Text:
        """The coloured sign of a state. Callers put the word or the fact beside it."""
        return Text(glyph(state, unicode=self.unicode), self.of(state))


@runtime_checkable
class Spelling(Protocol):
    """An app that knows whether its terminal shows more than ASCII."""

    unicode: bool


_INKS: dict[tuple[str, bool], Ink] = {}


def ink(widget: DOMNode) -> Ink:
    """The inks of the theme that the widget's app shows now."""
    app = widget.app
    unicode = app.unicode if isinstance(app, Spelling) else True
    key = (app.theme, unicode)
    if key not in _INKS:
        _INKS[key] = make_ink(app.theme_variables, unicode=unicode)
    return _INKS[key]


def make_ink(variables: dict[str, str], *, unicode: bool = True) -> Ink:
    """The inks of a theme, from its CSS variables."""
    fore = Color.parse(variables["foreground"])

    def style(colour: Color, *, bold: bool = False) -> Style:
        return Style(color=colour.rich_color, bold=bold or None)

    def token(name: str) -> Color:
        return Color.parse(variables[name])

    return Ink(
        plain=style(fore),
        muted=style(token("text-muted")),
        bold=style(fore, bold=True),
        strong=Style(bold=True),
        accent=style(token("primary")),
        good=style(token("success")),
        warn=style(token("warning")),
        bad=style(token("error")),
        unicode=unicode,
    )


def speaks_unicode(encoding: str | None = None) -> bool:
    """Whether the terminal's encoding can show the signs of this product."""
    name = (encoding or sys.stdout.encoding or "ascii").lower().replace("-", "")
    return name.startswith(("utf", "cp65001"))


_STAND_INS = str.maketrans(
    {
        "›": ">",
        "→": ">",
        "…": "~",
        "·": "-",
        "–": "-",
        "—": "-",
        "×": "x",
        "━": "=",
        "╸": "-",
        "─": "-",
        "│": "|",
        "┃": "|",
        "▏": "|",
        "▎": "|",
        "▍": "|",
        "▌": "|",
        "▋": "|",
        "▊": "|",
        "▉": "|",
        "█": "#",
        "▁": " ",
        "▂": " ",
        "▃": " ",
        "▄": " ",
        "▅": " ",
        "▆": " ",
        "▇": " ",
        "•": "*",
        "●": "*",
        "○": "o",
        "✓": "v",
        "✗": "x",
        "▔": "-",
        "└": "`",
        "├": "|",
        "┌": ".",
        "┐": ".",
        "┘": "'",
        "▸": ">",
        "▾": "v",
        "“": '"',
        "”": '"',
        "’": "'",
        "⌃": "^",
        "↑": "^",
        "↓": "v",
        "←": "<",
        "╭": ".",
        "╮": ".",
        "╰": "`",
        "╯": "'",
        "⏎": "<",
    }
)


class AsciiOnly(LineFilter):
    """Last resort of a terminal without UTF-8: every other sign becomes one of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what the terminal cannot show."""
        del background
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


def to_ascii(text: str) -> str:
    """The same text in ASCII, in as many cells."""
    if text.isascii():
        return text
    text = text.translate(_STAND_INS)
    return "".join(c if c.isascii() else "?" * cell_len(c) for c in text)


class PlainScrollBar(ScrollBarRender):
    """A scroll bar without fractional blocks: the same in every terminal and font."""

    VERTICAL_BARS = [" "] * 8
    HORIZONTAL_BARS = [" "] * 8
