"""The registry gives the version that was tested; a mirror, and a deployment, keep theirs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.terraform.provider import TESTED, describe_version, locked_version, pin
from wizard.services.workspace.module import (
    PROVIDER_FILE,
    PROVIDER_LOCK,
    copy_module,
    pin_provider,
    read_locked_version,
    terraform_module,
)

LOCK = """# This file is maintained automatically by "terraform init".
provider "registry.terraform.io/hashicorp/random" {
  version = "3.6.0"
}

provider "registry.terraform.io/hashicorp/aws" {
  version     = "VERSION"
  constraints = ">= 5.100.0, < 7.0.0"
  hashes = ["h1:abc="]
}
"""


@pytest.mark.parametrize(
    ("registry", "locked", "version"),
    [
        (True, "", TESTED),
        (True, TESTED, TESTED),
        (True, "6.25.0", ""),
        (True, "5.101.0", ""),
        (False, "", ""),
        (False, TESTED, ""),
        (False, "6.25.0", ""),
    ],
)
def test_which_version_init_takes(registry: bool, locked: str, version: str) -> None:
    assert pin(registry=registry, locked=locked) == version


@pytest.mark.parametrize("version", [TESTED, "6.25.0", "6.0.0-beta1"])
def test_the_lock_file_says_what_a_deployment_was_made_with(version: str) -> None:
    assert locked_version(LOCK.replace("VERSION", version)) == version


@pytest.mark.parametrize("text", ["", "nonsense", LOCK.partition("\n\n")[0]])
def test_without_the_provider_in_it_there_is_none(text: str) -> None:
    assert locked_version(text) == ""


@given(st.text(max_size=500))
def test_no_lock_file_breaks_it(text: str) -> None:
    locked_version(text)


def test_a_version_6_is_named_as_such_and_the_tested_one_too() -> None:
    assert "tested" in describe_version(TESTED)
    assert "schema" in describe_version("6.25.0")
    assert "schema" not in describe_version("5.101.0")
    assert describe_version("") == ""


def test_the_copy_of_the_module_is_pinned_and_is_still_the_same_module(tmp_path: Path) -> None:
    copy = copy_module(terraform_module(), tmp_path, {})
    pin_provider(copy, registry=True)
    written = json.loads((copy / PROVIDER_FILE).read_text())
    assert written["terraform"]["required_providers"]["aws"]["version"] == TESTED
    assert copy_module(terraform_module(), tmp_path, {}) == copy
    assert (copy / PROVIDER_FILE).exists(), "it is no difference in the module"
    pin_provider(copy, registry=False)
    assert not (copy / PROVIDER_FILE).exists(), "a mirror may hold any that the module accepts"


def test_a_deployment_made_with_another_version_keeps_it(tmp_path: Path) -> None:
    copy = copy_module(terraform_module(), tmp_path, {})
    (copy / PROVIDER_LOCK).write_text(LOCK.replace("VERSION", "6.25.0"))
    pin_provider(copy, registry=True)
    assert read_locked_version(copy) == "6.25.0"
    assert not (copy / PROVIDER_FILE).exists()


def test_a_module_without_that_provider_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('output "x" { value = 1 }\n')
    pin_provider(tmp_path, registry=True)
    assert not (tmp_path / PROVIDER_FILE).exists()
