"""Evidence for "the node cannot be reached"."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.checks import Finding, failed, passed, unchecked, warned
from wizard.core.text import clean, count
from wizard.services.evidence.forwarder import function
from wizard.services.evidence.scene import Scene, absent, log_events, words

EXPIRY_WARNING_DAYS = 21
_MOST_STREAMS = 10
# The node's own words and what they mean (Wallarm's documentation of the Native Node).
REGISTERED = "node registration done"
KNOWN_FAILURES = (
    ("access denied", "the token belongs to the other Wallarm Cloud, or may not register nodes"),
    ('label "group" is required', "the node group is missing"),
    ("illegal base64", "the token is malformed"),
    ("subscription limited", "the Wallarm subscription does not allow another node"),
    ("not found", "wallarm_api_host is not a Wallarm API server"),
    ("with error", "the registration failed"),
)


def container_instances(scene: Scene) -> Finding:
    """WAG-NOD-001."""
    cluster = scene.outputs.ecs_cluster
    found = scene.aws("ecs").describe_clusters(clusters=[cluster])["clusters"]
    if not found or found[0].get("status") == "INACTIVE":
        return failed(f"ecs.DescribeClusters does not know {cluster}")
    number = found[0].get("registeredContainerInstancesCount", 0)
    if not number and scene.simulated:
        return unchecked("the local AWS runs no EC2 instances")
    if not number:
        return failed(f"cluster {cluster} has no registered container instance")
    return passed(count(number, "container instance"))


def tasks_running(scene: Scene) -> Finding:
    """WAG-NOD-002."""
    outputs = scene.outputs
    found = scene.aws("ecs").describe_services(
        cluster=outputs.ecs_cluster, services=[outputs.ecs_service]
    )["services"]
    if not found or found[0].get("status") == "INACTIVE":
        return failed(f"ecs.DescribeServices does not know {outputs.ecs_service}")
    service = found[0]
    running, wanted = service.get("runningCount", 0), service.get("desiredCount", 0)
    if running >= wanted > 0:
        return passed(f"{running} of {wanted} running")
    if wanted == 0:
        return failed("the service wants 0 tasks: it was scaled to nothing")
    return failed(f"{running} of {wanted} running; {_why_not(scene, service)}")


def registered(scene: Scene) -> Finding:
    """WAG-NOD-003: what the newest containers said last about their registration."""
    group = scene.outputs.node_log_group
    try:
        streams = scene.aws("logs").describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=_MOST_STREAMS
        )["logStreams"]
        newest = [s["logStreamName"] for s in streams[: max(1, scene.answers.node_count)]]
        said = (
            {
                event["logStreamName"]: event["message"]
                for event in log_events(
                    scene, group, filterPattern="registration", logStreamNames=newest
                )
            }
            if newest
            else {}
        )
    except ClientError as error:
        if absent(error):
            return failed(words(error))
        raise
    for line in said.values():
        meaning = next((m for text, m in KNOWN_FAILURES if text in line.lower()), "")
        if meaning or REGISTERED not in line:
            return failed(f"{clean(line, 200)}{': ' + meaning if meaning else ''}")
    if said:
        return passed(clean(next(iter(said.values())), 160))
    if scene.simulated:
        return unchecked("the stand-in node writes no log")
    return unchecked(f"{group} holds no word about the registration yet")


def load_balancer(scene: Scene) -> Finding:
    """WAG-NOD-004."""
    try:
        found = scene.aws("elbv2").describe_load_balancers(
            LoadBalancerArns=[scene.outputs.load_balancer_arn]
        )["LoadBalancers"][0]
    except ClientError as error:
        if absent(error):
            return failed(words(error))
        raise
    state = found.get("State", {}).get("Code", "active")
    if state != "active":
        return failed(f"state {state}: {found.get('State', {}).get('Reason', '')}")
    return passed(found["DNSName"])


def listener(scene: Scene) -> Finding:
    """WAG-NOD-005."""
    port = _port(scene)
    for item in _listeners(scene):
        if item["Port"] == port:
            target = json.dumps(item.get("DefaultActions", []))
            if scene.outputs.target_group_arn not in target:
                return failed(f"the listener on {port} does not forward to the node")
            return passed(f"{item['Protocol']} on port {port}")
    ports = ", ".join(str(item["Port"]) for item in _listeners(scene)) or "none"
    return failed(f"elbv2.DescribeListeners: no listener on {port} (found: {ports})")


def certificate(scene: Scene) -> Finding:
    """WAG-NOD-006."""
    if scene.outputs.node_scheme != "https":
        return passed("HTTP inside the VPC; no certificate in use")
    arns = [c["CertificateArn"] for i in _listeners(scene) for c in i.get("Certificates", [])]
    if not arns:
        return failed("the HTTPS listener has no certificate")
    found = scene.aws("acm").describe_certificate(CertificateArn=arns[0])["Certificate"]
    status, name = found.get("Status", ""), found.get("DomainName", "")
    host = scene.outputs.node_url.split(":")[0]
    if status != "ISSUED":
        return failed(f"certificate {name} is {status}")
    names = {name, *found.get("SubjectAlternativeNames", [])}
    if host not in names and f"*.{host.split('.', 1)[-1]}" not in names:
        return failed(f"the certificate is for {', '.join(sorted(names))}, not for {host}")
    expires = found.get("NotAfter")
    if isinstance(expires, datetime):
        days = (expires.timestamp() - time.time()) / 86400
        if days < 0:
            return failed(f"the certificate expired {-days:.0f} days ago")
        if days < EXPIRY_WARNING_DAYS:
            return warned(f"the certificate expires in {days:.0f} days")
    return passed(f"{name}, issued")


def target_health(scene: Scene) -> Finding:
    """WAG-NOD-007."""
    found = scene.aws("elbv2").describe_target_health(
        TargetGroupArn=scene.outputs.target_group_arn
    )["TargetHealthDescriptions"]
    if not found and scene.simulated:
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


def security_groups(scene: Scene) -> Finding:
    """WAG-NOD-008."""
    sources = set((function(scene).get("VpcConfig") or {}).get("SecurityGroupIds", []))
    group = scene.outputs.load_balancer_security_group
    if not sources:
        return failed("the forwarder is not in the VPC, so an internal load balancer is closed")
    rules = scene.aws("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [group]}]
    )["SecurityGroupRules"]
    port = _port(scene)
    if not any(not r["IsEgress"] and _admits(r, sources, port) for r in rules):
        return failed(
            f"security group {group} admits none of {', '.join(sorted(sources))} on port {port}"
        )
    return passed(f"{', '.join(sorted(sources))} may reach {group} on port {port}")


def outbound(scene: Scene) -> Finding:
    """WAG-NOD-009."""
    subnets = (function(scene).get("VpcConfig") or {}).get("SubnetIds", [])
    tables = scene.aws("ec2").describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [scene.outputs.vpc_id]}]
    )["RouteTables"]
    for subnet in subnets:
        routes = _routes(tables, subnet)
        exits = [r for r in routes if r.get("DestinationCidrBlock") == "0.0.0.0/0"]
        if not exits:
            return failed(f"subnet {subnet} has no default route")
        if any(r.get("State") == "blackhole" for r in exits):
            return failed(f"the default route of {subnet} leads to a deleted gateway")
    return passed(count(len(subnets), "subnet") + " with a default route")


def node_answers(scene: Scene) -> Finding:
    """WAG-NOD-010: the forwarder itself tries, because nothing else is inside the VPC."""
    answer = scene.aws("lambda").invoke(
        FunctionName=scene.outputs.lambda_function_name,
        InvocationType="RequestResponse",
        Payload=json.dumps({"wallarm-apigw": "probe"}).encode(),
    )
    payload = json.loads(answer["Payload"].read() or b"{}")
    if answer.get("FunctionError"):
        return failed(f"the forwarder failed: {clean(json.dumps(payload), 300)}")
    if "node" not in payload:
        return unchecked("this forwarder is a bundle of your own and knows no test call")
    node = payload["node"]
    if not node.get("reachable"):
        return failed(f"{node.get('url')}: {clean(str(node.get('error')), 200)}")
    return passed(f"{node.get('url')} answered {node.get('status')} in {node.get('latency_ms')} ms")


def _why_not(scene: Scene, service: dict[str, Any]) -> str:
    events = service.get("events", [])
    text = clean(events[0].get("message", ""), 200) if events else "no service event"
    arns = (
        scene.aws("ecs")
        .list_tasks(cluster=scene.outputs.ecs_cluster, desiredStatus="STOPPED")
        .get("taskArns", [])
    )
    if arns:
        tasks = (
            scene.aws("ecs")
            .describe_tasks(cluster=scene.outputs.ecs_cluster, tasks=arns[:1])
            .get("tasks", [])
        )
        if tasks:
            text += f"; last task stopped: {clean(tasks[0].get('stoppedReason', ''), 200)}"
    return text


def _listeners(scene: Scene) -> list[dict[str, Any]]:
    return list(
        scene.once(
            "listeners",
            lambda: scene.aws("elbv2").describe_listeners(
                LoadBalancerArn=scene.outputs.load_balancer_arn
            )["Listeners"],
        )
    )


def _port(scene: Scene) -> int:
    host, _, port = scene.outputs.node_url.partition(":")
    del host
    return int(port) if port else (443 if scene.outputs.node_scheme == "https" else 80)


def _admits(rule: dict[str, Any], sources: set[str], port: int) -> bool:
    referenced = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
    low, high = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return referenced in sources and (rule.get("IpProtocol") == "-1" or low <= port <= high)


def _routes(tables: list[dict[str, Any]], subnet: str) -> list[dict[str, Any]]:
    for table in tables:
        if any(a.get("SubnetId") == subnet for a in table.get("Associations", [])):
            return list(table.get("Routes", []))
    main = next((t for t in tables if any(a.get("Main") for a in t.get("Associations", []))), {})
    return list(main.get("Routes", []))
