"""The support bundle: put together, shown to be read, written when a person agrees.

It is sent nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.core.text import clean
from wizard.ui.screens.dialogs import Agree
from wizard.ui.session import Loaded

if TYPE_CHECKING:
    from textual.screen import Screen

    from wizard.flows.doctor.doctor import Doctor
    from wizard.ui.guide import Guide

    Shown = tuple[Mapping[str, str], str]  # file name → text, and how it is shown


class SupportBundle:
    """What a screen holds that offers one. `loaded` says whether it is being put together."""

    def __init__(self, screen: Screen[None], guide: Guide) -> None:
        self._screen = screen
        self._guide = guide
        self.loaded: Loaded[Shown] = Loaded()

    def offer(self, name: str = "") -> None:
        """Put one together, then ask whether to write it to the file of that name."""
        now = datetime.now(timezone.utc)
        target = name or f"wallarm-apigw-support-{now:%Y%m%dT%H%M%SZ}.zip"

        def collect() -> Shown:
            doctor = self._doctor()
            files = doctor.collect_bundle()
            return files, doctor.show_bundle(files)

        def take(found: Shown | WizardError) -> None:
            self.loaded.end(found)
            if isinstance(found, WizardError):
                self._complain(found)
            else:
                self._ask(target, *found)

        self.loaded.begin(self._guide.clock())
        self._guide.workers.start("bundle", collect, take)

    def _ask(self, name: str, files: Mapping[str, str], shown: str) -> None:
        self._screen.app.push_screen(
            Agree(
                f"Write {len(files)} redacted files to {clean(name, 200)}?",
                shown,
                "It is sent nowhere. `wallarm-apigw support-bundle --show` prints all of it.",
                act="Write it",
            ),
            lambda yes: self._write(name, files) if yes else None,
        )

    def _write(self, name: str, files: Mapping[str, str]) -> None:
        self._guide.workers.start(
            "exported", lambda: self._doctor().write_bundle(name, files), self.written
        )

    def _doctor(self) -> Doctor:
        """From a worker: loading it takes a moment."""
        return self._guide.product.doctor(self._guide.session.answers)

    def written(self, file: str | WizardError) -> None:
        """Say where it is, or why it is not."""
        if isinstance(file, WizardError):
            self._complain(file)
        else:
            self._screen.app.notify(f"Written to {clean(file, 300)}", markup=False)

    def _complain(self, error: WizardError) -> None:
        self._screen.app.notify(str(error), severity="error", markup=False, timeout=20)
