"""Terraform's state in a workspace's own folder, and the copy of it that outlives a bad day.

Terraform takes a state that is empty or gone for an empty account and would deploy everything a
second time. The copy of the last run that ended is what tells the one from the other.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wizard.core.errors import WizardError
from wizard.core.migrations import NEWER
from wizard.core.terraform.outcome import state_addresses, state_attribute
from wizard.core.text import clean
from wizard.services.files import put_aside, write_private
from wizard.services.lock import is_held

FORMAT = 4
"""The newest format of a Terraform state that is read here."""


@dataclass(frozen=True)
class StateFacts:
    """What tells one state from another. `outputs` as in Terraform's state: value, sensitive."""

    lineage: str
    serial: int
    resources: int
    outputs: Mapping[str, Any]
    terraform: str = ""  # the version that wrote it
    addresses: tuple[str, ...] = ()
    certificate: str = ""  # ARN of the node's, where one was made


def read_state(body: bytes) -> StateFacts:
    """The facts of a state. Raises ValueError, KeyError, TypeError or AttributeError for others,
    WizardError WAG-E-VERSION-001 for one in a newer format."""
    state = json.loads(body)
    version = state.get("version", FORMAT)
    if type(version) is not int or version < 1:
        raise ValueError(f"its format is {version!r}")
    if version > FORMAT:
        raise WizardError(
            NEWER,
            "Terraform's state of this deployment was written by a newer Terraform",
            why=f"It has format {version}; this program reads up to {FORMAT}.",
            next_step="Install a newer version of wallarm-apigw and of Terraform. Nothing was "
            "changed.",
        )
    resources = sum(
        len(r.get("instances", ())) for r in state["resources"] if r.get("mode") != "data"
    )
    outputs = state.get("outputs") or {}
    return StateFacts(
        str(state.get("lineage", "")),
        int(state.get("serial", 0)),
        resources,
        dict(outputs),
        str(state.get("terraform_version", "")),
        state_addresses(body),
        state_attribute(body, "aws_acm_certificate", "node", "arn"),
    )


def read_shared_state(body: bytes | None, where: str) -> StateFacts | None:
    """The same for a state in S3. Raises WizardError WAG-E-WS-020 when it is damaged."""
    if not body:
        return None
    try:
        return read_state(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WizardError(
            "WAG-E-WS-020",
            "Terraform's state of this deployment is damaged",
            why=f"{where}: {error}",
            next_step="If the bucket keeps versions, restore the one before "
            "(`aws s3api list-object-versions`); then run the same command again.",
        ) from error


def count_resources(path: Path, kept: Path) -> int:
    """Number of resources (data sources do not count); 0 for a missing or empty file.

    Args:
        kept: an earlier copy to point to when this one is damaged.
    Raises WizardError WAG-E-WS-020 when the file is no Terraform state.
    """
    if not path.exists() or not path.stat().st_size:
        return 0
    try:
        return read_state(path.read_bytes()).resources
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        good = kept if kept.exists() and kept != path else path.with_name(path.name + ".backup")
        hint = f"An earlier copy is {good}. " if good.exists() else ""
        offer = "`wallarm-apigw install` offers to put it in place and keeps the damaged file. "
        by_hand = (
            "Keep the damaged file too, put the good one in its place, and run the same command "
            "again. "
        )
        raise WizardError(
            "WAG-E-WS-020",
            "Terraform's state of this deployment is damaged",
            why=f"{path}: {error}",
            next_step=f"{hint}{offer if hint and good == kept else by_hand}"
            "What is missing from it is looked for in the account.",
        ) from error


class LocalState:
    """The state at `folder/terraform.tfstate`, and its copy beside it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "terraform.tfstate"
        self.kept = folder / "last-good.tfstate"

    @property
    def exists(self) -> bool:
        """Whether there is something in it; Terraform begins with an empty file."""
        return self.path.exists() and self.path.stat().st_size > 0

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever recorded here."""
        return not self.path.exists() and not self.kept.exists()

    def facts(self) -> StateFacts | None:
        """What tells this state from another; None without one."""
        return read_state(self.path.read_bytes()) if self.exists else None

    def resources(self) -> int:
        """Number of its resources. Raises WizardError WAG-E-WS-020 when it is damaged."""
        return count_resources(self.path, self.kept)

    def check(self) -> int:
        """The same; raises WAG-E-WS-021, too, when it is empty or gone though something was
        deployed."""
        known = count_resources(self.kept, self.kept) if self.kept.exists() else 0
        if self.exists:
            return self.resources()
        if known:
            raise WizardError(
                "WAG-E-WS-021",
                "Terraform's state of this deployment is gone, but the deployment is not",
                why=f"{self.path} is empty or missing; after the last run it held "
                f"{known} resources.",
                next_step="`wallarm-apigw install` offers to put the copy of the last run in "
                f"place: {self.kept}",
            )
        return 0

    def keep_copy(self) -> None:
        """Keep a copy, if it can be read: what `check` compares with."""
        if self.exists:
            self.resources()
            write_private(self.kept, self.path.read_bytes())

    def kept_facts(self) -> tuple[StateFacts, float] | None:
        """The facts of the copy and its age in seconds; None where there is no readable one."""
        try:
            facts = read_state(self.kept.read_bytes())
            return facts, max(0.0, time.time() - self.kept.stat().st_mtime)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, WizardError):
            return None

    def restore(self) -> Path | None:
        """Put the copy in the state's place. Returns where a damaged state was moved to."""
        aside = put_aside(self.path, "damaged") if self.exists else None
        write_private(self.path, self.kept.read_bytes())
        return aside

    def put_away(self) -> None:
        """Rename it once it is elsewhere, so that nobody takes it for the present."""
        for path in (self.path, self.kept):
            put_aside(path, "moved")


class UnsavedStates:
    """State that Terraform could not store where it belongs and left in its folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def files(self) -> tuple[Path, ...]:
        """Where it lies; empty when everything was stored."""
        return tuple(sorted(self._root.glob("module-*/errored.tfstate")))

    def check(self) -> None:
        """Raises WizardError WAG-E-WS-022 while one waits to be dealt with.

        Planning without it would deploy a second time what it records.
        """
        if self.files:
            names = ", ".join(str(path) for path in self.files)
            raise WizardError(
                "WAG-E-WS-022",
                "Terraform could not store its state in an earlier run",
                why=f"What it did then is recorded in {names}.",
                next_step="`wallarm-apigw install` offers to put that record back, or to set it "
                "aside if it is obsolete.",
            )

    @staticmethod
    def set_aside(path: Path) -> Path:
        """Rename an obsolete one so that it no longer counts; nothing is deleted."""
        return put_aside(path, "set-aside") or path


@dataclass(frozen=True)
class LocalLock:
    """The note beside a state. `created` is epoch seconds, 0.0 where the note does not say."""

    path: Path
    lock_id: str
    who: str
    operation: str
    created: float

    def age(self, now: float) -> float:
        """Seconds since it was taken."""
        return max(0.0, now - self.created)


def read_lock_note(state_file: Path) -> LocalLock | None:
    """The note of whoever locked this state, or None. One that cannot be read says nothing."""
    path = state_file.with_name(f".{state_file.name}.lock.info")
    try:
        changed = path.stat().st_mtime
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError:
        data = {}  # cut short: only its age is known
    if not isinstance(data, dict):
        data = {}
    operation = str(data.get("Operation", "")).replace("OperationType", "").lower()
    return LocalLock(
        path,
        clean(str(data.get("ID", "")), 60),
        clean(str(data.get("Who", "")), 80) or "somebody",
        clean(operation, 40) or "a command",
        _epoch(str(data.get("Created", ""))) or changed,
    )


def is_locked(state_file: Path) -> bool:
    """Whether a process holds the state right now. This process must not hold it itself."""
    return is_held(state_file, fcntl.lockf)


def _epoch(text: str) -> float:
    """Terraform's time: nanoseconds and a Z, which Python 3.10 does not read."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z$", text)
    if not found:
        return 0.0
    return datetime.fromisoformat(found[1]).replace(tzinfo=timezone.utc).timestamp()
