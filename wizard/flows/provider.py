"""Terraform and its AWS provider, before anything is begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wizard.flows.context import Options
    from wizard.services.terraform.find import Binary, ProviderSource


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
