"""Evidence from CloudWatch Logs: the log groups, their subscription filters, what arrived."""

from __future__ import annotations

import time
from typing import Any

from wizard.core.checks.model import Finding, failed, passed, warned
from wizard.core.text import clean, count, duration
from wizard.services.checks.examination import Examination, check, newest_events


@check("WAG-LOG-001")
def log_group_exists(exam: Examination) -> Finding:
    """WAG-LOG-001."""
    lost = [name for name in exam.log_groups if _group(exam, name) is None]
    if lost:
        return failed(f"logs.DescribeLogGroups does not list {', '.join(lost)}")
    return passed(", ".join(exam.log_groups))


@check("WAG-LOG-002")
def log_group_class(exam: Examination) -> Finding:
    """WAG-LOG-002."""
    for name in exam.log_groups:
        found = (_group(exam, name) or {}).get("logGroupClass", "STANDARD")
        if found != "STANDARD":
            return failed(f"{name} is of class {found}")
    return passed("STANDARD")


@check("WAG-LOG-005")
def subscription_filter(exam: Examination) -> Finding:
    """WAG-LOG-005."""
    wanted = exam.outputs.lambda_function_arn
    for group in exam.log_groups:
        found = _filters(exam, group)
        if not any(f["destinationArn"].startswith(wanted) for f in found):
            others = ", ".join(f["filterName"] for f in found) or "none"
            return failed(
                f"logs.DescribeSubscriptionFilters of {group}: none points at "
                f"{exam.outputs.lambda_function_name} (found: {others})",
                group,
            )
    return passed(count(len(exam.log_groups), "subscription filter"))


@check("WAG-LOG-006")
def filter_pattern(exam: Examination) -> Finding:
    """WAG-LOG-006."""
    wanted = exam.answers.subscription_filter_pattern
    for group in exam.log_groups:
        for item in _filters(exam, group):
            pattern = item.get("filterPattern", "")
            ours = item["destinationArn"].startswith(exam.outputs.lambda_function_arn)
            if ours and pattern.strip() != wanted.strip():
                return failed(
                    f"{group}: the pattern is {clean(pattern, 120)!r}, the answers say {wanted!r}",
                    group,
                )
    return passed(wanted or "every event")


@check("WAG-LOG-012")
def events_arrive(exam: Examination) -> Finding:
    """WAG-LOG-012."""
    seen = recent_events(exam)
    if not seen:
        groups = ", ".join(exam.log_groups)
        return warned(f"logs.FilterLogEvents of {groups}: no event in the last hour", settles=True)
    newest = max(event["timestamp"] for event in seen) / 1000
    return passed(f"the newest is {duration(time.time() - newest)} old")


def recent_events(exam: Examination) -> list[dict[str, Any]]:
    """The newest access-log events of the last hour, at most 100 per log group."""

    def ask() -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for group in exam.log_groups:
            found = newest_events(exam, group, exam.since)
            out.extend(event | {"logGroup": group} for event in found)
        return out

    return list(exam.once("events", ask))


def subscribed_at(exam: Examination, group: str) -> int:
    """When the forwarder's subscription to a log group was written, in epoch milliseconds."""
    return max(
        (
            int(item.get("creationTime", 0))
            for item in _filters(exam, group)
            if item["destinationArn"].startswith(exam.outputs.lambda_function_arn)
        ),
        default=0,
    )


def _group(exam: Examination, name: str) -> dict[str, Any] | None:
    def ask() -> dict[str, Any] | None:
        found = exam.aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return next((g for g in found if g["logGroupName"] == name), None)

    return exam.once(f"group:{name}", ask)  # type: ignore[no-any-return]


def _filters(exam: Examination, group: str) -> list[dict[str, Any]]:
    return list(
        exam.once(
            f"filters:{group}",
            lambda: exam.aws("logs").describe_subscription_filters(logGroupName=group)[
                "subscriptionFilters"
            ],
        )
    )
