"""The environment Terraform runs in: what it needs, and nothing that would change what it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# A user's own TF_CLI_ARGS, TF_VAR_…, TF_WORKSPACE or TF_DATA_DIR would silently change what is
# deployed, so of Terraform's variables only those about reaching registries come along.
_KEPT = ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_IGNORE", "TF_APPEND_USER_AGENT")
_KEPT_PREFIXES = ("TF_TOKEN_", "TF_REGISTRY_", "TF_PROVIDER_DOWNLOAD_")
_NEVER = ("WALLARM_API_TOKEN", "WALLARM_APIGW_WALLARM_API_TOKEN", "TERRAFORM_CONFIG")


def terraform_environment(
    env: Mapping[str, str | None] | None,
    *,
    data_dir: Path,
    plugin_cache: Path | None = None,
    log_level: str = "",
) -> dict[str, str]:
    """Environment of a Terraform process.

    Args:
        env: laid over this process's environment (AWS credentials, endpoints); None removes a name.
        data_dir: Terraform's TF_DATA_DIR.
        plugin_cache: shared folder of downloaded providers; the user's own setting wins.
        log_level: TF_LOG, only when asked for: its output holds request bodies.
    """
    out = dict(os.environ)
    for name, value in (env or {}).items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = value
    for name in list(out):
        foreign = name.startswith("TF_") and name not in _KEPT
        if name in _NEVER or (foreign and not name.startswith(_KEPT_PREFIXES)):
            del out[name]
    config = out.get("TF_CLI_CONFIG_FILE")
    if config is not None and not Path(config).is_file():
        del out["TF_CLI_CONFIG_FILE"]  # Terraform would only warn about it on every command
    if out.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        out.pop("AWS_CA_BUNDLE", None)
    out.update(
        TF_IN_AUTOMATION="1",
        TF_INPUT="0",
        CHECKPOINT_DISABLE="1",
        TF_DATA_DIR=str(data_dir),
    )
    if plugin_cache is not None:
        out.setdefault("TF_PLUGIN_CACHE_DIR", str(plugin_cache))
    if "TF_PLUGIN_CACHE_DIR" in out:
        # Without it Terraform 1.4 and later uses the cache only for providers that the lock file
        # knows already, and every new workspace would download hundreds of megabytes again.
        out["TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"] = "1"
    if log_level:
        out["TF_LOG"] = log_level
    return out
