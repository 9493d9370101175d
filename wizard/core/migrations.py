"""Older files read by a newer version, and newer ones refused: one rule for all that is versioned.

A step turns version N into N+1 and is never changed again; there is one for every version that was
ever released. Version 1 is the first, and a file that names none is of version 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from wizard.core.answers.model import ECS, OWN, SCHEMA_VERSION
from wizard.core.errors import WizardError

Steps = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]

SAVED_BY = "installation_id"
NEWER = "WAG-E-VERSION-001"


def _with_place(data: dict[str, Any]) -> dict[str, Any]:
    """Version 2 tells where the node runs. Version 1 told only whether it is deployed here; a
    hosted node looked like one of the user's own."""
    if "node_url" not in data:
        return data
    return {**data, "node_place": OWN if data["node_url"] else ECS}


ANSWERS: Steps = {1: _with_place}
"""From each older version of the answers to the one after it."""
LAYOUT: Steps = {}
"""The same for a workspace's description."""


def migrate(
    data: Mapping[str, Any], *, key: str, current: int, steps: Steps, source: str
) -> dict[str, Any]:
    """The same content as the current version has it. The file itself is left as it is.

    Args:
        key: where the version is written.
        source: what is read, for the reader.
    Raises WizardError WAG-E-VERSION-001 for a newer version, 002 where a step is missing.
    """
    out = dict(data)
    version = out.get(key, 1)
    if type(version) is not int or version < 1:
        return out  # no version: what is wrong with it is told where the content is checked
    if version > current:
        raise WizardError(
            NEWER,
            f"{source} was written by a newer version of this product",
            why=f"It has version {version}; this program reads up to {current}.",
            next_step="Install a newer version of wallarm-apigw. Nothing was changed.",
        )
    while version < current:
        step = steps.get(version)
        if step is None:
            raise WizardError(
                "WAG-E-VERSION-002",
                f"{source} is of a version that nothing reads any more",
                why=f"There is no way from version {version} to {current}.",
                next_step="Open it with the version that wrote it, or make a new one.",
            )
        version += 1
        out = {**step(out), key: version}
    return out


def migrate_answers(data: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Answers of any version as this one has them.

    Which installation they were saved by is told to a reader; it is no answer.
    """
    known = {key: value for key, value in data.items() if key != SAVED_BY}
    return migrate(
        known, key="schema_version", current=SCHEMA_VERSION, steps=ANSWERS, source=source
    )


def saved_by(text: str, installation_id: str) -> str:
    """Answers as they are saved, with the id of the installation that they are of."""
    if not installation_id:
        return text
    return (
        json.dumps({**json.loads(text), SAVED_BY: installation_id}, indent=2, ensure_ascii=False)
        + "\n"
    )
