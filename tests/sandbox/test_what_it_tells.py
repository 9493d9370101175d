"""The local AWS tells what it was told: of services, alarms, Auto Scaling groups, log groups."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from wizard.sandbox import Sandbox

TOLD = ("placementConstraints", "availabilityZoneRebalancing")
DISTINCT = [{"type": "distinctInstance"}]


@pytest.fixture
def told(aws: Callable[[str], Any]) -> Callable[..., Any]:
    """What it tells of a service after creating or updating it with these arguments."""
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="placing")
    ecs.register_task_definition(
        family="placed", containerDefinitions=[{"name": "node", "image": "node", "memory": 64}]
    )

    def carry_out(operation: str, **arguments: Any) -> list[Any]:
        named = "serviceName" if operation == "create_service" else "service"
        getattr(ecs, operation)(cluster="placing", **{named: "node"}, **arguments)
        (service,) = ecs.describe_services(cluster="placing", services=["node"])["services"]
        return [service[key] for key in TOLD]

    return carry_out


def test_a_service_tells_where_its_tasks_go_and_keeps_what_no_update_names(
    told: Callable[..., Any],
) -> None:
    assert told(
        "create_service",
        taskDefinition="placed",
        desiredCount=0,
        placementConstraints=DISTINCT,
        availabilityZoneRebalancing="ENABLED",
    ) == [DISTINCT, "ENABLED"]
    assert told("update_service", desiredCount=1) == [DISTINCT, "ENABLED"]
    assert told(
        "update_service", placementConstraints=[], availabilityZoneRebalancing="DISABLED"
    ) == [[], "DISABLED"]


def test_an_alarm_is_told_in_full_in_the_protocol_that_terraform_speaks(
    aws: Callable[[str], Any], sandbox: Sandbox
) -> None:
    aws("cloudwatch").put_metric_alarm(
        AlarmName="told & kept", Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum",
        Dimensions=[{"Name": "FunctionName", "Value": "a<b"}], Period=300, Threshold=1,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold",
        AlarmActions=["arn:aws:sns:us-east-1:123456789012:told"],
    )  # fmt: skip
    scope = f"sandbox/20260101/{sandbox.region}/monitoring/aws4_request"
    request = urllib.request.Request(
        sandbox.endpoint_url,
        b"Action=DescribeAlarms&Version=2010-08-01",
        {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        said = answer.read().decode()
    assert "<Name>FunctionName</Name><Value>a&lt;b</Value>" in said
    assert "<Period>300</Period>" in said
    assert "<member>arn:aws:sns:us-east-1:123456789012:told</member>" in said


def test_a_group_keeps_the_version_of_its_launch_template(aws: Callable[[str], Any]) -> None:
    template = aws("ec2").create_launch_template(
        LaunchTemplateName="told", LaunchTemplateData={"InstanceType": "t3.medium"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    scaling = aws("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="told", MinSize=0, MaxSize=0, AvailabilityZones=["us-east-1a"],
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
    )  # fmt: skip
    scaling.update_auto_scaling_group(
        AutoScalingGroupName="told", LaunchTemplate={"LaunchTemplateId": template, "Version": "2"}
    )
    (group,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["told"])[
        "AutoScalingGroups"
    ]
    assert group["LaunchTemplate"]["Version"] == "2"


def test_the_key_of_a_log_group_can_be_changed(aws: Callable[[str], Any]) -> None:
    logs = aws("logs")
    logs.create_log_group(logGroupName="/told")
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    logs.associate_kms_key(logGroupName="/told", kmsKeyId=key)
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/told")["logGroups"]
    assert group["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="/told")
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/told")["logGroups"]
    assert not group.get("kmsKeyId")
