"""The real backend: adapts the flows to what the screens need, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING

from wizard.core.answers.model import Answers
from wizard.core.answers.parse import build
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import FlowEvent, Listener, StageReport
from wizard.flows.deployment.answers import draft_file, drop_draft, load_draft, save_draft
from wizard.ui.live_look import LiveLook
from wizard.ui.screens.home_text import links, planned, shown_changes, status_lines
from wizard.ui.views import Link, ReviewView, StatusLine

if TYPE_CHECKING:
    from wizard.core.proof import Proof
    from wizard.core.secret import Secret
    from wizard.core.tfvars import Outputs
    from wizard.flows.context import Options
    from wizard.flows.install import Install, Review


class LiveBackend(LiveLook):
    """Implements `wizard.ui.backend.Backend` with the flows. Imports them on first use."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._listener: Listener = lambda _: None
        self._answers = Answers()
        self._token: Secret | None = None
        self._job: Install | None = None
        self._review: Review | None = None
        self._seen: Review | None = None  # by a person, on the Review screen
        self._used = False  # the saved plan was applied, whether well or not
        self._outputs: Outputs | None = None

    def _emit(self, event: FlowEvent) -> None:
        self._listener(event)

    def listen(self, listener: Listener) -> None:
        """Send every event there."""
        self._listener = listener

    # The run ----------------------------------------------------------------------------------

    def review(self, answers: Answers, token: Secret | None) -> ReviewView:
        """Plan with Terraform and work out every stage's change."""
        self._answers, self._token = answers, token
        self._outputs = None
        self._seen = self._plan()
        return self._view(self._seen)

    def _plan(self) -> Review:
        from wizard.flows.install import Install

        self.close()
        job = Install(self._context, self._answers, self._token)
        job.session = self._lookup.session(self._answers)
        held = self._inventory
        if held is not None and held.identity.region == self._answers.region:
            job.inventory = held
        job.__enter__()
        self._job = job
        try:
            self._review = job.review()
        except WizardError:
            self.close()
            raise
        self._used = False
        return self._review

    def _view(self, review: Review) -> ReviewView:
        warnings = [*review.warnings, *(w.summary for w in review.plan.warnings)]
        warnings += [f"changed outside Terraform: {d.address}" for d in review.plan.drift]
        return ReviewView(
            resources=planned(review.plan),
            stages=shown_changes(review.changes, review.inventory.stages),
            used=review.used,
            skipped=tuple((f"{s.api.name} / {s.name}", why) for s, why in review.skipped),
            cost=tuple((i.name, i.per_month, i.assumption) for i in review.cost.lines),
            cost_total=review.cost.total,
            cost_dated=str(review.cost.dated),
            policies=self._policies(),
            answers_file=self._answers_file(),
            warnings=tuple(warnings),
        )

    def _policies(self) -> dict[str, str]:
        from wizard.core.permissions.documents import render

        account = self.options.env.get("WALLARM_APIGW_ACCOUNT_ID", "")
        return {p: render(self._answers, p, "json", account) for p in ("deploy", "uninstall")}

    def _held(self) -> tuple[Install, Review]:
        if self._job is None or self._review is None:
            raise WizardError(
                "WAG-E-UI-002", "There is no reviewed plan", next_step="Go back to Review."
            )
        return self._job, self._review

    def deploy(self) -> None:
        """Apply what was reviewed. After a failure: plan what is left of it, and nothing else.

        Raises WizardError WAG-E-RUN-003 when more than that would be changed.
        """
        if self._used and self._job is not None and self._seen is not None:
            job, self._review = self._job, None
            self._review, self._used = job.retry(self._seen), False
        job, review = self._held()
        self._used = True
        self._outputs = job.deploy(review)
        drop_draft(self.options)

    def _reached(self) -> Outputs:
        if self._outputs is None:
            raise WizardError("WAG-E-UI-003", "Nothing is deployed yet", next_step="Deploy first.")
        return self._outputs

    def switch_stages(self, only: Collection[str] = ()) -> tuple[StageReport, ...]:
        """Switch the reviewed stages, or these alone."""
        job, review = self._held()
        return job.switch_stages(review, self._reached(), only)

    def undo_stage(self, ref: str) -> StageReport:
        """Put one stage back."""
        if self._adding is not None:
            return self._adding[0].undo_stage(ref)
        return self._held()[0].undo_stage(ref)

    def prove(self, cancel: threading.Event) -> Proof | None:
        """Follow one request."""
        if self._adding is not None:
            return self._prove_added(cancel)
        job, review = self._held()
        return job.prove(review, self._reached(), cancel)

    def undo(self) -> None:
        """Uninstall what a failed run has made."""
        from wizard.flows.uninstall import undo_failed

        self.close()
        undo_failed(self._context, self._answers)

    def cancel(self) -> None:
        """Gracefully."""
        if self._job is not None:
            self._job.cancel()
        self._cancel_home()

    def harder(self) -> None:
        """At once."""
        if self._job is not None:
            self._job.harder()
        self._kill_home()

    def close(self) -> None:
        """Release the lock; an unused plan holds sensitive values, so it goes."""
        self._close_home()
        if self._review is not None and not self._used:
            self._review.plan.discard()
        if self._job is not None:
            self._job.__exit__(None, None, None)
        self._job = self._review = None

    # Afterwards -------------------------------------------------------------------------------

    def summary(self) -> tuple[Link, ...]:
        """Console links, the four log locations, the answers file."""
        outputs, answers = self._outputs, self._answers
        if self._adding is not None:
            outputs, answers = self._adding[1].outputs, self._adding[2]
        return links(outputs, answers, self._answers_file()) if outputs is not None else ()

    def _answers_file(self) -> str:
        deployment = self._job.deployment if self._job is not None else None
        path = deployment.workspace.answers_file if deployment else draft_file(self.options)
        return str(path)

    def save(self, answers: Answers) -> str:
        """Keep unfinished answers; Deploy keeps them in the deployment's own folder."""
        return str(save_draft(self.options, answers))

    def draft(self) -> Answers | None:
        """Unfinished answers of an earlier start, if they can still be read."""
        try:
            data = load_draft(self.options)
            return build(data, check=False) if data else None
        except UsageError:
            return None

    def status(self, answers: Answers) -> tuple[StatusLine, ...]:
        """The deployment at a glance."""
        from wizard.flows.status import read_status

        return status_lines(read_status(self._context, answers))
