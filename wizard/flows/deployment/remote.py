"""A deployment whose state is on another computer, seen from here through its tags.

What AWS knows is enough to look at it and to find out what is wrong. To change or remove it takes
Terraform's state and the record of what its stages had before, which are where it was installed.
"""

from __future__ import annotations

from dataclasses import dataclass

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import AccessLog, Identity, Inventory, StageSettings
from wizard.core.installation import Installation
from wizard.core.journal.record import Record, StageRecord
from wizard.core.stages.log_format import log_group_name, merge
from wizard.core.tfvars import OUR_LOG_GROUPS, Outputs
from wizard.flows.context import Context
from wizard.flows.deployment.places import Places, find_places
from wizard.services.aws.deployment import tagged
from wizard.services.aws.discovery import discover
from wizard.services.aws.log_delivery import group_arn
from wizard.services.aws.session import Session

NEXT_STEP = (
    "Run it where it was installed; `wallarm-apigw install --set state_bucket=NAME` there lets "
    "every computer carry on."
)
LIMITS = (
    "Read from AWS alone: what its stages had before, whether somebody changed them since, and "
    "what Terraform would change is known only where its state is."
)


@dataclass(frozen=True)
class RemoteDeployment:
    """A deployment as far as AWS knows it.

    Attributes:
        answers: those that can be told from what is there; the others are as given.
        record: its stages: those that log to a log group its forwarder may be called for. What they
            had `before` is not known; it says what they have now.
        resources: how many things carry its tag.
        holder: who moved its state out of a bucket to their computer; empty where nobody did.
        notes: what is not as it should be, or could not be read.
    """

    answers: Answers
    outputs: Outputs
    record: Record
    resources: int
    holder: str = ""
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Where its state is, in one line."""
        if self.holder:
            return f"not here: {self.holder} moved it to that computer"
        return "not here, but on the computer it was installed from"


def read_remote(
    session: Session, identity: Identity, answers: Answers, inventory: Inventory | None = None
) -> RemoteDeployment | None:
    """Look at a deployment; None where AWS knows none of that name. Raises WizardError.

    Args:
        inventory: the stages of the Region, where they were read already.
    """
    prefix = answers.name_prefix
    read: list[Inventory] = [] if inventory is None else [inventory]

    def stages_of_the_region() -> Inventory:
        if not read:
            read.append(discover(session, identity))
        return read[0]

    found = tagged.read_deployment_from_tags(
        session,
        identity,
        f"{identity.account_id}-{identity.region}-{prefix}",
        lambda: _log_groups(stages_of_the_region()),
    )
    if found is None:
        return None
    inventory = stages_of_the_region()
    notes = [f"{problem.subject}: {problem.message}" for problem in inventory.problems]
    notes += [
        f"{found.outputs.lambda_function_name} is not subscribed to {group}: `wallarm-apigw "
        "doctor` says more"
        for group in sorted({*found.permitted} - {*found.outputs.api_gateway_log_groups})
    ]
    stages = {one.ref: one for one in _stages(identity, found, inventory)}
    return RemoteDeployment(
        _answers(answers, identity, found).with_(stages=tuple(map(str, stages))),
        found.outputs,
        Record(stages=stages),
        found.resources,
        look_for_state(session, identity, prefix).holder,
        tuple(notes),
    )


def find_remote(
    context: Context,
    session: Session,
    identity: Identity,
    answers: Answers,
    inventory: Inventory | None = None,
) -> RemoteDeployment | None:
    """The same; that AWS could not be asked is told, and no error."""
    try:
        return read_remote(session, identity, answers, inventory)
    except WizardError as error:
        context.note(
            f"could not look for {answers.name_prefix} in the account: {error.what}",
            State.UNCHECKED,
        )
        return None


def refuse_change(
    session: Session,
    identity: Identity,
    prefix: str,
    forwarder: str,
    owner: Installation | None = None,
) -> WizardError:
    """Why nothing of it can be changed from here, and what to do."""
    places = look_for_state(session, identity, prefix)
    moved = f" {places.holder} moved it to that computer." if places.holder else ""
    bucket = places.of(owner.id) if owner is not None else ""
    where = (
        f"its state is in s3://{bucket}" if bucket else "no bucket of this Region holds its state"
    )
    join = "To join it, leave the answer state_bucket empty." if bucket else NEXT_STEP
    return WizardError(
        "WAG-E-STATE-009",
        f"{prefix} is deployed in {identity.region}, but its state is not on this computer",
        why=f"{forwarder} carries its tag"
        + (f", {owner}" if owner is not None and owner.id else "")
        + f"; {where}.{moved} "
        "Without the state, and the record of what its stages had before, it can be neither "
        "changed nor removed.",
        next_step=f"{join} From here `wallarm-apigw status` and `doctor` look at it. If its "
        "state is in a bucket that is not found, set WALLARM_APIGW_STATE_BUCKET. Nothing was "
        "changed.",
    )


def _answers(answers: Answers, identity: Identity, found: tagged.Pictured) -> Answers:
    outputs = found.outputs
    node = "" if outputs.ecs_cluster else outputs.node_url
    main = outputs.api_gateway_log_group
    known = answers.with_(
        account_id=identity.account_id,
        node_url=node,
        node_scheme=outputs.node_scheme if node else answers.node_scheme,
        api_gateway_log_group_name="" if main.startswith(OUR_LOG_GROUPS) else main,
    )
    number = found.application_id
    if number.lstrip("-").isdigit():
        known = known.with_(x_wallarm_application_id=int(number))
    return known


def _log_groups(inventory: Inventory) -> set[str]:
    arns = (stage.settings.access_log.destination_arn for stage in inventory.stages)
    return {group for group in map(log_group_name, arns) if group}


def _stages(
    identity: Identity, found: tagged.Pictured, inventory: Inventory
) -> tuple[StageRecord, ...]:
    stages = []
    for stage in inventory.stages:
        log = stage.settings.access_log
        group = log_group_name(log.destination_arn)
        if group not in found.permitted:
            continue
        main = group == found.outputs.api_gateway_log_group and group.startswith(OUR_LOG_GROUPS)
        fields = merge(log.format, stage.api.api_type)
        written = fields.format if fields.ok else log.format
        after = StageSettings(
            AccessLog(group_arn(identity, group), written), stage.settings.logging_level
        )
        stages.append(
            StageRecord(
                stage.ref,
                stage.api.api_type.value,
                stage.settings,
                after,
                "ours" if main else "keep",
                group,
                connected=True,
                api_name=stage.api.name,
            )
        )
    return tuple(stages)


def look_for_state(session: Session, identity: Identity, prefix: str) -> Places:
    """What is in the buckets of the Region; nothing where they cannot be looked into."""
    try:
        return find_places(session, identity, prefix)
    except WizardError as error:
        return Places(unread=(error.what,))
