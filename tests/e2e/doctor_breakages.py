"""Ways to break a deployment, each one with the check that must name it and the way back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.aws_override import Answer, Rewritten, refusing
from tests.e2e.doctor_patient import Patient, targets
from wizard.core.record import StageRecord

# Breaks something and gives the way back.
Break = Callable[[Patient], Callable[[], object]]


@dataclass(frozen=True)
class Breakage:
    """One row: `words` must stand in the evidence of `check_id`, which must be the first finding.

    Words in braces are outputs of the deployment. `fixable`: the product's own repair must heal it.
    """

    name: str
    check_id: str
    words: tuple[str, ...]
    break_it: Break
    fixable: bool = False
    verdict: str = "failed"

    def __str__(self) -> str:
        return self.name


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
    """The invoke permission taken away, or replaced by one that allows something else."""

    def break_it(patient: Patient) -> Callable[[], object]:
        client, name = patient.client("lambda"), patient.outputs.lambda_function_name
        identity, group = patient.scene.identity, patient.outputs.api_gateway_log_group
        arn = f"arn:aws:logs:{identity.region}:{identity.account_id}:log-group"
        held = {
            "FunctionName": name,
            "StatementId": "logs-" + MAIN_STATEMENT,
            "Action": "lambda:InvokeFunction",
            "Principal": f"logs.{identity.region}.amazonaws.com",
            "SourceArn": f"{arn}:{group}:*",
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


MAIN_STATEMENT = "b28b7af6"  # first 8 hex digits of SHA-1 of "main", as in the Terraform module
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


def stages_of(patient: Patient, kind: str) -> list[StageRecord]:
    """The connected stages of an API type that log to the connector's own group."""
    return [
        held
        for held in patient.scene.record.stages.values()
        if held.api_type == kind and held.mode == "ours"
    ]


def rest_stage(*patches: tuple[str, str, str]) -> Break:
    """A connected REST stage whose owner changed `accessLogSettings/...`: (op, field, value)."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = stages_of(patient, "REST")[0]
        client = patient.client("apigateway")

        def patch(operations: list[dict[str, str]]) -> None:
            client.update_stage(
                restApiId=held.ref.api_id, stageName=held.ref.stage, patchOperations=operations
            )

        patch([
            {"op": op, "path": f"/accessLogSettings{field}"} | ({"value": value} if value else {})
            for op, field, value in patches
        ])  # fmt: skip
        log = held.after.access_log
        return lambda: patch([
            {"op": "replace", "path": "/accessLogSettings/destinationArn",
             "value": log.destination_arn},
            {"op": "replace", "path": "/accessLogSettings/format", "value": log.format},
        ])  # fmt: skip

    return break_it


def http_stage(**settings: str) -> Break:
    """A connected HTTP stage whose owner changed its log, or switched it off."""

    def break_it(patient: Patient) -> Callable[[], object]:
        held = stages_of(patient, "HTTP")[0]
        client, log = patient.client("apigatewayv2"), held.after.access_log
        stage = {"ApiId": held.ref.api_id, "StageName": held.ref.stage}
        whole = {"DestinationArn": log.destination_arn, "Format": log.format}
        if settings:
            client.update_stage(**stage, AccessLogSettings=whole | settings)
        else:
            client.delete_access_log_settings(**stage)
        return lambda: client.update_stage(**stage, AccessLogSettings=whole)

    return break_it


def account_role_unset(patient: Patient) -> Callable[[], object]:
    client = patient.client("apigateway")
    arn = client.get_account()["cloudwatchRoleArn"]

    def put(value: str) -> None:
        operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": value}
        client.update_account(patchOperations=[operation])

    put("")
    return lambda: put(arn)


def account_role_name(patient: Patient) -> str:
    """The name of the role API Gateway writes logs with."""
    arn: str = patient.client("apigateway").get_account()["cloudwatchRoleArn"]
    return arn.rpartition("/")[2]


def account_role_deleted(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    role = iam.get_role(RoleName=name)["Role"]
    policies = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    for policy in policies:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=name)

    def undo() -> None:
        iam.create_role(
            RoleName=name,
            Path=role["Path"],
            AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]),
            Description=role.get("Description", ""),
            Tags=role.get("Tags", []),
        )
        for policy in policies:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    return undo


def account_role_trusts_another(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    held = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(held).replace("apigateway.amazonaws.com", "ec2.amazonaws.com")

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    return lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(held))


REQUEST_ID = '{"requestId":"$context.requestId"}'

LOGS_ROWS = (
    Breakage("filter deleted", "WAG-LOG-005", ("DescribeSubscriptionFilters", "found: none"),
             filter_deleted, fixable=True),
    Breakage("filter points at another function", "WAG-LOG-005",
             ("none points at {lambda_function_name}",),
             filter_with(destinationArn=OTHER_FUNCTION), fixable=True),
    Breakage("filter pattern matches nothing", "WAG-LOG-006", ("matches-nothing",),
             filter_with(filterPattern='"matches-nothing"'), fixable=True),
    Breakage("log group of class Infrequent Access", "WAG-LOG-002", ("INFREQUENT_ACCESS",),
             played(lambda p: {"logs.DescribeLogGroups": {"logGroups": [
                 {"logGroupName": name, "logGroupClass": "INFREQUENT_ACCESS"}
                 for name in p.scene.log_groups]}})),
    Breakage("log group not found", "WAG-LOG-001", ("DescribeLogGroups", "{api_gateway_log_group}"),
             played(lambda p: {"logs.DescribeLogGroups": {"logGroups": []}})),
    Breakage("forwarder deleted", "WAG-LOG-003", ("ResourceNotFoundException",),
             refused("lambda.GetFunctionConfiguration", "ResourceNotFoundException",
                     "Function not found", 404)),
    Breakage("forwarder failed to start", "WAG-LOG-003", ("Failed", "The subnet is full"),
             played(lambda p: {"lambda.GetFunctionConfiguration": {
                 "State": "Failed", "StateReason": "The subnet is full"}})),
    Breakage("no event arrives", "WAG-LOG-012", ("no event in the last hour",),
             played(lambda p: {"logs.FilterLogEvents": {"events": []}}), verdict="warning"),
    Breakage("forwarder raised", "WAG-LOG-013", ("its last error", "KeyError: 'awslogs'"),
             written("lambda_log_group", "[ERROR] KeyError: 'awslogs'")),
    Breakage("forwarder timed out", "WAG-LOG-013", ("Task timed out after 60.00 seconds",),
             written("lambda_log_group", "2026-08-01 0f Task timed out after 60.00 seconds")),
    Breakage("metric counts errors", "WAG-LOG-013", ("AWS/Lambda Errors: 3",),
             played(lambda p: {"cloudwatch.GetMetricStatistics": {"Datapoints": [{"Sum": 3.0}]}})),
    Breakage("permission removed", "WAG-LOG-004", ("GetPolicy", "{api_gateway_log_group}"),
             permission(), fixable=True),
    Breakage("permission for another account", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceAccount="210987654321"), fixable=True),
    Breakage("permission for another log group", "WAG-LOG-004", ("GetPolicy",),
             permission(SourceArn=OTHER_GROUP), fixable=True),
)  # fmt: skip

STAGE_ROWS = (
    Breakage("log of a REST stage switched off", "WAG-LOG-008", ("logs to nowhere",),
             rest_stage(("remove", "", "")), fixable=True),
    Breakage("REST stage logs to another group", "WAG-LOG-008", ("logs to " + OTHER_GROUP[:-2],),
             rest_stage(("replace", "/destinationArn", OTHER_GROUP[:-2])), fixable=True),
    Breakage("format without requestId", "WAG-LOG-009", ("requestId",),
             rest_stage(("replace", "/format", '{"status":"$context.status"}')), fixable=True),
    Breakage("format without most fields", "WAG-LOG-009", ("logs without", "httpMethod"),
             rest_stage(("replace", "/format", REQUEST_ID)), fixable=True),
    Breakage("format is not JSON", "WAG-LOG-009", ("JSON",),
             rest_stage(("replace", "/format", "$context.requestId $context.status")),
             fixable=True),
    Breakage("log of an HTTP stage switched off", "WAG-LOG-008", ("logs to nowhere",),
             http_stage(), fixable=True),
    Breakage("HTTP stage logs without most fields", "WAG-LOG-009", ("logs without", "userAgent"),
             http_stage(Format=REQUEST_ID), fixable=True),
    Breakage("account role unset", "WAG-LOG-010", ("GetAccount", "not set"),
             account_role_unset, fixable=True),
    Breakage("account role deleted", "WAG-LOG-011", ("does not exist", "NoSuchEntity"),
             account_role_deleted),
    Breakage("account role trusts another service", "WAG-LOG-011",
             ("does not trust apigateway.amazonaws.com",), account_role_trusts_another),
)  # fmt: skip

NODE_ROWS = (
    Breakage("cluster gone", "WAG-NOD-001", ("does not know {ecs_cluster}",),
             played(lambda p: {"ecs.DescribeClusters": {"clusters": []}})),
    Breakage("no container instance", "WAG-NOD-001", ("no registered container instance",),
             played(lambda p: {"ecs.DescribeClusters": {"clusters": [
                 {"status": "ACTIVE", "registeredContainerInstancesCount": 0}]}})),
    Breakage("service deleted", "WAG-NOD-002", ("does not know {ecs_service}",),
             played(lambda p: {"ecs.DescribeServices": {"services": []}})),
    Breakage("task stopped", "WAG-NOD-002",
             ("0 of 1 running", "unable to place a task", "CannotPullContainerError"),
             played(lambda p: {
                 "ecs.DescribeServices": {"services": [
                     {"status": "ACTIVE", "runningCount": 0, "desiredCount": 1,
                      "events": [{"message": "unable to place a task"}]}]},
                 "ecs.ListTasks": {"taskArns": ["arn:aws:ecs:us-east-1:123456789012:task/x"]},
                 "ecs.DescribeTasks": {"tasks": [{"stoppedReason": "CannotPullContainerError"}]},
             })),
    Breakage("service scaled to nothing", "WAG-NOD-002", ("wants 0 tasks",),
             played(lambda p: {"ecs.DescribeServices": {"services": [
                 {"status": "ACTIVE", "runningCount": 0, "desiredCount": 0}]}})),
    Breakage("token of the other cloud", "WAG-NOD-003", ("access denied", "other Wallarm Cloud"),
             written("node_log_group", "ERROR node registration done with error: access denied")),
    Breakage("node group missing", "WAG-NOD-003", ('label "group" is required', "node group"),
             written("node_log_group",
                     'ERROR node registration done with error: label "group" is required')),
    Breakage("wrong API host", "WAG-NOD-003", ("not found", "wallarm_api_host"),
             written("node_log_group", "ERROR node registration done with error: not found")),
    Breakage("malformed token", "WAG-NOD-003", ("illegal base64", "token is malformed"),
             written("node_log_group",
                     "ERROR node registration done with error: illegal base64 data at byte 4")),
    Breakage("subscription limited", "WAG-NOD-003", ("subscription limited", "another node"),
             written("node_log_group",
                     "ERROR node registration done with error: subscription limited")),
    Breakage("registration failed for another cause", "WAG-NOD-003", ("with error: EOF",),
             written("node_log_group", "ERROR node registration done with error: EOF")),
    Breakage("load balancer deleted", "WAG-NOD-004", ("LoadBalancerNotFound",),
             refused("elbv2.DescribeLoadBalancers", "LoadBalancerNotFound", "not found")),
    Breakage("load balancer failed", "WAG-NOD-004", ("state failed", "no address left"),
             played(lambda p: {"elbv2.DescribeLoadBalancers": {"LoadBalancers": [
                 {"DNSName": "x", "State": {"Code": "failed", "Reason": "no address left"}}]}})),
    Breakage("listener deleted", "WAG-NOD-005", ("no listener on 80", "found: none"),
             played(lambda p: {"elbv2.DescribeListeners": {"Listeners": []}})),
    Breakage("listener on another port", "WAG-NOD-005", ("no listener on 80", "found: 8081"),
             played(lambda p: {"elbv2.DescribeListeners": Rewritten(
                 ("<Port>80</Port>", "<Port>8081</Port>"))})),
    Breakage("listener forwards elsewhere", "WAG-NOD-005", ("does not forward to the node",),
             played(lambda p: {"elbv2.DescribeListeners": Rewritten(
                 (p.outputs.target_group_arn, "arn:aws:elasticloadbalancing:x:targetgroup/y"))})),
    Breakage("target unhealthy", "WAG-NOD-007",
             ("i-0123456789abcdef0 is unhealthy", "Target.Timeout", "Request timed out"),
             played(lambda p: {"elbv2.DescribeTargetHealth": targets(
                 "unhealthy", "Target.Timeout", "Request timed out")})),
    Breakage("no target", "WAG-NOD-007", ("no target is registered",),
             played(lambda p: {"elbv2.DescribeTargetHealth": {"TargetHealthDescriptions": []}})),
    Breakage("default route removed", "WAG-NOD-009", ("has no default route",),
             played(lambda p: {"ec2.DescribeRouteTables": Rewritten(
                 ("0.0.0.0/0", "203.0.113.0/24"))})),
    Breakage("NAT gateway deleted", "WAG-NOD-009", ("leads to a deleted gateway",),
             played(lambda p: {"ec2.DescribeRouteTables": Rewritten(
                 ("<state>active</state>", "<state>blackhole</state>"))})),
)  # fmt: skip

DISCOVERY_ROWS = (
    Breakage("application id changed", "WAG-API-001", ("X_WALLARM_APPLICATION_ID is 7",),
             variable("X_WALLARM_APPLICATION_ID", "7"), fixable=True),
    Breakage("node URL changed", "WAG-API-001", ("X_NODE_URL is old.example.com",),
             variable("X_NODE_URL", "old.example.com"), fixable=True),
    Breakage("node scheme taken away", "WAG-API-001", ("X_NODE_SCHEME is not set",),
             variable("X_NODE_SCHEME", None), fixable=True),
)  # fmt: skip

BREAKAGES = LOGS_ROWS + STAGE_ROWS + NODE_ROWS + DISCOVERY_ROWS
