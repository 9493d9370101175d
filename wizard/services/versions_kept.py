"""A file that another version of this product wrote is kept beside the one that replaces it."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.services.files import write_private


def other_version(body: bytes, key: str, current: int) -> int | None:
    """The version that wrote this JSON object, where it is not the current one.

    Args:
        key: where the version is written; version 1 is meant where it is missing.
    """
    try:
        data = json.loads(body)
    except ValueError:
        return None
    version = data.get(key, 1) if isinstance(data, dict) else None
    return version if type(version) is int and version != current else None


def keep(path: Path, key: str, current: int) -> Path | None:
    """`answers.json` of version 1 → `answers.v1.json`, as it was. An earlier copy stays.

    Returns the copy that was made; None where none was needed.
    """
    if not path.exists():
        return None
    body = path.read_bytes()
    version = other_version(body, key, current)
    kept = path.with_name(kept_name(path.name, version or 0))
    if version is None or kept.exists():
        return None
    write_private(kept, body)
    return kept


def kept_name(name: str, version: int) -> str:
    """What the copy is called."""
    stem, dot, ending = name.rpartition(".")
    return f"{stem}.v{version}{dot}{ending}"
