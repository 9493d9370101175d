"""The objects of one shared deployment in S3: state, answers, journal, and the lock of a run.

The lock is written only where none is (S3's conditional write), so of two runs that start in the
same moment one gets it. It is an object, not a lease: a machine that dies leaves it, and only a
person can say that it is dead.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from wizard.core import migrations
from wizard.core.answers.model import SCHEMA_VERSION
from wizard.core.errors import WizardError
from wizard.core.state_place import StatePlace
from wizard.core.terraform.failures import StateLock
from wizard.services import versions_kept
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, explain, explained
from wizard.services.lock import Owner, user_name
from wizard.services.state_file import StateFacts, read_shared_state

_MISSING = frozenset(("NoSuchKey", "404", "NotFound"))
_TAKEN = frozenset(("PreconditionFailed", "ConditionalRequestConflict"))


@dataclass(frozen=True)
class Held:
    """A run's lock as it lies in the bucket. `folder` is the workspace on the owner's machine."""

    id: str
    owner: Owner
    folder: str = ""


@dataclass(frozen=True)
class Moved:
    """A state that was moved away: to which bucket (empty: that person's computer), by whom."""

    target: str
    by: str
    at: float


class StateStore:
    """Reads and writes one deployment's objects. Every failure is a WizardError.

    Args:
        clients: an AWS session.
        place: bucket and names.
    """

    def __init__(self, clients: Clients, place: StatePlace) -> None:
        self._clients = clients
        self.place = place
        self._held = ""

    def read(self, key: str) -> bytes | None:
        """An object's content; None when there is none."""
        try:
            answer = self._s3.get_object(
                Bucket=self.place.bucket, Key=key, ExpectedBucketOwner=self.place.account_id
            )
            return bytes(answer["Body"].read())
        except ClientError as error:
            if code_of(error) in _MISSING:
                return None
            raise explain(error, f"Reading {self._where(key)}") from error

    def write(self, key: str, data: bytes) -> None:
        """Replace an object."""
        with explained(f"Writing {self._where(key)}"):
            self._s3.put_object(
                Bucket=self.place.bucket,
                Key=key,
                Body=data,
                ExpectedBucketOwner=self.place.account_id,
            )

    def delete(self, key: str) -> None:
        """Delete an object; none there is no error."""
        with explained(f"Deleting {self._where(key)}"):
            self._s3.delete_object(
                Bucket=self.place.bucket, Key=key, ExpectedBucketOwner=self.place.account_id
            )

    def names(self, prefix: str) -> tuple[str, ...]:
        """Keys below a prefix, in order."""
        with explained(f"Listing {self._where(prefix)}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.place.bucket,
                Prefix=prefix,
                ExpectedBucketOwner=self.place.account_id,
            )
            return tuple(sorted(o["Key"] for page in pages for o in page.get("Contents", ())))

    def state(self) -> bytes | None:
        """Terraform's state; None before the first apply."""
        return self.read(self.place.state)

    def facts(self) -> StateFacts | None:
        """What tells this state from another; None before the first apply."""
        return read_shared_state(self.state(), self._where(self.place.state))

    def saved_answers(self) -> dict[str, Any]:
        """The answers of the last run; empty when there are none.

        Raises WizardError WAG-E-ANSWERS-005 when they cannot be read.
        """
        body = self.read(self.place.answers)
        if body is None:
            return {}
        try:
            data: dict[str, Any] = dict(json.loads(body))
        except (ValueError, TypeError) as error:
            raise WizardError(
                "WAG-E-ANSWERS-005",
                "The saved answers of this deployment cannot be read",
                why=f"{self._where(self.place.answers)}: {error}",
                next_step="Restore an earlier version of that object.",
            ) from error
        return migrations.answers(data, self._where(self.place.answers))

    def save_answers(self, text: str) -> None:
        """Keep the answers for whoever comes next; those of another version stay beside them."""
        before = self.read(self.place.answers) or b""
        other = versions_kept.other_version(before, "schema_version", SCHEMA_VERSION)
        if other is not None:
            self.write(versions_kept.kept_name(self.place.answers, other), before)
        self.write(self.place.answers, text.encode())

    def journal(self) -> Iterator[bytes]:
        """The journal's pieces, the oldest first."""
        for name in self.names(self.place.journal):
            yield self.read(name) or b""

    def save_journal(self, number: int, lines: bytes) -> None:
        """Replace one piece of the journal."""
        self.write(f"{self.place.journal}{number:06}.jsonl", lines)

    def leave(self, target: str) -> None:
        """Delete everything of this deployment here but a word on where it went.

        Where the bucket keeps versions, they stay. `target` is a bucket; empty for this computer.
        """
        left = Moved(target, f"{user_name()} on {socket.gethostname()}", time.time())
        self.write(self.place.moved, json.dumps(asdict(left)).encode())
        for name in self.names(self.place.folder):
            if name != self.place.moved:
                self.delete(name)

    def moved(self) -> Moved | None:
        """Where the state went, if it was moved away from here."""
        body = self.read(self.place.moved)
        if body is None:
            return None
        try:
            data = json.loads(body)
            return Moved(str(data["target"]), str(data["by"]), float(data["at"]))
        except (ValueError, KeyError, TypeError):
            return Moved("", "somebody", 0.0)

    def arrive(self) -> None:
        """The state is here (again)."""
        self.delete(self.place.moved)

    # The lock of a whole run ------------------------------------------------------------------

    def lock(self, purpose: str, folder: str) -> None:
        """Take the lock. Raises WizardError WAG-E-STATE-010 when a run holds it."""
        owner = Owner(os.getpid(), socket.gethostname(), user_name(), time.time(), purpose)
        identity = uuid.uuid4().hex[:12]
        body = json.dumps({**asdict(owner), "id": identity, "folder": folder}).encode()
        try:
            self._s3.put_object(
                Bucket=self.place.bucket,
                Key=self.place.lock,
                Body=body,
                IfNoneMatch="*",
                ExpectedBucketOwner=self.place.account_id,
            )
        except ClientError as error:
            if code_of(error) not in _TAKEN:
                raise explain(error, f"Locking {self.place}") from error
            raise self._taken() from error
        self._held = identity

    def holder(self) -> Held | None:
        """Who holds the lock; None when nobody does, or it cannot be read."""
        body = self.read(self.place.lock)
        if body is None:
            return None
        try:
            data = json.loads(body)
            owner = Owner(
                int(data["pid"]), str(data["host"]), str(data["user"]), float(data["started"]),
                str(data.get("purpose", "")),
            )  # fmt: skip
            return Held(str(data["id"]), owner, str(data.get("folder", "")))
        except (ValueError, KeyError, TypeError):
            return Held("unreadable", Owner(0, "an unknown machine", "somebody", 0.0))

    def unlock(self) -> None:
        """Give back the lock, if this object holds it and nobody took it away."""
        if not self._held:
            return
        identity, self._held = self._held, ""
        found = self.holder()
        if found is not None and found.id == identity:
            self.delete(self.place.lock)

    def break_lock(self, held: Held) -> None:
        """Remove a lock that a dead run left. Only after a person agreed to this very one."""
        found = self.holder()
        if found is not None and found.id == held.id:
            self.delete(self.place.lock)

    def _taken(self) -> WizardError:
        found = self.holder()
        who = str(found.owner) if found else "a run that ended this moment"
        step = "Wait for it to end; then run the same command again."
        if found is not None:
            step += f" If that run no longer exists, remove its lock: add --unlock {found.id}"
        return WizardError(
            "WAG-E-STATE-010",
            "Another run is working on this deployment",
            why=f"{self.place} is held by {who}.",
            next_step=step,
        )

    # Terraform's own lock ---------------------------------------------------------------------

    def terraform_lock(self) -> StateLock | None:
        """The lock of a Terraform that runs, or that was killed; None when there is none."""
        body = self.read(self.place.terraform_lock)
        if body is None:
            return None
        try:
            data = json.loads(body)
            return StateLock(
                str(data["ID"]), str(data.get("Who", "")), str(data.get("Created", "")),
                str(data.get("Operation", "")),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise WizardError(
                "WAG-E-STATE-012",
                "Terraform's lock in the bucket cannot be read",
                why=f"{self._where(self.place.terraform_lock)}: {error}",
                next_step="If no Terraform works on this deployment, delete that object.",
            ) from error

    def _where(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    @property
    def _s3(self) -> Any:
        return self._clients.client("s3")
