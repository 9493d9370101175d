"""The real backend of an existing deployment: connected stages, doctor, removal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.core.cost import estimate
from wizard.core.errors import WizardError
from wizard.flows.context import Context, Options
from wizard.ui.backend import AskMfa, AskStage, LogFollower
from wizard.ui.screens.home_text import planned, shown_changes
from wizard.ui.views import (
    Connected,
    RemovalView,
    RemovedView,
    ReviewView,
)

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.checks.model import Report, Result
    from wizard.core.events import FlowEvent, StageReport
    from wizard.core.facts import Inventory
    from wizard.core.journal.record import StageRecord
    from wizard.core.proof import Proof
    from wizard.core.secret import Secret
    from wizard.flows.stages.connect import Addition, Stages
    from wizard.flows.uninstall import Removal, Uninstall

SHOWN_LINES = 60  # of each file of a support bundle


class LiveHome:
    """What Home offers, on the flows. The guided install adds the rest."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._agree: Callable[[str], bool] = lambda _: False
        self._code: AskMfa | None = None
        self._context = Context(options, self._emit, self._agrees, self._agrees, self._ask_code)
        self._inventory: Inventory | None = None
        self._adding: tuple[Stages, Addition, Answers] | None = None
        self._added = False
        self._removing: tuple[Uninstall, Removal] | None = None
        self._ask: AskStage = _keep

    def ask_with(self, agree: Callable[[str], bool], ask_mfa: AskMfa) -> None:
        """Have a flow's questions put to a person; called from worker threads."""
        self._agree, self._code = agree, ask_mfa

    def _agrees(self, question: str) -> bool:
        return self._agree(question)

    def _ask_code(self, prompt: str) -> str:
        if self._code is None:
            raise LookupError("nobody was named who could be asked")
        return self._code(prompt)

    def _emit(self, event: FlowEvent) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Release what is held."""
        raise NotImplementedError

    # Stages -----------------------------------------------------------------------------------

    def connected(self, answers: Answers) -> tuple[Connected, ...]:
        """The stages that this deployment has connected."""
        from wizard.flows.status import read_status

        seen = read_status(self._context, answers)
        return tuple(Connected(str(s.ref), s.log_group, s.same, s.note) for s in seen.stages)

    def review_add(self, answers: Answers) -> ReviewView:
        """Work out what connecting these stages changes."""
        from wizard.flows.stages.connect import Stages

        self.close()
        job = Stages(self._context, answers)
        job.__enter__()
        try:
            found = job.review_add(answers.stages)
        except BaseException:
            job.__exit__(None, None, None)
            raise
        self._adding, self._added = (job, found, answers), False
        known = self._inventory.stages if self._inventory is not None else ()
        cost = estimate(answers)
        return ReviewView(
            resources=planned(found.plan),
            stages=shown_changes(found.changes, known),
            skipped=tuple((f"{s.api.name} / {s.name}", why) for s, why in found.skipped),
            cost=tuple((i.name, i.per_month, i.assumption) for i in cost.lines),
            cost_total=cost.total,
            cost_dated=str(cost.dated),
            policies={},
            answers_file=str(job.deployment.workspace.answers_file),
            warnings=found.warnings,
        )

    def add_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        """Connect what was reviewed, or these alone."""
        if self._adding is None:
            raise WizardError(
                "WAG-E-UI-002", "There is no reviewed plan", next_step="Go back to Review."
            )
        job, found, _ = self._adding
        if self._added:  # the plan is used up by a try, whether well or not
            return job.add_again(found, only)
        self._added = True
        return job.add(found)

    def _prove_added(self, cancel: threading.Event) -> Proof | None:
        if self._adding is None or self._inventory is None:
            return None
        job, found, _ = self._adding
        return job.prove(found, self._inventory, cancel)

    def remove_stages(
        self, answers: Answers, refs: tuple[str, ...], ask: AskStage
    ) -> tuple[StageReport, ...]:
        """Put the logging of these stages back."""
        from wizard.flows.stages.connect import Stages

        self.close()
        with Stages(self._context, answers) as job:
            return job.remove(
                job.review_remove(refs),
                lambda held, said: ask(str(held.ref), said),
                reviewed=False,
            )

    # Removal ----------------------------------------------------------------------------------

    def review_uninstall(self, answers: Answers) -> RemovalView:
        """Work out the removal."""
        from wizard.flows.uninstall import Uninstall

        self.close()
        job = Uninstall(self._context, answers, ask=self._ask_about)
        job.__enter__()
        try:
            removal = job.review()
        except BaseException:
            job.__exit__(None, None, None)
            raise
        self._removing = (job, removal)
        return RemovalView(
            stages=tuple(str(held.ref) for held in removal.stages),
            resources=planned(removal.plan),
            token_parameter=removal.token_parameter,
            stays=removal.stays,
            log_groups=tuple(one.name for one in removal.logs),
            policies=removal.policies,
        )

    def _ask_about(self, held: StageRecord, said: str) -> bool:
        return self._ask(str(held.ref), said)

    def uninstall(self, ask: AskStage, *, delete_logs: bool) -> RemovedView:
        """Do what was reviewed. The plan is used up by it, whether well or not."""
        if self._removing is None:
            raise WizardError(
                "WAG-E-UI-002", "There is no reviewed plan", next_step="Go back to Home."
            )
        job, removal = self._removing
        self._ask = ask
        removed = job.run(removal, delete_logs=delete_logs)
        return RemovedView(removed.destroyed, removed.left, removed.complete)

    # Doctor -----------------------------------------------------------------------------------

    def diagnose(
        self,
        answers: Answers,
        token: Secret | None,
        only: tuple[str, ...],
        on_result: Callable[[Result], None],
    ) -> Report:
        """Run the checklist."""
        from wizard.flows.doctor import examine as diagnose

        return diagnose.run(self._context, answers, only=only, token=token, on_result=on_result)

    def fix_preview(self, answers: Answers, found: Result) -> str:
        """What the repair would do."""
        from wizard.flows.doctor.repair import Repairs

        self.close()
        with Repairs(self._context, answers) as repairs:
            return repairs.preview(found)

    def fix(self, answers: Answers, found: Result) -> None:
        """Do the repair."""
        from wizard.flows.doctor.repair import Repairs

        self.close()
        with Repairs(self._context, answers) as repairs:
            repairs.apply(found)

    def logs(self, answers: Answers) -> tuple[LogFollower, ...]:
        """The logs of the deployment."""
        from wizard.flows.doctor.logs import followers

        return followers(self._context, answers)

    def export(self, name: str, text: str) -> str:
        """Write a report to a new file."""
        from wizard.flows.doctor.bundle import export

        return str(export(Path(name).expanduser(), text))

    def collect_bundle(self, answers: Answers) -> Mapping[str, str]:
        """Put a support bundle together."""
        from wizard.flows.doctor import bundle

        return bundle.collect(self._context, answers)

    def show_bundle(self, files: Mapping[str, str]) -> str:
        """What is in it; of long files the end."""
        from wizard.flows.doctor import bundle

        return bundle.shown(files, SHOWN_LINES)

    def write_bundle(self, name: str, files: Mapping[str, str]) -> str:
        """Write what was shown."""
        from wizard.flows.doctor import bundle

        target = Path(name).expanduser()
        bundle.write(target, files)
        return str(target.absolute())

    # Ends -------------------------------------------------------------------------------------

    def _cancel_home(self) -> None:
        if self._removing is not None:
            self._removing[0].cancel()
        if self._adding is not None:
            self._adding[0].cancel()

    def _kill_home(self) -> None:
        if self._removing is not None:
            self._removing[0].harder()
        if self._adding is not None:
            self._adding[0].harder()

    def _close_home(self) -> None:
        """Release the lock; a plan that was not used goes."""
        if self._adding is not None:
            job, found, _ = self._adding
            self._adding = None
            if found.plan is not None:
                found.plan.discard()
            job.__exit__(None, None, None)
        if self._removing is not None:
            removal_job, removal = self._removing
            self._removing = None
            if removal.plan is not None:
                removal.plan.discard()
            removal_job.__exit__(None, None, None)


def _keep(_label: str, _said: str) -> bool:
    return False
