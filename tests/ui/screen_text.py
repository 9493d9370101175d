"""A screen as plain text: what a reader sees, without colours, stable across patch releases."""

from __future__ import annotations

from rich.color import ColorSystem
from textual.app import App


def screen_text(app: App[object]) -> str:
    """The visible lines, right-stripped."""
    app.screen.refresh()
    size = app.size
    strips = _rows(app, size.width)
    return "\n".join(line.rstrip() for line in strips)


def _rows(app: App[object], width: int) -> list[str]:
    update = app.screen._compositor.render_update(
        full=True, screen_stack=app._background_screens, simplify=False
    )
    from rich.console import Console

    console = Console(width=width, height=app.size.height, color_system=None, force_terminal=False,
                      legacy_windows=False)  # fmt: skip
    with console.capture() as capture:
        console.print(update)
    lines = capture.get().split("\n")
    return lines[: app.size.height]


def drawn_backgrounds(app: App[object]) -> set[str]:
    """What stands behind the signs in a terminal of 256 colours, as `#rrggbb`."""
    found = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            colour = segment.style.bgcolor if segment.style is not None else None
            if colour is not None:
                found.add(colour.downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex)
    return found


def lines_in_focus(app: App[object], *shades: str) -> list[int]:
    """The lines of the screen on which something looks as if the keys went there.

    Args:
        shades: what stands behind such a thing, as `#rrggbb`.
    """
    found = []
    for number, strip in enumerate(app.screen._compositor.render_strips()):
        behind = [
            segment.style.bgcolor.get_truecolor().hex
            for segment in strip
            if segment.style is not None and segment.style.bgcolor is not None
            for _ in range(segment.cell_length)
        ]
        if any(behind.count(shade) > 1 for shade in shades):  # one cell is a field's cursor
            found.append(number)
    return found


def is_grey(colour: str) -> bool:
    """Whether a `#rrggbb` has no hue."""
    return len({colour[1:3], colour[3:5], colour[5:7]}) == 1
