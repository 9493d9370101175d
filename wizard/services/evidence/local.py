"""Evidence from this machine: credentials, Terraform, workspace, unfinished work."""

from __future__ import annotations

from wizard.core.checks import Finding, failed, passed, warned
from wizard.core.text import count, duration
from wizard.services.evidence.scene import Scene

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


def not_locked(scene: Scene) -> Finding:
    """WAG-LOC-005."""
    owner = scene.facts.get("locked_by", "")
    return warned(f"held by {owner}") if owner else passed("nobody holds the lock")
