"""Evidence from this machine: credentials, Terraform, workspace, unfinished work."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, cast

from wizard import __version__
from wizard.core.checks.model import Finding, failed, passed, unchecked, warned
from wizard.core.errors import WizardError
from wizard.core.permissions import documents as policy
from wizard.core.text import clean, count, duration
from wizard.services.aws import permissions
from wizard.services.checks.examination import Examination, check

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

_MOST_SHOWN = 5
EXPIRY_WARNING_SECONDS = 15 * 60.0


@check("WAG-LOC-001")
def credentials(exam: Examination) -> Finding:
    """WAG-LOC-001: the examination could only be set because STS answered."""
    problem = exam.facts.get("credentials_problem", "")
    if problem:
        return failed(problem, next_step=exam.facts.get("credentials_next", ""))
    left = exam.facts.get("credentials_left", "")
    if left and float(left) < EXPIRY_WARNING_SECONDS:
        return warned(f"{exam.identity.arn}, for {duration(float(left))} more")
    return passed(exam.identity.arn)


@check("WAG-LOC-002")
def terraform(exam: Examination) -> Finding:
    """WAG-LOC-002."""
    problem = exam.facts.get("terraform_problem", "")
    python = f"Python {platform.python_version()}"
    versions = f"{exam.facts.get('terraform', 'found')}, wallarm-apigw {__version__}, {python}"
    if problem:
        return failed(problem, next_step=exam.facts.get("terraform_next", ""))
    return passed(versions)


@check("WAG-LOC-003")
def workspace(exam: Examination) -> Finding:
    """WAG-LOC-003."""
    problem = exam.facts.get("workspace_problem", "")
    remote = exam.facts.get("state_elsewhere", "")
    if remote:
        return warned(clean(remote, 400))
    if problem:
        return failed(problem, next_step=exam.facts.get("workspace_next", ""))
    return passed(exam.facts.get("workspace", "readable"))


@check("WAG-LOC-004")
def finished(exam: Examination) -> Finding:
    """WAG-LOC-004."""
    if exam.facts.get("state_elsewhere"):
        return unchecked("the journal is where Terraform's state is")
    left = [e for e in exam.record.unfinished if e.action != "run"]
    if left and (owner := exam.facts.get("locked_by")):
        text = f"{count(len(left), 'change')} of it not at the end yet"
        return unchecked(f"a run is at work: {clean(owner, 200)}; {text}", settles=True)
    if left:
        first = left[0]
        return failed(
            f"{count(len(left), 'change')} began and never ended; "
            f"the first: {first.action} {first.subject} at {first.at}"
        )
    return passed("nothing is unfinished")


@check("WAG-LOC-006")
def permitted(exam: Examination) -> Finding:
    """WAG-LOC-006: IAM's forecast; a policy nobody may read can still refuse."""
    return _permitted(exam, "doctor")


@check("WAG-LOC-008")
def may_change(exam: Examination) -> Finding:
    """WAG-LOC-008: the same for every action of installing, mending and changing it."""
    return _permitted(exam, "deploy")


def _permitted(exam: Examination, purpose: str) -> Finding:
    identity = exam.identity
    groups = exam.record.kept_log_groups
    wanted = policy.needs(exam.answers, purpose, identity.account_id, identity.partition, groups)
    found = permissions.check_permissions(cast("Session", exam.clients), wanted, identity)
    if found.state is permissions.Decision.DENIED:
        actions = sorted({missing.action for missing in found.missing})
        more = f" and {len(actions) - _MOST_SHOWN} more" if len(actions) > _MOST_SHOWN else ""
        return warned(
            f"iam.SimulatePrincipalPolicy: {', '.join(actions[:_MOST_SHOWN])}{more} "
            f"not allowed to {found.principal}"
        )
    if found.state is permissions.Decision.UNKNOWN:
        return unchecked(found.reason)
    return passed(f"{found.asked} actions allowed to {found.principal}")


@check("WAG-LOC-007")
def drift(exam: Examination) -> Finding:
    """WAG-LOC-007: a plan that is thrown away. Terraform reads every resource of the deployment.

    What AWS fills in by itself also counts as changed outside; only what a plan would put back is
    told.
    """
    holder = exam.facts.get("locked_by") or exam.facts.get("state_locked")
    if holder:
        return unchecked(f"another run is at work: {clean(holder, 200)}", settles=True)
    if exam.facts.get("state_elsewhere"):
        return unchecked("Terraform's state is not here")
    if exam.plan is None:
        return unchecked("Terraform cannot be asked here")
    try:
        changed, pending = exam.plan()
    except WizardError as error:
        return unchecked(clean(f"{error.what}. {error.why}", 400))
    drifted = tuple(address for address in pending if address in changed)
    if drifted:
        return warned(f"changed outside Terraform: {_named(drifted)}")
    if pending:
        return warned(f"terraform plan would change {_named(pending)}")
    return passed("terraform plan has nothing to change")


def _named(addresses: tuple[str, ...]) -> str:
    rest = len(addresses) - _MOST_SHOWN
    return ", ".join(addresses[:_MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


@check("WAG-LOC-005")
def not_locked(exam: Examination) -> Finding:
    """WAG-LOC-005."""
    if exam.facts.get("state_elsewhere"):
        return unchecked("who works where its state is cannot be seen from here")
    owner, terraform = (
        exam.facts.get("locked_by", ""),
        exam.facts.get("state_locked", ""),
    )
    if owner:
        return warned(f"held by {owner}", settles=True)
    if terraform:
        return warned(f"Terraform's state is locked: {clean(terraform, 200)}", settles=True)
    return passed("nobody holds the lock, nor Terraform's state")
