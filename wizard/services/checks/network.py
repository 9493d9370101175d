"""Evidence from the network between forwarder and node: load balancer, names, rules, routes."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from wizard.core import certificates
from wizard.core.checks.model import Finding, failed, passed, unchecked, warned
from wizard.core.text import clean, count
from wizard.services.aws.network import read_certificate
from wizard.services.checks.examination import Examination, absent, check, error_words
from wizard.services.checks.forwarder import function


@check("WAG-NOD-004")
def load_balancer(exam: Examination) -> Finding:
    """WAG-NOD-004."""
    try:
        found = exam.aws("elbv2").describe_load_balancers(
            LoadBalancerArns=[exam.outputs.load_balancer_arn]
        )["LoadBalancers"][0]
    except ClientError as error:
        if absent(error):
            return failed(error_words(error))
        raise
    state = found.get("State", {}).get("Code", "active")
    if state != "active":
        return failed(f"state {state}: {found.get('State', {}).get('Reason', '')}")
    return passed(found["DNSName"])


@check("WAG-NOD-005")
def listener(exam: Examination) -> Finding:
    """WAG-NOD-005."""
    port = _port(exam)
    for item in _listeners(exam):
        if item["Port"] == port:
            target = json.dumps(item.get("DefaultActions", []))
            if exam.outputs.target_group_arn not in target:
                return failed(f"the listener on {port} does not forward to the node")
            return passed(f"{item['Protocol']} on port {port}")
    ports = ", ".join(str(item["Port"]) for item in _listeners(exam)) or "none"
    return failed(f"elbv2.DescribeListeners: no listener on {port} (found: {ports})")


@check("WAG-NOD-006")
def certificate(exam: Examination) -> Finding:
    """WAG-NOD-006."""
    if exam.outputs.node_scheme != "https":
        return passed("HTTP inside the VPC; no certificate in use")
    arns = [c["CertificateArn"] for i in _listeners(exam) for c in i.get("Certificates", [])]
    if not arns:
        return failed("the HTTPS listener has no certificate")
    given = exam.answers.certificate_arn
    if given and given not in arns:
        return failed(f"the HTTPS listener shows {arns[0]}, not {given} of the answers")
    try:
        found = read_certificate(exam.aws("acm"), given or arns[0])
    except ClientError as error:
        if absent(error):
            return failed(error_words(error))
        raise
    whose = "your certificate" if given else "the certificate"
    name, host = (found.names or ("",))[0], exam.outputs.node_url.split(":")[0]
    if found.status != "ISSUED":
        return failed(f"{whose.removeprefix('the ')} {name} is {found.status}")
    if not certificates.covers(found.names, host):
        return failed(f"{whose} is for {certificates.listed(found)}, not for {host}")
    if not found.expires:
        return passed(f"{name}, issued")
    now = time.time()
    days = (found.expires - now) / certificates.DAY
    if days < 0:
        return failed(f"{whose} expired {-days:.0f} days ago")
    # One that was imported is renewed by nobody but its owner.
    renewal = ", imported" if found.kind == "IMPORTED" else ""
    if certificates.soon(found, now):
        return warned(f"{whose} expires in {days:.0f} days{renewal}")
    return passed(f"{name}, issued, expires in {days:.0f} days{renewal}")


@check("WAG-NOD-007")
def target_health(exam: Examination) -> Finding:
    """WAG-NOD-007."""
    found = exam.aws("elbv2").describe_target_health(TargetGroupArn=exam.outputs.target_group_arn)[
        "TargetHealthDescriptions"
    ]
    if not found and exam.simulated:
        return unchecked("the local AWS registers no targets")
    if not found:
        return failed("elbv2.DescribeTargetHealth: no target is registered")
    healthy = [t for t in found if t["TargetHealth"]["State"] == "healthy"]
    if not healthy:
        health = found[0]["TargetHealth"]
        return failed(
            f"{found[0]['Target']['Id']} is {health['State']}: {health.get('Reason', '')} "
            f"{clean(health.get('Description', ''), 160)}"
        )
    text = f"{len(healthy)} of {len(found)} healthy"
    return passed(text) if len(healthy) == len(found) else warned(text)


@check("WAG-NOD-011")
def dns_record(exam: Examination) -> Finding:
    """WAG-NOD-011."""
    host = exam.outputs.node_url.split(":")[0]
    wanted = exam.outputs.load_balancer_dns_name.lower()
    if host.lower() == wanted:
        return passed("the forwarder uses the load balancer's own name")
    client = exam.aws("route53")
    domain = exam.answers.r53_domain_name
    zones = client.list_hosted_zones_by_name(DNSName=domain).get("HostedZones", [])
    ours = [zone for zone in zones if zone["Name"].rstrip(".") == domain.rstrip(".")]
    if not ours:
        return failed(f"route53.ListHostedZonesByName does not list {domain}")
    for zone in ours:
        records = client.list_resource_record_sets(
            HostedZoneId=zone["Id"], StartRecordName=host, MaxItems="10"
        )["ResourceRecordSets"]
        for item in records:
            if item["Name"].rstrip(".").lower() == host.lower() and item["Type"] != "AAAA":
                found = _leads_to(item)
                if wanted not in found.lower():
                    return failed(f"{host} leads to {found}, not to {wanted}")
                return passed(f"{host} leads to {wanted}")
    return failed(f"route53.ListResourceRecordSets: {domain} has no record {host}")


@check("WAG-NOD-008")
def security_groups(exam: Examination) -> Finding:
    """WAG-NOD-008: each step from the forwarder to the node, in both groups' rules."""
    sources = set((function(exam).get("VpcConfig") or {}).get("SecurityGroupIds", []))
    balancer = exam.outputs.load_balancer_security_group
    if not sources:
        return failed("the forwarder is not in the VPC, so an internal load balancer is closed")
    rules = _rules(exam, {*sources, balancer})
    port, names = _port(exam), ", ".join(sorted(sources))
    if not any(_leads(r, sources, {balancer}, port, egress=True) for r in rules):
        return failed(f"no rule lets {names} send to {balancer} on port {port}")
    if not any(_leads(r, {balancer}, sources, port, egress=False) for r in rules):
        return failed(f"security group {balancer} admits none of {names} on port {port}")
    nodes = {
        r["ReferencedGroupInfo"]["GroupId"]
        for r in rules
        if r["IsEgress"] and r["GroupId"] == balancer and r.get("ReferencedGroupInfo")
    }
    if not nodes:
        return failed(f"no rule lets {balancer} send to the node's security group")
    if not any(_leads(r, nodes, {balancer}, None, egress=False) for r in _rules(exam, nodes)):
        return failed(f"the node's security group {', '.join(nodes)} does not admit {balancer}")
    return passed(f"{names} → {balancer} → {', '.join(nodes)}")


@check("WAG-NOD-009")
def outbound(exam: Examination) -> Finding:
    """WAG-NOD-009."""
    subnets = (function(exam).get("VpcConfig") or {}).get("SubnetIds", [])
    tables = exam.aws("ec2").describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [exam.outputs.vpc_id]}]
    )["RouteTables"]
    for subnet in subnets:
        routes = _routes(tables, subnet)
        exits = [r for r in routes if r.get("DestinationCidrBlock") == "0.0.0.0/0"]
        if not exits:
            return failed(f"subnet {subnet} has no default route")
        if any(r.get("State") == "blackhole" for r in exits):
            return failed(f"the default route of {subnet} leads to a deleted gateway")
    return passed(count(len(subnets), "subnet") + " with a default route")


def _listeners(exam: Examination) -> list[dict[str, Any]]:
    return list(
        exam.once(
            "listeners",
            lambda: exam.aws("elbv2").describe_listeners(
                LoadBalancerArn=exam.outputs.load_balancer_arn
            )["Listeners"],
        )
    )


def _port(exam: Examination) -> int:
    host, _, port = exam.outputs.node_url.partition(":")
    del host
    return int(port) if port else (443 if exam.outputs.node_scheme == "https" else 80)


def _rules(exam: Examination, groups: set[str]) -> list[dict[str, Any]]:
    answer = exam.aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": sorted(groups)}]
    )
    return list(answer["SecurityGroupRules"])


def _leads(
    rule: dict[str, Any], owners: set[str], others: set[str], port: int | None, *, egress: bool
) -> bool:
    """Whether a rule of one of `owners` lets traffic to (or from) one of `others` pass.

    A rule for addresses counts: which addresses are in use is not known here.
    """
    if rule["IsEgress"] is not egress or rule.get("GroupId") not in owners:
        return False
    referenced = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
    if referenced not in others and not rule.get("CidrIpv4"):
        return False
    low, high = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return port is None or rule.get("IpProtocol") == "-1" or low <= port <= high


def _leads_to(record: dict[str, Any]) -> str:
    alias = record.get("AliasTarget") or {}
    values = [str(alias["DNSName"])] if alias else []
    values += [str(item["Value"]) for item in record.get("ResourceRecords", [])]
    return ", ".join(value.rstrip(".") for value in values)


def _routes(tables: list[dict[str, Any]], subnet: str) -> list[dict[str, Any]]:
    for table in tables:
        if any(a.get("SubnetId") == subnet for a in table.get("Associations", [])):
            return list(table.get("Routes", []))
    main = next((t for t in tables if any(a.get("Main") for a in t.get("Associations", []))), {})
    return list(main.get("Routes", []))
