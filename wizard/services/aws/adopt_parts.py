"""The parts of what an interrupted apply made: found in the thing they belong to.

A route, a rule or a permission carries no tag. It belongs to a route table, a group or a function
that is this deployment's own, and there is one of its kind there or none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wizard.services.aws import tagged

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

Values = Mapping[str, Any]
Look = Callable[["Session", Values, str], str]


def _permission(session: Session, values: Values, _: str) -> str:
    function, wanted = values.get("function_name"), values.get("statement_id")
    if not function or not wanted:
        return ""
    policy = session.client("lambda").get_policy(FunctionName=function)["Policy"]
    held = [statement.get("Sid") for statement in json.loads(policy)["Statement"]]
    return f"{function}/{wanted}" if wanted in held else ""


def _route(session: Session, values: Values, _: str) -> str:
    table, target = values.get("route_table_id"), values.get("destination_cidr_block")
    if not table or not target:
        return ""
    for route in _table(session, table).get("Routes", ()):
        # The table's own local route is no resource of Terraform.
        if route.get("DestinationCidrBlock") == target and route.get("GatewayId") != "local":
            return f"{table}_{target}"
    return ""


def _association(session: Session, values: Values, _: str) -> str:
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
        values.get("ip_protocol"), _port(values.get("from_port")), _port(values.get("to_port")),
        values.get("cidr_ipv4"), values.get("referenced_security_group_id"),
        values.get("prefix_list_id"),
    )  # fmt: skip
    found = [
        str(rule["SecurityGroupRuleId"])
        for rule in rules
        if bool(rule.get("IsEgress")) is egress and _shape(rule) == wanted
    ]
    return found[0] if len(found) == 1 else ""


def _shape(rule: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        rule.get("IpProtocol"), _port(rule.get("FromPort")), _port(rule.get("ToPort")),
        rule.get("CidrIpv4"), (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
        rule.get("PrefixListId"),
    )  # fmt: skip


def _port(port: int | None) -> int:
    return -1 if port is None else port  # AWS says -1 for every port, Terraform says nothing


def _ingress(session: Session, values: Values, _: str) -> str:
    return _rule(session, values, egress=False)


def _egress(session: Session, values: Values, _: str) -> str:
    return _rule(session, values, egress=True)


def _listener(session: Session, values: Values, _: str) -> str:
    balancer, port = values.get("load_balancer_arn"), values.get("port")
    if not balancer or not port:
        return ""
    found: Any = session.client("elbv2").describe_listeners(LoadBalancerArn=balancer)
    arns = [str(one["ListenerArn"]) for one in found["Listeners"] if one.get("Port") == port]
    return arns[0] if arns else ""


def _record(session: Session, values: Values, _: str) -> str:
    """A name that points to the load balancer of this deployment, and to nothing else."""
    zone, name, kind = values.get("zone_id"), values.get("name"), values.get("type")
    target = next((a.get("name") for a in values.get("alias") or ()), None)
    if not zone or not name or not kind or not target:
        return ""
    found: Any = session.client("route53").list_resource_record_sets(
        HostedZoneId=zone, StartRecordName=name, StartRecordType=kind, MaxItems="1"
    )
    for one in found["ResourceRecordSets"]:
        alias = str(one.get("AliasTarget", {}).get("DNSName", "")).removeprefix("dualstack.")
        same = str(one["Name"]).rstrip(".") == name and one["Type"] == kind
        if same and alias.rstrip(".").lower() == target.lower():
            return f"{zone}_{name}_{kind}"
    return ""


def _namespace(session: Session, values: Values, deployment_id: str) -> str:
    found = _tagged(session, deployment_id, ":servicediscovery:", ":namespace/")
    vpc = values.get("vpc")
    return f"{found.rpartition('/')[2]}:{vpc}" if found and vpc else ""


def _named_service(session: Session, _: Values, deployment_id: str) -> str:
    return _tagged(session, deployment_id, ":servicediscovery:", ":service/").rpartition("/")[2]


def _certificate(session: Session, _: Values, deployment_id: str) -> str:
    return _tagged(session, deployment_id, ":acm:", ":certificate/")


def _tagged(session: Session, deployment_id: str, service: str, kind: str) -> str:
    arns = tagged.resources(session, deployment_id)
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
