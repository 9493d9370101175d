"""A progress bar of one line that never goes back and says its number."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from wizard.ui import theme


class Meter(Widget):
    """`━━━━━━╸──────  58 %`."""

    DEFAULT_CSS = "Meter { height: 1; width: 1fr; margin-bottom: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._fraction = 0.0

    def show(self, fraction: float) -> None:
        """Draw this share, 0.0 to 1.0."""
        if fraction != self._fraction:
            self._fraction = fraction
            self.refresh()

    def render(self) -> Text:
        """Full, half, empty, number."""
        ink = theme.ink(self)
        room = max(1, self.size.width - 6)
        halves = round(self._fraction * room * 2)
        full, half = divmod(halves, 2)
        text = Text("━" * full, ink.good if self._fraction >= 1 else ink.accent, no_wrap=True)
        if half:
            text.append("╸", ink.accent)
        text.append("─" * (room - full - half), ink.muted)
        text.append(f"{int(self._fraction * 100):>4} %", ink.plain)
        return text
