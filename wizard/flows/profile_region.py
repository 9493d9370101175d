"""The Region of a profile in the user's AWS configuration; without boto3, for a quick start."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path


def region_of(env: Mapping[str, str], profile: str) -> str:
    """Its `region`; empty where there is none, or nothing to read.

    Args:
        profile: empty means the default one.
    """
    path = Path(env.get("AWS_CONFIG_FILE") or "~/.aws/config")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path.expanduser(), encoding="utf-8")
    except (OSError, RuntimeError, UnicodeDecodeError, configparser.Error):
        return ""  # told, with what is wrong, by what reads it next
    profile = profile or "default"
    names = [f"profile {profile}", *(["default"] if profile == "default" else [])]
    return next((r.strip() for n in names if (r := parser.get(n, "region", fallback=""))), "")
