"""Runs Terraform on a copy of the module, so that nothing is written into the tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wizard.services.terraform.find import find_source

MODULE = Path(__file__).resolve().parents[2] / "terraform"
_LEFT_BEHIND = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars", "*.tfplan", "*.md")


class TerraformError(AssertionError):
    """Terraform answered with an error; the text is what it said."""


def need_terraform() -> str:
    """The binary. Skip without Terraform; where end-to-end tests are required, fail instead."""
    found = shutil.which("terraform") or shutil.which("tofu")
    if found:
        return found
    if os.environ.get("REQUIRE_E2E") == "1":
        pytest.fail("REQUIRE_E2E=1, and neither terraform nor tofu is on PATH")
    pytest.skip("neither terraform nor tofu is on PATH")


def prepared(folder: Path, source: Path = MODULE) -> Path:
    """A copy of the module in `folder`, initialised; returns the copy."""
    copy = folder / source.name
    shutil.copytree(source, copy, ignore=_LEFT_BEHIND, symlinks=True)
    initialise(copy)
    return copy


def initialise(folder: Path) -> None:
    """Run `terraform init` there, with what providers this machine has."""
    arguments = ["init", "-backend=false", "-input=false", "-no-color"]
    plugins = find_source().plugin_dir
    if plugins:
        arguments.append(f"-plugin-dir={plugins}")
    terraform(arguments, folder)


def terraform(
    arguments: list[str],
    folder: Path,
    env: Mapping[str, str] | None = None,
    *,
    accept: tuple[int, ...] = (0,),
    timeout: float = 900,
) -> subprocess.CompletedProcess[str]:
    """Run Terraform in `folder`. Raises TerraformError with its words on another exit code."""
    done = subprocess.run(
        [need_terraform(), *arguments],
        cwd=folder,
        env={**clean_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode not in accept:
        raise TerraformError(
            f"terraform {arguments[0]}: {done.stdout[-6000:]}{done.stderr[-6000:]}"
        )
    return done


@contextmanager
def one_provider(module: Path, words: Path, env: Mapping[str, str] | None = None) -> Iterator[None]:
    """Start the provider once. Terraform would start it several times a run: half of all the time.

    Where it does not say how to reach it, Terraform starts it itself, as ever.

    Args:
        module: an initialised copy of it.
        words: a file for what the provider says.
        env: what it needs beside the clean environment; Terraform's own does not reach it.
    """
    (binary,) = module.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
    with words.open("w") as out, pytest.MonkeyPatch.context() as patch:
        process = subprocess.Popen(
            [str(binary.resolve()), "-debug"],
            cwd=module,  # where Terraform starts it, and the module's own paths begin
            env={**clean_environment(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + 20
            while time.monotonic() < until and process.poll() is None:
                found = re.search(r"TF_REATTACH_PROVIDERS='(.+)'", words.read_text("utf-8"))
                if found:
                    patch.setenv("TF_REATTACH_PROVIDERS", found[1])
                    break
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(20)


def clean_environment() -> dict[str, str]:
    """The environment without AWS settings and without Terraform's own variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TF_VAR_", "TF_CLI_ARGS"))
    }
    config = kept.get("TF_CLI_CONFIG_FILE")
    if config and not Path(config).is_file():
        del kept["TF_CLI_CONFIG_FILE"]  # Terraform warns on every command otherwise
    return {**kept, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


def write_variables(folder: Path, variables: Mapping[str, Any]) -> None:
    """Replace the copy's `terraform.tfvars.json`."""
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables, indent=1), "utf-8")
