"""Evidence from the forwarder itself: that it exists, may be invoked, and ends well."""

from __future__ import annotations

import json
import time
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.checks import Finding, failed, passed, warned
from wizard.core.text import clean, count
from wizard.services.evidence.scene import (
    LOOK_BACK_SECONDS,
    Scene,
    absent,
    newest_events,
    words,
)

FRESH_MINUTES = 15.0  # an older error may be over; it is a warning
_ERROR_PATTERNS = ("ERROR", '"Task timed out"')


def function_active(scene: Scene) -> Finding:
    """WAG-LOG-003."""
    try:
        found = function(scene)
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


def forwarder_errors(scene: Scene) -> Finding:
    """WAG-LOG-013."""
    events = [
        event
        for pattern in _ERROR_PATTERNS
        for event in newest_events(
            scene, scene.outputs.lambda_log_group, scene.since, filterPattern=pattern
        )
        if _is_error(event["message"])
    ]
    if events:
        last = max(events, key=lambda event: int(event["timestamp"]))
        minutes = (time.time() - last["timestamp"] / 1000) / 60
        said = f"its last error, {minutes:.0f} min ago: {clean(last['message'], 300)}"
        return failed(said) if minutes < FRESH_MINUTES else warned(said)
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


def _is_error(message: str) -> bool:
    return "[ERROR]" in message or "Task timed out" in message or '"level":"ERROR"' in message


def function(scene: Scene) -> dict[str, Any]:
    """The forwarder's configuration (`lambda:GetFunctionConfiguration`), asked once."""
    name = scene.outputs.lambda_function_name
    return dict(
        scene.once(
            "function",
            lambda: scene.aws("lambda").get_function_configuration(FunctionName=name),
        )
    )


def _allows(statement: dict[str, Any], scene: Scene, group: str) -> bool:
    """Whether a statement of the function's policy lets CloudWatch Logs invoke it for a group."""
    identity = scene.identity
    principal = statement.get("Principal", "")
    services = principal.get("Service", "") if isinstance(principal, dict) else principal
    wanted = {f"logs.{identity.region}.amazonaws.com", "logs.amazonaws.com", "*"}
    if statement.get("Effect") != "Allow" or not wanted & set(_listed(services)):
        return False
    actions = _listed(statement.get("Action", ()))
    if not any(fnmatchcase("lambda:invokefunction", action.lower()) for action in actions):
        return False
    source = f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group:"
    actual = {"aws:sourcearn": f"{source}{group}:*", "aws:sourceaccount": identity.account_id}
    return all(
        any(fnmatchcase(actual[key.lower()], pattern) for pattern in _listed(patterns))
        for condition in statement.get("Condition", {}).values()
        for key, patterns in condition.items()
        if key.lower() in actual
    )


def _listed(value: Any) -> list[str]:
    """A policy writes one value as a string and several as a list."""
    return [value] if isinstance(value, str) else [str(item) for item in value]


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
