"""What one can have done to a deployment that does not work: look, mend, read logs, write it down.

Each method blocks. Only `repair` and the two that write a file change anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.flows.doctor import bundle, examine, logs
from wizard.flows.doctor.repair import Repairs
from wizard.services.files import whole_path

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.checks.model import Report, Result
    from wizard.core.secret import Secret
    from wizard.flows.context import Context
    from wizard.flows.doctor.examine import ResultListener

SHOWN_LINES = 60  # of each file of a support bundle


class Doctor:
    """The doctor of one deployment."""

    def __init__(self, context: Context, answers: Answers) -> None:
        self._context = context
        self._answers = answers

    def examine(
        self, only: tuple[str, ...], token: Secret | None, on_result: ResultListener
    ) -> Report:
        """Run the checklist, or the named checks with their causes. Changes nothing."""
        return examine.run(
            self._context, self._answers, only=only, token=token, on_result=on_result
        )

    def preview(self, found: Result) -> str:
        """What the safe repair of a failed check would do."""
        with Repairs(self._context, self._answers) as repairs:
            return repairs.preview(found)

    def repair(self, found: Result) -> None:
        """Do that repair, recorded."""
        with Repairs(self._context, self._answers) as repairs:
            repairs.apply(found)

    def logs(self) -> tuple[logs.Follower, ...]:
        """The logs of the deployment, each to be read again and again."""
        return logs.followers(self._context, self._answers)

    def collect_bundle(self) -> Mapping[str, str]:
        """Put a redacted support bundle together: file name → text. Writes nothing."""
        return bundle.collect(self._context, self._answers)

    def show_bundle(self, files: Mapping[str, str]) -> str:
        """What is in it, to be read before it is written; of long files the end."""
        return bundle.shown(files, SHOWN_LINES)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        """Write what was shown to a new file and return its path. It is sent nowhere."""
        target = Path(whole_path(name))
        bundle.write(target, files)
        return str(target)

    def export(self, name: str, text: str) -> str:
        """Write a report to a new private file and return its path."""
        return str(bundle.export(Path(whole_path(name)), text))
