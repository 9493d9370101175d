"""Whose deployment it is: asked of the account at every door, before anything is changed.

The record on this computer says what was done from here, not what is there now: somebody may have
removed it, taken it over, or made another one under the same name.
"""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.installation import NO_ID, Installation, Standing, judge_ownership, owned_ids
from wizard.core.journal import record
from wizard.core.tfvars import (
    DEPLOYMENT_TAG,
    INSTALLATION_TAG,
    installation_parameter_name,
)
from wizard.flows.deployment import remote
from wizard.flows.deployment.model import Deployment
from wizard.services.aws.deployment import installation as account
from wizard.services.lock import user_name
from wizard.services.workspace.journal import append_shared
from wizard.services.workspace.s3_state import StateStore

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

UNMARKED_ID = "no-id"
"""What is typed to take over a deployment that carries no id."""


@dataclass(frozen=True)
class Ownership:
    """What the account says about a name.

    Attributes:
        owner: whose it is, as far as the account says; None where nothing is there.
        forwarder: ARN of its function; empty where there is none.
        claimed: the parameter of this name is this installation's, to be given back once.
        lost: who took it over from this one, as they wrote into its record; None where nobody did.
        unread: why part of it could not be looked at; empty where all was.
    """

    standing: Standing
    owner: Installation | None = None
    forwarder: str = ""
    unread: str = ""
    claimed: bool = False
    lost: Installation | None = None


def read_ownership(deployment: Deployment) -> Ownership:
    """Ask the account. What cannot be looked at is told, and does not count."""
    held = deployment.journal.record
    own = held.installation.id if held.installation is not None else NO_ID
    unread: list[str] = []
    claim: Installation | None = None
    forwarders: tuple[account.Forwarder, ...] = ()
    name = installation_parameter_name(deployment.answers)
    try:
        claim = account.read_claim(deployment.session.client("ssm"), name)
    except WizardError as error:
        unread.append(error.what)
    try:
        forwarders = account.read_forwarders(deployment.session, deployment.deployment_id)
    except WizardError as error:
        unread.append(error.what)
    ours = owned_ids(own, claim, held.taken_over)
    strange = [one for one in forwarders if one.installation.id not in ours]
    first = next(iter(strange or forwarders), None)
    state = deployment.workspace.check_state() > 0
    standing = judge_ownership(
        own,
        state=state,
        claim=claim,
        forwarder=first.installation.id if first is not None else None,
        taken_over=held.taken_over,
    )
    if standing in (Standing.GONE, Standing.FREE) and unread and state:
        standing = Standing.OURS  # by our state; nothing that could be read speaks against it
    owner = first.installation if first is not None else claim
    if claim is not None and claim.id != own:
        owner = claim
    return Ownership(
        standing,
        owner,
        first.arn if first is not None else "",
        "; ".join(unread),
        claimed=claim is not None and claim.id == own,
        lost=held.lost,
    )


def require_installable(deployment: Deployment) -> None:
    """Raise UsageError WAG-E-STATE-008 where this name belongs to another installation, and nobody
    said that it is to be taken over. Then give this one an id, on this computer alone.

    An installation that an earlier version made gets its id here; the plan shows the tags.
    """
    found = read_ownership(deployment)
    wanted = deployment.context.options.take_over
    if found.unread:
        deployment.context.note(
            f"whose it is could not be asked everywhere: {found.unread}", State.UNCHECKED
        )
    taken: str | None = None
    if found.standing in (Standing.THEIRS, Standing.NOBODYS):
        owner = found.owner or Installation(NO_ID)
        if wanted != (owner.id or UNMARKED_ID):
            raise _taken(deployment, found, owner, wanted)
        taken = owner.id
        deployment.context.note(
            f"is taken over from {owner}. What its stages had before is recorded there alone: "
            "putting them back is up to you.",
            State.WARNING,
            deployment.answers.name_prefix,
        )
    held = deployment.journal.record
    if taken is not None or held.installation is None:
        _make_id(deployment, taken)


def _make_id(deployment: Deployment, taken_over: str | None) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    made = Installation(uuid.uuid4().hex[:16], f"{user_name()} on {socket.gethostname()}", now)
    after = {"by": made.by, "at": made.at}
    if taken_over is not None:
        after["takes_over"] = taken_over
    deployment.journal.write(record.INSTALLATION_MAKE, made.id, "done", after=after)


def claim_name(deployment: Deployment) -> None:
    """Claim this name in the account for this installation, before anything else is made there.

    Raises UsageError WAG-E-STATE-008 when another computer was faster; nothing was made then.
    """
    held = deployment.journal.record
    made = held.installation
    if made is None:
        raise ValueError("a deployment is given its id when it is reviewed")
    client = deployment.session.client("ssm")
    name = installation_parameter_name(deployment.answers)
    tags = {
        **deployment.answers.tags,
        DEPLOYMENT_TAG: deployment.deployment_id,
        INSTALLATION_TAG: made.id,
    }
    found = account.read_claim(client, name)
    if found is not None and found.id == made.id:
        return
    with deployment.journal.effect(record.INSTALLATION_CLAIM, made.id) as effect:
        if found is not None and found.id == held.taken_over:
            _take_over(deployment, client, name, found, made)
            effect.detail = f"taken over from {found}"
            return
        winner = account.make_claim(client, name, made, tags)
        if winner.id != made.id:
            raise _taken(deployment, Ownership(Standing.THEIRS, winner), winner, "")


def _take_over(
    deployment: Deployment, client: SSMClient, name: str, theirs: Installation, made: Installation
) -> None:
    """Replace a claim, and say so in the record that the other one keeps in a bucket, if any.

    Raises WizardError WAG-E-STATE-010 while a run of theirs holds the lock there.
    """
    places = remote.look_for_state(
        deployment.session, deployment.identity, deployment.answers.name_prefix
    )
    bucket = places.of(theirs.id) if theirs.id != NO_ID else ""
    if not bucket:
        account.replace_claim(client, name, theirs, made)
        return
    store = StateStore(deployment.session, deployment.place(bucket))
    store.lock("take over", str(deployment.workspace.root))
    try:
        account.replace_claim(client, name, theirs, made)
        after = {"id": made.id, "by": made.by, "at": made.at}
        append_shared(store, record.INSTALLATION_LOST, theirs.id, after)
        deployment.context.note(f"the take-over is told in {store.place}", State.DONE)
    except WizardError as error:
        if error.code != "WAG-E-JOURNAL-002":
            raise
        deployment.context.note(
            f"the take-over could not be told in {store.place}: {error.why}", State.WARNING
        )
    finally:
        store.unlock()


def release_name(deployment: Deployment) -> None:
    """Give the name back, after everything under it is gone; nobody else's claim is touched."""
    made = deployment.journal.record.installation
    if made is None:
        return
    name = installation_parameter_name(deployment.answers)
    by = {"by": f"{user_name()} on {socket.gethostname()}"}
    with deployment.journal.effect(record.INSTALLATION_RELEASE, made.id, intended=by):
        account.delete_claim(deployment.session.client("ssm"), name, made.id)


def require_own(deployment: Deployment, *, gone_is_fine: bool = False) -> Ownership:
    """Raise WizardError where this deployment is not this installation's to change.

    WAG-E-STATE-009 where its state is not here, WAG-E-OWNER-001 where somebody took it over or made
    another one since, WAG-E-OWNER-002 where the account does not have it any more.

    Args:
        gone_is_fine: what is left of a deployment that is gone may be cleared away.
    """
    found = read_ownership(deployment)
    if found.unread:
        deployment.context.note(
            f"whose it is could not be asked everywhere: {found.unread}", State.UNCHECKED
        )
    prefix = deployment.answers.name_prefix
    if found.standing is Standing.NOBODYS or (
        found.standing is Standing.THEIRS and not deployment.workspace.check_state()
    ):
        forwarder = found.forwarder or installation_parameter_name(deployment.answers)
        raise remote.refuse_change(
            deployment.session, deployment.identity, prefix, forwarder, found.owner
        )
    if found.standing is Standing.THEIRS:
        raise WizardError(
            "WAG-E-OWNER-001",
            f"{prefix} is no longer the deployment of this computer",
            why=f"In {deployment.identity.region} it is now {found.owner}. What is recorded here "
            "was removed, or taken over.",
            next_step="Nothing was changed. Work from where it was installed, or have its state "
            "moved to a bucket there (answer state_bucket) and join it. To take it over "
            "deliberately: `wallarm-apigw install --take-over "
            f"{found.owner.id if found.owner and found.owner.id else UNMARKED_ID}`.",
        )
    if found.standing is Standing.GONE and not gone_is_fine:
        raise WizardError(
            "WAG-E-OWNER-002",
            f"{prefix} is gone from {deployment.identity.region}",
            why="The record here knows it, but the account has no forwarder of this name any more.",
            next_step="`wallarm-apigw status` says more; `wallarm-apigw install` makes what is "
            "missing, `wallarm-apigw uninstall` clears away what is left. Nothing was changed.",
        )
    return found


def describe_standing(found: Ownership, prefix: str, region: str) -> str:
    """What status and doctor say of a deployment that is not as the record has it; else empty."""
    if found.standing is Standing.THEIRS:
        return f"not ours any more: in {region} {prefix} is now {found.owner}"
    if found.standing is Standing.GONE:
        lost = f"; it was taken over by {found.lost}" if found.lost is not None else ""
        return f"gone: the account has no forwarder of {prefix} in {region} any more{lost}"
    return ""


def _taken(
    deployment: Deployment, found: Ownership, owner: Installation, wanted: str
) -> UsageError:
    prefix, region = deployment.answers.name_prefix, deployment.identity.region
    places = remote.look_for_state(deployment.session, deployment.identity, prefix)
    bucket = places.of(owner.id) if owner.id != NO_ID else ""
    folder = deployment.workspace.root
    join = (
        "Join it: there the answer state_bucket moves its state to a bucket, from which colleagues "
        "carry on."
    )
    if bucket:
        missing = f"Its Terraform state is in s3://{bucket}."
        join = (
            "Join it: leave the answer state_bucket empty"
            + (", in a new folder (--workspace DIR)" if deployment.workspace.check_state() else "")
            + "."
        )
    elif deployment.workspace.check_state():
        missing = "The state here is not the one of that deployment."
    else:
        missing = f"Its Terraform state is neither in {folder} nor in a bucket of this Region."
    typed = f" `--take-over {wanted}` names another one." if wanted else ""
    return UsageError(
        "WAG-E-STATE-008",
        f"{prefix} is deployed in {region} already, from another computer",
        why=f"It is {owner}"
        + (f"; its forwarder is {found.forwarder}" if found.forwarder else "")
        + f". {missing}{typed}",
        next_step=f"Three ways on. {join} Or make a second one: choose another name_prefix. "
        f"Or take it over, deliberately: add --take-over {owner.id or UNMARKED_ID}. Nothing was "
        "changed.",
        keys=("name_prefix", "state_bucket"),
    )
