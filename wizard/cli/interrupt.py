"""Ctrl-C outside the guided screens: graceful first; at once only after a typed word.

While Terraform works, Ctrl-C (or SIGTERM) asks it to finish what it is doing and to store its
state; what is still settling is counted. A second Ctrl-C warns, and kills it only when somebody at
a terminal types the word. Everywhere else Ctrl-C ends the program as usual: nothing is half done.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from wizard.core.events import State
from wizard.core.text import count

if TYPE_CHECKING:
    from wizard.cli.console import Console
    from wizard.services.terraform.client import Terraform

WORD = "kill"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class GracefulStop:
    """A context manager around the part of a command that runs Terraform.

    Args:
        working: the Terraform at work right now; None while none is.
        ask: reads an answer to a question from a terminal; None where nobody sits there.
    """

    def __init__(
        self,
        console: Console,
        working: Callable[[], Terraform | None],
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self._console = console
        self._working = working
        self._ask = ask if ask is not None else _terminal() if sys.stdin.isatty() else None
        self._before: dict[int, object] = {}
        self._asking = False

    def __enter__(self) -> GracefulStop:
        if threading.current_thread() is threading.main_thread():
            self._before = {n: signal.signal(n, self._handle) for n in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        terraform = self._working()
        if terraform is None:
            raise KeyboardInterrupt
        if not terraform.stopping:
            terraform.interrupt()
            self._console.stopping = True
            more = " Ctrl-C again asks whether to stop at once." if self._ask else ""
            self._console.line(
                f"Stopping. {self._settling()} Terraform finishes what it is doing, stores its "
                f"state and stops; what is done stays done.{more}",
                State.WARNING,
            )
        elif self._ask is None:
            self._console.line(f"Stopping already. {self._settling()}", State.WARNING)
        else:
            self._harder(terraform)

    def _harder(self, terraform: Terraform) -> None:
        if self._ask is None or self._asking:
            return
        self._asking = True
        self._console.end_live()
        try:
            said = self._ask(
                f"{self._settling()} Killed now, what Terraform is making may exist in AWS without "
                "being in its state: the next run looks for it and names what it cannot take over. "
                f"Waiting is better. Type {WORD} to stop at once: "
            )
        finally:
            self._asking = False
        if said.strip().lower() == WORD:
            terraform.kill()
        else:
            self._console.line(f"Still waiting. {self._settling()}")

    def _settling(self) -> str:
        left = self._console.running_resources
        if not left:
            return "Terraform reports nothing at work just now."
        return f"{count(left, 'resource')} still settling."


def _terminal() -> Callable[[str], str]:
    def ask(question: str) -> str:
        print(question, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline()

    return ask
