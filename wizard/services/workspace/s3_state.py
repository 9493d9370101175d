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
from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import Identity
from wizard.core.state_place import STATE_TAG, STATE_TAG_VALUE, StatePlace
from wizard.core.terraform.failures import StateLock
from wizard.core.tfvars import COMPONENT_TAG
from wizard.services import files
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, explained, is_denied
from wizard.services.lock import Owner, user_name
from wizard.services.workspace.state import StateFacts, read_shared_state

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

    def read_object(self, key: str) -> bytes | None:
        """An object's content; None when there is none."""
        with explained(f"Reading {self._where(key)}"):
            try:
                answer = self._s3.get_object(
                    Bucket=self.place.bucket, Key=key, ExpectedBucketOwner=self.place.account_id
                )
                return bytes(answer["Body"].read())
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def write_object(self, key: str, data: bytes) -> None:
        """Replace an object."""
        with explained(f"Writing {self._where(key)}"):
            self._s3.put_object(
                Bucket=self.place.bucket,
                Key=key,
                Body=data,
                ExpectedBucketOwner=self.place.account_id,
            )

    def delete_object(self, key: str) -> None:
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
        return self.read_object(self.place.state)

    def facts(self) -> StateFacts | None:
        """What tells this state from another; None before the first apply."""
        return read_shared_state(self.state(), self._where(self.place.state))

    def saved(self) -> tuple[dict[str, Any], str]:
        """The answers of the last run, and the id of the installation that they are of; both empty
        when there are none.

        Raises WizardError WAG-E-ANSWERS-005 when they cannot be read, WAG-E-VERSION-001 when a
        newer version wrote them.
        """
        return self._saved(self.place.answers)

    def _saved(self, key: str) -> tuple[dict[str, Any], str]:
        body = self.read_object(key)
        if body is None:
            return {}, ""
        try:
            data: dict[str, Any] = dict(json.loads(body))
        except (ValueError, TypeError) as error:
            raise WizardError(
                "WAG-E-ANSWERS-005",
                "The saved answers of this deployment cannot be read",
                why=f"{self._where(key)}: {error}",
                next_step="Restore an earlier version of that object.",
            ) from error
        found = migrations.migrate_answers(data, self._where(key))
        return found, str(data.get(migrations.SAVED_BY, ""))

    def saved_answers(self) -> dict[str, Any]:
        """The answers alone; where a move was stopped before they counted, those that came with
        it."""
        return self.saved()[0] or self._saved(self.place.arriving)[0]

    def send_answers(self, text: str) -> None:
        """Have the answers here before the state counts here; `saved` does not give them yet."""
        self.write_object(self.place.arriving, text.encode())

    def save_answers(self, text: str) -> None:
        """Keep the answers for whoever comes next; those of another version stay beside them."""
        before = self.read_object(self.place.answers) or b""
        other = files.other_version(before, "schema_version", SCHEMA_VERSION)
        if other is not None:
            self.write_object(files.kept_name(self.place.answers, other), before)
        self.write_object(self.place.answers, text.encode())

    def drop_sent(self) -> None:
        """The answers are saved: those that came with a move are of no use any more."""
        self.delete_object(self.place.arriving)

    def journal(self) -> Iterator[bytes]:
        """The journal's pieces, the oldest first."""
        for name in self.names(self.place.journal):
            yield self.read_object(name) or b""

    def save_journal(self, number: int, lines: bytes) -> None:
        """Replace one piece of the journal."""
        self.write_object(f"{self.place.journal}{number:06}.jsonl", lines)

    def mark_moved(self, target: str) -> None:
        """Say where the state went. From then on it counts there, for everybody.

        `target` is a bucket; empty for this computer.
        """
        left = Moved(target, f"{user_name()} on {socket.gethostname()}", time.time())
        self.write_object(self.place.moved, json.dumps(asdict(left)).encode())

    def leave_for(self, target: str) -> None:
        """Delete everything of this deployment here but a word on where it went.

        Where the bucket keeps versions, they stay.
        """
        found = self.moved()
        if found is None or found.target != target:
            self.mark_moved(target)
        self.clear()

    def clear(self) -> None:
        """Delete everything of this deployment here but the word on where it went, if any."""
        for name in self.names(self.place.folder):
            if name != self.place.moved:
                self.delete_object(name)

    def moved(self) -> Moved | None:
        """Where the state went, if it was moved away from here."""
        body = self.read_object(self.place.moved)
        if body is None:
            return None
        try:
            data = json.loads(body)
            return Moved(str(data["target"]), str(data["by"]), float(data["at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise WizardError(
                "WAG-E-STATE-014",
                "Where the state of this deployment went cannot be read",
                why=f"{self._where(self.place.moved)}: {error}",
                next_step="Restore an earlier version of that object "
                "(`aws s3api list-object-versions`). Nothing was changed.",
            ) from error

    def mark_arrived(self) -> None:
        """The state is here (again)."""
        self.delete_object(self.place.moved)

    # The lock of a whole run ------------------------------------------------------------------

    def lock(self, purpose: str, folder: str) -> None:
        """Take the lock. Raises WizardError WAG-E-STATE-010 when a run holds it."""
        owner = Owner(os.getpid(), socket.gethostname(), user_name(), time.time(), purpose)
        identity = uuid.uuid4().hex[:12]
        body = json.dumps({**asdict(owner), "id": identity, "folder": folder}).encode()
        with explained(f"Locking {self.place}"):
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
                    raise
                raise self._taken() from error
        self._held = identity

    def holder(self) -> Held | None:
        """Who holds the lock; None when nobody does, or it cannot be read."""
        body = self.read_object(self.place.lock)
        if body is None:
            return None
        try:
            data = json.loads(body)
            owner = Owner(
                int(data["pid"]),
                str(data["host"]),
                str(data["user"]),
                float(data["started"]),
                str(data.get("purpose", "")),
            )
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
            self.delete_object(self.place.lock)

    def break_lock(self, held: Held) -> None:
        """Remove a lock that a dead run left. Only after a person agreed to this very one."""
        found = self.holder()
        if found is not None and found.id == held.id:
            self.delete_object(self.place.lock)

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
        body = self.read_object(self.place.terraform_lock)
        if body is None:
            return None
        try:
            data = json.loads(body)
            return StateLock(
                str(data["ID"]),
                str(data.get("Who", "")),
                str(data.get("Created", "")),
                str(data.get("Operation", "")),
            )
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


@dataclass(frozen=True)
class Bucket:
    """A bucket as it is. `tagged`: it can be found by its tag; None when that may not be read."""

    name: str
    exists: bool
    versioned: bool | None = None
    tagged: bool | None = None


def read_bucket(clients: Clients, identity: Identity, name: str) -> Bucket:
    """What the bucket is like. Changes nothing.

    Raises UsageError WAG-E-STATE-002 when it belongs to another account or may not be used, 003
    when it is in another Region.
    """
    s3: Any = clients.client("s3")
    owner = {"ExpectedBucketOwner": identity.account_id}
    with explained(f"Looking at the bucket {name}"):
        try:
            head = s3.head_bucket(Bucket=name, **owner)
        except ClientError as error:
            status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
            if code_of(error) in ("404", "NoSuchBucket"):
                return Bucket(name, exists=False)
            if status in ("301", "400"):
                raise _of_another(name, "another Region", identity) from error
            if status != "403":
                raise
            raise UsageError(
                "WAG-E-STATE-002",
                f"The bucket {name} cannot be used for the state",
                why="It belongs to another account, or these credentials may not list it (403).",
                next_step="Choose another name for state_bucket, or add the permissions that "
                "`wallarm-apigw iam-policy` prints. Nothing was changed.",
                keys=("state_bucket",),
            ) from error
    region = str(head.get("BucketRegion") or identity.region)
    if region != identity.region:
        raise _of_another(name, region, identity)
    versioning = _may(lambda: s3.get_bucket_versioning(Bucket=name, **owner).get("Status", ""))
    tags = _may(lambda: _tags(s3, name, identity))
    return Bucket(
        name,
        exists=True,
        versioned=None if versioning is None else versioning == "Enabled",
        tagged=None if tags is None else STATE_TAG in tags,
    )


def make_bucket(clients: Clients, identity: Identity, name: str) -> None:
    """Make the bucket: private, encrypted, versioned, TLS only, tagged. Safe to repeat.

    Raises WizardError; UsageError WAG-E-STATE-002 when the name belongs to somebody else.
    """
    s3: Any = clients.client("s3")
    place: dict[str, Any] = {}
    if identity.region != "us-east-1":
        place["CreateBucketConfiguration"] = {"LocationConstraint": identity.region}
    with explained(f"Making the bucket {name}"):
        try:
            s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerEnforced", **place)
        except ClientError as error:
            if code_of(error) == "BucketAlreadyExists":
                raise UsageError(
                    "WAG-E-STATE-002",
                    f"The name {name} is taken by another account",
                    why=str(error),
                    next_step="Choose another name for state_bucket; bucket names are global.",
                    keys=("state_bucket",),
                ) from error
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise
    owner = {"ExpectedBucketOwner": identity.account_id}
    with explained(f"Closing the bucket {name}"):
        s3.put_public_access_block(
            Bucket=name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
            **owner,
        )
        s3.put_bucket_encryption(
            Bucket=name,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            **owner,
        )
        s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled"}, **owner
        )
        policy = json.dumps(_tls_only(identity.partition, name))
        s3.put_bucket_policy(Bucket=name, Policy=policy, **owner)
    tag_bucket(clients, identity, name)


def tag_bucket(clients: Clients, identity: Identity, name: str) -> None:
    """Add the tag by which colleagues find the bucket; its other tags stay."""
    s3: Any = clients.client("s3")
    with explained(f"Tagging the bucket {name}"):
        tags = _tags(s3, name, identity)
        if tags.get(STATE_TAG):
            return
        tags = {COMPONENT_TAG: "api-gateway-connector", **tags, STATE_TAG: STATE_TAG_VALUE}
        s3.put_bucket_tagging(
            Bucket=name,
            Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in tags.items()]},
            ExpectedBucketOwner=identity.account_id,
        )


def find_buckets(clients: Clients) -> tuple[str, ...]:
    """Names of this Region's buckets with the tag. Raises WizardError."""
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for shared states"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": STATE_TAG}], ResourceTypeFilters=["s3"]
        )
        arns = [m["ResourceARN"] for page in pages for m in page["ResourceTagMappingList"]]
    return tuple(sorted(arn.rpartition(":")[2] for arn in arns))


def _tags(s3: Any, name: str, identity: Identity) -> dict[str, str]:
    try:
        found = s3.get_bucket_tagging(Bucket=name, ExpectedBucketOwner=identity.account_id)
    except ClientError as error:
        if code_of(error) == "NoSuchTagSet":
            return {}
        raise
    return {item["Key"]: item["Value"] for item in found["TagSet"]}


def _may(read: Any) -> Any:
    """The answer; None where reading it is not allowed."""
    with explained("Looking at the bucket"):
        try:
            return read()
        except ClientError as error:
            if is_denied(error):
                return None
            raise


def _tls_only(partition: str, name: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{name}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def _of_another(name: str, region: str, identity: Identity) -> WizardError:
    return UsageError(
        "WAG-E-STATE-003",
        f"The bucket {name} is in {region}, not in {identity.region}",
        why="A deployment's state is kept in its own Region, where colleagues find it by its tag.",
        next_step=f"Choose a bucket of {identity.region}, or a name that does not exist yet.",
        keys=("state_bucket",),
    )
