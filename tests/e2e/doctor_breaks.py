"""Breaks one thing of a deployment and gives the way back; used by the table of breakages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.aws_override import Answer, refusing
from tests.e2e.doctor_patient import REGISTERED, Patient

# Breaks something and gives the way back.
Break = Callable[[Patient], Callable[[], object]]


def main_filter(patient: Patient) -> dict[str, Any]:
    """The subscription filter as it was deployed."""
    group = patient.outputs.api_gateway_log_group
    (found,) = patient.client("logs").describe_subscription_filters(logGroupName=group)[
        "subscriptionFilters"
    ]
    keys = ("logGroupName", "filterName", "filterPattern", "destinationArn")
    return {key: found.get(key, "") for key in keys}


def filter_deleted(patient: Patient) -> Callable[[], object]:
    held = main_filter(patient)
    logs = patient.client("logs")
    logs.delete_subscription_filter(
        logGroupName=held["logGroupName"], filterName=held["filterName"]
    )
    return lambda: logs.put_subscription_filter(**held)


def filter_with(**changes: str) -> Break:
    """The deployed filter, with another pattern or destination."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = main_filter(patient)
        logs = patient.client("logs")
        logs.put_subscription_filter(**held | changes)
        return lambda: logs.put_subscription_filter(**held)

    return break_it


def permission(**changes: str) -> Break:
    """The invoke permission of the log groups that stages keep taken away, or replaced by one that
    allows something else. The deployment's own group has one more, which covers that group alone.
    """

    def break_it(patient: Patient) -> Callable[[], object]:
        client, name = patient.client("lambda"), patient.outputs.lambda_function_name
        identity = patient.exam.identity
        arn = f"arn:aws:logs:{identity.region}:{identity.account_id}:log-group"
        held = {
            "FunctionName": name,
            "StatementId": "logs-of-this-account",
            "Action": "lambda:InvokeFunction",
            "Principal": f"logs.{identity.region}.amazonaws.com",
            "SourceArn": f"{arn}:*:*",
            "SourceAccount": identity.account_id,
        }
        client.remove_permission(FunctionName=name, StatementId=held["StatementId"])
        if changes:
            client.add_permission(**held | changes)

        def undo() -> None:
            if changes:
                client.remove_permission(FunctionName=name, StatementId=held["StatementId"])
            client.add_permission(**held)

        return undo

    return break_it


def played(answers: Callable[[Patient], Mapping[str, Answer]]) -> Break:
    """What a local AWS cannot show, or could not take back: AWS answers so."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = dict(patient.aws.answers)
        patient.aws.answers.update(answers(patient))

        def undo() -> None:
            patient.aws.answers.clear()
            patient.aws.answers.update(held)

        return undo

    return break_it


def refused(operation: str, code: str, message: str, status: int = 400) -> Break:
    """AWS answers one operation with this error."""
    return played(lambda _: {operation: refusing(code, message, status)})


def written(output: str, *lines: str) -> Break:
    """Lines in the log group that is this output of the deployment."""

    def break_it(patient: Patient) -> Callable[[], object]:
        group = getattr(patient.outputs, output)
        patient.write(group, *lines)
        return lambda: patient.erase(group)

    return break_it


def log_group_deleted(patient: Patient) -> Callable[[], object]:
    logs, held = patient.client("logs"), main_filter(patient)
    name = held["logGroupName"]
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    arn = group["arn"].removesuffix(":*")
    tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    policies = logs.describe_resource_policies(resourceArn=arn, policyScope="RESOURCE")
    logs.delete_log_group(logGroupName=name)

    def undo() -> None:
        logs.create_log_group(logGroupName=name, tags=tags)
        logs.put_retention_policy(logGroupName=name, retentionInDays=group["retentionInDays"])
        for policy in policies["resourcePolicies"]:
            logs.put_resource_policy(resourceArn=arn, policyDocument=policy["policyDocument"])
        logs.put_subscription_filter(**held)
        patient.send()

    return undo


def log_delivery_removed(patient: Patient) -> Callable[[], object]:
    logs = patient.client("logs")
    arn = patient.outputs.api_gateway_log_group_arn
    (held,) = logs.describe_resource_policies(resourceArn=arn, policyScope="RESOURCE")[
        "resourcePolicies"
    ]
    logs.delete_resource_policy(resourceArn=arn, expectedRevisionId=held["revisionId"])
    document = held["policyDocument"]
    return lambda: logs.put_resource_policy(resourceArn=arn, policyDocument=document)


def undelivered(patient: Patient) -> Callable[[], object]:
    thing = {"Bucket": patient.outputs.undelivered_bucket, "Key": "aws/lambda/async/x/y"}
    s3 = patient.client("s3")
    s3.put_object(**thing, Body=b"{}")
    return lambda: s3.delete_object(**thing)


def traffic(method: str, status: int, host: str = "api.example.com") -> Break:
    """Only requests that API Discovery does not count."""
    line = json.dumps({"httpMethod": method, "status": str(status), "domainName": host})

    def answers(patient: Patient) -> Mapping[str, Answer]:
        def events(asked: Mapping[str, Any]) -> Mapping[str, Any]:
            node = asked["logGroupName"] == patient.outputs.node_log_group
            message = REGISTERED if node else line
            now = int(time.time() * 1000)
            event = {"eventId": message, "timestamp": now, "message": message, "logStreamName": "x"}
            return {"events": [event]}

        return {"logs.FilterLogEvents": events}

    return played(answers)


def metric(name: str, total: float, minutes_ago: float = 1.0) -> Break:
    """One CloudWatch metric counts something; the others count nothing."""

    def points(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        point = {"Sum": total, "Timestamp": time.time() - 60 * minutes_ago}
        return {"Datapoints": [point] if asked["MetricName"] == name else []}

    return played(lambda _: {"cloudwatch.GetMetricStatistics": points})


def filter_paused(patient: Patient) -> Callable[[], object]:
    """Events are logged, the filter is there, and the forwarder hears nothing until it is written
    again: what a filter that AWS paused looks like."""
    began = len(patient.aws.asked)
    hour_ago = int((time.time() - 3000) * 1000)

    def mended() -> bool:
        return "logs.PutSubscriptionFilter" in patient.aws.asked[began:]

    def filters(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        held = {
            "filterName": patient.outputs.subscription_filter_name,
            "filterPattern": patient.exam.answers.subscription_filter_pattern,
            "destinationArn": patient.outputs.lambda_function_arn,
            "creationTime": hour_ago,
        }
        return {"subscriptionFilters": [held]}

    def events(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        def event(message: str) -> dict[str, Any]:
            return {"eventId": message, "timestamp": hour_ago + 1000, "message": message,
                    "logStreamName": "x"}  # fmt: skip

        group, pattern = asked["logGroupName"], asked.get("filterPattern", "")
        if group == patient.outputs.node_log_group:
            return {"events": [event(REGISTERED)]}
        if group != patient.outputs.lambda_log_group:
            return {"events": [event('{"httpMethod":"GET","status":"200"}')]}
        batch = event('{"received": 1, "delivered": 1}')
        return {"events": [batch] if mended() and "received" in pattern else []}

    return played(lambda _: {
        "logs.DescribeSubscriptionFilters": filters, "logs.FilterLogEvents": events,
    })(patient)  # fmt: skip


def both(*breaks: Break) -> Break:
    """A cause together with what follows from it."""

    def break_it(patient: Patient) -> Callable[[], object]:
        undo = [one(patient) for one in breaks]
        return lambda: [one() for one in reversed(undo)]

    return break_it


OTHER_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:somebody-elses"
OTHER_GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/somebody/elses:*"


def variable(name: str, value: str | None) -> Break:
    """An environment variable of the forwarder, changed or taken away."""

    def break_it(patient: Patient) -> Callable[[], object]:
        client, function = patient.client("lambda"), patient.outputs.lambda_function_name
        config = client.get_function_configuration(FunctionName=function)
        held = config["Environment"]["Variables"]
        changed = {k: v for k, v in held.items() if k != name}
        if value is not None:
            changed[name] = value

        def put(variables: Mapping[str, str]) -> None:
            client.update_function_configuration(
                FunctionName=function, Environment={"Variables": variables}
            )

        put(changed)
        return lambda: put(held)

    return break_it


REQUEST_ID = '{"requestId":"$context.requestId"}'
