"""Which IAM actions a call needs, on which resource: AWS's naming rules and their exceptions.

The usual rule is `<prefix>:<operation>`. The exceptions are those of the Service Authorization
Reference; what a call needs beside its own action (passing a role, tagging while creating) is from
the services' own documentation, the table of it in `callers`.
"""

from __future__ import annotations

import urllib.parse

from tests.policy.callers import asked_as_caller
from tests.policy.identify import Call
from wizard.core.answers.model import Answers

PREFIX = {
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "apigatewayv2": "apigateway",
}
# sts:GetCallerIdentity is allowed to everybody, even against an explicit deny.
FREE = frozenset(("sts:GetCallerIdentity",))

_S3 = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
_OTHER_NAME = {"lambda": {"Invoke": "InvokeFunction"}, "s3": _S3}

# Tags given while creating need the service's own tagging action too.
_TAGGING = {
    "acm": "acm:AddTagsToCertificate",
    "autoscaling": "autoscaling:CreateOrUpdateTags",
    "cloudwatch": "cloudwatch:TagResource",
    "ec2": "ec2:CreateTags",
    "ecs": "ecs:TagResource",
    "elbv2": "elasticloadbalancing:AddTags",
    "events": "events:TagResource",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "servicediscovery": "servicediscovery:TagResource",
    "ssm": "ssm:AddTagsToResource",
}
_IAM_TAGGING = {"CreateRole": "iam:TagRole", "CreateInstanceProfile": "iam:TagInstanceProfile"}

# Who is handed which role: the parameters that name one.
_PASSING = {
    "lambda:CreateFunction": (("Role",), "lambda.amazonaws.com"),
    "lambda:UpdateFunctionConfiguration": (("Role",), "lambda.amazonaws.com"),
    "ecs:RegisterTaskDefinition": (("taskRoleArn", "executionRoleArn"), "ecs-tasks.amazonaws.com"),
    "apigateway:UpdateAccount": ((), "apigateway.amazonaws.com"),
}


def needed(
    call: Call, account: str, region: str, answers: Answers | None = None
) -> tuple[tuple[str, str, str], ...]:
    """`(action, resource ARN or "*", service that a role is passed to)` of each permission.

    Args:
        answers: those of the deployment; without them whatever AWS may ask the caller for counts.
    """
    prefix = PREFIX.get(call.service, call.service)
    if f"{prefix}:{call.operation}" in FREE:
        return ()
    arn = resource(call, account, region)
    if prefix == "apigateway":
        out = [(f"apigateway:{_method(call)}", arn, "")]
    else:
        name = _OTHER_NAME.get(call.service, {}).get(call.operation, call.operation)
        out = [(f"{prefix}:{name}", arn, "")]
    full = f"{prefix}:{call.operation}"
    if call.tagged and not call.operation.lower().endswith("tagresource"):
        tagging = (
            _IAM_TAGGING.get(call.operation) if prefix == "iam" else _TAGGING.get(call.service)
        )
        if tagging:
            out.append((tagging, arn, ""))
    for name in dict.fromkeys((full, f"{call.service}:{call.operation}")):
        out += [(action, "*", "") for action in asked_as_caller(name, answers)]
    out += [(full, parent, "") for parent in _parents(call, account, region)]
    if full == "ssm:PutParameter" and call.name("KeyId").startswith("arn:"):
        out.append(("kms:Encrypt", call.name("KeyId"), ""))  # SSM encrypts as the caller
    if full.startswith("ec2:AuthorizeSecurityGroup"):
        out.append((full, f"arn:aws:ec2:{region}:{account}:security-group-rule/0", ""))
    if full == "iam:AddRoleToInstanceProfile":
        role = f"arn:aws:iam::{account}:role/{call.name('RoleName')}"
        out.append(("iam:PassRole", role, "ec2.amazonaws.com"))
    if full == "autoscaling:CreateAutoScalingGroup":  # the role of the template's profile
        out.append(("iam:PassRole", "*", "ec2.amazonaws.com"))
    parameters, service = _PASSING.get(full, ((), ""))
    out += [("iam:PassRole", call.name(p), service) for p in parameters if call.name(p)]
    if full == "apigateway:UpdateAccount" and "/cloudwatchRoleArn" in call.names.get(
        "patchPathName", ()
    ):
        role = f"arn:aws:iam::{account}:role/wallarm-apigw-cloudwatch-{region}"
        out.append(("iam:PassRole", role, service))
    return tuple(out)


def _method(call: Call) -> str:
    for start, method in (("Get", "GET"), ("Delete", "DELETE"), ("Update", "PATCH"),
                          ("Create", "POST"), ("Put", "PUT")):  # fmt: skip
        if call.operation.startswith(start):
            return method
    raise ValueError(f"{call.operation} has no known method")


def resource(call: Call, account: str, region: str) -> str:
    """The ARN of what the call is about, as far as the request says; "*" where it does not."""
    given = next(
        (call.name(k) for k in ("resourceArn", "ResourceArn", "ResourceARN", "logGroupIdentifier",
                                "CertificateArn", "LoadBalancerArn", "TargetGroupArn",
                                "ListenerArn", "ResourceArns.member.1", "Resource")
         if call.name(k).startswith("arn:")), "",
    )  # fmt: skip
    if given:
        return given.removesuffix(":*") if call.service == "logs" else given
    make = _RESOURCES.get(call.service)
    return make(call, f"{region}:{account}", account) if make else "*"


def _iam(call: Call, _place: str, account: str) -> str:
    if call.name("InstanceProfileName"):
        return f"arn:aws:iam::{account}:instance-profile/{call.name('InstanceProfileName')}"
    role = call.name("RoleName")
    return f"arn:aws:iam::{account}:role/{role}" if role else "*"


def _logs(call: Call, place: str, _account: str) -> str:
    name = call.name("logGroupName", "logGroupIdentifier")
    return f"arn:aws:logs:{place}:log-group:{name}" if name else "*"


def _lambda(call: Call, place: str, _account: str) -> str:
    name = call.name("FunctionName")
    if name.startswith("arn:"):
        return name
    if not name and "/functions/" in call.path:
        name = call.path.partition("/functions/")[2].partition("/")[0]
    return f"arn:aws:lambda:{place}:function:{name}" if name else "*"


def _s3(call: Call, _place: str, _account: str) -> str:
    bucket, key = call.name("Bucket"), call.name("Key")
    if call.operation == "DeleteObjects":
        key = "*"
    return f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" if bucket else "*"


def _ssm(call: Call, place: str, _account: str) -> str:
    name = call.name("Name", "ResourceId", "Names")
    return f"arn:aws:ssm:{place}:parameter{name}" if name else "*"


def _ecs(call: Call, place: str, _account: str) -> str:
    cluster = call.name("cluster", "clusters", "clusterName").rpartition("/")[2]
    if "Service" in call.operation:
        name = call.name("service", "services", "serviceName").rpartition("/")[2]
        return f"arn:aws:ecs:{place}:service/{cluster}/{name}"
    if call.operation != "PutClusterCapacityProviders" and "CapacityProvider" in call.operation:
        name = call.name("name", "capacityProvider", "capacityProviders").rpartition("/")[2]
        return f"arn:aws:ecs:{place}:capacity-provider/{name}"
    if "TaskDefinition" in call.operation:
        family = call.name("family", "taskDefinition").rpartition("/")[2]
        return f"arn:aws:ecs:{place}:task-definition/{family}"
    if call.operation in ("DescribeTasks", "ListTasks"):
        return f"arn:aws:ecs:{place}:task/{cluster}/0"
    return f"arn:aws:ecs:{place}:cluster/{cluster}" if cluster else "*"


# What EC2 actions that change something are about; reading and creating name no resource.
_EC2_KINDS = {
    "RouteTableId": "route-table", "AllocationId": "elastic-ip", "GroupId": "security-group",
    "InternetGatewayId": "internet-gateway", "LaunchTemplateId": "launch-template",
    "NatGatewayId": "natgateway", "ResourceId.1": "security-group", "SubnetId": "subnet",
    "VpcEndpointId.1": "vpc-endpoint", "VpcId": "vpc",
}  # fmt: skip
_EC2_MADE = {
    "AllocateAddress": "elastic-ip", "CreateInternetGateway": "internet-gateway",
    "CreateLaunchTemplate": "launch-template", "CreateNatGateway": "natgateway",
    "CreateRouteTable": "route-table", "CreateSecurityGroup": "security-group",
    "CreateSubnet": "subnet", "CreateVpc": "vpc", "CreateVpcEndpoint": "vpc-endpoint",
}  # fmt: skip


# What EC2 also asks about: the things that what is made is put into.
_EC2_PARENTS = {
    "CreateNatGateway": ("SubnetId", "AllocationId"),
    "CreateRouteTable": ("VpcId",),
    "CreateSecurityGroup": ("VpcId",),
    "CreateSubnet": ("VpcId",),
    "CreateVpcEndpoint": ("VpcId", "RouteTableId.1", "SubnetId.1"),
}


def _parents(call: Call, account: str, region: str) -> list[str]:
    if call.service != "ec2":
        return []
    return [
        f"arn:aws:ec2:{region}:{account}:{_EC2_KINDS[key.removesuffix('.1')]}/{call.name(key)}"
        for key in _EC2_PARENTS.get(call.operation, ())
        if call.name(key)
    ]


def _ec2(call: Call, place: str, _account: str) -> str:
    if call.operation.startswith(("Describe", "Get")):
        return "*"
    kind = _EC2_MADE.get(call.operation)
    if kind:
        return f"arn:aws:ec2:{place}:{kind}/0"
    for key, kind in _EC2_KINDS.items():
        if call.name(key):
            return f"arn:aws:ec2:{place}:{kind}/{call.name(key)}"
    return "*"


def _elbv2(call: Call, place: str, _account: str) -> str:
    kind = {
        "CreateLoadBalancer": "loadbalancer/app/",
        "CreateTargetGroup": "targetgroup/",
    }.get(call.operation)
    return f"arn:aws:elasticloadbalancing:{place}:{kind}{call.name('Name')}/0" if kind else "*"


def _autoscaling(call: Call, place: str, _account: str) -> str:
    name = call.name("AutoScalingGroupName", "Tags.member.1.ResourceId")
    if not name or call.operation.startswith("Describe"):
        return "*"
    return f"arn:aws:autoscaling:{place}:autoScalingGroup:0:autoScalingGroupName/{name}"


def _apigateway(call: Call, place: str, _account: str) -> str:
    path = urllib.parse.unquote(call.path).removeprefix("/v2")
    return f"arn:aws:apigateway:{place.partition(':')[0]}::{path}"


def _route53(call: Call, _place: str, _account: str) -> str:
    if call.operation == "GetChange":
        return f"arn:aws:route53:::change/{call.name('Id')}"
    zone = call.name("Id", "HostedZoneId", "ResourceId")
    return f"arn:aws:route53:::hostedzone/{zone}" if zone else "*"


def _cloudwatch(call: Call, place: str, account: str) -> str:
    if call.name("DashboardName", "DashboardNames"):
        name = call.name("DashboardName", "DashboardNames", "DashboardNames.member.1")
        return f"arn:aws:cloudwatch::{account}:dashboard/{name}"
    name = call.name("AlarmName", "AlarmNames", "AlarmNames.member.1")
    return f"arn:aws:cloudwatch:{place}:alarm:{name}" if name else "*"


def _events(call: Call, place: str, _account: str) -> str:
    name = call.name("Rule", "Name")
    return f"arn:aws:events:{place}:rule/{name}" if name else "*"


def _servicediscovery(call: Call, place: str, _account: str) -> str:
    key = call.name("Id", "ServiceId", "NamespaceId")
    kind = "namespace" if "Namespace" in call.operation or key.startswith("ns-") else "service"
    key = key.rpartition("/")[2]
    named = key and not call.operation.startswith("Create")
    return f"arn:aws:servicediscovery:{place}:{kind}/{key}" if named else "*"


_RESOURCES = {
    "apigateway": _apigateway,
    "apigatewayv2": _apigateway,
    "autoscaling": _autoscaling,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecs": _ecs,
    "elbv2": _elbv2,
    "events": _events,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "route53": _route53,
    "s3": _s3,
    "servicediscovery": _servicediscovery,
    "ssm": _ssm,
}
