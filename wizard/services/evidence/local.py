"""Evidence from this machine: credentials, Terraform, workspace, unfinished work."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from wizard.core import policy
from wizard.core.checks import Finding, failed, passed, unchecked, warned
from wizard.core.text import count, duration
from wizard.services.aws import permissions
from wizard.services.evidence.scene import Scene

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
    return failed(problem) if problem else passed(scene.facts.get("terraform", "found"))


def workspace(scene: Scene) -> Finding:
    """WAG-LOC-003."""
    problem = scene.facts.get("workspace_problem", "")
    return failed(problem) if problem else passed(scene.facts.get("workspace", "readable"))


def finished(scene: Scene) -> Finding:
    """WAG-LOC-004."""
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
    identity = scene.identity
    wanted = policy.needs(scene.answers, "doctor", identity.account_id, identity.partition)
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


def not_locked(scene: Scene) -> Finding:
    """WAG-LOC-005."""
    owner = scene.facts.get("locked_by", "")
    return warned(f"held by {owner}") if owner else passed("nobody holds the lock")
