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
from wizard.services.checks.examination import Scene

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

_MOST_SHOWN = 5
EXPIRY_WARNING_SECONDS = 15 * 60.0


def credentials(scene: Scene) -> Finding:
    """WAG-LOC-001: the scene could only be set because STS answered."""
    problem = scene.facts.get("credentials_problem", "")
    if problem:
        return failed(problem)
    left = scene.facts.get("credentials_left", "")
    if left and float(left) < EXPIRY_WARNING_SECONDS:
        return warned(f"{scene.identity.arn}, for {duration(float(left))} more")
    return passed(scene.identity.arn)


def terraform(scene: Scene) -> Finding:
    """WAG-LOC-002."""
    problem = scene.facts.get("terraform_problem", "")
    python = f"Python {platform.python_version()}"
    versions = f"{scene.facts.get('terraform', 'found')}, wallarm-apigw {__version__}, {python}"
    return failed(problem) if problem else passed(versions)


def workspace(scene: Scene) -> Finding:
    """WAG-LOC-003."""
    problem = scene.facts.get("workspace_problem", "")
    elsewhere = scene.facts.get("state_elsewhere", "")
    if elsewhere:
        return warned(clean(elsewhere, 400))
    return failed(problem) if problem else passed(scene.facts.get("workspace", "readable"))


def finished(scene: Scene) -> Finding:
    """WAG-LOC-004."""
    if scene.facts.get("state_elsewhere"):
        return unchecked("the journal is where Terraform's state is")
    left = [e for e in scene.record.unfinished if e.action != "run"]
    if left:
        first = left[0]
        return failed(
            f"{count(len(left), 'change')} began and never ended; "
            f"the first: {first.action} {first.subject} at {first.at}"
        )
    return passed("nothing is unfinished")


def permitted(scene: Scene) -> Finding:
    """WAG-LOC-006: IAM's forecast; a policy nobody may read can still refuse."""
    return _permitted(scene, "doctor")


def may_change(scene: Scene) -> Finding:
    """WAG-LOC-008: the same for every action of installing, mending and changing it."""
    return _permitted(scene, "deploy")


def _permitted(scene: Scene, purpose: str) -> Finding:
    identity = scene.identity
    wanted = policy.needs(scene.answers, purpose, identity.account_id, identity.partition)
    found = permissions.check(cast("Session", scene.clients), wanted, identity)
    if found.state is permissions.Verdict.DENIED:
        actions = sorted({missing.action for missing in found.missing})
        more = f" and {len(actions) - _MOST_SHOWN} more" if len(actions) > _MOST_SHOWN else ""
        return warned(
            f"iam.SimulatePrincipalPolicy: {', '.join(actions[:_MOST_SHOWN])}{more} "
            f"not allowed to {found.principal}"
        )
    if found.state is permissions.Verdict.UNKNOWN:
        return unchecked(found.reason)
    return passed(f"{found.asked} actions allowed to {found.principal}")


def drift(scene: Scene) -> Finding:
    """WAG-LOC-007: a plan that is thrown away. Terraform reads every resource of the deployment.

    What AWS fills in by itself also counts as changed outside; only what a plan would put back is
    told.
    """
    holder = scene.facts.get("locked_by") or scene.facts.get("state_locked")
    if holder:
        return unchecked(f"another run is at work: {clean(holder, 200)}", settles=True)
    if scene.facts.get("state_elsewhere"):
        return unchecked("Terraform's state is not here")
    if scene.plan is None:
        return unchecked("Terraform cannot be asked here")
    try:
        outside, pending = scene.plan()
    except WizardError as error:
        return unchecked(clean(f"{error.what}. {error.why}", 400))
    drifted = tuple(address for address in pending if address in outside)
    if drifted:
        return warned(f"changed outside Terraform: {_named(drifted)}")
    if pending:
        return warned(f"terraform plan would change {_named(pending)}")
    return passed("terraform plan has nothing to change")


def _named(addresses: tuple[str, ...]) -> str:
    rest = len(addresses) - _MOST_SHOWN
    return ", ".join(addresses[:_MOST_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def not_locked(scene: Scene) -> Finding:
    """WAG-LOC-005."""
    if scene.facts.get("state_elsewhere"):
        return unchecked("who works where its state is cannot be seen from here")
    owner, terraform = scene.facts.get("locked_by", ""), scene.facts.get("state_locked", "")
    if owner:
        return warned(f"held by {owner}", settles=True)
    if terraform:
        return warned(f"Terraform's state is locked: {clean(terraform, 200)}", settles=True)
    return passed("nobody holds the lock, nor Terraform's state")
