"""Finds what an interrupted apply created but could not write into Terraform's state.

Only what carries this installation's own marks counts, and only when exactly one thing fits: a name
alone proves nothing. What carries no tag is looked for in what it belongs to (`adopt_parts`).
Nothing in the account is changed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from wizard.core.installation import Marks
from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.services.aws.deployment import tagged
from wizard.services.aws.errors import code_of, explained, is_not_found

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


Values = Mapping[str, Any]
Look = Callable[["Session", Values, Marks], str]


def _permission(session: Session, values: Values, _: Marks) -> str:
    function, wanted = values.get("function_name"), values.get("statement_id")
    if not function or not wanted:
        return ""
    policy = session.client("lambda").get_policy(FunctionName=function)["Policy"]
    held = [statement.get("Sid") for statement in json.loads(policy)["Statement"]]
    return f"{function}/{wanted}" if wanted in held else ""


def _route(session: Session, values: Values, _: Marks) -> str:
    table, target = values.get("route_table_id"), values.get("destination_cidr_block")
    if not table or not target:
        return ""
    for route in _table(session, table).get("Routes", ()):
        # The table's own local route is no resource of Terraform.
        if route.get("DestinationCidrBlock") == target and route.get("GatewayId") != "local":
            return f"{table}_{target}"
    return ""


def _association(session: Session, values: Values, _: Marks) -> str:
    table, subnet = values.get("route_table_id"), values.get("subnet_id")
    if not table or not subnet:
        return ""
    held = [a.get("SubnetId") for a in _table(session, table).get("Associations", ())]
    return f"{subnet}/{table}" if subnet in held else ""


def _table(session: Session, table: str) -> dict[str, Any]:
    found: Any = session.client("ec2").describe_route_tables(RouteTableIds=[table])
    return dict((found["RouteTables"] or [{}])[0])


def _rule(session: Session, values: Values, egress: bool) -> str:
    group = values.get("security_group_id")
    if not group:
        return ""
    ec2: Any = session.client("ec2")
    filters = [{"Name": "group-id", "Values": [group]}]
    rules = ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    wanted = (
        values.get("ip_protocol"),
        _port(values.get("from_port")),
        _port(values.get("to_port")),
        values.get("cidr_ipv4"),
        values.get("referenced_security_group_id"),
        values.get("prefix_list_id"),
    )
    found = [
        str(rule["SecurityGroupRuleId"])
        for rule in rules
        if bool(rule.get("IsEgress")) is egress and _shape(rule) == wanted
    ]
    return found[0] if len(found) == 1 else ""


def _shape(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        rule.get("IpProtocol"),
        _port(rule.get("FromPort")),
        _port(rule.get("ToPort")),
        rule.get("CidrIpv4"),
        (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
        rule.get("PrefixListId"),
    )


def _port(port: int | None) -> int:
    return -1 if port is None else port  # AWS says -1 for every port, Terraform says nothing


def _ingress(session: Session, values: Values, _: Marks) -> str:
    return _rule(session, values, egress=False)


def _egress(session: Session, values: Values, _: Marks) -> str:
    return _rule(session, values, egress=True)


def _listener(session: Session, values: Values, _: Marks) -> str:
    balancer, port = values.get("load_balancer_arn"), values.get("port")
    if not balancer or not port:
        return ""
    found: Any = session.client("elbv2").describe_listeners(LoadBalancerArn=balancer)
    arns = [str(one["ListenerArn"]) for one in found["Listeners"] if one.get("Port") == port]
    return arns[0] if arns else ""


def _record(session: Session, values: Values, _: Marks) -> str:
    """A name that leads to what this deployment has: its load balancer, or ACM's proof of a name.

    That proof is the same for every certificate of the name in the account. It is taken over only
    where an interrupted run was making it, as everything here.
    """
    zone, name, kind = values.get("zone_id"), values.get("name"), values.get("type")
    target = next((a.get("name") for a in values.get("alias") or ()), None)
    wanted = {_host(one) for one in ([target] if target else values.get("records") or ()) if one}
    if not zone or not name or not kind or not wanted:
        return ""
    found: Any = session.client("route53").list_resource_record_sets(
        HostedZoneId=zone, StartRecordName=name, StartRecordType=kind, MaxItems="1"
    )
    for one in found["ResourceRecordSets"]:
        alias = one.get("AliasTarget", {}).get("DNSName")
        held = [alias] if alias else [record["Value"] for record in one.get("ResourceRecords", ())]
        if (_host(one["Name"]), one["Type"]) == (_host(name), kind) and {
            *map(_host, held)
        } == wanted:
            return f"{zone}_{_host(name)}_{kind}"
    return ""


def _host(name: str) -> str:
    """A host as Route 53 and Terraform both mean it."""
    return name.rstrip(".").removeprefix("dualstack.").lower()


def _namespace(session: Session, values: Values, marks: Marks) -> str:
    found = _tagged(session, marks, ":servicediscovery:", ":namespace/")
    vpc = values.get("vpc")
    return f"{found.rpartition('/')[2]}:{vpc}" if found and vpc else ""


def _named_service(session: Session, _: Values, marks: Marks) -> str:
    return _tagged(session, marks, ":servicediscovery:", ":service/").rpartition("/")[2]


def _certificate(session: Session, _: Values, marks: Marks) -> str:
    return _tagged(session, marks, ":acm:", ":certificate/")


def _tagged(session: Session, marks: Marks, service: str, kind: str) -> str:
    arns = tagged.marked_resources(session, marks)
    found = [arn for arn in arns if service in arn and kind in arn]
    return found[0] if len(found) == 1 else ""


# Cloud Map and ACM by their tags: unverified on a live account.
PARTS: Mapping[str, Look] = {
    "aws_acm_certificate": _certificate,
    "aws_lambda_permission": _permission,
    "aws_lb_listener": _listener,
    "aws_route": _route,
    "aws_route53_record": _record,
    "aws_route_table_association": _association,
    "aws_service_discovery_private_dns_namespace": _namespace,
    "aws_service_discovery_service": _named_service,
    "aws_vpc_security_group_egress_rule": _egress,
    "aws_vpc_security_group_ingress_rule": _ingress,
}


# Terraform's type → EC2's operation, the list in its answer, the id that `terraform import` wants.
_EC2 = {
    "aws_eip": ("describe_addresses", "Addresses", "AllocationId"),
    "aws_internet_gateway": (
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
    ),
    "aws_launch_template": ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    "aws_nat_gateway": ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    "aws_route_table": ("describe_route_tables", "RouteTables", "RouteTableId"),
    "aws_security_group": ("describe_security_groups", "SecurityGroups", "GroupId"),
    "aws_subnet": ("describe_subnets", "Subnets", "SubnetId"),
    "aws_vpc": ("describe_vpcs", "Vpcs", "VpcId"),
    "aws_vpc_endpoint": ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
}
# Made without a tag, which follows in a request of its own. The name ends in what only this
# deployment has: one of this very name that carries no tag at all was cut short in between.
_TAGGED_AFTERWARDS = ("aws_s3_bucket",)
_GONE = ("deleted", "deleting", "failed")


def find_import_id(
    session: Session, resource_type: str, values: Mapping[str, Any], marks: Marks
) -> str:
    """The import id of what Terraform plans to create but exists already; empty when none fits.

    Args:
        values: the planned attributes; one that is not known yet is missing.
    """
    look, part = _BY_NAME.get(resource_type), PARTS.get(resource_type)
    with explained(
        f"Looking for what an interrupted run left ({resource_type})", session.login_profile
    ):
        if resource_type in _EC2:
            return _in_ec2(session.client("ec2"), resource_type, values, marks)
        try:
            if part is not None:
                return part(session, values, marks)
            if look is None:
                return ""
            import_id, tags = look(session, values)
        except ClientError as error:
            if is_not_found(error):
                return ""
            raise
    cut_short = not tags and resource_type in _TAGGED_AFTERWARDS
    return import_id if cut_short or marks.cover(tags) else ""


def _in_ec2(ec2: Any, resource_type: str, values: Mapping[str, Any], marks: Marks) -> str:
    operation, listed, key = _EC2[resource_type]
    filters = [{"Name": f"tag:{DEPLOYMENT_TAG}", "Values": [marks.deployment]}]
    if resource_type == "aws_launch_template":
        if not values.get("name"):
            return ""
        filters.append({"Name": "launch-template-name", "Values": [values["name"]]})
    else:
        name = (values.get("tags") or {}).get("Name")
        if not name:
            return ""
        filters.append({"Name": "tag:Name", "Values": [name]})
    parameter = "Filter" if operation == "describe_nat_gateways" else "Filters"
    answer = getattr(ec2, operation)(**{parameter: filters})
    found = [
        item
        for item in answer[listed]
        if item.get("State") not in _GONE and marks.cover(_listed(item.get("Tags")))
    ]
    return str(found[0][key]) if len(found) == 1 else ""


Found = tuple[str, dict[str, str]]


def _listed(tags: Any, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {str(tag[key]): str(tag[value]) for tag in tags or ()}


def _role(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    if not name:
        return "", {}
    answer: Any = session.client("iam").get_role(RoleName=name)
    return name, _listed(answer["Role"].get("Tags"))


def _profile(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    if not name:
        return "", {}
    answer: Any = session.client("iam").get_instance_profile(InstanceProfileName=name)
    return name, _listed(answer["InstanceProfile"].get("Tags"))


def _log_group(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    logs: Any = session.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] if name else []
    for group in groups:
        if group["logGroupName"] == name:
            arn = str(group["arn"]).removesuffix(":*")
            return name, dict(logs.list_tags_for_resource(resourceArn=arn)["tags"])
    return "", {}


def _function(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("function_name") or ""
    if not name:
        return "", {}
    answer: Any = session.client("lambda").get_function(FunctionName=name)
    return name, dict(answer.get("Tags") or {})


def _bucket(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("bucket") or ""
    if not name:
        return "", {}
    try:
        answer: Any = session.client("s3").get_bucket_tagging(Bucket=name)
    except ClientError as error:
        if code_of(error) == "NoSuchTagSet":
            return name, {}
        raise
    return name, _listed(answer["TagSet"])


def _cluster(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    if not name:
        return "", {}
    answer: Any = session.client("ecs").describe_clusters(clusters=[name], include=["TAGS"])
    for cluster in answer["clusters"]:
        if cluster.get("status") != "INACTIVE":
            return name, _listed(cluster.get("tags"), "key", "value")
    return "", {}


def _load_balancer(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    elb: Any = session.client("elbv2")
    found = elb.describe_load_balancers(Names=[name])["LoadBalancers"] if name else []
    return _balancing(elb, found[0]["LoadBalancerArn"]) if found else ("", {})


def _target_group(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    elb: Any = session.client("elbv2")
    found = elb.describe_target_groups(Names=[name])["TargetGroups"] if name else []
    return _balancing(elb, found[0]["TargetGroupArn"]) if found else ("", {})


def _group(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    scaling: Any = session.client("autoscaling")
    answer = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name]) if name else {}
    for group in answer.get("AutoScalingGroups", ()):
        return name, _listed(group.get("Tags"))
    return "", {}


def _provider(session: Session, values: Mapping[str, Any]) -> Found:
    name = values.get("name") or ""
    if not name:
        return "", {}
    ecs: Any = session.client("ecs")
    answer = ecs.describe_capacity_providers(capacityProviders=[name], include=["TAGS"])
    for provider in answer["capacityProviders"]:
        if provider.get("status") != "INACTIVE":
            return name, _listed(provider.get("tags"), "key", "value")
    return "", {}


def _service(session: Session, values: Mapping[str, Any]) -> Found:
    name, cluster = values.get("name") or "", values.get("cluster") or ""
    if not name or not cluster:
        return "", {}
    ecs: Any = session.client("ecs")
    answer = ecs.describe_services(cluster=cluster, services=[name], include=["TAGS"])
    for service in answer["services"]:
        if service.get("status") != "INACTIVE":
            tags = _listed(service.get("tags"), "key", "value")
            return f"{str(cluster).rpartition('/')[2]}/{name}", tags
    return "", {}


def _balancing(elb: Any, arn: str) -> Found:
    answer = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return arn, _listed(answer[0]["Tags"]) if answer else {}


_BY_NAME: Mapping[str, Callable[[Session, Mapping[str, Any]], Found]] = {
    "aws_autoscaling_group": _group,
    "aws_cloudwatch_log_group": _log_group,
    "aws_ecs_capacity_provider": _provider,
    "aws_ecs_cluster": _cluster,
    "aws_ecs_service": _service,
    "aws_iam_instance_profile": _profile,
    "aws_iam_role": _role,
    "aws_lambda_function": _function,
    "aws_lb": _load_balancer,
    "aws_lb_target_group": _target_group,
    "aws_s3_bucket": _bucket,
}

KINDS = frozenset((*_EC2, *_BY_NAME, *PARTS))
"""What can be taken over. Every other kind the module makes is written anew without harm."""
