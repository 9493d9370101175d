"""What every flow needs from outside: options, the listener, and the services made from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wizard.core.events import FlowEvent, Listener, Note, Phase, PhaseChanged, State

CREDENTIALS = "AWS credentials"  # the subject of what is told about them


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what to deploy.

    Args:
        workspace: folder to work in; None means the platform's user data directory.
        terraform: path of a Terraform binary; empty means the one on PATH.
        plugin_mirror: folder of a provider mirror; empty means it is looked for.
        env: the environment of this process, or of the sandbox.
        dry_run: stop before the first change.
        preflight: `stop` where permissions are missing (empty means that), `warn`, or `skip`.
        unlock: the id of a lock that a dead run left and that may be removed.
        undelivered: what a removal does with events that wait: `replay`, `discard`; empty asks.
        take_over: the id of another installation that this one takes over.
        at_most: so many stages may rules newly connect without a person who agrees; None asks.
    """

    workspace: Path | None = None
    terraform: str = ""
    plugin_mirror: str = ""
    # Not printed with the rest: it holds the keys, and may hold the token.
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    dry_run: bool = False
    unlock: str = ""
    take_over: str = ""
    undelivered: str = ""
    preflight: str = ""
    at_most: int | None = None


class Context:
    """Options plus the listener that hears every event of a flow.

    Args:
        ask: puts a yes-or-no question to the user; without it every answer is no.
        ask_person: the same for what only a person can know; `--yes` is no answer to it.
        ask_code: asks for the one-time code of a profile with MFA, gets AWS's prompt.
    """

    def __init__(
        self,
        options: Options,
        emit: Listener,
        ask: Callable[[str], bool] | None = None,
        ask_person: Callable[[str], bool] | None = None,
        ask_code: Callable[[str], str] | None = None,
    ) -> None:
        self.options = options
        self._emit = emit
        self._ask = ask
        self._ask_person = ask_person
        self.ask_code = ask_code

    @property
    def env(self) -> Mapping[str, str]:
        """The environment the run sees."""
        return self.options.env

    def emit(self, event: FlowEvent) -> None:
        """Tell the listener."""
        self._emit(event)

    def ask(self, question: str) -> bool:
        """Whether the user agrees; no where nobody can be asked."""
        return self._ask is not None and self._ask(question)

    def ask_person(self, question: str) -> bool:
        """Whether a person agrees; no where none sits there."""
        return self._ask_person is not None and self._ask_person(question)

    def may_unlock(self, lock_id: str, question: str) -> bool:
        """Whether this very lock may be removed: named by `--unlock`, or a person agrees."""
        return self.options.unlock == lock_id or self.ask_person(question)

    def note(self, text: str, state: State = State.DONE, subject: str = "") -> None:
        """Tell the listener one line."""
        self._emit(Note(text, state, subject))

    def note_wait(self, text: str) -> None:
        """Tell the listener what is waited for before AWS can be asked."""
        self.note(text, State.RUNNING, CREDENTIALS)

    def phase(self, phase: Phase, title: str, usual: str = "") -> _Phase:
        """Bracket a phase: running, then done or failed."""
        return _Phase(self, phase, title, usual)


class _Phase:
    def __init__(self, context: Context, phase: Phase, title: str, usual: str) -> None:
        self._context = context
        self._phase = phase
        self._title = title
        self._usual = usual

    def __enter__(self) -> _Phase:
        self._context.emit(PhaseChanged(self._phase, State.RUNNING, self._title, self._usual))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        state = State.DONE if kind is None else State.FAILED
        self._context.emit(PhaseChanged(self._phase, state, self._title, self._usual))
