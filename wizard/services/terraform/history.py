"""What this machine has learned about durations: medians per resource type and action."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.terraform.durations import key
from wizard.services.files import write_private
from wizard.services.workspace.workspace import data_dir

_KEEP = 15
_MAX_KEYS = 500


class History:
    """The last durations, in seconds, by resource type and action. A damaged file counts as none.

    Args:
        path: the file; None means `durations.json` in the product's data folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or data_dir() / "durations.json"

    def medians(self) -> dict[str, float]:
        """Median seconds by `durations.key`."""
        return {name: statistics.median(times) for name, times in self._read().items() if times}

    def record(self, measured: Iterable[tuple[str, str, float]]) -> None:
        """Add resource type, action and seconds of what ended well.

        A history that cannot be written is no reason to fail a deployment: it is left as it was.
        """
        known = self._read()
        for resource_type, action, seconds in measured:
            name = key(resource_type, action)
            if name in known or len(known) < _MAX_KEYS:
                known[name] = [*known.get(name, []), round(max(0.0, seconds), 1)][-_KEEP:]
        try:
            write_private(self._path, json.dumps(known, sort_keys=True) + "\n")
        except WizardError:
            return

    def _read(self) -> dict[str, list[float]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                str(name): [float(t) for t in times if 0 <= float(t) < 86_400]
                for name, times in data.items()
            }
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
