"""What the app knows at this moment: one place that owns each truth; the screens only show it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.core.errors import ExitCode
from wizard.core.events import (
    FlowEvent,
    Hop,
    HopChanged,
    Note,
    Phase,
    PhaseChanged,
    StageReport,
    State,
    TerraformChanged,
)
from wizard.core.proof import Proof, initial
from wizard.core.terraform.progress import Progress
from wizard.ui.loaded import Loaded
from wizard.ui.stage_list import StageBook
from wizard.ui.widgets.log_pane import Tails

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.checks.model import Report, Result
    from wizard.core.errors import WizardError
    from wizard.core.facts import Certificate, HostedZone, Identity, Inventory, LogGroup, Network
    from wizard.core.secret import Secret
    from wizard.ui.backend import Check, Profile
    from wizard.ui.views import (
        Connected,
        Existing,
        Link,
        RemovalView,
        RemovedView,
        ReviewView,
        StatusLine,
    )

LOG_LINES = 5_000


@dataclass
class RunState:
    """One run of deploy, stages and proof, as told by its events."""

    phases: dict[Phase, PhaseChanged] = field(default_factory=dict)
    progress: Progress | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    told: int = 0  # lines ever added, so that a screen can append only what is new
    notes: list[Note] = field(default_factory=list)
    reports: dict[str, StageReport] = field(default_factory=dict)
    hops: dict[str, Hop] = field(default_factory=lambda: {h.key: h for h in initial()})
    error: WizardError | None = None
    error_phase: str = ""
    started: float = 0.0
    ended: float = 0.0
    cancelling: bool = False
    busy: bool = False
    done: set[str] = field(default_factory=set)  # step ids that ended well
    proof: Proof | None = None
    links: tuple[Link, ...] = ()
    removed: RemovedView | None = None
    leaving: tuple[str, ...] = ()  # stages that this run puts back
    put_back: set[str] = field(default_factory=set)  # of its own stages, one by one

    def hear(self, event: FlowEvent) -> None:
        """Fold one event in."""
        if isinstance(event, PhaseChanged):
            self.phases[event.phase] = event
            self.say(f"{event.title}: {event.state.value}")
        elif isinstance(event, Note):
            self.notes.append(event)
            self.say(f"{event.subject}: {event.text}" if event.subject else event.text)
        elif isinstance(event, StageReport):
            self.reports[str(event.ref)] = event
            self.say(f"{event.ref}: {event.state.value}: {event.message}")
        elif isinstance(event, HopChanged):
            self.hops[event.hop.key] = event.hop
        elif isinstance(event, TerraformChanged):
            if isinstance(event.snapshot, Progress):
                self.progress = event.snapshot
            if event.line:
                self.say(event.line)

    def say(self, text: str) -> None:
        """A line for the log."""
        self.lines.append(text)
        self.told += 1

    @property
    def exit_code(self) -> ExitCode:
        """What the command exits with, from how far the run came."""
        if self.error is not None:
            return self.error.exit_code
        if "logging" not in self.done:
            return ExitCode.INTERRUPTED
        incomplete = self.proof is not None and not self.proof.complete
        return ExitCode.FAILED if self.failed_stages or incomplete else ExitCode.DONE

    @property
    def failed_stages(self) -> tuple[str, ...]:
        """Stages whose logging could not be switched."""
        return tuple(ref for ref, r in self.reports.items() if r.state is State.FAILED)

    @property
    def problems(self) -> int:
        """How many things went wrong or are worth a warning."""
        terraform = len(self.progress.diagnostics) if self.progress else 0
        notes = sum(n.state in (State.FAILED, State.WARNING) for n in self.notes)
        return terraform + notes + len(self.failed_stages)


class WizardState:
    """Answers, what was fetched, and the run."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.token: Secret | None = None
        self.api_token: Secret | None = None  # for the doctor's look at the inventory; never kept
        self.token_typed = False  # by hand, so that it is lost on quitting
        self.drafts: dict[str, str] = {}  # typed but not valid: kept so that nothing is lost
        self.wants: dict[str, str] = {}  # choices that are no answer yet, e.g. "log group: mine"
        self.aside: dict[str, Any] = {}  # answers of a choice that is not made just now
        self._selected: tuple[tuple[str, ...], frozenset[str]] = ((), frozenset())
        self.at = "welcome"
        self.seen: set[str] = set()
        self.dirty = False
        self.saved_to = ""
        self.checks: dict[str, Check] = {}
        self.preflight: Loaded[bool] = Loaded()
        self.existing: Loaded[tuple[Existing, ...]] = Loaded()
        self.elsewhere: Loaded[tuple[Existing, ...]] = Loaded()
        self.profiles: Loaded[tuple[Profile, ...]] = Loaded()
        self.regions: Loaded[tuple[str, ...]] = Loaded()
        self.identity: Loaded[Identity] = Loaded()
        self.login: Loaded[bool] = Loaded()
        self.login_shown: tuple[str, str] = ("", "")
        self.inventory: Loaded[Inventory] = Loaded()
        self.apis_read: tuple[int, int] = (0, 0)
        self.cached_age: float | None = None  # seconds; the rows are those of the last time
        self.book = StageBook()
        self.log_groups: Loaded[tuple[LogGroup, ...]] = Loaded()
        self.networks: Loaded[tuple[Network, ...]] = Loaded()
        self.zones: Loaded[tuple[HostedZone, ...]] = Loaded()
        self.certificates: Loaded[tuple[Certificate, ...]] = Loaded()
        self.token_check: Loaded[Check] = Loaded()
        self.node_check: Loaded[Check] = Loaded()
        self.review: Loaded[ReviewView] = Loaded()
        self.status: Loaded[tuple[StatusLine, ...]] = Loaded()
        self.bundle: Loaded[tuple[str, Mapping[str, str], str]] = Loaded()
        self.undone: Loaded[StageReport] = Loaded()
        self.run = RunState()
        self.mode = "install"  # install, settings, or add: further stages of what is deployed
        self.held: frozenset[str] = frozenset()  # connected already, while stages are added
        self.connected: Loaded[tuple[Connected, ...]] = Loaded()
        self.leaving: tuple[str, ...] = ()  # connected stages that are to be put back
        self.removal: Loaded[RemovalView] = Loaded()
        self.doctor: Loaded[Report] = Loaded()
        self.findings: dict[str, Result] = {}
        self.preview: Loaded[tuple[Result, str]] = Loaded()
        self.fixed: Loaded[Result] = Loaded()
        self.exported: Loaded[str] = Loaded()
        self.tails = Tails()
        self.opened: Loaded[Answers] = Loaded()

    @property
    def selected(self) -> frozenset[str]:
        """The chosen stages, `<api id>/<stage>`."""
        if self._selected[0] is not self.answers.stages:  # asked for by every row that is drawn
            self._selected = (self.answers.stages, frozenset(self.answers.stages))
        return self._selected[1]

    @property
    def unfinished(self) -> bool:
        """Whether quitting now would interrupt something."""
        return self.run.busy

    def forget_deployment(self) -> None:
        """Something of the deployment was changed: what was read of it is void."""
        for item in (self.status, self.connected, self.removal, self.doctor):
            item.reset()
        self.findings.clear()
        self.tails.forget()
        self.leaving = ()

    def forget_region(self) -> None:
        """Another account or Region: everything read from the old one is void."""
        for item in (
            self.identity,
            self.elsewhere,
            self.inventory,
            self.log_groups,
            self.networks,
            self.zones,
            self.certificates,
            self.review,
            self.node_check,
        ):
            item.reset()
        self.book.clear()
        self.apis_read = (0, 0)
        self.cached_age = None
