"""The environment Terraform runs in: what it needs, and nothing that would change what it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from wizard.core.secret import host_of
from wizard.services.tokens import for_child

# A user's own TF_CLI_ARGS, TF_VAR_…, TF_WORKSPACE or TF_DATA_DIR would silently change what is
# deployed, so of Terraform's variables only those about reaching registries come along.
_KEPT = ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR", "TF_IGNORE", "TF_APPEND_USER_AGENT")
_KEPT_PREFIXES = ("TF_TOKEN_", "TF_REGISTRY_", "TF_PROVIDER_DOWNLOAD_")


def terraform_environment(
    base_env: Mapping[str, str] | None,
    env: Mapping[str, str | None] | None,
    *,
    data_dir: Path,
    plugin_cache: Path | None = None,
    log_level: str = "",
) -> dict[str, str]:
    """Environment of a Terraform process.

    Args:
        base_env: the environment to start from; this process's own if None.
        env: laid over it (AWS credentials, endpoints); None as a value removes a name.
        data_dir: Terraform's TF_DATA_DIR.
        plugin_cache: shared folder of downloaded providers; the user's own setting wins.
        log_level: TF_LOG, only when asked for: its output holds request bodies.
    """
    out = for_child(os.environ if base_env is None else base_env)
    for name, value in (env or {}).items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = value
    for name in list(out):
        foreign = name.startswith("TF_") and name not in _KEPT
        if foreign and not name.startswith(_KEPT_PREFIXES):
            del out[name]
    if not _is_good_for_sockets(out.get("TMPDIR", "")):
        del out["TMPDIR"]  # then it is /tmp
    config = out.get("TF_CLI_CONFIG_FILE")
    if config is not None and not Path(config).is_file():
        del out["TF_CLI_CONFIG_FILE"]  # Terraform would only warn about it on every command
    if out.get("AWS_ENDPOINT_URL", "").startswith("http://"):
        out.pop("AWS_CA_BUNDLE", None)
    if out.get("REQUESTS_CA_BUNDLE"):  # known to Python alone; for the registry and for AWS
        out.setdefault("SSL_CERT_FILE", out["REQUESTS_CA_BUNDLE"])
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


def _is_good_for_sockets(folder: str) -> bool:
    """Whether Terraform can talk to its providers there: over sockets, whose whole paths have room
    for some hundred bytes, see unix(7); they end in `/plugin` and up to ten digits.
    """
    if not folder:
        return True
    return len(os.fsencode(folder)) <= _LONGEST_FOLDER and os.access(folder, os.W_OK | os.X_OK)


_LONGEST_FOLDER = 80  # bytes


def network_notes(env: Mapping[str, str]) -> tuple[str, ...]:
    """What of the environment changes the way to AWS and the registry, in words, no passwords."""
    notes = []
    for name in ("HTTPS_PROXY", "HTTP_PROXY"):
        if value := env.get(name) or env.get(name.lower()):
            where = host_of(value).rpartition("//")[2]
            notes.append(f"proxy {where} ({name})" if where else f"{name} is set, to no address")
    if value := env.get("NO_PROXY") or env.get("no_proxy"):
        notes.append(f"no proxy for {value} (NO_PROXY)")
    for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        if env.get(name):
            missing = "" if Path(env[name]).exists() else ", which does not exist"
            notes.append(f"certificates from {env[name]} ({name}){missing}")
    if env.get("AWS_ENDPOINT_URL"):
        where = host_of(env["AWS_ENDPOINT_URL"])
        said = f"AWS endpoint {where} (AWS_ENDPOINT_URL)"
        notes.append(said if where else "AWS_ENDPOINT_URL is set, to no address")
    return tuple(notes)
