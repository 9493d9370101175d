"""What API Gateway needs before it may write logs: the account's role, a policy on the log group.

Each change is recorded before it is made. What an interrupted run left in doubt is looked at first:
where it took effect, its record is closed, so that a removal knows of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from wizard.core.account_state import GatewayRole
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import ApiType
from wizard.core.journal import record
from wizard.core.stages.change import StageChange
from wizard.core.text import duration
from wizard.flows.deployment.model import Deployment
from wizard.services.aws import account_role, log_delivery

REFUSED = "WAG-E-ROLE-002"


class Prerequisites:
    """What was prepared for some changes, and why some of them cannot be made."""

    def __init__(self, deployment: Deployment, changes: tuple[StageChange, ...]) -> None:
        self._role: WizardError | None = None
        self._groups: dict[str, WizardError] = {}
        acting = [c for c in changes if c.changes_anything]
        if any(c.api_type is not ApiType.HTTP for c in acting):
            try:
                ensure_role(deployment)
            except WizardError as error:
                self._role = error
        for group in sorted({c.log_group for c in acting if c.api_type is ApiType.HTTP}):
            try:
                ensure_policy(deployment, group)
            except WizardError as error:
                self._groups[group] = error

    def missing(self, change: StageChange) -> WizardError | None:
        """Why this change cannot be made; None when nothing is known against it."""
        if not change.changes_anything:
            return None
        if change.api_type is ApiType.HTTP:
            return self._groups.get(change.log_group)
        return self._role


def ensure_role(deployment: Deployment) -> None:
    """Set the account's CloudWatch role where none is set; recorded, never reset.

    One that no API can log with (gone, of another account, not trusting API Gateway) is replaced
    with consent. A role that was made for it and that API Gateway refuses until the end is deleted
    again. Raises WizardError WAG-E-ROLE-007 where such a role is not to be replaced.
    """
    session, journal = deployment.session, deployment.journal
    identity, answers = deployment.identity, deployment.answers
    current = account_role.inspect_role(session, identity)
    if current.arn and not current.broken:
        _close(deployment, record.ROLE_SET, current.arn)
        return
    if current.broken and not deployment.context.ask(replacing(current)):
        raise broken_role(current)
    name = account_role.role_name(identity.region)
    with journal.effect(record.ROLE_CREATE, name) as effect:
        arn, created = account_role.create_role(
            session,
            identity,
            tags=answers.tags,
            permissions_boundary=answers.permissions_boundary,
        )
        effect.after = {"arn": arn, "created": created}
    try:
        with journal.effect(record.ROLE_SET, arn, before={"arn": current.arn}):
            account_role.set_role_arn(
                session,
                arn,
                instead_of=current.arn,
                on_wait=lambda seconds, words: deployment.context.note(
                    f"waiting {duration(seconds)}, AWS says: {words}",
                    State.RUNNING,
                    "CloudWatch role",
                ),
            )
    except WizardError as error:
        if error.code == REFUSED:
            with journal.effect(record.ROLE_DELETE, name):
                account_role.delete_role(session, identity)
        raise
    deployment.context.note(
        f"{arn} lets API Gateway write logs in this account and Region; it stays when this "
        "product is removed, because other APIs may come to rely on it",
        subject="CloudWatch role",
    )


def replacing(role: GatewayRole) -> str:
    """The question about a role that no API can log with."""
    return (
        f"API Gateway's CloudWatch role of this account and Region is {role.arn}, and "
        f"{role.problem}: no REST or WebSocket API can log with it. "
        "Set one that works in its place?"
    )


def broken_role(role: GatewayRole) -> WizardError:
    """WAG-E-ROLE-007: it was not to be replaced."""
    return WizardError(
        "WAG-E-ROLE-007",
        "API Gateway's CloudWatch role cannot be used, and it was not replaced",
        why=f"It is {role.arn}, and {role.problem}.",
        next_step="Run the same command in a terminal and agree to the replacement (or add --yes), "
        "or set a role that trusts API Gateway in its console under Settings. The stage was not "
        "touched.",
    )


def ensure_policy(deployment: Deployment, group: str) -> None:
    """Let log delivery write to the group of an HTTP API."""

    def recorded(before: dict[str, Any], after: dict[str, Any]) -> AbstractContextManager[object]:
        return deployment.journal.effect(record.POLICY_PUT, group, before=before, intended=after)

    bracket: Callable[[dict[str, Any], dict[str, Any]], AbstractContextManager[object]] = recorded
    outcome = log_delivery.ensure_delivery(deployment.session, deployment.identity, group, bracket)
    if not outcome.changed:
        _close(deployment, record.POLICY_PUT, group)


def give_back_policy(deployment: Deployment, group: str) -> None:
    """Take our statement for this group out again, if we put one in."""
    before = deployment.journal.record.policies.get(group)
    if before is None:
        return
    with deployment.journal.effect(record.POLICY_RESTORE, group, before=before):
        log_delivery.restore_policy(deployment.session, deployment.identity, group, before)


def _close(deployment: Deployment, action: str, subject: str) -> None:
    """An interrupted run began this, and it turns out to have taken effect."""
    for entry in deployment.journal.record.unfinished:
        if (entry.action, entry.subject) == (action, subject):
            deployment.journal.write(
                action,
                subject,
                "done",
                before=entry.before,
                after=entry.after,
                detail="found in place after an interruption",
            )
