"""Deployments of this account and Region that are not on this machine.

One whose state a colleague keeps in S3 can be opened from here. One that only its tags give away
can be looked at: its state is on another computer, and without it nobody can change or remove it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.state_place import FOLDER, LOCAL, StatePlace
from wizard.services.aws import tagged
from wizard.services.aws.session import Session
from wizard.services.workspace import s3_state
from wizard.services.workspace.s3_state import StateStore


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


def look(
    session: Session, identity: Identity, known: Collection[str] = (), given: str = ""
) -> Seen:
    """Look for deployments in S3 and by their tag. Changes nothing.

    Args:
        known: name prefixes of this account and Region whose workspace is on this machine.
        given: a bucket to look into whatever its tags (the answer `state_bucket`).
    """
    problems: list[str] = []
    found: dict[str, Elsewhere] = {}

    def add(prefix: str, bucket: str = "", forwarder: str = "") -> None:
        if prefix and prefix not in known and prefix not in found:
            found[prefix] = Elsewhere(
                prefix, identity.account_id, identity.region, bucket, forwarder
            )

    try:
        further = (given,) if given not in ("", LOCAL) else ()
        for bucket in dict.fromkeys((*further, *s3_state.find(session))):
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


def answers(session: Session, one: Elsewhere) -> dict[str, Any]:
    """The answers of a deployment whose state is in S3; empty when there are none."""
    place = StatePlace(one.bucket, one.account_id, one.region, one.name_prefix)
    held = StateStore(session, place).saved_answers()
    return {**held, "state_bucket": one.bucket} if held else {}


def _shared(session: Session, identity: Identity, bucket: str) -> tuple[str, ...]:
    base = f"{FOLDER}/{identity.account_id}/{identity.region}/"
    place = StatePlace(bucket, identity.account_id, identity.region, "")
    keys = StateStore(session, place).names(base)
    held = (key for key in keys if key.endswith("/answers.json"))
    return tuple(sorted({key.removeprefix(base).partition("/")[0] for key in held}))
