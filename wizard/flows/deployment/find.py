"""The deployments that there are: on this computer, in buckets of the account, by their tag."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.core.errors import WizardError
from wizard.core.known_deployment import KnownDeployment
from wizard.core.state_place import FOLDER, LOCAL, StatePlace
from wizard.flows.context import Options
from wizard.services.workspace.workspace import describe_workspace, list_workspaces

if TYPE_CHECKING:
    from wizard.core.facts import Identity
    from wizard.services.aws.session import Session


def found_deployments(options: Options) -> tuple[KnownDeployment, ...]:
    """Every deployment whose workspace is on this machine, the last changed first."""
    if options.workspace is None:
        return list_workspaces()
    one = describe_workspace(options.workspace)
    return (one,) if one else ()


@dataclass(frozen=True)
class Seen:
    """What was found, and what could not be looked at."""

    found: tuple[KnownDeployment, ...] = ()
    problems: tuple[str, ...] = ()


def find_in_account(
    session: Session, identity: Identity, known: Collection[str] = (), given: str = ""
) -> Seen:
    """Look for deployments in S3 and by their tag. Changes nothing.

    Args:
        known: name prefixes of this account and Region whose workspace is on this machine.
        given: a bucket to look into whatever its tags (the answer `state_bucket`).
    """
    from wizard.services.aws.deployment import tagged  # boto3 takes a moment to load
    from wizard.services.workspace import s3_state

    problems: list[str] = []
    found: dict[str, KnownDeployment] = {}

    def add(prefix: str, bucket: str = "", forwarder: str = "") -> None:
        if prefix and prefix not in known and prefix not in found:
            found[prefix] = KnownDeployment(
                prefix,
                identity.account_id,
                identity.region,
                bucket=bucket,
                remote=not bucket,
                forwarder=forwarder,
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
        for value, forwarder in tagged.tagged_deployments(session).items():
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
