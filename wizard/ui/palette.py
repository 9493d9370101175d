"""The command palette (Ctrl-P): where one can go, and what one can do from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand

from wizard.ui.navigation import path
from wizard.ui.screens.step import StepScreen

if TYPE_CHECKING:
    from wizard.ui.app import WizardApp

OF_TEXTUAL = ("Theme", "Screenshot")  # of the commands that every Textual app has


def commands(
    app: WizardApp, screen: Any, of_every_app: Iterable[SystemCommand]
) -> Iterable[SystemCommand]:
    """The steps seen so far, then what works on every screen."""
    for step in path(app.state):
        if step.id in app.state.seen and step.id != app.state.at:
            yield SystemCommand(
                f"Go to {step.title}", step.question, lambda i=step.id: app.visit(i)
            )
    yield SystemCommand("Light or dark", "Switch the theme", app.action_switch_theme)
    yield SystemCommand("Quit", "Leave the wizard", app.action_ask_quit)
    if isinstance(screen, StepScreen):
        yield SystemCommand("Help", "Help for this screen", screen.action_help)
    yield from (c for c in of_every_app if c.title in OF_TEXTUAL)
