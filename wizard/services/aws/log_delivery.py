"""Lets the access logs of HTTP APIs into a log group: the group's own resource policy first.

A Region has only ten account-wide policies of 5,120 bytes, shared with every other product that
delivers logs. A policy on the log group itself takes none of that; the account-wide one is the
fallback. That API Gateway accepts the policy on the group is unverified; when it does not, AWS says
so on changing the stage, and API Gateway also writes an account-wide policy of its own if it may.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.text import count
from wizard.services.aws.errors import (
    code_of,
    explain,
    explained,
    is_not_found,
    message_of,
    never_sent,
    no_answer,
)

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

    from wizard.services.aws.session import Session


PRINCIPAL = "delivery.logs.amazonaws.com"
ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
MAX_BYTES = 5120  # quota on one policy document
SID_PREFIX = "WallarmApigw"


def delivery_statement(
    group_arn: str, account_id: str, region: str, partition: str
) -> dict[str, Any]:
    """Our statement for one log group; its Sid is stable, so it can be found again."""
    return {
        "Sid": sid(group_arn),
        "Effect": "Allow",
        "Principal": {"Service": PRINCIPAL},
        "Action": list(ACTIONS),
        "Resource": f"{group_arn}:log-stream:*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:logs:{region}:{account_id}:*"},
        },
    }


def sid(group_arn: str) -> str:
    """`WallarmApigw` and eight hex digits of the group's ARN."""
    return SID_PREFIX + hashlib.sha256(group_arn.encode()).hexdigest()[:8]


def allows(document: str, group_arn: str, account_id: str) -> bool:
    """Whether a policy lets log delivery write to the group.

    A condition other than on the source account or ARN counts as "no": then ours is added, which
    does no harm.
    """
    needed = set(ACTIONS)
    for item in _statements(document):
        if item.get("Effect") == "Allow" and _applies(item, group_arn, account_id):
            granted = _texts(item.get("Action"))
            needed -= {a for a in needed if any(fnmatchcase(a, pattern) for pattern in granted)}
    return not needed


def with_statement(document: str, ours: dict[str, Any]) -> str:
    """The document with our statement added, or put in place of an older one of ours."""
    data = _loaded(document)
    others = [s for s in _statements(document) if s.get("Sid") != ours["Sid"]]
    data["Statement"] = [*others, ours]
    return json.dumps(data, separators=(",", ":"))


def without_statement(document: str, group_arn: str) -> str:
    """The document without our statement for the group; empty when nothing else is left."""
    others = [s for s in _statements(document) if s.get("Sid") != sid(group_arn)]
    if not others:
        return ""
    return json.dumps({**_loaded(document), "Statement": others}, separators=(",", ":"))


def has_statement(document: str, group_arn: str) -> bool:
    """Whether our statement for the group is in the document."""
    return any(s.get("Sid") == sid(group_arn) for s in _statements(document))


def same_document(one: str, other: str) -> bool:
    """Whether two documents mean the same, however they are written."""
    return _loaded(one) == _loaded(other)


def fits(document: str) -> bool:
    """Whether a document is within the quota."""
    return len(document.encode()) <= MAX_BYTES


def _loaded(document: str) -> dict[str, Any]:
    try:
        data = json.loads(document) if document else None
    except (ValueError, RecursionError):
        data = None
    return data if isinstance(data, dict) else {"Version": "2012-10-17", "Statement": []}


def _statements(document: str) -> list[dict[str, Any]]:
    found = _loaded(document).get("Statement", [])
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def _applies(item: dict[str, Any], group_arn: str, account_id: str) -> bool:
    principal = item.get("Principal")
    services = _texts(principal.get("Service")) if isinstance(principal, dict) else ()
    if PRINCIPAL not in services and principal != "*":
        return False
    stream = f"{group_arn}:log-stream:any"
    if not any(fnmatchcase(stream, pattern) for pattern in _texts(item.get("Resource"))):
        return False
    conditions = item.get("Condition") or {}
    if not isinstance(conditions, dict):
        return False
    return all(
        _passes(wanted, account_id) for wanted in conditions.values() if isinstance(wanted, dict)
    )


def _passes(wanted: dict[str, Any], account_id: str) -> bool:
    for key, value in wanted.items():
        values = _texts(value)
        if key.lower() == "aws:sourceaccount" and account_id not in values:
            return False
        if key.lower() == "aws:sourcearn" and not any(f":{account_id}:" in v for v in values):
            return False
        if key.lower() not in ("aws:sourceaccount", "aws:sourcearn"):
            return False
    return True


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(v) for v in value) if isinstance(value, Iterable) else ()


Recorded = Callable[[dict[str, Any], dict[str, Any]], AbstractContextManager[object]]
ACCOUNT_POLICY = "wallarm-apigw-log-delivery"
GROUP, ACCOUNT = "RESOURCE", "ACCOUNT"


@dataclass(frozen=True)
class PolicyOutcome:
    """What was done. `before` and `after` are images for the journal: `scope` (RESOURCE or
    ACCOUNT), `name` (of an account-wide policy) and `document` (empty: there was none)."""

    changed: bool
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class _Held:
    name: str
    document: str
    revision: str | None = None


def _unrecorded(_before: dict[str, Any], _after: dict[str, Any]) -> AbstractContextManager[object]:
    return nullcontext()


# AWS's documentation has named 5,120 bytes for one policy, 51,200 lately; ten policies a Region.
MOST_POLICIES = 10
LATER_MAX_BYTES = 51_200
ROOM = 400  # bytes that one statement of log delivery takes, about
# What API Gateway answers where log delivery cannot write its own policy, for REST APIs too
# (serverless 10469, sst 125 and 6231). The second is also what a missing permission looks like.
_LENGTH = "Policy document length breaking"
_INSUFFICIENT = "Insufficient permissions to enable logging"
WAYS_OUT = (
    "Let stages log to a group under /aws/vendedlogs/, which needs no further policy: "
    "`--set vended_log_group=true` has it made there (Logs, New, vended), or `--set "
    "api_gateway_log_group_name=/aws/vendedlogs/…` takes one of yours. Or remove a resource "
    "policy that nobody needs (`aws logs describe-resource-policies`, "
    "`delete-resource-policy`). A repetition does not fix it."
)


def may_be_full(words: str) -> bool:
    """Whether an answer of API Gateway may mean that log delivery's policies have no room."""
    return _LENGTH in words or _INSUFFICIENT in words


def no_room(sizes: Mapping[str, int]) -> bool:
    """Whether another statement of log delivery has no room in these policies.

    Args:
        sizes: bytes of the Region's account-wide resource policies, by name.
    """
    near = any(
        limit - ROOM < size <= limit
        for size in sizes.values()
        for limit in (MAX_BYTES, LATER_MAX_BYTES)
    )
    return len(sizes) >= MOST_POLICIES or near


def describe_policies(sizes: Mapping[str, int]) -> str:
    """The Region's resource policies in words: how many, and each with its size."""
    listed = ", ".join(f"{name} ({size:,} bytes)" for name, size in sorted(sizes.items()))
    return (
        f"CloudWatch Logs has {count(len(sizes), 'resource policy').replace('policys', 'policies')}"
        f" in this Region{': ' if listed else ''}{listed}. There can be {MOST_POLICIES}, each of "
        f"{MAX_BYTES:,} bytes ({LATER_MAX_BYTES:,} by AWS's newer documentation)."
    )


VENDED = "/aws/vendedlogs/"


def full_policies(session: Session) -> str:
    """The Region's resource policies in words, where they have no room for another statement of
    log delivery; empty where they have. Raises WizardError where they cannot be read."""
    with explained("Reading the resource policies of CloudWatch Logs", session.login_profile):
        held = _account_policies(session.client("logs"))
    sizes = {policy.name: len(policy.document.encode()) for policy in held}
    return describe_policies(sizes) if no_room(sizes) else ""


def explain_full(session: Session, what: str, words: str) -> WizardError | None:
    """WAG-E-STAGES-021 where an answer of API Gateway comes from resource policies without room.

    None where they have room: then the words mean what they say.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        held = _account_policies(session.client("logs"))
    except (BotoCoreError, ClientError) as error:
        if _LENGTH not in words:
            return None
        found = f"The resource policies could not be read: {message_of(error)}"
    else:
        sizes = {policy.name: len(policy.document.encode()) for policy in held}
        if _LENGTH not in words and not no_room(sizes):
            return None
        found = describe_policies(sizes)
    return WizardError(
        "WAG-E-STAGES-021",
        f"{what}: CloudWatch Logs has no room for another resource policy",
        why=f"AWS said: {words} {found}",
        next_step=WAYS_OUT,
    )


def group_arn(identity: Identity, group: str) -> str:
    """The ARN of a log group of this account and Region, without `:*`."""
    return (
        f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group:{group}"
    )


def ensure_delivery(
    session: Session, identity: Identity, group: str, recorded: Recorded = _unrecorded
) -> PolicyOutcome:
    """Make sure log delivery may write to the group, adding at most one statement.

    Args:
        recorded: brackets each write; gets the images before and after it.
    Raises WizardError: WAG-E-LOGS-001 when the group does not exist, 003 when there is no room.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    arn = group_arn(identity, group)
    client = session.client("logs")
    try:
        account_wide = _account_policies(client)
        if any(allows(p.document, arn, identity.account_id) for p in account_wide):
            return PolicyOutcome(False, note="an account-wide policy allows it already")
        ours = delivery_statement(arn, identity.account_id, identity.region, identity.partition)
        try:
            outcome = _on_group(client, arn, ours, identity.account_id, recorded)
            if outcome is not None:
                return outcome
        except ClientError as error:
            if is_not_found(error):
                raise
            if code_of(error) not in _FALL_BACK:
                raise
        return _account_wide(client, account_wide, ours, recorded)
    except (BotoCoreError, ClientError) as error:
        if is_not_found(error):
            raise WizardError(
                "WAG-E-LOGS-001",
                f"The log group {group} does not exist",
                why=message_of(error),
                next_step="Create it, or choose another log group.",
            ) from error
        raise explain(error, f"Allowing log delivery to {group}", session.login_profile) from error


def restore_policy(
    session: Session, identity: Identity, group: str, before: dict[str, Any]
) -> bool:
    """Take our statement out again; other statements stay. Whether anything was there to remove.

    Args:
        before: the image that `ensure` gave.
    """
    from botocore.exceptions import ClientError

    arn = group_arn(identity, group)
    client = session.client("logs")
    with explained(f"Removing the log delivery policy of {group}", session.login_profile):
        try:
            if before.get("scope") == ACCOUNT:
                return _restore_account(client, arn, before)
            return _restore_group(client, arn, before)
        except ClientError as error:
            if is_not_found(error):
                return False  # the group went, and its policy with it
            raise


# Where policies on groups do not exist (older partitions) or are not allowed to this principal.
_FALL_BACK = frozenset(
    (
        "InvalidParameterException",
        "UnknownOperationException",
        "ValidationException",
        "AccessDeniedException",
        "LimitExceededException",
    )
)


@contextmanager
def _known_end(subject: str) -> Iterator[None]:
    """A write that got no answer may have been carried out: its record must stay open."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except BotoCoreError as error:
        if not no_answer(error) or never_sent(error):
            raise
        raise WizardError(
            "WAG-E-LOGS-005",
            f"The connection broke; whether the resource policy for {subject} was changed is not "
            "known",
            why=message_of(error),
            next_step="Run the same command again when AWS can be reached; it looks first.",
            in_doubt=True,
        ) from error


def _on_group(
    client: CloudWatchLogsClient,
    arn: str,
    ours: dict[str, Any],
    account_id: str,
    recorded: Recorded,
) -> PolicyOutcome | None:
    """None where the group's policy has no room for another statement."""
    held = _group_policy(client, arn)
    if held is not None and allows(held.document, arn, account_id):
        return PolicyOutcome(False, note="the log group's own policy allows it already")
    document = with_statement(held.document if held else "", ours)
    if not fits(document):
        return None
    before = {"scope": GROUP, "document": held.document if held else ""}
    after = {"scope": GROUP, "document": document}
    with recorded(before, after), _known_end(arn):
        _put_group(client, arn, document, held.revision if held else None)
    return PolicyOutcome(True, before, after)


def _account_wide(
    client: CloudWatchLogsClient, policies: list[_Held], ours: dict[str, Any], recorded: Recorded
) -> PolicyOutcome:
    from botocore.exceptions import ClientError

    held = next((p for p in policies if p.name == ACCOUNT_POLICY), None)
    candidates = [held or _Held(ACCOUNT_POLICY, "")]
    # With all ten taken, one that serves log delivery already and has room is extended.
    candidates += [p for p in policies if p is not held and PRINCIPAL in p.document]
    refused = ""
    for policy in candidates:
        document = with_statement(policy.document, ours)
        if not fits(document):
            refused = refused or f"the policy {policy.name} would exceed 5,120 bytes"
            continue
        before = {"scope": ACCOUNT, "name": policy.name, "document": policy.document}
        after = {**before, "document": document}
        try:
            with recorded(before, after), _known_end(policy.name):
                client.put_resource_policy(policyName=policy.name, policyDocument=document)
        except ClientError as error:
            if code_of(error) != "LimitExceededException":
                raise
            refused = message_of(error)
            continue
        return PolicyOutcome(True, before, after)
    raise WizardError(
        "WAG-E-LOGS-003",
        "There is no room for another CloudWatch Logs resource policy in this Region",
        why=f"{refused}. "
        + describe_policies({policy.name: len(policy.document.encode()) for policy in policies}),
        next_step=WAYS_OUT,
    )


def _restore_group(client: CloudWatchLogsClient, arn: str, before: dict[str, Any]) -> bool:
    held = _group_policy(client, arn)
    if held is None or not has_statement(held.document, arn):
        return False
    document = _earlier(held.document, arn, before)
    if document:
        _put_group(client, arn, document, held.revision)
    else:
        extra: Any = {"expectedRevisionId": held.revision} if held.revision else {}
        client.delete_resource_policy(resourceArn=arn, **extra)
    return True


def _restore_account(client: CloudWatchLogsClient, arn: str, before: dict[str, Any]) -> bool:
    name = str(before.get("name", ACCOUNT_POLICY))
    held = next((p for p in _account_policies(client) if p.name == name), None)
    if held is None or not has_statement(held.document, arn):
        return False
    document = _earlier(held.document, arn, before)
    if document:
        client.put_resource_policy(policyName=name, policyDocument=document)
    else:
        client.delete_resource_policy(policyName=name)
    return True


def _earlier(document: str, arn: str, before: dict[str, Any]) -> str:
    """Without our statement; in the owner's own spelling when nothing else changed since."""
    rest = without_statement(document, arn)
    original = str(before.get("document", ""))
    return original if rest and same_document(rest, original) else rest


def _put_group(client: CloudWatchLogsClient, arn: str, document: str, revision: str | None) -> None:
    extra: Any = {"expectedRevisionId": revision} if revision else {}
    client.put_resource_policy(resourceArn=arn, policyDocument=document, **extra)


def _group_policy(client: CloudWatchLogsClient, arn: str) -> _Held | None:
    answer = client.describe_resource_policies(resourceArn=arn, policyScope="RESOURCE")
    for item in answer.get("resourcePolicies", []):
        return _Held(
            item.get("policyName", ""), item.get("policyDocument", ""), item.get("revisionId")
        )
    return None


def _account_policies(client: CloudWatchLogsClient) -> list[_Held]:
    found: list[_Held] = []
    token = ""
    while True:
        more: Any = {"nextToken": token} if token else {}
        answer = client.describe_resource_policies(**more)
        found += [
            _Held(item.get("policyName", ""), item.get("policyDocument", ""))
            for item in answer.get("resourcePolicies", [])
        ]
        token = answer.get("nextToken", "")
        if not token:
            return found
