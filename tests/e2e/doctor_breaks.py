"""Breaks one thing of a deployment and gives the way back; used by the table of breakages."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.aws_override import Answer, Rewritten, refusing
from tests.e2e.doctor_patient import REGISTERED, Patient
from wizard.core.record import StageRecord

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


def pretending(
    answers: Callable[[Patient], Mapping[str, Answer]] = lambda _: {},
    *,
    env: Mapping[str, str] | None = None,
    token: str = "",
    https: bool = False,
) -> Break:
    """Another environment or token, or a deployment whose node has a name and a certificate."""

    def break_it(patient: Patient) -> Callable[[], object]:
        patient.env.update(env or {})
        patient.token = token
        if https:
            patient.outputs_are = {"node_scheme": "https", "node_url": NODE}
            patient.answers_are = {"r53_domain_name": DOMAIN, "node_dns_name": "node"}
        undo_answers = played(answers)(patient)

        def undo() -> None:
            undo_answers()
            patient.env.clear()
            patient.outputs_are, patient.answers_are, patient.token = {}, {}, ""

        return undo

    return break_it


def certificate(**changes: object) -> Break:
    """An HTTPS listener whose certificate is not as it should be."""

    def answers(patient: Patient) -> Mapping[str, Answer]:
        held = {"Status": "ISSUED", "DomainName": NODE, "NotAfter": time.time() + 90 * DAY}
        return https_listener(patient) | {
            "acm.DescribeCertificate": {"Certificate": held | changes}
        }

    return pretending(answers, https=True)


def https_listener(patient: Patient) -> dict[str, Answer]:
    """A listener on 443 with a certificate."""
    listener = {
        "Port": 443,
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}],
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": patient.outputs.target_group_arn}],
    }
    return {"elbv2.DescribeListeners": {"Listeners": [listener]}}


def record_leads_elsewhere(patient: Patient) -> Callable[[], object]:
    certified = certificate()(patient)
    client = patient.client("route53")
    zone = client.create_hosted_zone(Name=DOMAIN, CallerReference=str(time.time()))
    zone_id = zone["HostedZone"]["Id"]

    def change(action: str) -> None:
        record = {"Name": NODE, "Type": "CNAME", "TTL": 60,
                  "ResourceRecords": [{"Value": "old-balancer.example.net"}]}  # fmt: skip
        client.change_resource_record_sets(
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
        )

    change("CREATE")

    def undo() -> None:
        certified()
        change("DELETE")
        client.delete_hosted_zone(Id=zone_id)

    return undo


def rules_lost(between: str) -> Break:
    """The rules that refer to a security group refer to another one."""

    def answers(patient: Patient) -> Mapping[str, Answer]:
        groups = patient.client("ec2").describe_security_groups(
            Filters=[{"Name": "vpc-id", "Values": [patient.outputs.vpc_id]}]
        )["SecurityGroups"]
        (lost,) = (g["GroupId"] for g in groups if f"-{between}-" in g["GroupName"])
        return {
            "ec2.DescribeSecurityGroupRules": Rewritten(
                (f"<referencedGroupInfo><groupId>{lost}<", "<referencedGroupInfo><groupId>sg-0<")
            )
        }

    return played(answers)


def node_fails(patient: Patient) -> Callable[[], object]:
    node = patient.deployed.box.node
    node.fail("status", status=503)
    return lambda: node.fail("none")


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
            "filterPattern": patient.scene.answers.subscription_filter_pattern,
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


DOMAIN = "patient.example.com"
NODE = f"node.{DOMAIN}"
DAY = 86400.0
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


def rest_format(old: str, new: str) -> Break:
    """A connected REST stage in whose format something was replaced."""

    def break_it(patient: Patient) -> Callable[[], object]:
        log_format = stages_of(patient, "REST")[0].after.access_log.format
        return rest_stage(("replace", "/format", log_format.replace(old, new)))(patient)

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


def account_role_without_rights(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    held = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    for policy in held:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    def undo() -> None:
        for policy in held:
            iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])

    return undo


def account_role_trusts_another(patient: Patient) -> Callable[[], object]:
    iam, name = patient.client("iam"), account_role_name(patient)
    held = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    other = json.dumps(held).replace("apigateway.amazonaws.com", "ec2.amazonaws.com")

    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    return lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(held))


REQUEST_ID = '{"requestId":"$context.requestId"}'
