"""One person's way through the wizard: answers, what is no answer yet, where one is.

It knows no AWS and starts no work. What is read from the account is in `account`, the run in
`deployment_run`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.signal import Signal

from wizard.core.errors import WizardError

if TYPE_CHECKING:
    from textual.app import App

    from wizard.core.answers.model import Answers
    from wizard.core.secret import Secret
    from wizard.flows.preflight import FirstCheck

T = TypeVar("T")


@dataclass(eq=False)  # a place where something is put, not a value
class Loaded(Generic[T]):
    """Something that is fetched in the background: the value, or why there is none.

    `since` is the time of the app's clock, in seconds, when the fetch began.
    """

    value: T | None = None
    error: WizardError | None = None
    busy: bool = False
    since: float = 0.0

    def begin(self, now: float) -> None:
        """A new fetch starts; what is known stays until it ends."""
        self.busy, self.error, self.since = True, None, now

    def end(self, found: T | WizardError) -> None:
        """The fetch ended, well or not; what was known before a failure stays."""
        self.busy = False
        if isinstance(found, WizardError):
            self.error = found
        else:
            self.value, self.error = found, None

    def reset(self) -> None:
        """Forget it: the question changed."""
        self.value, self.error, self.busy = None, None, False


@dataclass
class Choices:
    """What somebody chose that is no answer by itself; empty where the answers tell."""

    logs: str = ""  # which log group: `new`, `vended` or `existing`
    cloud: str = ""  # `eu`, `us` or `custom`
    node: str = ""  # `deploy` or `existing`
    network: str = ""  # which VPC: `new` or `existing`
    secure: str = ""  # forwarder to node: `http` or `https`
    token_kept: bool = False  # one is stored in the account already
    delete_logs: bool = False  # with the rest, on uninstalling
    unfinished: str = ""  # the run that was told of already


@dataclass
class Checked:
    """What the checks of the questions said last; kept for when one comes back to their screen."""

    first: dict[str, FirstCheck] = field(default_factory=dict)  # of the first screen, by key
    first_error: WizardError | None = None
    token: FirstCheck | WizardError | None = None
    node: FirstCheck | WizardError | None = None


class Session:
    """Answers and drafts, and which screen is shown. The screens hear of changes by its signal."""

    def __init__(self, app: App[Any], answers: Answers) -> None:
        self.answers = answers
        self.token: Secret | None = None
        self.api_token: Secret | None = None  # for the doctor's look at the inventory; never kept
        self.token_typed = False  # by hand, so that it is lost on quitting
        self.drafts: dict[str, str] = {}  # typed but not valid: kept so that nothing is lost
        self.choices = Choices()
        self.checked = Checked()
        self.mode = "install"  # install, settings, or add: further stages of what is deployed
        self.continued = ("", "")  # name prefix and Region of the install that is gone on with
        self.every_question = False  # Next passes over none, whatever its default is worth
        self.at = "welcome"
        self.seen: set[str] = set()
        self.saved_to = ""
        self.answered: Signal[frozenset[str]] = Signal(app, "answers changed: their names")
        self.opened: Signal[Answers] = Signal(app, "these answers of a deployment were taken")
        self.before_screens: list[Callable[[Answers, Answers], None]] = []
        self._aside: dict[str, Any] = {}  # answers of a choice that is not made just now
        self._selected: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())

    @property
    def selected(self) -> frozenset[str]:
        """The chosen stages, `<api id>/<stage>`."""
        if self._selected[0] is not self.answers.stages:  # asked for by every row that is drawn
            self._selected = (self.answers.stages, frozenset(self.answers.stages))
        return self._selected[1]

    def answer(self, **changes: Any) -> None:
        """Take answers; models hear of it first (with before and after), then the screens."""
        before = self.answers
        self.answers = after = before.with_(**changes)
        if after == before:
            return
        if (after.profile, after.region) != (before.profile, before.region):
            self.checked.node = None
        for hear in self.before_screens:
            hear(before, after)
        self.answered.publish(frozenset(changes))

    def set_aside(self, keys: tuple[str, ...]) -> None:
        """A choice makes these answers pointless: empty them, and remember them for its return."""
        held = {k: getattr(self.answers, k) for k in keys}
        self._aside.update({k: v for k, v in held.items() if v})
        self.answer(**{k: type(v)() for k, v in held.items()})

    def bring_back(self, keys: tuple[str, ...]) -> None:
        """The choice is made again: so are its answers."""
        self.answer(**{k: self._aside.pop(k) for k in keys if k in self._aside})
