"""Which version of the AWS provider: the one that was tested where the registry serves any. Pure.

A mirror holds what somebody put there on purpose, and may be any that the module accepts. A version
that a deployment was made with stays, whatever is tested since.
"""

from __future__ import annotations

import json
import re

TESTED = "5.100.0"
_LOCKED = re.compile(
    r'provider "[^"]*/hashicorp/aws" \{\s*(?:#[^\n]*\n\s*)*version\s*=\s*"([^"\s]+)"'
)


def locked_version(lock_file: str) -> str:
    """The version that a dependency lock file holds fast; empty where it names none."""
    found = _LOCKED.search(lock_file)
    return found.group(1) if found else ""


def pin(*, registry: bool, locked: str) -> str:
    """The version that `init` has to take; empty where the module's own bounds decide.

    Args:
        registry: the provider comes from the registry, which has every version.
        locked: the version that this deployment was made with; empty at its first `init`.
    """
    return TESTED if registry and locked in ("", TESTED) else ""


def override(version: str) -> str:
    """An override file (`…_override.tf.json`) that asks for exactly this version."""
    required = {"aws": {"source": "hashicorp/aws", "version": version}}
    return json.dumps({"terraform": {"required_providers": required}}, indent=2) + "\n"


def describe_version(version: str) -> str:
    """A version with how well it is known; empty where there is none."""
    if not version:
        return ""
    if version == TESTED:
        return f"{version}, the version that was tested"
    if version.startswith("6."):
        return f"{version}: accepted; 6.x was checked against its schema, and {TESTED} was run"
    return f"{version}: accepted; {TESTED} was run"
