"""A screen as plain text: what a reader sees, without colours, stable across patch releases."""

from __future__ import annotations

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
