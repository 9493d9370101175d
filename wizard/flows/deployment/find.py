"""The deployments on this machine and the answers they were made with. No AWS here."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.core.journal.unfinished import Unfinished
from wizard.core.state_place import FOLDER, LOCAL, StatePlace, backend_bucket
from wizard.flows.context import Options
from wizard.services.lock import is_held
from wizard.services.workspace.journal import Journal
from wizard.services.workspace.workspace import (
    WorkspaceInfo,
    describe_workspace,
    list_workspaces,
    read_backend,
)

if TYPE_CHECKING:
    from wizard.core.facts import Identity
    from wizard.services.aws.session import Session


@dataclass(frozen=True)
class Found:
    """A deployment on this machine."""

    root: Path
    account_id: str
    region: str
    name_prefix: str
    resources: int | None
    changed: float
    bucket: str = ""  # where its state is kept, when that is not here

    @property
    def unfinished(self) -> Unfinished | None:
        """The last run that did not come to its end; None while one is at work."""
        at_work = is_held(self.root / "lock")
        return None if at_work else Journal(self.root / "journal.jsonl").unfinished


def found_deployments(options: Options) -> tuple[Found, ...]:
    """Every deployment whose workspace is on this machine, the last changed first."""
    if options.workspace is not None:
        one = describe_workspace(options.workspace)
        infos: tuple[WorkspaceInfo, ...] = (one,) if one else ()
    else:
        infos = list_workspaces()
    return tuple(
        Found(
            i.root,
            i.id.account_id,
            i.id.region,
            i.id.name_prefix,
            i.resources,
            i.changed,
            _bucket(i.root),
        )
        for i in infos
    )


def _bucket(root: Path) -> str:
    try:
        return backend_bucket(read_backend(root))
    except WizardError:  # told when it is opened
        return ""


@dataclass(frozen=True)
class Elsewhere:
    """A deployment. `bucket` holds its state; empty where nobody here knows where that is."""

    name_prefix: str
    account_id: str
    region: str
    bucket: str = ""
    forwarder: str = ""


@dataclass(frozen=True)
class Seen:
    """What was found, and what could not be looked at."""

    found: tuple[Elsewhere, ...] = ()
    problems: tuple[str, ...] = ()


def find_elsewhere(
    session: Session, identity: Identity, known: Collection[str] = (), given: str = ""
) -> Seen:
    """Look for deployments in S3 and by their tag. Changes nothing.

    Args:
        known: name prefixes of this account and Region whose workspace is on this machine.
        given: a bucket to look into whatever its tags (the answer `state_bucket`).
    """
    from wizard.services.aws import tagged  # boto3 takes a moment to load
    from wizard.services.workspace import s3_state

    problems: list[str] = []
    found: dict[str, Elsewhere] = {}

    def add(prefix: str, bucket: str = "", forwarder: str = "") -> None:
        if prefix and prefix not in known and prefix not in found:
            found[prefix] = Elsewhere(
                prefix, identity.account_id, identity.region, bucket, forwarder
            )

    try:
        further = (given,) if given not in ("", LOCAL) else ()
        for bucket in dict.fromkeys((*further, *s3_state.find_buckets(session))):
            try:
                for prefix in _shared(session, identity, bucket):
                    add(prefix, bucket)
            except WizardError as error:
                problems.append(f"s3://{bucket}: {error.what}")
        begins = f"{identity.account_id}-{identity.region}-"
        for value, forwarder in tagged.deployments(session).items():
            if value.startswith(begins):
                add(value.removeprefix(begins), "", forwarder)
    except WizardError as error:
        problems.append(error.what)
    return Seen(tuple(sorted(found.values(), key=lambda f: f.name_prefix)), tuple(problems))


def _shared(session: Session, identity: Identity, bucket: str) -> tuple[str, ...]:
    from wizard.services.workspace.s3_state import StateStore

    base = f"{FOLDER}/{identity.account_id}/{identity.region}/"
    place = StatePlace(bucket, identity.account_id, identity.region, "")
    keys = StateStore(session, place).names(base)
    held = (key for key in keys if key.endswith("/answers.json"))
    return tuple(sorted({key.removeprefix(base).partition("/")[0] for key in held}))
