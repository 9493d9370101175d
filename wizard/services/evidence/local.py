"""Evidence from this machine: credentials, Terraform, workspace, unfinished work."""

from __future__ import annotations

from wizard.core.checks import Finding, failed, passed
from wizard.core.text import count
from wizard.services.evidence.scene import Scene


def credentials(scene: Scene) -> Finding:
    """WAG-LOC-001: the scene could only be set because STS answered."""
    answer = scene.aws("sts").get_caller_identity()
    return passed(str(answer["Arn"]))


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
