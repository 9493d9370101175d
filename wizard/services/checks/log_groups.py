"""Evidence from CloudWatch Logs: the log groups, their subscription filters, what arrived."""

from __future__ import annotations

import time
from typing import Any

from wizard.core.checks.model import Finding, failed, passed, warned
from wizard.core.text import clean, count, duration
from wizard.services.checks.examination import Scene, newest_events


def log_group_exists(scene: Scene) -> Finding:
    """WAG-LOG-001."""
    lost = [name for name in scene.log_groups if _group(scene, name) is None]
    if lost:
        return failed(f"logs.DescribeLogGroups does not list {', '.join(lost)}")
    return passed(", ".join(scene.log_groups))


def log_group_class(scene: Scene) -> Finding:
    """WAG-LOG-002."""
    for name in scene.log_groups:
        found = (_group(scene, name) or {}).get("logGroupClass", "STANDARD")
        if found != "STANDARD":
            return failed(f"{name} is of class {found}")
    return passed("STANDARD")


def subscription_filter(scene: Scene) -> Finding:
    """WAG-LOG-005."""
    wanted = scene.outputs.lambda_function_arn
    for group in scene.log_groups:
        found = _filters(scene, group)
        if not any(f["destinationArn"].startswith(wanted) for f in found):
            others = ", ".join(f["filterName"] for f in found) or "none"
            return failed(
                f"logs.DescribeSubscriptionFilters of {group}: none points at "
                f"{scene.outputs.lambda_function_name} (found: {others})",
                group,
            )
    return passed(count(len(scene.log_groups), "subscription filter"))


def filter_pattern(scene: Scene) -> Finding:
    """WAG-LOG-006."""
    wanted = scene.answers.subscription_filter_pattern
    for group in scene.log_groups:
        for item in _filters(scene, group):
            pattern = item.get("filterPattern", "")
            ours = item["destinationArn"].startswith(scene.outputs.lambda_function_arn)
            if ours and pattern.strip() != wanted.strip():
                return failed(
                    f"{group}: the pattern is {clean(pattern, 120)!r}, "
                    f"the answers say {wanted!r}", group)  # fmt: skip
    return passed(wanted or "every event")


def events_arrive(scene: Scene) -> Finding:
    """WAG-LOG-012."""
    seen = recent_events(scene)
    if not seen:
        groups = ", ".join(scene.log_groups)
        return warned(f"logs.FilterLogEvents of {groups}: no event in the last hour", settles=True)
    newest = max(event["timestamp"] for event in seen) / 1000
    return passed(f"the newest is {duration(time.time() - newest)} old")


def recent_events(scene: Scene) -> list[dict[str, Any]]:
    """The newest access-log events of the last hour, at most 100 per log group."""

    def ask() -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for group in scene.log_groups:
            found = newest_events(scene, group, scene.since)
            out.extend(event | {"logGroup": group} for event in found)
        return out

    return list(scene.once("events", ask))


def subscribed_at(scene: Scene, group: str) -> int:
    """When the forwarder's subscription to a log group was written, in epoch milliseconds."""
    return max(
        (
            int(item.get("creationTime", 0))
            for item in _filters(scene, group)
            if item["destinationArn"].startswith(scene.outputs.lambda_function_arn)
        ),
        default=0,
    )


def _group(scene: Scene, name: str) -> dict[str, Any] | None:
    def ask() -> dict[str, Any] | None:
        found = scene.aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return next((g for g in found if g["logGroupName"] == name), None)

    return scene.once(f"group:{name}", ask)  # type: ignore[no-any-return]


def _filters(scene: Scene, group: str) -> list[dict[str, Any]]:
    return list(
        scene.once(
            f"filters:{group}",
            lambda: scene.aws("logs").describe_subscription_filters(logGroupName=group)[
                "subscriptionFilters"
            ],
        )
    )
