"""What the account has already, looked at before a plan is made: AWS says it late or never.

Given subnets, the default key for volumes, private zones that hide the node's name, and API
Gateway's CloudWatch role. What cannot be looked at is told and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wizard.core import account_state
from wizard.core.account_state import RoleState
from wizard.core.answers.model import Answers
from wizard.core.errors import UsageError, WizardError
from wizard.core.events import State
from wizard.core.facts import ApiType, Identity
from wizard.core.stages.change import Mode, StageChange
from wizard.flows.context import Context
from wizard.services.aws import account_role, network
from wizard.services.aws.log_delivery import VENDED, full_policies
from wizard.services.aws.session import Session


def check_account(
    context: Context,
    session: Session,
    identity: Identity,
    answers: Answers,
    changes: Iterable[StageChange],
) -> tuple[str, ...]:
    """What to know of the account before these answers are planned, as sentences for the review.

    Raises UsageError WAG-E-NET-001 where the given subnets cannot hold a node.
    """
    warnings: list[str] = []
    if answers.deploys_node:
        if answers.vpc_id:
            _note_failure(context, "Given subnets", lambda: _check_subnets(session, answers))
        warnings += _note_failure(
            context, "Default key for volumes", lambda: _key(session, identity)
        )
        if answers.vpc_id and answers.node_host:
            warnings += _note_failure(
                context, "Private zones of the VPC", lambda: _hidden(session, answers)
            )
    wanted = tuple(changes)
    if any(_needs_policy(change, answers) for change in wanted):
        warnings += _note_failure(context, "Resource policies", lambda: _full(session))
    return (*warnings, *check_role(context, session, identity, wanted))


def _needs_policy(change: StageChange, answers: Answers) -> bool:
    """Whether log delivery needs a resource policy for what this change makes a stage log to."""
    if change.api_type is not ApiType.HTTP or change.mode is not Mode.OURS:
        return False
    named = answers.api_gateway_log_group_name
    vended = named.startswith(VENDED) if named else answers.vended_log_group
    return change.changes_anything and not vended


def _full(session: Session) -> tuple[str, ...]:
    found = full_policies(session)
    if not found:
        return ()
    text = (
        f"{found} Another may find no room, and then API Gateway refuses the access log of HTTP "
        "APIs. `vended_log_group` (Logs: New, vended) puts the log group under "
        f"{VENDED}, which needs none"
    )
    return (text,)


def check_role(
    context: Context, session: Session, identity: Identity, changes: Iterable[StageChange]
) -> tuple[str, ...]:
    """What to know of API Gateway's CloudWatch role, where some of these changes need it."""
    if not any(c.changes_anything and c.api_type is not ApiType.HTTP for c in changes):
        return ()

    def look() -> tuple[str, ...]:
        role = account_role.inspect_role(session, identity)
        if role.state is RoleState.UNCHECKED:
            context.note(
                f"whether {role.arn} can be used could not be checked: {role.problem}",
                State.UNCHECKED,
                "CloudWatch role",
            )
        if not role.broken:
            return ()
        text = (
            f"API Gateway's CloudWatch role of this account and Region, {role.arn}, cannot be "
            f"used: {role.problem}. No REST or WebSocket API logs with it. With your consent one "
            "that works is set in its place, before a stage is touched"
        )
        return (text,)

    return _note_failure(context, "CloudWatch role", look)


def _note_failure(
    context: Context, subject: str, look: Callable[[], tuple[str, ...]]
) -> tuple[str, ...]:
    try:
        return look()
    except UsageError:
        raise
    except WizardError as error:
        why = f": {error.why}" if error.why else ""
        context.note(f"could not be checked. {error.what}{why}", State.UNCHECKED, subject)
        return ()


def _check_subnets(session: Session, answers: Answers) -> tuple[str, ...]:
    found = network.given_network(session, answers.vpc_id)
    if found is None:
        problems: tuple[str, ...] = (f"{answers.vpc_id} does not exist in this account and Region",)
    else:
        problems = account_state.subnets_unfit(
            found, answers.public_subnet_ids, answers.private_subnet_ids
        )
    if problems:
        raise UsageError(
            "WAG-E-NET-001",
            "The node cannot be put into the given network",
            why=". ".join(problems) + ".",
            next_step="Choose public subnets in two Availability Zones, those of the private "
            "subnets among them. Nothing was changed.",
            keys=("vpc_id", "public_subnet_ids", "private_subnet_ids"),
        )
    return ()


def _key(session: Session, identity: Identity) -> tuple[str, ...]:
    key = network.default_ebs_key(session)
    if not account_state.is_own_key(key):
        return ()
    found = network.own_key(session, key)
    text = account_state.judge_ebs_key(found, identity.account_id, identity.partition)
    return (text,) if text else ()


def _hidden(session: Session, answers: Answers) -> tuple[str, ...]:
    host = answers.node_host
    zone = account_state.hiding_zone(network.private_zones(session, answers.vpc_id), host)
    if zone is None:
        return ()
    text = account_state.record_hidden(zone, network.record_names(session, zone.zone_id), host)
    return (text,) if text else ()
