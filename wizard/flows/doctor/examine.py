"""Runs the checklist: every check, concurrently, causes before consequences. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from datetime import datetime, timezone

from wizard import __version__
from wizard.core.answers.model import Answers
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.console_links import check_link
from wizard.core.checks.model import (
    LOCAL,
    About,
    Check,
    Finding,
    Report,
    Result,
    Verdict,
    blocker,
    selected,
)
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.installation import Standing
from wizard.core.journal.record import Record
from wizard.core.secret import Secret
from wizard.core.text import clean
from wizard.core.tfvars import Outputs
from wizard.flows import crash
from wizard.flows.context import Context
from wizard.flows.deployment import remote
from wizard.flows.deployment.locks import who_locks_state, who_works
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_session, read_deployment
from wizard.flows.deployment.ownership import read_ownership, require_own
from wizard.services.aws.session import Session
from wizard.services.checks.examination import CHECK_FUNCTIONS, Examination, guarded
from wizard.services.terraform.find import find_binary
from wizard.services.threads import ReadingPool

ResultListener = Callable[[Result], None]
WaitListener = Callable[[tuple[Result, ...], float], None]

WORKERS = 8
RETRY_SECONDS = 3.0
# Stands in for outputs that cannot be read; nothing that needs one is asked then.
NO_OUTPUTS = Outputs("", "", "", "", "")


def run(
    context: Context,
    answers: Answers,
    *,
    only: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
    wait_seconds: float = 0.0,
    wait_for: str = "",
    deep: bool = False,
    token: Secret | None = None,
    on_result: ResultListener | None = None,
    on_wait: WaitListener | None = None,
) -> Report:
    """Examine a deployment.

    Args:
        only, skip: check ids or section keys (`local`, `logs`, `node`, `discovery`).
        wait_seconds: for that long, look again at what failed or may still settle.
        wait_for: wait for this check only, not for whatever may settle.
        deep: also ask what takes its time (Terraform's plan).
        token: the Wallarm token, if the caller has it, to ask the Wallarm Cloud about.
        on_wait: told before each pause what is waited for, and the seconds that are left.
    Raises UsageError for an unknown id.
    """
    exam = open_examination(context, answers, token)
    checks = selected(CHECKS, only, skip, with_node=exam.answers.deploys_node, deep=deep)
    deadline = time.monotonic() + wait_seconds
    report = examine(checks, exam, on_result)
    while time.monotonic() < deadline:
        waited = [r for r in report.unsettled if wait_for in ("", r.check.check_id)]
        if not waited:
            break
        left = deadline - time.monotonic()
        if on_wait is not None:
            on_wait(tuple(waited), left)
        time.sleep(min(RETRY_SECONDS, max(0.0, left)))
        local = any(result.check.section is LOCAL for result in waited)
        exam = open_examination(context, answers, token) if local else exam.without_answers()
        report = examine(checks, exam, on_result)
    return report


def examine(
    checks: tuple[Check, ...], exam: Examination, on_result: ResultListener | None = None
) -> Report:
    """Run these checks on a exam; the order of the answers is the order of the checklist."""
    results: dict[str, Result] = {}
    pending = {check.check_id: check for check in checks}
    under_way: dict[Future[Result], str] = {}
    with ReadingPool(WORKERS, thread_name_prefix="check") as pool:
        while pending or under_way:
            for check in list(pending.values()):
                if any(
                    cause in pending or cause in under_way.values() for cause in check.depends_on
                ):
                    continue
                del pending[check.check_id]
                cause = blocker(check, results)
                if cause:
                    skipped = Result(check, Finding(Verdict.SKIPPED, f"because of {cause}"), cause)
                    _add_result(results, skipped, on_result)
                else:
                    under_way[pool.submit(_run_check, check, exam)] = check.check_id
            if under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    del under_way[future]
                    _add_result(results, future.result(), on_result)
    return Report(tuple(results[check.check_id] for check in checks), _about(exam))


def _about(exam: Examination) -> About:
    now = datetime.now(timezone.utc)
    return About(
        exam.answers.name_prefix,
        exam.identity.account_id,
        exam.identity.region,
        __version__,
        f"{now:%Y-%m-%dT%H:%M:%SZ}",
    )


def open_examination(
    context: Context, answers: Answers, token: Secret | None = None
) -> Examination:
    """Collect what the checks look at. Reads Terraform's outputs once.

    What cannot be collected becomes a failed check of the section `local`, on which the others
    hang: it is never an error of its own.
    """
    session = open_session(context, answers)
    facts: dict[str, str] = {}
    exam = Examination(
        clients=session,
        identity=Identity(answers.account_id, "", answers.region),
        answers=answers,
        outputs=NO_OUTPUTS,
        record=Record(),
        env=context.env,
        facts=facts,
        token=token,
    )
    try:
        options = context.options
        binary = find_binary(options.terraform, context.env, workspace=options.workspace)
        facts["terraform"] = f"{binary.flavor} {binary.version} ({binary.found})"
    except WizardError as error:
        _note_problem(facts, "terraform", error)
    try:
        exam.identity = identify(session, answers)
    except WizardError as error:
        _note_problem(facts, "credentials", error)
        return exam
    left = session.seconds_left()
    if left is not None:
        facts["credentials_left"] = f"{left:.0f}"
    try:
        deployment = read_deployment(context, answers, session, exam.identity, "doctor")
        exam.record = deployment.journal.record
        if works := who_works(deployment):
            facts["locked_by"] = works
        elif locked := who_locks_state(deployment):
            facts["state_locked"] = locked
        number = deployment.workspace.check_state()
        deployment.workspace.unsaved.check()
        owned = read_ownership(deployment)
        strange = not number and owned.standing in (Standing.THEIRS, Standing.NOBODYS)
        if (strange or deployment.nothing_done_here) and _examine_remote(context, exam, session):
            return exam
        gone = owned.standing is Standing.GONE and not owned.claimed
        if owned.standing is Standing.THEIRS or gone:
            require_own(deployment)
        if not number and deployment.workspace.state_is_local:
            raise _nothing_deployed(answers)
        if "terraform_problem" not in facts:
            exam.outputs = deployment.outputs()
        facts["workspace"] = f"{number} resources in the state"
        exam.plan = lambda: _plan(deployment)
    except WizardError as error:
        _note_problem(facts, "workspace", error)
    return exam


def _examine_remote(context: Context, exam: Examination, session: Session) -> bool:
    """Set it for a deployment whose state is on another computer; whether there is one."""
    seen = remote.find_remote(context, session, exam.identity, exam.answers)
    if seen is None:
        return False
    exam.answers, exam.outputs, exam.record = (
        seen.answers,
        seen.outputs,
        seen.record,
    )
    exam.facts["state_elsewhere"] = f"The state is {seen.where}. {remote.LIMITS}"
    return True


def _plan(deployment: Deployment) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(changed outside Terraform, what Terraform would change); the plan itself is thrown away."""
    if deployment.store is not None:
        deployment.write_variables()  # a colleague may have changed the answers since
    deployment.terraform.init()
    plan = deployment.terraform.plan()
    plan.discard()
    pending = tuple(c.address for c in plan.changes if c.action not in ("no-op", "read"))
    return tuple(d.address for d in plan.drift), pending


def _nothing_deployed(answers: Answers) -> WizardError:
    return WizardError(
        "WAG-E-DEPLOY-002",
        f"No deployment named {answers.name_prefix} was found",
        why="Terraform's state here is empty.",
        next_step="Run `wallarm-apigw install`, or `doctor` where it was deployed.",
    )


def _note_problem(facts: dict[str, str], subject: str, error: WizardError) -> None:
    """What is wrong, and what that error itself says helps: `SUBJECT_problem`, `SUBJECT_next`."""
    parts = (clean(part, 400).rstrip(".") for part in (error.what, error.why))
    facts[f"{subject}_problem"] = ". ".join(part for part in parts if part)
    facts[f"{subject}_next"] = clean(error.next_step, 400)


def _run_check(check: Check, exam: Examination) -> Result:
    began = time.monotonic()
    finding = guarded(
        CHECK_FUNCTIONS[check.check_id], exam, lambda error: crash.log(error, None, exam.env)
    )
    link = check_link(
        check.check_id,
        exam.answers,
        exam.outputs,
        exam.identity.partition,
        finding.fix_subject,
    )
    return Result(check, finding, seconds=time.monotonic() - began, link=link)


def _add_result(
    results: dict[str, Result], result: Result, on_result: ResultListener | None
) -> None:
    results[result.check.check_id] = result
    if on_result is not None:
        on_result(result)


__all__ = ["examine", "open_examination", "run"]
