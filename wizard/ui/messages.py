"""What worker threads tell the event loop: one message per finished piece of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from wizard.core.checks.model import Result
    from wizard.core.errors import WizardError
    from wizard.ui.backend import Check
    from wizard.ui.loaded import Loaded
    from wizard.ui.stage_list import StageRow


class Fetched(Message):
    """A fetch ended, well or with an error."""

    def __init__(
        self, name: str, item: Loaded[Any], turn: int, value: Any, error: WizardError | None
    ) -> None:
        super().__init__()
        self.name = name
        self.item = item
        self.turn = turn
        self.value = value
        self.error = error


class CheckTold(Message):
    """A preflight check began or ended."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check


class StagesRead(Message):
    """Stages were read; their rows are made already, because that takes time."""

    def __init__(self, turn: int, rows: tuple[StageRow, ...]) -> None:
        super().__init__()
        self.turn = turn
        self.rows = rows


class StagesLeft(Message):
    """All stages were read: these are there, and nothing else."""

    def __init__(self, turn: int, refs: frozenset[str]) -> None:
        super().__init__()
        self.turn = turn
        self.refs = refs


class CachedShown(Message):
    """The rows so far are those of the last time."""

    def __init__(self, turn: int, age: float) -> None:
        super().__init__()
        self.turn = turn
        self.age = age


class ApisCounted(Message):
    """How far discovery is, in APIs."""

    def __init__(self, turn: int, read: int, known: int) -> None:
        super().__init__()
        self.turn = turn
        self.read = read
        self.known = known


class LoginShown(Message):
    """The address to open for an SSO login, and its code."""

    def __init__(self, url: str, code: str) -> None:
        super().__init__()
        self.url = url
        self.code = code


class PartDone(Message):
    """One part of the run (`deploy`, `logging`, `proof`) ended."""

    def __init__(self, step_id: str, value: Any = None, error: WizardError | None = None) -> None:
        super().__init__()
        self.step_id = step_id
        self.value = value
        self.error = error


class Examined(Message):
    """A check of the doctor has its finding."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class RunEnded(Message):
    """Nothing runs any more."""
