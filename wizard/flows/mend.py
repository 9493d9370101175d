"""Applies one safe repair of the checklist: previewed, asked for, recorded."""

from __future__ import annotations

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Result
from wizard.core.errors import WizardError
from wizard.core.events import StageReport, State
from wizard.core.facts import ApiType, StageRef
from wizard.core.stages.change import Mode, StageChange, diff_lines
from wizard.flows.context import Context
from wizard.flows.deployment.holding import Holding
from wizard.flows.deployment.model import Deployment, identify, open_session
from wizard.flows.doctor import examine as diagnose
from wizard.flows.doctor import repair
from wizard.flows.stages import switch as switching
from wizard.flows.stages.prerequisites import ensure_policy, ensure_role
from wizard.services.aws import stages as live_stages
from wizard.services.checks.examination import Examination

ACTION = "doctor.fix"
FIXES = (*repair.REPAIRS, "stage", "account-role", "log-policy")


class Mend(Holding):
    """Repairs of one deployment. A context manager: it holds the workspace's lock.

    Args:
        exam: what was examined, if the caller still has it.
    """

    def __init__(self, context: Context, answers: Answers, exam: Examination | None = None) -> None:
        self.context = context
        session = open_session(context, answers)
        self.deployment = Deployment(
            context, answers, session, identify(session, answers), "doctor"
        )
        self._scene = exam.fresh() if exam else diagnose.set_scene(context, answers)

    def preview(self, found: Result) -> str:
        """What the repair would do; of a stage also from what to what. Only reads."""
        self.deployment.sharing.check_here()
        fix, subject = found.check.fix, found.finding.fix_subject
        words = repair.preview(fix, self._scene, subject)
        if fix != "stage":
            return words
        change = self._change(StageRef.parse(subject))
        changed = [f"{d.label} from {d.before} to {d.after}" for d in diff_lines(change)]
        return f"{words}: {'; '.join(changed)}"

    def apply(self, found: Result) -> None:
        """Do it. Raises WizardError when AWS refuses."""
        fix, subject = found.check.fix, found.finding.fix_subject
        if fix == "stage":
            self._stage(StageRef.parse(subject))
        elif fix == "account-role":
            ensure_role(self.deployment)
        elif fix == "log-policy":
            ensure_policy(self.deployment, subject)
        else:
            with self.deployment.journal.effect(ACTION, f"{fix} {subject}") as effect:
                effect.after = repair.REPAIRS[fix](self._scene, subject)

    def _stage(self, ref: StageRef) -> StageReport:
        """Switch a stage back to what this deployment had set; what is live now is not lost."""
        report = switching.switch(self.deployment, self._change(ref))
        if report.state is State.FAILED:
            raise WizardError(
                "WAG-E-FIX-002",
                "The stage was not changed",
                why=report.message,
                next_step="Try again, or connect it anew: `wallarm-apigw stages add`.",
            )
        return report

    def _change(self, ref: StageRef) -> StageChange:
        """From what a stage has now to what this deployment had set."""
        held = self.deployment.journal.record.stages[ref]
        api_type = ApiType(held.api_type)
        live = live_stages.read_settings(self.deployment.session, ref, api_type)
        return StageChange(ref, api_type, live, held.after, Mode(held.mode))
