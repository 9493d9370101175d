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

DARK = Theme(
    name="wallarm-dark",
    primary="#5AA2FF",
    secondary="#5AA2FF",
    accent="#5AA2FF",
    warning="#F0B429",
    error="#FF6B6B",
    success="#5FD38D",
    foreground="#D7DEE8",
    background="#0F141B",
    surface="#151C25",
    panel="#1D2733",
    dark=True,
    variables={
        "footer-key-foreground": "#5AA2FF",
        "border": "#3A4A5E",
        "scrollbar": "#3E4855",
    },
)
LIGHT = Theme(
    name="wallarm-light",
    primary="#0B5FD0",
    secondary="#0B5FD0",
    accent="#0B5FD0",
    warning="#8A5A00",
    error="#B42318",
    success="#14743C",
    foreground="#1C2733",
    background="#FAFBFC",
    surface="#F0F3F7",
    panel="#E2E8F0",
    dark=False,
    variables={
        "footer-key-foreground": "#0B5FD0",
        "border": "#B6C2D0",
        "scrollbar": "#B6C2D0",
    },
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
    fore, back = Color.parse(variables["foreground"]), Color.parse(variables["background"])

    def style(colour: Color, *, bold: bool = False) -> Style:
        return Style(color=colour.rich_color, bold=bold or None)

    def token(name: str) -> Color:
        return Color.parse(variables[name])

    return Ink(
        plain=style(fore),
        muted=style(back.blend(fore, 0.66)),
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
