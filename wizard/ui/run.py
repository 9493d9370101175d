"""Run the wizard in this terminal, and what stays there when the screens are gone."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.errors import ExitCode
from wizard.core.text import clean, count
from wizard.ui import terminal
from wizard.ui.app import WizardApp

if TYPE_CHECKING:
    from wizard.core.secret import Secret
    from wizard.flows.context import Options
    from wizard.ui.deployment_run import RunState

CLOSE_SECONDS = 3.0
_SIGNALLED = 128  # with the number of the signal, as a shell reports it


def run(options: Options, answers: Answers | None = None, token: Secret | None = None) -> int:
    """Run the wizard in this terminal and return the exit code.

    Without `token` the environment's is taken. Raises UsageError if that one has another shape.
    """
    from wizard.services.tokens import read_token

    app = WizardApp(options, answers)
    if answers is None or answers == Answers():
        app.session.answers = app.product.deployments().draft() or app.session.answers
    app.session.token = token or read_token(None, options.env)
    gc.freeze()  # what was loaded stays: no collection has to go through it again

    def stop(number: int) -> None:
        """A signal to end: Terraform is asked to stop, once; the next start tells how it was."""
        app.deployment_run.interrupt()
        app.exit(_SIGNALLED + number)

    try:
        with terminal.taken(stop):
            code = app.run()
            app.workers_at_work.finish(_tell)
    finally:
        _let_go(app.deployment_run.close)
    if app.crash is not None:
        raise app.crash
    sys.stdout.write(summary(app.deployment_run.latest))
    return int(ExitCode.FAILED) if code is None else code


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def _let_go(close: Callable[[], None]) -> None:
    """Release locks, for as long as that may take: one in a bucket may be out of reach. The next
    start on this computer removes what is left; a colleague is asked.
    """
    closing = threading.Thread(target=close, name="let go", daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)
    if closing.is_alive():
        _tell(
            "The lock of this deployment could not be given back in time. The next start on this "
            "computer removes it; a colleague is told whose it is, and may remove it."
        )


def summary(run: RunState) -> str:
    """What stays in the terminal when the screens are gone; empty where nothing was done."""
    lines = [clean(run.proof.summary)] if run.proof is not None else []
    lines += [f"{link.title}: {clean(f'{link.text} {link.url}').strip()}" for link in run.links]
    if run.removed is not None:
        lines.append(f"{count(run.removed.destroyed, 'resource')} destroyed.")
        lines += [f"Left: {clean(text)}" for text in run.removed.left]
    if run.error is not None:
        lines.append(str(run.error))
    return "".join(f"{line}\n" for line in lines)
