"""What the screens need from the product, as one protocol: they know no flow and no service.

Every method blocks and is called from a worker thread. Expected failures are `WizardError`.
Events of a running flow reach the app through the listener given to `listen`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from wizard.flows.preflight import Check
from wizard.flows.sign_in import Profile

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.checks.model import Report, Result
    from wizard.core.events import Listener, StageReport
    from wizard.core.facts import (
        Api,
        Certificate,
        HostedZone,
        Identity,
        Inventory,
        LogGroup,
        Network,
        Stage,
    )
    from wizard.core.proof import Proof
    from wizard.core.secret import Secret
    from wizard.flows.doctor.logs import LogSource, Tail
    from wizard.ui.views import (
        Connected,
        Existing,
        Link,
        RemovalView,
        RemovedView,
        ReviewView,
        StatusLine,
    )

__all__ = ["Backend", "Check", "Profile"]


class LogFollower(Protocol):
    """One log; `news` gives every line once."""

    @property
    def source(self) -> LogSource:
        """Which log it is."""

    def news(self) -> Tail:
        """The lines that were not there last time."""


AskMfa = Callable[[str], str]
AskStage = Callable[[str, str], bool]
ShowLogin = Callable[[str, str], None]


class Backend(Protocol):
    """The product as the screens see it."""

    def ask_with(self, agree: Callable[[str], bool], ask_mfa: AskMfa) -> None:
        """Have a flow's questions answered: yes or no, and the one-time code of a device.

        Both are called from worker threads.
        """

    def listen(self, listener: Listener) -> None:
        """Every event of a running flow goes to this listener, from any thread."""

    def preflight(
        self, answers: Answers, on_check: Callable[[Check], None], only: str = ""
    ) -> None:
        """Run the checks of the first screen; each is told when it starts and when it ends.

        `only` names one: it is run with those that hang on it.
        """

    def existing(self) -> tuple[Existing, ...]:
        """Deployments whose workspace is on this machine."""

    def elsewhere(self, answers: Answers) -> tuple[Existing, ...]:
        """Deployments of this account and Region whose state a colleague keeps in S3."""

    def saved(self, existing: Existing) -> Answers | None:
        """The answers that deployment was made with; None where there are none."""

    def profiles(self) -> tuple[Profile, ...]:
        """Profiles of the user's AWS configuration, in its order."""

    def regions(self, answers: Answers) -> tuple[str, ...]:
        """Regions the account can use; a static list where AWS cannot be asked."""

    def identity(self, answers: Answers) -> Identity:
        """Who the credentials belong to."""

    def sso_login(self, answers: Answers, show: ShowLogin, cancel: threading.Event) -> None:
        """Log in with IAM Identity Center; `show` gets the address to open and the code."""

    def discover(
        self,
        answers: Answers,
        on_batch: Callable[[tuple[Stage, ...]], None],
        on_count: Callable[[int, int], None],
        cancel: threading.Event,
        *,
        priority: Callable[[Api], Any] | None = None,
        on_cached: Callable[[tuple[Stage, ...], float], None] | None = None,
    ) -> Inventory:
        """Every API and stage; `on_count` gets (APIs read, APIs known).

        `priority` says which API is read next, the least first. `on_cached` gets the list of
        the last time and its age in seconds, before anything is read.
        """

    def log_groups(self, answers: Answers) -> tuple[LogGroup, ...]:
        """Log groups of the Region with their subscription filters where known."""

    def networks(self, answers: Answers) -> tuple[Network, ...]:
        """VPCs with their subnets."""

    def zones(self, answers: Answers) -> tuple[HostedZone, ...]:
        """Route 53 hosted zones."""

    def certificates(self, answers: Answers) -> tuple[Certificate, ...]:
        """Valid certificates of the Region, whatever their names."""

    def check_token(self, answers: Answers, token: Secret) -> Check:
        """Ask the Wallarm Cloud about the token: valid (done), refused (failed), not checked."""

    def check_node(self, answers: Answers) -> Check:
        """Whether an existing node answers from here."""

    def review(self, answers: Answers, token: Secret | None) -> ReviewView:
        """Work out every change. Nothing is changed."""

    def deploy(self) -> None:
        """Apply what was reviewed last."""

    def switch_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        """Switch the access logs of the reviewed stages, or of these alone."""

    def undo_stage(self, ref: str) -> StageReport:
        """Put one stage's logging back to what it was."""

    def prove(self, cancel: threading.Event) -> Proof | None:
        """Follow one request; None when none can be sent."""

    def summary(self) -> tuple[Link, ...]:
        """Where to look now: console links, log groups, files."""

    def undo(self) -> None:
        """Take away what a failed deployment has made so far."""

    def collect_bundle(self, answers: Answers) -> Mapping[str, str]:
        """Put a redacted support bundle together: file name → text. Writes nothing."""

    def show_bundle(self, files: Mapping[str, str]) -> str:
        """What is in it, to be read before it is written."""

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        """Write what was shown and return its path. It is sent nowhere."""

    def cancel(self) -> None:
        """Stop gracefully after what is being done right now."""

    def harder(self) -> None:
        """Stop at once. What was being done is then in doubt."""

    def save(self, answers: Answers) -> str:
        """Keep the answers for the next run; returns the file. Holds no secret."""

    def status(self, answers: Answers) -> tuple[StatusLine, ...]:
        """State of the existing deployment, for the home screen."""

    # An existing deployment

    def connected(self, answers: Answers) -> tuple[Connected, ...]:
        """The stages that this deployment has connected."""

    def review_add(self, answers: Answers) -> ReviewView:
        """Work out what connecting `answers.stages` to the deployment changes. Changes nothing."""

    def add_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        """Connect what `review_add` showed, or these alone."""

    def remove_stages(
        self, answers: Answers, refs: tuple[str, ...], ask: AskStage
    ) -> tuple[StageReport, ...]:
        """Put the logging of these stages back; `ask` decides about one that changed since."""

    def review_uninstall(self, answers: Answers) -> RemovalView:
        """Work out the removal. Changes nothing."""

    def uninstall(self, ask: AskStage, *, delete_logs: bool) -> RemovedView:
        """Do what `review_uninstall` showed; log groups made here are kept or go too."""

    def diagnose(
        self,
        answers: Answers,
        token: Secret | None,
        only: tuple[str, ...],
        on_result: Callable[[Result], None],
    ) -> Report:
        """Run the checklist, or the named checks with their causes. Changes nothing."""

    def fix_preview(self, answers: Answers, found: Result) -> str:
        """What the safe repair of a failed check would do."""

    def fix(self, answers: Answers, found: Result) -> None:
        """Do that repair, recorded."""

    def logs(self, answers: Answers) -> tuple[LogFollower, ...]:
        """The logs of the deployment, each to be read again and again."""

    def export(self, name: str, text: str) -> str:
        """Write a new private file and return its path."""

    def close(self) -> None:
        """Release what is held (locks, plans)."""
