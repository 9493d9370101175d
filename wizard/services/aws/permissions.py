"""Asks IAM, before anything is changed, whether this principal may do what a run needs.

`iam:SimulatePrincipalPolicy` takes identity policies, the permissions boundary and the policies of
the organisation into account, but not a session policy and not the policies of resources; so
"allowed" is a forecast, and only "denied" is certain. Whoever may not ask gets "unknown", which
stops nothing. That IAM takes the patterns of our resources as they are is unverified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from wizard.core.facts import Identity
from wizard.core.permissions.grants import Need
from wizard.services.aws.errors import code_of, is_denied, is_not_found, message_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from wizard.services.aws.session import Session

MOST_ACTIONS = 60  # of one request; IAM documents no number, its console asks for fewer


class Verdict(str, Enum):
    """`ALLOWED` is a forecast, `DENIED` is certain, `UNKNOWN` says that nobody could tell."""

    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Denier(str, Enum):
    """What stands in the way of an action."""

    NOTHING_ALLOWS = "no policy of this principal allows it"
    EXPLICIT = "a policy of this principal denies it"
    ORGANISATION = "a policy of the organisation (SCP) does not allow it"
    BOUNDARY = "the permissions boundary of this principal does not allow it"


@dataclass(frozen=True)
class Missing:
    """One action that is not allowed on one resource, and what stands in the way."""

    action: str
    resource: str
    by: Denier
    required: bool = True
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        where = "" if self.resource == "*" else f" on {self.resource}"
        return f"{self.action}{where}: {self.by.value}"


@dataclass(frozen=True)
class Permissions:
    """The answer: `missing` where denied, `reason` where unknown.

    `principal` is the ARN whose policies were asked about. `depends` names condition keys of its
    policies whose values nobody but the real request has (such as whether MFA was used): what is
    denied without them is not counted as missing.
    """

    state: Verdict
    missing: tuple[Missing, ...] = ()
    reason: str = ""
    principal: str = ""
    asked: int = 0
    depends: tuple[str, ...] = ()

    @property
    def required(self) -> tuple[Missing, ...]:
        """What no run can do without."""
        return tuple(m for m in self.missing if m.required)

    @property
    def mendable(self) -> tuple[Missing, ...]:
        """What a policy attached to this principal would mend; the rest needs another owner."""
        return tuple(m for m in self.missing if m.by is Denier.NOTHING_ALLOWS)

    def to_attach(self) -> str:
        """A policy with exactly the missing actions, as JSON; empty when it would not help.

        What is printed under a condition (a role for one service, a tag) is missing under it too.
        """
        statements: dict[str, dict[str, Any]] = {}
        for item in self.mendable:
            key = json.dumps([item.resource, item.condition], sort_keys=True)
            statement: dict[str, Any] = {"Effect": "Allow", "Action": [], "Resource": item.resource}
            if item.condition:
                statement["Condition"] = item.condition
            statements.setdefault(key, statement)["Action"].append(item.action)
        if not statements:
            return ""
        for statement in statements.values():
            statement["Action"] = sorted(set(statement["Action"]))
        return json.dumps({"Version": "2012-10-17", "Statement": [*statements.values()]}, indent=2)


class _CannotTellError(Exception):
    """Nobody can say; the text says why."""


def check(session: Session, needs: Iterable[Need], identity: Identity | None = None) -> Permissions:
    """Ask whether everything in `needs` is allowed. Changes nothing; one request per need or so.

    Args:
        needs: see `wizard.core.permissions.documents.needs`.
        identity: of the session, when it is known already.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    who = identity or session.identity()
    needs = tuple(needs)
    told = {key.lower() for need in needs for key in need.context}
    client = session.client("iam")
    principal = ""
    missing: dict[tuple[str, str, str], Missing] = {}
    depends: set[str] = set()
    asked = 0
    try:
        principal = principal_arn(client, who)
        for need in needs:
            for actions in _portions(need.actions):
                for result in _simulate(client, principal, need, actions):
                    # Keys of our own conditions are told where they matter; others nobody knows.
                    lacking = result.get("MissingContextValues") or ()
                    if unknown := {key for key in lacking if key.lower() not in told}:
                        depends.update(unknown)
                        continue
                    item = _missing(result, need)
                    missing.setdefault((item.action, item.resource, str(item.condition)), item)
                asked += len(actions)
    except _CannotTellError as error:
        return Permissions(Verdict.UNKNOWN, reason=str(error), principal=principal, asked=asked)
    except (BotoCoreError, ClientError) as error:
        if missing:
            return _denied(missing, principal, asked)
        return Permissions(Verdict.UNKNOWN, (), _reason(error), principal, asked)
    if missing:
        return _denied(missing, principal, asked, depends)
    if depends:
        names = ", ".join(sorted(depends))
        why = f"Policies of this principal depend on {names}, which only a real request has."
        return Permissions(Verdict.UNKNOWN, (), why, principal, asked, tuple(sorted(depends)))
    return Permissions(Verdict.ALLOWED, principal=principal, asked=asked)


def principal_arn(client: IAMClient, identity: Identity) -> str:
    """The ARN whose policies count: of a session, that of its role. Raises _CannotTellError."""
    kind, _, rest = identity.arn.split(":", 5)[-1].partition("/")
    base = f"arn:{identity.partition}:iam::{identity.account_id}"
    if kind == "user":
        return identity.arn
    if kind == "assumed-role":
        role = rest.partition("/")[0]
        return _role_with_path(client, role) or f"{base}:role/{role}"
    if kind == "root":
        raise _CannotTellError(
            "The root user may do everything that the organisation does not deny, and IAM does not "
            "simulate it. Better use a role."
        )
    raise _CannotTellError(f"IAM does not simulate a principal of the kind {kind!r}.")


def _role_with_path(client: IAMClient, name: str) -> str:
    """A session's ARN does not carry the role's path; SSO roles always have one."""
    from botocore.exceptions import ClientError

    try:
        return client.get_role(RoleName=name)["Role"]["Arn"]
    except ClientError as error:
        if is_not_found(error):
            raise _CannotTellError(
                f"The role {name} of this session is not in this account."
            ) from error
        if is_denied(error):
            return ""  # most roles have no path; if this one has, IAM will not find it
        raise


def _simulate(
    client: IAMClient, principal: str, need: Need, actions: tuple[str, ...]
) -> Iterable[Mapping[str, Any]]:
    """The results of those that are not allowed."""
    pages = client.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ResourceArns=list(need.resources),
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": "string"}
            if len(values) == 1
            else {
                "ContextKeyName": key,
                "ContextKeyValues": list(values),
                "ContextKeyType": "stringList",
            }
            for key, values in need.context.items()
        ],
    )
    for page in pages:
        for result in page.get("EvaluationResults", []):
            yield from _denials(result)


def _denials(result: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """With several resources the decisions may be one for each, inside of the action's result."""
    each = result.get("ResourceSpecificResults") or ()
    if not each and result["EvalDecision"] != "allowed":
        yield result
    for one in each:
        if one["EvalResourceDecision"] != "allowed":
            yield {**result, **one, "EvalDecision": one["EvalResourceDecision"]}


def _missing(result: Mapping[str, Any], need: Need) -> Missing:
    resource = str(result.get("EvalResourceName") or "*")
    return Missing(
        result["EvalActionName"], resource, _denier(result), need.required, need.condition
    )


def _denier(result: Mapping[str, Any]) -> Denier:
    organisation = result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations")
    if organisation is False:
        return Denier.ORGANISATION
    boundary = result.get("PermissionsBoundaryDecisionDetail", {})
    if boundary.get("AllowedByPermissionsBoundary") is False:
        return Denier.BOUNDARY
    if result["EvalDecision"] == "explicitDeny":
        return Denier.EXPLICIT
    return Denier.NOTHING_ALLOWS


def _denied(
    missing: Mapping[tuple[str, str, str], Missing],
    principal: str,
    asked: int,
    depends: Iterable[str] = (),
) -> Permissions:
    found = tuple(missing[key] for key in sorted(missing))
    return Permissions(Verdict.DENIED, found, "", principal, asked, tuple(sorted(depends)))


def _reason(error: BaseException) -> str:
    if is_denied(error):
        return (
            "This principal may not ask IAM (iam:SimulatePrincipalPolicy), so missing permissions "
            f"would only show on the way. AWS said: {message_of(error)}"
        )
    if is_not_found(error):
        return f"IAM does not find the principal under that name: {message_of(error)}"
    return f"IAM could not be asked: {code_of(error) or type(error).__name__}: {message_of(error)}"


def _portions(actions: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    for start in range(0, len(actions), MOST_ACTIONS):
        yield actions[start : start + MOST_ACTIONS]
