"""checkov finds nothing in the module that a comment beside it does not explain."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.terraform.checkov import NotInstalledError, installed, scan
from tests.terraform.tool import MODULE

PLANTED = """
resource "aws_security_group" "planted" {
  name = "planted"

  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
"""
_SUPPRESSION = re.compile(r"checkov:skip=([A-Z0-9_]+):?([^\n]*)")


def suppressions() -> Counter[str]:
    """Identifiers suppressed in the module's files."""
    return Counter(
        check
        for path in MODULE.glob("*.tf")
        for check, _ in _SUPPRESSION.findall(path.read_text("utf-8"))
    )


def test_every_suppression_names_one_check_and_says_why() -> None:
    lines = [
        line.strip()
        for path in sorted(MODULE.rglob("*.*"))
        if path.name.endswith((".tf", ".hcl"))
        for line in path.read_text("utf-8").splitlines()
        if "checkov:" in line
    ]
    assert len(lines) > 10
    unexplained = []
    for line in lines:
        found = _SUPPRESSION.search(line)
        if not found or len(found[2].split()) < 4:
            unexplained.append(line)
    assert unexplained == []


def test_checkov_finds_what_was_planted_and_nothing_else(tmp_path: Path) -> None:
    """Installs checkov on first use; where no index has it, that is said."""
    try:
        python = installed()
    except NotInstalledError as error:
        pytest.skip(f"checkov could not be installed: {error}")
    copy = tmp_path / "terraform"
    shutil.copytree(
        MODULE,
        copy,
        ignore=shutil.ignore_patterns("modules", ".terraform*", "*.tfstate*", "*.tfvars"),
    )
    (copy / "planted.tf").write_text(PLANTED, "utf-8")
    found = scan(python, copy)
    assert "CKV_AWS_24" in {finding.split()[0] for finding in found.findings}
    assert [finding for finding in found.findings if " /planted.tf: " not in finding] == []
    assert found.passed > 150
    in_terraform = Counter(check for check, _ in found.suppressed if "SECRET" not in check)
    assert in_terraform == suppressions(), "a suppression that suppresses nothing"
