"""Where to look in the AWS and Wallarm Consoles. The addresses follow the consoles of 2026; AWS
documents none of them, so they are unverified and may lead to the service's first page instead."""

from __future__ import annotations

from urllib.parse import quote

from wizard.core.answers.model import Answers
from wizard.core.partitions import partition_of
from wizard.core.tfvars import Outputs

_WALLARM = {
    "us1.api.wallarm.com": "https://us1.my.wallarm.com",
    "api.wallarm.com": "https://my.wallarm.com",
    "me1.api.wallarm.com": "https://me1.my.wallarm.com",
}


def wallarm_console(host: str) -> str:
    """The page of API Discovery in the Wallarm Console that belongs to an API host."""
    base = _WALLARM.get(host)
    return f"{base}/api-discovery" if base else f"https://{host}"


def aws_console(region: str, partition: str = "aws") -> str:
    """The console of a Region, without a trailing slash."""
    return f"https://{region}.console.{partition_of(partition).console}"


def log_link(region: str, group: str, partition: str = "aws") -> str:
    """The CloudWatch console's address of a log group; it encodes names twice, with `$`."""
    name = quote(quote(group, safe=""), safe="").replace("%", "$")
    base = f"{aws_console(region, partition)}/cloudwatch/home?region={region}"
    return f"{base}#logsV2:log-groups/log-group/{name}"


def check_link(
    check_id: str, answers: Answers, outputs: Outputs, partition: str = "aws", subject: str = ""
) -> str:
    """The console page a check is about; empty where there is none.

    Args:
        subject: the log group or `<api id>/<stage>` that the check found at fault, if any.
    """
    region = answers.region
    aws = aws_console(region, partition)
    vpc, ec2 = f"{aws}/vpcconsole/home?region={region}", f"{aws}/ec2/home?region={region}"
    group = subject if subject.startswith("/") else outputs.api_gateway_log_group
    api = "" if subject.startswith("/") else subject.partition("/")[0]
    function = f"{aws}/lambda/home?region={region}#/functions/{outputs.lambda_function_name}"
    service = (
        f"{aws}/ecs/v2/clusters/{quote(outputs.ecs_cluster)}/services/"
        f"{quote(outputs.ecs_service)}/health?region={region}"
    )
    stages = f"{aws}/apigateway/main/apis?region={region}"
    if api:
        stages = f"{aws}/apigateway/main/apis/{quote(api)}/stages?api={quote(api)}&region={region}"
    gateway = f"{aws}/apigateway/main/settings?region={region}"
    token = quote(quote(f"wallarm-apigw/{answers.name_prefix}/token", safe=""), safe="")
    balancer = f"{ec2}#LoadBalancer:loadBalancerArn={outputs.load_balancer_arn}"
    pages = {
        "WAG-LOC-006": f"{aws}/iam/home",
        "WAG-LOC-008": f"{aws}/iam/home",
        "WAG-LOG-003": function,
        "WAG-LOG-004": f"{function}?tab=configure",
        "WAG-LOG-007": stages,
        "WAG-LOG-008": stages,
        "WAG-LOG-009": stages,
        "WAG-LOG-010": gateway,
        "WAG-LOG-011": gateway,
        "WAG-LOG-013": _log(region, outputs.lambda_log_group, partition),
        "WAG-LOG-014": f"{function}?tab=monitoring",
        "WAG-LOG-016": stages,
        "WAG-LOG-018": _log(region, outputs.lambda_log_group, partition),
        "WAG-LOG-019": _log(region, outputs.lambda_log_group, partition),
        "WAG-NOD-001": service.rpartition("/services/")[0] + f"/infrastructure?region={region}",
        "WAG-NOD-002": service,
        "WAG-NOD-003": _log(region, outputs.node_log_group, partition),
        "WAG-NOD-004": balancer,
        "WAG-NOD-005": balancer,
        "WAG-NOD-006": f"{aws}/acm/home?region={region}#/certificates/list",
        "WAG-NOD-007": f"{ec2}#TargetGroup:targetGroupArn={outputs.target_group_arn}",
        "WAG-NOD-008": f"{ec2}#SecurityGroup:groupId={outputs.load_balancer_security_group}",
        "WAG-NOD-009": f"{vpc}#RouteTables:vpcId={outputs.vpc_id}",
        "WAG-NOD-010": _log(region, outputs.node_log_group, partition),
        "WAG-NOD-011": f"{aws}/route53/v2/hostedzones",
        "WAG-NOD-012": _log(region, outputs.lambda_log_group, partition),
        "WAG-NOD-013": _log(region, outputs.node_log_group, partition),
        "WAG-NOD-014": service,
        "WAG-NOD-015": _log(region, outputs.node_log_group, partition),
        "WAG-API-001": f"{function}?tab=configure",
        "WAG-API-002": f"{aws}/systems-manager/parameters/%252F{token}/description?region={region}",
        "WAG-API-005": f"{aws}/s3/buckets/{quote(outputs.undelivered_bucket)}?region={region}",
    }
    if check_id in pages:
        return pages[check_id]
    if check_id.startswith("WAG-LOG") or check_id == "WAG-API-006":
        return _log(region, group, partition)
    if check_id.startswith("WAG-API"):
        return wallarm_console(answers.wallarm_api_host)
    return ""


def _log(region: str, group: str, partition: str) -> str:
    return log_link(region, group, partition) if group else ""
