"""Log groups: what there is, of which class, and which subscription filters are in use."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.facts import LogGroup, SubscriptionFilter
from wizard.core.stages.log_format import normal_arn
from wizard.core.text import count
from wizard.services.aws.errors import explain, explained, is_not_found, message_of

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

PAGE = 50  # the most `DescribeLogGroups` gives


def list_log_groups(
    session: Session,
    prefix: str = "",
    *,
    on_batch: Callable[[tuple[LogGroup, ...]], None] | None = None,
    cancel: threading.Event | None = None,
) -> tuple[LogGroup, ...]:
    """Every log group whose name begins with `prefix`, page by page; filters are not looked up."""
    found: list[LogGroup] = []
    client = session.client("logs")
    with explained("Listing the log groups", session.login_profile):
        arguments: Any = {"logGroupNamePrefix": prefix} if prefix else {}
        pages = client.get_paginator("describe_log_groups").paginate(
            **arguments, PaginationConfig={"PageSize": PAGE}
        )
        for page in pages:
            batch = tuple(_group(dict(item)) for item in page.get("logGroups", []))
            found += batch
            if on_batch and batch:
                on_batch(batch)
            if cancel is not None and cancel.is_set():
                break
    return tuple(found)


def find_log_group(session: Session, name: str) -> LogGroup | None:
    """The log group of exactly this name, or None."""
    with explained(f"Reading the log group {name}", session.login_profile):
        # Names sort before every longer name with the same beginning, so it is on the first page.
        answer = session.client("logs").describe_log_groups(logGroupNamePrefix=name, limit=PAGE)
    groups = (_group(dict(item)) for item in answer.get("logGroups", []))
    return next((group for group in groups if group.name == name), None)


def subscription_filters(session: Session, name: str) -> tuple[SubscriptionFilter, ...]:
    """The subscription filters of a group. Raises WAG-E-LOGS-001 when it does not exist."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        pages = session.client("logs").get_paginator("describe_subscription_filters")
        return tuple(
            SubscriptionFilter(
                item.get("filterName", ""),
                item.get("destinationArn", ""),
                item.get("filterPattern", ""),
            )
            for page in pages.paginate(logGroupName=name)
            for item in page.get("subscriptionFilters", [])
        )
    except (BotoCoreError, ClientError) as error:
        if is_not_found(error):
            raise log_group_missing(name, message_of(error)) from error
        raise explain(
            error, f"Reading the subscription filters of {name}", session.login_profile
        ) from error


def with_filters(session: Session, group: LogGroup) -> LogGroup:
    """The same group with its subscription filters looked up."""
    return replace(group, filters=subscription_filters(session, group.name))


def check_destination(session: Session, name: str) -> LogGroup:
    """The group, ready to be subscribed to.

    Raises WAG-E-LOGS-001 when it does not exist and WAG-E-LOGS-002 when its class has no filters.
    """
    group = find_log_group(session, name)
    if group is None:
        raise log_group_missing(name)
    if group.log_class != "STANDARD":
        raise WizardError(
            "WAG-E-LOGS-002",
            f"The log group {name} cannot have a subscription filter",
            why=f"Its class is {group.log_class}, which cannot be changed; filters need STANDARD.",
            next_step="Choose a log group of class STANDARD, or let the connector create one.",
        )
    return group


def log_group_missing(name: str, why: str = "") -> WizardError:
    """The error for a log group that does not exist."""
    return WizardError(
        "WAG-E-LOGS-001",
        f"The log group {name} does not exist",
        why=why,
        next_step="Create it, or choose another log group.",
    )


_QUOTA = re.compile(r"subscription filters? per log group", re.IGNORECASE)


def filter_quota(session: Session) -> int | None:
    """How many subscription filters AWS allows a log group of this account and Region, as Service
    Quotas tells; None where it may not be asked or does not say."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = session.client("service-quotas")
        pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="logs")
        for page in pages:
            for quota in page.get("Quotas", []):
                if _QUOTA.search(quota.get("QuotaName", "")):
                    return int(quota["Value"])
    except (ClientError, BotoCoreError, KeyError, TypeError, ValueError):
        return None
    return None


def is_filter_limit(words: str) -> bool:
    """Whether AWS, directly or through Terraform, says that a log group has no room for a filter.

    The number allowed has changed over the years, so it is not known here but learnt from AWS.
    """
    about_filters = re.search(r"subscription.?filter", words, re.IGNORECASE)
    return bool(about_filters) and "LimitExceeded" in words


def filter_limit(session: Session, name: str, words: str) -> WizardError:
    """The error for a log group without room for another filter, naming those in use."""
    held = subscription_filters(session, name)
    used = "; ".join(f"{f.name} → {f.destination_arn}" for f in held) or "none readable"
    return WizardError(
        "WAG-E-LOGS-004",
        f"The log group {name} has {count(len(held), 'subscription filter')}, and AWS allows no "
        "more",
        why=f"{words.strip()} In use: {used}.",
        next_step="Switch the stage to the connector's own log group, remove a filter nobody "
        "needs, or send both consumers from one filter through Kinesis or Firehose.",
    )


def _group(item: dict[str, Any]) -> LogGroup:
    return LogGroup(
        name=item["logGroupName"],
        arn=normal_arn(item.get("logGroupArn") or item.get("arn", "")),
        log_class=item.get("logGroupClass") or "STANDARD",
        retention_days=item.get("retentionInDays"),
        stored_bytes=int(item.get("storedBytes") or 0),
    )
