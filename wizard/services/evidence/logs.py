"""Evidence for "logs do not reach the forwarder"."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.access_log import merge
from wizard.core.checks import Finding, failed, passed, warned
from wizard.core.facts import ApiType, StageRef
from wizard.core.record import StageRecord
from wizard.core.text import clean, count
from wizard.services.evidence.scene import LOOK_BACK_SECONDS, Scene, absent, words

_MOST_SHOWN = 5


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


def function_active(scene: Scene) -> Finding:
    """WAG-LOG-003."""
    try:
        found = _function(scene)
    except ClientError as error:
        if absent(error):
            return failed(words(error))
        raise
    state = found.get("State", "Active")
    if state not in ("Active", "Pending"):
        return failed(f"state {state}: {found.get('StateReason', '')}")
    return passed(f"{scene.outputs.lambda_function_name} is {state.lower()}")


def invoke_permission(scene: Scene) -> Finding:
    """WAG-LOG-004."""
    name = scene.outputs.lambda_function_name
    try:
        text = scene.aws("lambda").get_policy(FunctionName=name)["Policy"]
        statements = json.loads(text)["Statement"]
    except ClientError as error:
        if not absent(error):
            raise
        statements = []
    for group in scene.log_groups:
        if not any(_allows(s, scene, group) for s in statements):
            return failed(
                f"lambda.GetPolicy of {name} has no statement that lets "
                f"logs.{scene.identity.region}.amazonaws.com invoke it for {group}",
                group,
            )
    return passed(count(len(scene.log_groups), "log group") + " permitted")


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


def stages_exist(scene: Scene) -> Finding:
    """WAG-LOG-007."""
    if not scene.record.stages:
        return warned("no stage is connected yet")
    lost = [str(ref) for ref in scene.record.stages if _live(scene, ref) is None]
    if lost:
        return failed(f"API Gateway does not know {', '.join(lost[:_MOST_SHOWN])}", lost[0])
    return passed(count(len(scene.record.stages), "stage"))


def stage_destination(scene: Scene) -> Finding:
    """WAG-LOG-008."""
    wrong = []
    for held in scene.record.stages.values():
        live = _live(scene, held.ref) or {}
        wanted = held.after.access_log.destination_arn.removesuffix(":*")
        found = live.get("destinationArn", "").removesuffix(":*")
        if found != wanted:
            wrong.append((held.ref, found or "nowhere"))
    if wrong:
        ref, found = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return failed(f"{ref} logs to {found}{more}", str(ref))
    return passed(count(len(scene.record.stages), "stage"))


def stage_format(scene: Scene) -> Finding:
    """WAG-LOG-009."""
    for held in scene.record.stages.values():
        live = _live(scene, held.ref) or {}
        merged = merge(live.get("format", ""), ApiType(held.api_type))
        if merged.problem:
            return failed(f"{held.ref}: {merged.problem}", str(held.ref))
        if merged.added:
            return failed(f"{held.ref} logs without {', '.join(merged.added)}", str(held.ref))
    return passed("every field is logged")


def account_role(scene: Scene) -> Finding:
    """WAG-LOG-010."""
    if not _needs_role(scene):
        return passed("only HTTP APIs are connected; they need none")
    arn = _account_role(scene)
    if not arn:
        return failed("apigateway.GetAccount: cloudwatchRoleArn is not set", "role")
    return passed(arn)


def account_role_usable(scene: Scene) -> Finding:
    """WAG-LOG-011."""
    arn = _account_role(scene)
    if not arn or not _needs_role(scene):
        return passed("not needed")
    name = arn.rsplit("/", 1)[-1]
    try:
        role = scene.aws("iam").get_role(RoleName=name)["Role"]
    except ClientError as error:
        if absent(error):
            return failed(f"{arn} does not exist: {words(error)}")
        raise
    if "apigateway.amazonaws.com" not in json.dumps(role.get("AssumeRolePolicyDocument", "")):
        return failed(f"{name} does not trust apigateway.amazonaws.com")
    return passed(name)


def events_arrive(scene: Scene) -> Finding:
    """WAG-LOG-012."""
    seen = recent_events(scene)
    if not seen:
        return warned("logs.FilterLogEvents: no event in the last hour")
    newest = max(event["timestamp"] for event in seen) / 1000
    return passed(f"the newest is {time.time() - newest:.0f} s old")


def forwarder_errors(scene: Scene) -> Finding:
    """WAG-LOG-013."""
    pages = scene.aws("logs").filter_log_events(
        logGroupName=scene.outputs.lambda_log_group,
        startTime=scene.since_ms,
        filterPattern='?ERROR ?"Task timed out" ?"[ERROR]"',
        limit=20,
    )
    lines = [e["message"] for e in pages.get("events", []) if _is_error(e["message"])]
    if lines:
        return failed(f"its last error: {clean(lines[-1], 300)}")
    total = _metric(scene, "Errors")
    if total:
        return failed(f"CloudWatch metric AWS/Lambda Errors: {total:.0f} in the last hour")
    return passed("no error in the last hour")


def forwarder_throttles(scene: Scene) -> Finding:
    """WAG-LOG-014."""
    total = _metric(scene, "Throttles")
    if total:
        return warned(f"CloudWatch metric AWS/Lambda Throttles: {total:.0f} in the last hour")
    return passed("none in the last hour")


def recent_events(scene: Scene) -> list[dict[str, Any]]:
    """Access-log events of the last hour, at most 100 per log group."""

    def ask() -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for group in scene.log_groups:
            answer = scene.aws("logs").filter_log_events(
                logGroupName=group, startTime=scene.since_ms, limit=100
            )
            out.extend(answer.get("events", []))
        return out

    return list(scene.once("events", ask))


def _is_error(message: str) -> bool:
    return "[ERROR]" in message or "Task timed out" in message or '"level":"ERROR"' in message


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


def _function(scene: Scene) -> dict[str, Any]:
    name = scene.outputs.lambda_function_name
    return dict(
        scene.once(
            "function",
            lambda: scene.aws("lambda").get_function_configuration(FunctionName=name),
        )
    )


def _allows(statement: dict[str, Any], scene: Scene, group: str) -> bool:
    principal = json.dumps(statement.get("Principal", ""))
    if statement.get("Effect") != "Allow" or "logs." not in principal:
        return False
    condition = json.dumps(statement.get("Condition", {}))
    if "SourceAccount" in condition and scene.identity.account_id not in condition:
        return False
    return ":log-group:" not in condition or f":log-group:{group}:" in condition


def _live(scene: Scene, ref: StageRef) -> dict[str, Any] | None:
    """The stage's access log settings as they are now; None when the stage is gone."""
    held = scene.record.stages[ref]

    def ask() -> dict[str, Any] | None:
        try:
            return _read(scene, held)
        except ClientError as error:
            if absent(error):
                return None
            raise

    return scene.once(f"stage:{ref}", ask)  # type: ignore[no-any-return]


def _read(scene: Scene, held: StageRecord) -> dict[str, Any]:
    if held.api_type == ApiType.REST.value:
        client = scene.aws("apigateway")
        stage = client.get_stage(restApiId=held.ref.api_id, stageName=held.ref.stage)
        return dict(stage.get("accessLogSettings") or {})
    stage = scene.aws("apigatewayv2").get_stage(ApiId=held.ref.api_id, StageName=held.ref.stage)
    found = stage.get("AccessLogSettings") or {}
    return {
        "destinationArn": found.get("DestinationArn", ""),
        "format": found.get("Format", ""),
    }


def _needs_role(scene: Scene) -> bool:
    return any(s.api_type != ApiType.HTTP.value for s in scene.record.stages.values())


def _account_role(scene: Scene) -> str:
    answer = scene.once("account", lambda: scene.aws("apigateway").get_account())
    return str(answer.get("cloudwatchRoleArn") or "")


def _metric(scene: Scene, name: str) -> float:
    now = time.time()
    answer = scene.aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": "FunctionName", "Value": scene.outputs.lambda_function_name}],
        StartTime=now - LOOK_BACK_SECONDS,
        EndTime=now,
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer.get("Datapoints", [])))
