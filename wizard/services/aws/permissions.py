"""Asks IAM, before anything is changed, whether this principal may do what a run needs.

`iam:SimulatePrincipalPolicy` takes identity policies, the permissions boundary and the policies of
the organisation into account, but not a session policy and not the policies of resources; so
"allowed" is a forecast, and only "denied" is certain. Whoever may not ask gets "unknown", which
stops nothing. That IAM takes the patterns of our resources as they are is unverified.

Every request tells what each real one carries: the Region, the principal, its account, and that it
comes over TLS. Companies deny by these keys (other Regions first of all), and IAM takes a key that
is not told for one that the request does not have.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from wizard.core.facts import Identity
from wizard.core.partitions import partition_of
from wizard.core.permissions.grants import Need
from wizard.core.text import clean
from wizard.services.aws.errors import code_of, is_denied, is_not_found, message_of

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from wizard.services.aws.session import Session

MOST_WORDS = 300  # of what was answered in IAM's place, such as a proxy's page
MOST_ACTIONS = 60  # of one request; IAM documents no number, its console asks for fewer
# Services with one endpoint for a partition: `aws:RequestedRegion` of their requests is its Region
# (IAM User Guide, global condition keys).
GLOBAL = ("iam", "route53")
Context = Mapping[str, tuple[str, ...]]


class Decision(str, Enum):
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

    state: Decision
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


def check_permissions(
    session: Session, needs: Iterable[Need], identity: Identity | None = None
) -> Permissions:
    """Ask whether everything in `needs` is allowed. Changes nothing; one request per need or so.

    Whatever IAM answers, a proxy's page among it, is an answer here: "unknown", with what was said.

    Args:
        needs: see `wizard.core.permissions.documents.needs`.
        identity: of the session, when it is known already.
    """
    who = identity or session.identity()
    asking = _Asking(tuple(needs), who)
    try:
        asking.ask_all(session.client("iam"))
    except _CannotTellError as error:
        return asking.unknown(str(error))
    except Exception as error:  # noqa: BLE001 - a forecast that cannot be had stops nothing
        return asking.denied() if asking.missing else asking.unknown(_reason(error))
    if asking.missing:
        return asking.denied()
    if asking.depends:
        names = ", ".join(sorted(asking.depends))
        return asking.unknown(
            f"Policies of this principal depend on {names}, which only a real request has."
        )
    return Permissions(Decision.ALLOWED, principal=asking.principal, asked=asking.asked)


class _Asking:
    """One round of questions to IAM and what came of it so far."""

    def __init__(self, needs: tuple[Need, ...], who: Identity) -> None:
        self.needs = needs
        self.who = who
        self.principal = ""
        self.missing: dict[tuple[str, str, str], Missing] = {}
        self.depends: set[str] = set()
        self.asked = 0
        # What our own conditions tell of requests, by key: a value some request of ours carries.
        self.told = {key.lower(): (key, value) for n in needs for key, value in n.context.items()}

    def ask_all(self, client: IAMClient) -> None:
        """Ask about every need. Raises whatever botocore lets through, and _CannotTellError."""
        self.principal = principal_arn(client, self.who)
        for need in self.needs:
            for actions in _portions(need.actions):
                context = {**self._common(actions), **need.context}
                self._judge(client, need, actions, context)
                self.asked += len(actions)

    def _judge(
        self, client: IAMClient, need: Need, actions: tuple[str, ...], context: Context
    ) -> None:
        """What this request lacks is judged by its own context, not by what others carry.

        A key that only other requests of ours carry is most often one of our own policy's, in a
        statement about something else: with it told, the question is asked once more, and what is
        still denied then is denied.
        """
        doubtful: dict[tuple[str, str], set[str]] = {}
        for result in _simulate(client, self.principal, need, actions, context):
            lacking = _lacking(result, context)
            if not lacking:
                self._add(result, need)
            elif {key.lower() for key in lacking} <= set(self.told):
                doubtful[_subject(result)] = lacking
            else:
                self.depends.update(lacking)
        if not doubtful:
            return
        held = {key.lower() for key in context}
        more = {key: value for low, (key, value) in self.told.items() if low not in held}
        asked = tuple(dict.fromkeys(action for action, _ in doubtful))
        context = {**context, **more}
        for result in _simulate(client, self.principal, need, asked, context):
            if _subject(result) in doubtful and not _lacking(result, context):
                self._add(result, need)
                del doubtful[_subject(result)]
        for lacking in doubtful.values():
            self.depends.update(lacking)

    def _add(self, result: Mapping[str, Any], need: Need) -> None:
        item = _missing(result, need)
        self.missing.setdefault((item.action, item.resource, str(item.condition)), item)

    def _common(self, actions: tuple[str, ...]) -> Context:
        """What every real request for these actions carries."""
        everywhere = actions[0].partition(":")[0] in GLOBAL
        home = partition_of(self.who.partition).home
        region = home if everywhere else self.who.region
        return {
            "aws:RequestedRegion": (region,),
            "aws:PrincipalArn": (self.principal,),
            "aws:PrincipalAccount": (self.who.account_id,),
            "aws:SecureTransport": ("true",),
        }

    def denied(self) -> Permissions:
        """What is missing, in a fixed order."""
        found = tuple(self.missing[key] for key in sorted(self.missing))
        depends = tuple(sorted(self.depends))
        return Permissions(Decision.DENIED, found, "", self.principal, self.asked, depends)

    def unknown(self, why: str) -> Permissions:
        """Nobody could tell, and why."""
        depends = tuple(sorted(self.depends))
        return Permissions(Decision.UNKNOWN, (), why, self.principal, self.asked, depends)


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
    client: IAMClient, principal: str, need: Need, actions: tuple[str, ...], context: Context
) -> Iterable[Mapping[str, Any]]:
    """The results of those that are not allowed."""
    pages = client.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ResourceArns=list(need.resources),
        ContextEntries=[
            {
                "ContextKeyName": key,
                "ContextKeyValues": list(values),
                "ContextKeyType": _type(key, values),
            }
            for key, values in context.items()
        ],
    )
    for page in pages:
        for result in page.get("EvaluationResults", []):
            yield from _denials(result)


def _type(key: str, values: tuple[str, ...]) -> Literal["boolean", "string", "stringList"]:
    if key == "aws:SecureTransport":
        return "boolean"
    return "string" if len(values) == 1 else "stringList"


def _subject(result: Mapping[str, Any]) -> tuple[str, str]:
    return result["EvalActionName"], str(result.get("EvalResourceName") or "*")


def _lacking(result: Mapping[str, Any], context: Context) -> set[str]:
    """Keys that a policy asks for and this request did not tell."""
    told = {key.lower() for key in context}
    return {key for key in result.get("MissingContextValues") or () if key.lower() not in told}


def _denials(result: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """With several resources the decisions may be one for each, inside of the action's result."""
    each = result.get("ResourceSpecificResults") or ()
    if not each and result["EvalDecision"] != "allowed":
        yield result
    for one in each:
        if one["EvalResourceDecision"] != "allowed":
            yield {**result, **one, "EvalDecision": one["EvalResourceDecision"]}


def _missing(result: Mapping[str, Any], need: Need) -> Missing:
    return Missing(*_subject(result), _denier(result), need.required, need.condition)


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


def _reason(error: BaseException) -> str:
    if is_denied(error):
        return (
            "This principal may not ask IAM (iam:SimulatePrincipalPolicy), so missing permissions "
            f"would only show on the way. AWS said: {message_of(error)}"
        )
    if is_not_found(error):
        return f"IAM does not find the principal under that name: {message_of(error)}"
    words = clean(message_of(error), MOST_WORDS)
    return f"IAM could not be asked: {code_of(error) or type(error).__name__}: {words}"


def _portions(actions: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """Not too many at once; those of global services apart, whose requests have another Region."""
    everywhere = tuple(a for a in actions if a.partition(":")[0] in GLOBAL)
    here = tuple(a for a in actions if a not in everywhere)
    for part in (everywhere, here):
        for start in range(0, len(part), MOST_ACTIONS):
            yield part[start : start + MOST_ACTIONS]
