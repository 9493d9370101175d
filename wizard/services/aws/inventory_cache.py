"""Keeps the last list of APIs and stages per account and Region, so that it shows at once.

It is a convenience for the eye: every change reads the stage again. The files are private (0600):
API names and tags are the user's business.
"""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.core.errors import WizardError
from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    EndpointType,
    Identity,
    Inventory,
    Problem,
    Stage,
    StageSettings,
)
from wizard.services import files
from wizard.services.files import private_dir, write_private

VERSION = 1


@dataclass(frozen=True)
class Cached:
    """An inventory read earlier, and how many seconds ago."""

    inventory: Inventory
    age: float


def default_folder() -> Path | None:
    """The platform's cache folder for this program; None where this user has no home."""
    from platformdirs import user_cache_path

    return files.absolute(lambda: user_cache_path("wallarm-apigw", appauthor=False))


def save(inventory: Inventory, folder: Path) -> bool:
    """Keep an inventory; whether it could be kept. Not being able to is no error."""
    try:
        path = _path(inventory.identity, private_dir(folder))
        data = {"version": VERSION, "inventory": dataclasses.asdict(inventory)}
        write_private(path, json.dumps(data, separators=(",", ":")))
    except WizardError:
        return False
    return True


def load(identity: Identity, folder: Path) -> Cached | None:
    """What was kept for this account and Region; None when there is nothing readable."""
    path = _path(identity, folder)
    try:
        age = max(0.0, time.time() - path.stat().st_mtime)
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            return None
        return Cached(_inventory(data["inventory"], identity), age)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(identity: Identity, folder: Path) -> Path:
    return folder / f"stages-{identity.account_id}-{identity.region}.json"


def _inventory(data: dict[str, Any], identity: Identity) -> Inventory:
    apis = {item["api_id"]: _api(item) for item in data["apis"]}
    return Inventory(
        identity=identity,
        stages=tuple(_stage(item, apis) for item in data["stages"]),
        apis=tuple(apis.values()),
        problems=tuple(Problem(**item) for item in data["problems"]),
        read_at=str(data["read_at"]),
    )


def _api(item: dict[str, Any]) -> Api:
    return Api(
        **{
            **item,
            "api_type": ApiType(item["api_type"]),
            "endpoint_type": EndpointType(item["endpoint_type"]),
        }
    )


def _stage(item: dict[str, Any], apis: dict[str, Api]) -> Stage:
    settings = item["settings"]
    return Stage(
        **{
            **item,
            "api": apis.get(item["api"]["api_id"]) or _api(item["api"]),
            "settings": StageSettings(
                AccessLog(**settings["access_log"]), str(settings["logging_level"])
            ),
        }
    )
