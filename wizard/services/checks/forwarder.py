"""Evidence from the forwarder itself: that it exists, may be invoked, and ends well."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from wizard.core.checks.model import Finding, failed, passed, unchecked, warned
from wizard.core.events import State
from wizard.core.facts import StageRef
from wizard.core.forwarder_package import Build, build_of, judge_build
from wizard.core.stages.lines import (
    BATCHES,
    EXAMPLES,
    LastEvent,
    count_lines,
    find_example,
    silent_stages,
)
from wizard.core.stages.log_format import log_group_name
from wizard.core.text import clean, count, duration, json_object
from wizard.services.aws.forwarder import ask_probe
from wizard.services.aws.traffic import read_last_events
from wizard.services.checks.examination import (
    LOOK_BACK_SECONDS,
    Examination,
    absent,
    check,
    error_words,
    newest_events,
)
from wizard.services.checks.log_groups import recent_events, subscribed_at
from wizard.services.workspace.module import forwarder_package

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

FRESH_MINUTES = 15.0  # an older error may be over; it is a warning
DELIVERY_SECONDS = 90.0  # from the log group to the forwarder it takes seconds; be patient
UNDELIVERED = "UndeliveredError"  # see lambda/cw-resend-lambda: the node did not take an event
_BATCH_PATTERN = '"received"'
_MOST_SHOWN = 5
_ERROR_PATTERNS = ("ERROR", '"Task timed out"')


@check("WAG-LOG-003")
def function_active(exam: Examination) -> Finding:
    """WAG-LOG-003."""
    try:
        found = function(exam)
    except ClientError as error:
        if absent(error):
            return failed(error_words(error))
        raise
    state = found.get("State", "Active")
    if state == "Pending":
        return unchecked("AWS is still creating it (state Pending)", settles=True)
    if state not in ("Active", "Inactive"):  # an idle function wakes when it is invoked
        return failed(f"state {state}: {clean(found.get('StateReason', ''), 300)}")
    return passed(f"{exam.outputs.lambda_function_name} is {state.lower()}")


@check("WAG-LOG-004")
def invoke_permission(exam: Examination) -> Finding:
    """WAG-LOG-004."""
    name = exam.outputs.lambda_function_name
    try:
        text = exam.aws("lambda").get_policy(FunctionName=name)["Policy"]
        statements = json.loads(text)["Statement"]
    except ClientError as error:
        if not absent(error):
            raise
        statements = []
    for group in exam.log_groups:
        if not any(_allows(s, exam, group) for s in statements):
            return failed(
                f"lambda.GetPolicy of {name} has no statement that lets "
                f"{exam.identity.logs_principal} invoke it for {group}",
                group,
            )
    return passed(count(len(exam.log_groups), "log group") + " permitted")


@check("WAG-LOG-013")
def forwarder_errors(exam: Examination) -> Finding:
    """WAG-LOG-013: what it could not deliver is no crash, see `undelivered_lately`."""
    errors = _errors(exam)
    crashes = [event for event in errors if UNDELIVERED not in event["message"]]
    if crashes:
        return _by_age("its last error", crashes[-1])
    total = 0.0 if errors else _metric(exam, "Errors")
    if total:
        return failed(f"CloudWatch metric AWS/Lambda Errors: {total:.0f} in the last hour")
    return passed("no crash in the last hour")


@check("WAG-NOD-012")
def undelivered_lately(exam: Examination) -> Finding:
    """WAG-NOD-012."""
    events = [event for event in _errors(exam) if UNDELIVERED in event["message"]]
    if events:
        return _by_age("the last failed try", events[-1])
    return passed("no failed try in the last hour")


@check("WAG-LOG-018")
def received_lately(exam: Examination) -> Finding:
    """WAG-LOG-018: what the forwarder says it received, against what the log groups hold."""
    logged = [
        event
        for event in recent_events(exam)
        if event["timestamp"] >= subscribed_at(exam, event["logGroup"])
    ]
    if not logged:
        return unchecked(
            "nothing was logged since the forwarder is subscribed, or in the last hour"
        )
    batches = [
        batch
        for event in newest_events(
            exam,
            exam.outputs.lambda_log_group,
            exam.since,
            filterPattern=_BATCH_PATTERN,
        )
        if (batch := _batch(event["message"]))
    ]
    if batches:
        last = batches[-1]
        return passed(
            f"its last batch: {last.get('received')} received, {last.get('delivered')} delivered"
        )
    if exam.answers.lambda_package:
        return unchecked("a bundle of your own does not say what it received")
    oldest = min(event["timestamp"] for event in logged) / 1000
    age = time.time() - oldest
    said = f"{count(len(logged), 'event')} logged in the last hour, the first {duration(age)} ago"
    if age < DELIVERY_SECONDS:
        return unchecked(f"{said}; delivery takes up to a minute", settles=True)
    newest = max(logged, key=lambda event: int(event["timestamp"]))
    return failed(f"{said}, but the forwarder's log holds no batch", newest["logGroup"])


@check("WAG-LOG-020")
def stages_log(exam: Examination) -> Finding:
    """WAG-LOG-020: the last line of each stage; one silent stage of many is named."""
    logs = {held.ref: held.after.access_log for held in exam.record.stages.values()}
    if not logs:
        return unchecked("no stage is connected")
    events = read_last_events(cast("Session", exam.clients), logs)
    now = time.time()
    silent = silent_stages(events, {r: held.since for r, held in exam.record.stages.items()}, now)
    stages = count(len(events), "stage")
    if silent:
        return warned(f"{len(silent)} of {stages} silent: {_last_words(silent, events, now)}")
    unread = [ref for ref, event in events.items() if event.at is None and not event.since]
    if unread:
        return unchecked(_last_words(unread, events, now))
    logged = [ref for ref, event in events.items() if event.at is not None]
    if not logged:
        return unchecked(f"none of {stages} logged anything, so that none stands out")
    quietest = min(logged, key=lambda ref: events[ref].at or 0.0)
    waiting = [ref for ref in events if ref not in logged]
    more = f"; not yet: {_last_words(waiting, events, now)}" if waiting else ""
    return passed(
        f"{len(logged)} of {stages} logged, the quietest {events[quietest].words(now)}{more}"
    )


def _last_words(refs: Sequence[StageRef], events: Mapping[StageRef, LastEvent], now: float) -> str:
    """When each of these logged last, as far as they fit into a line."""
    shown = "; ".join(f"{ref} {events[ref].words(now)}" for ref in refs[:_MOST_SHOWN])
    return shown + (f"; and {len(refs) - _MOST_SHOWN} more" if len(refs) > _MOST_SHOWN else "")


@check("WAG-LOG-021")
def forwarder_is_ours(exam: Examination) -> Finding:
    """WAG-LOG-021."""
    if exam.answers.lambda_package:
        return unchecked("a bundle of your own is deployed")
    ours = build_of(forwarder_package())
    code = str(function(exam).get("CodeSha256", ""))
    version = ""
    if code != ours.code:
        answer = ask_probe(
            exam.aws("lambda"), exam.outputs.lambda_function_name, counters_only=True
        )
        version = answer.version
    state, why = judge_build(Build(version, code), ours)
    return passed(why) if state is State.DONE else warned(why)


@check("WAG-LOG-019")
def lines_read(exam: Examination) -> Finding:
    """WAG-LOG-019: what share of the lines it could read, with the shape of one it could not."""
    if exam.answers.lambda_package:
        return unchecked("a bundle of your own does not say what it could not read")
    log, since = exam.outputs.lambda_log_group, exam.since
    counts = count_lines(
        event["message"] for event in newest_events(exam, log, since, filterPattern=BATCHES)
    )
    if not counts.received:
        return unchecked("the forwarder got no line in the last hour")
    if not counts.malformed:
        return passed(str(counts))
    example = find_example(
        event["message"]
        for event in newest_events(exam, log, since, most=10, filterPattern=EXAMPLES)
    )
    said = str(counts)
    if example is not None:
        groups = {
            held.ref: log_group_name(held.after.access_log.destination_arn)
            for held in exam.record.stages.values()
        }
        said += f"; one of {example.origin(groups)}: {example.reason}: {example.shape}"
    return failed(said) if counts.alarming else warned(said)


@check("WAG-LOG-017")
def delivery_refused(exam: Examination) -> Finding:
    """WAG-LOG-017: CloudWatch Logs counts what it could not hand to a subscription."""
    for name in ("DeliveryErrors", "DeliveryThrottling"):
        for group in exam.log_groups:
            points = _points(
                exam,
                name,
                namespace="AWS/Logs",
                period=300,
                LogGroupName=group,
                DestinationType="Lambda",
                FilterName=exam.outputs.subscription_filter_name,
            )
            total = sum(point["Sum"] for point in points)
            if not total:
                continue
            said = f"CloudWatch metric AWS/Logs {name} of {group}: {total:.0f} in the last hour"
            last = max(_epoch(point.get("Timestamp")) for point in points if point["Sum"])
            now = name == "DeliveryErrors" and time.time() - last < FRESH_MINUTES * 60
            return failed(said) if now else warned(said)
    return passed("no refusal in the last hour")


@check("WAG-LOG-014")
def forwarder_throttles(exam: Examination) -> Finding:
    """WAG-LOG-014."""
    total = _metric(exam, "Throttles")
    if total:
        return warned(f"CloudWatch metric AWS/Lambda Throttles: {total:.0f} in the last hour")
    return passed("none in the last hour")


def _is_error(message: str) -> bool:
    return "[ERROR]" in message or "Task timed out" in message or '"level":"ERROR"' in message


def function(exam: Examination) -> dict[str, Any]:
    """The forwarder's configuration (`lambda:GetFunctionConfiguration`), asked once."""
    name = exam.outputs.lambda_function_name
    return dict(
        exam.once(
            "function",
            lambda: exam.aws("lambda").get_function_configuration(FunctionName=name),
        )
    )


def _allows(statement: dict[str, Any], exam: Examination, group: str) -> bool:
    """Whether a statement of the function's policy lets CloudWatch Logs invoke it for a group."""
    identity = exam.identity
    principal = statement.get("Principal", "")
    services = principal.get("Service", "") if isinstance(principal, dict) else principal
    wanted = {identity.logs_principal, "logs.amazonaws.com", "*"}
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


def _metric(exam: Examination, name: str) -> float:
    """The sum of one of Lambda's metrics over the last hour."""
    points = _points(exam, name, FunctionName=exam.outputs.lambda_function_name)
    return float(sum(point["Sum"] for point in points))


def _points(
    exam: Examination,
    name: str,
    *,
    namespace: str = "AWS/Lambda",
    period: int = 3600,
    **about: str,
) -> list[dict[str, Any]]:
    now = time.time()
    answer = exam.aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in about.items()],
        StartTime=now - LOOK_BACK_SECONDS,
        EndTime=now,
        Period=period,
        Statistics=["Sum"],
    )
    return list(answer.get("Datapoints", []))


def _epoch(moment: Any) -> float:
    """A time of AWS in epoch seconds; one that is not told counts as now."""
    return moment.timestamp() if isinstance(moment, datetime) else time.time()


def _errors(exam: Examination) -> list[dict[str, Any]]:
    """What the forwarder's log calls an error in the last hour, oldest first."""

    def ask() -> list[dict[str, Any]]:
        events = [
            event
            for pattern in _ERROR_PATTERNS
            for event in newest_events(
                exam,
                exam.outputs.lambda_log_group,
                exam.since,
                filterPattern=pattern,
            )
            if _is_error(event["message"])
        ]
        return sorted(events, key=lambda event: int(event["timestamp"]))

    return list(exam.once("errors", ask))


def _by_age(said: str, event: dict[str, Any]) -> Finding:
    """A fresh error is a failure; an older one may be over."""
    age = time.time() - event["timestamp"] / 1000
    text = f"{said}, {duration(age)} ago: {clean(event['message'], 300)}"
    return failed(text) if age < FRESH_MINUTES * 60 else warned(text)


def _batch(message: str) -> dict[str, Any] | None:
    """The counts of one batch, if this line of the forwarder's log holds them.

    CloudWatch Logs' own probe, which holds no event, is none.
    """
    data = json_object(message)
    return data if data.get("received") else None
