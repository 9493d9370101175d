"""The module on paper: formatted, valid, and no newer than the Terraform it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.terraform.tool import MODULE, need_terraform, prepared, terraform

# What a module for Terraform 1.0 may not contain, and since when Terraform knows it.
NEWER = {
    r"\boptional\(": "1.3",
    r"\b(pre|post)condition\s*\{": "1.2",
    r"\breplace_triggered_by\b": "1.2",
    r'"terraform_data"': "1.4",
    r"^(check|import|moved|removed)\b": "1.1 or later",
    r"\b(startswith|endswith|timecmp)\(": "1.2 or later",
    r"\b(strcontains|plantimestamp|templatestring|issensitive)\(": "1.5 or later",
    r"\bnullable\s*=": "1.1",
    r"\bephemeral\b|_wo\b": "1.10 or later",
}


@pytest.mark.e2e
def test_the_module_is_formatted() -> None:
    need_terraform()
    done = terraform(["fmt", "-check", "-recursive", "-diff"], MODULE, accept=(0, 3))
    assert done.returncode == 0, done.stdout


@pytest.mark.e2e
def test_the_module_is_valid(tmp_path: Path) -> None:
    need_terraform()
    terraform(["validate", "-no-color"], prepared(tmp_path))


def test_the_example_names_only_variables_that_exist() -> None:
    example = (MODULE / "terraform.tfvars.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?([a-z0-9_]+)\s+= ", example, re.MULTILINE))
    assert len(named) > 20
    assert named <= declared("variable")


def test_the_language_is_that_of_terraform_1_0() -> None:
    found = [
        f"{path.name}: {pattern} needs Terraform {version}"
        for path in sorted(MODULE.glob("*.tf"))
        for pattern, version in NEWER.items()
        if re.search(pattern, without_comments(path.read_text(encoding="utf-8")), re.MULTILINE)
    ]
    assert found == []
    assert 'required_version = ">= 1.0"' in (MODULE / "versions.tf").read_text(encoding="utf-8")


def test_only_the_aws_provider_is_used() -> None:
    kinds = {
        kind.split("_")[0]
        for path in MODULE.glob("*.tf")
        for kind in re.findall(
            r'^(?:resource|data) "([a-z0-9_]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert kinds == {"aws"}


def test_the_account_wide_api_gateway_role_is_left_alone() -> None:
    assert all(
        "aws_api_gateway_account" not in path.read_text(encoding="utf-8")
        for path in MODULE.glob("*.tf")
    )


def declared(kind: str) -> set[str]:
    """Names of the module's variables or outputs."""
    return {
        name
        for path in MODULE.glob("*.tf")
        for name in re.findall(
            rf'^{kind} "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def without_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)
