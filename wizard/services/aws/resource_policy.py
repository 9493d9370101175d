"""Lets the access logs of HTTP APIs into a log group: the group's own resource policy first.

A Region has only ten account-wide policies of 5,120 bytes, shared with every other product that
delivers logs. A policy on the log group itself takes none of that; the account-wide one is the
fallback. That API Gateway accepts the policy on the group is unverified; when it does not, AWS says
so on changing the stage, and API Gateway also writes an account-wide policy of its own if it may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wizard.core import log_policy
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.services.aws.errors import code_of, explain, explained, is_not_found, message_of

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

    from wizard.services.aws.session import Session

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


def group_arn(identity: Identity, group: str) -> str:
    """The ARN of a log group of this account and Region, without `:*`."""
    return (
        f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group:{group}"
    )


def ensure(session: Session, identity: Identity, group: str) -> PolicyOutcome:
    """Make sure log delivery may write to the group, adding at most one statement.

    Raises WizardError: WAG-E-LOGS-001 when the group does not exist, 003 when there is no room.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    arn = group_arn(identity, group)
    client = session.client("logs")
    try:
        account_wide = _account_policies(client)
        if any(log_policy.allows(p.document, arn, identity.account_id) for p in account_wide):
            return PolicyOutcome(False, note="an account-wide policy allows it already")
        ours = log_policy.statement(arn, identity.account_id, identity.region, identity.partition)
        try:
            return _on_group(client, arn, ours, identity.account_id)
        except ClientError as error:
            if is_not_found(error):
                raise
            if code_of(error) not in _FALL_BACK:
                raise
        return _account_wide(client, account_wide, ours)
    except (BotoCoreError, ClientError) as error:
        if is_not_found(error):
            raise WizardError(
                "WAG-E-LOGS-001",
                f"The log group {group} does not exist",
                why=message_of(error),
                next_step="Create it, or choose another log group.",
            ) from error
        raise explain(error, f"Allowing log delivery to {group}", session.profile) from error


def restore(session: Session, identity: Identity, group: str, before: dict[str, Any]) -> bool:
    """Take our statement out again; other statements stay. Whether anything was there to remove.

    Args:
        before: the image that `ensure` gave.
    """
    from botocore.exceptions import ClientError

    arn = group_arn(identity, group)
    client = session.client("logs")
    with explained(f"Removing the log delivery policy of {group}", session.profile):
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


def _on_group(
    client: CloudWatchLogsClient, arn: str, ours: dict[str, Any], account_id: str
) -> PolicyOutcome:
    held = _group_policy(client, arn)
    if held and log_policy.allows(held.document, arn, account_id):
        return PolicyOutcome(False, note="the log group's policy allows it already")
    document = log_policy.with_statement(held.document if held else "", ours)
    _put_group(client, arn, document, held.revision if held else None)
    before = {"scope": GROUP, "document": held.document if held else ""}
    return PolicyOutcome(True, before, {"scope": GROUP, "document": document})


def _account_wide(
    client: CloudWatchLogsClient, policies: list[_Held], ours: dict[str, Any]
) -> PolicyOutcome:
    from botocore.exceptions import ClientError

    held = next((p for p in policies if p.name == ACCOUNT_POLICY), None)
    candidates = [held or _Held(ACCOUNT_POLICY, "")]
    # With all ten taken, one that serves log delivery already and has room is extended.
    candidates += [p for p in policies if p is not held and log_policy.PRINCIPAL in p.document]
    refused = ""
    for policy in candidates:
        document = log_policy.with_statement(policy.document, ours)
        if not log_policy.fits(document):
            refused = refused or f"the policy {policy.name} would exceed 5,120 bytes"
            continue
        try:
            client.put_resource_policy(policyName=policy.name, policyDocument=document)
        except ClientError as error:
            if code_of(error) != "LimitExceededException":
                raise
            refused = message_of(error)
            continue
        before = {"scope": ACCOUNT, "name": policy.name, "document": policy.document}
        return PolicyOutcome(True, before, {**before, "document": document})
    raise WizardError(
        "WAG-E-LOGS-003",
        "There is no room for another CloudWatch Logs resource policy in this Region",
        why=refused,
        next_step="Let HTTP APIs log to a group whose name begins with /aws/vendedlogs/ (log "
        "delivery may write there already), or remove a resource policy nobody needs.",
    )


def _restore_group(client: CloudWatchLogsClient, arn: str, before: dict[str, Any]) -> bool:
    held = _group_policy(client, arn)
    if held is None or not log_policy.has_statement(held.document, arn):
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
    if held is None or not log_policy.has_statement(held.document, arn):
        return False
    document = _earlier(held.document, arn, before)
    if document:
        client.put_resource_policy(policyName=name, policyDocument=document)
    else:
        client.delete_resource_policy(policyName=name)
    return True


def _earlier(document: str, arn: str, before: dict[str, Any]) -> str:
    """Without our statement; in the owner's own spelling when nothing else changed since."""
    rest = log_policy.without_statement(document, arn)
    original = str(before.get("document", ""))
    return original if rest and log_policy.same_document(rest, original) else rest


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
