"""Every mode of the module, from empty account to empty account, on a local AWS.

    python -m tests.terraform.modes [--page] [MODE ...]

For each mode: apply, plan (must be empty), each update followed by a plan (must be empty), destroy
while an undelivered event waits (nothing may be left that was not there before). Prints the table
of terraform/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from tests.terraform.account import (
    TOKEN,
    Variables,
    certificate,
    hosted_zone,
    key,
    log_groups,
    network,
    nothing,
    other_certificate,
    other_subnet,
    other_vpc,
    package,
    parameter,
    private_network,
    swapped,
)
from tests.terraform.local_aws import LocalAws
from tests.terraform.stack import Stack, existing
from tests.terraform.tool import MODULE, prepared, terraform

README = MODULE / "README.md"
BEGIN = "<!-- modes: written by `make modes` -->"
END = "<!-- modes: end -->"

CA = """-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggqhkjOPQQDAjASMRAw
-----END CERTIFICATE-----
"""
MOST_POLICY = 20_480  # bytes, by AWS's quotas of Lambda
TOPIC = "arn:aws:sns:us-east-1:123456789012:on-call"
OPERATIONS = {"alarms": True, "dashboard": True, "alarm_topic_arn": TOPIC}


@dataclass(frozen=True)
class Mode:
    """What exists before, the first variables, and the changes made one after another.

    A value that is a function is called with the local AWS and the variables before the change.
    """

    title: str
    before: Callable[[LocalAws], Variables]
    variables: Variables
    updates: tuple[Variables, ...] = ()


# Which has to be over before which begins; the local AWS itself accepts any order. CloudWatch Logs
# skips what it may not deliver. AWS keeps a security group, a subnet and their network interfaces
# while the forwarder is in them, and takes the interfaces back with the forwarder's rights. It
# keeps a certificate while a listener shows it. An instance that cannot reach its cluster any more
# stays registered there when it ends, and AWS keeps the cluster.
_FILTER = "aws_cloudwatch_log_subscription_filter.forwarder"
_MOVED = "complete update aws_lambda_function.forwarder"
_LEFT = "complete delete aws_security_group.forwarder"
_SHOWN = "complete update aws_lb_listener.node"
_ENDED = "complete delete aws_autoscaling_group.node"
_GONE = "complete delete aws_security_group.node"
ORDER = (
    ("complete create aws_lambda_permission.logs", f"start create {_FILTER}"),
    ("complete create aws_lambda_permission.further_logs", f"start create {_FILTER}"),
    (f"complete delete {_FILTER}", "start delete aws_lambda_permission.logs"),
    (f"complete delete {_FILTER}", "start delete aws_lambda_permission.further_logs"),
    ("complete create aws_lambda_permission.replay", "start create aws_cloudwatch_event_target"),
    ("complete delete aws_cloudwatch_event_target", "start delete aws_lambda_function.replay"),
    (f"complete delete {_FILTER}", "start delete aws_lambda_function.forwarder"),
    (_MOVED, "start delete aws_security_group.forwarder"),
    (_MOVED, "start delete aws_subnet.private"),
    (_MOVED, "start delete aws_iam_role_policy.forwarder_vpc"),
    (_LEFT, "start delete aws_iam_role_policy.forwarder_vpc"),
    (_LEFT, "start delete aws_iam_role.forwarder"),
    (_SHOWN, "start delete aws_acm_certificate.node"),
    (_ENDED, "start delete aws_vpc_security_group_egress_rule.node_out"),
    (_GONE, "start delete aws_route.nat"),
    (_GONE, "start delete aws_route_table_association.private"),
    (_GONE, "start delete aws_iam_role_policy.instance"),
    (_GONE, "start delete aws_ecs_cluster.this"),
)

# Not changed in a running deployment; terraform/README.md, "Changes", says why.
NOT_UPDATED = {"region", "vpc_cidr"}
OWN_NODE: Variables = {"wallarm_api_token": TOKEN}
GIVEN_NODE: Variables = {"node_url": "node.example.com:443"}

EACH_FORWARDER_VARIABLE: tuple[Variables, ...] = (
    {"x_wallarm_application_id": 7},
    {"log_retention_days": 30, "undelivered_retention_days": 60},
    {"undelivered_replay_hours": 1},
    {"undelivered_replay_hours": 6},
    {"subscription_filter_pattern": "{ $.status = 2* }"},
    {"lambda_timeout": 120, "lambda_memory_size": 1024, "lambda_reserved_concurrency": 5},
    {"lambda_runtime": "python3.12", "forwarder_environment": {"X_NODE_STYLE": "one-message"}},
    {
        "node_url": "other.example.com:8443",
        "node_scheme": "http",
        "node_metrics": "other.example.com:9000",
    },
    {"node_ca_certificate": CA},
    {"undelivered_force_destroy": False},
    {"undelivered_force_destroy": True},
    {
        "tags": {"team": "platform"},
        "deployment_id": "d-1",
        "installation_id": "0198f3c2",
        "installation_tags": {"wallarm-apigw:installed-by": "anna on desk"},
    },
    {"permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"},
    {**OPERATIONS},
    {"alarm_silence_hours": 6},
    {"alarms": False, "dashboard": False},
    {"iam_path": "/platform/"},
)
MORE_OF_THE_FORWARDER: tuple[Variables, ...] = (
    {"kms_key_arn": key},
    {"kms_key_arn": ""},
    {
        "lambda_package": package,
        "lambda_handler": "other.handle",
        "forwarder_architecture": "arm64",
    },
    {"name_prefix": "other"},
)
NODE_VARIABLES: tuple[Variables, ...] = (
    {
        "node_tag": "0.25.5",
        "node_group": "other",
        "wallarm_api_host": "us1.api.wallarm.com",
        "node_instance_type": "t3.large",
        "node_access_log": True,
        "x_wallarm_application_id": 7,
        "log_retention_days": 30,
        "tags": {"team": "platform"},
    },
    {"node_count": 2},
    {"node_count": 1},
    {"iam_path": "/platform/"},
)

MODES: dict[str, Mode] = {
    "own-vpc-http": Mode("Own VPC, HTTP", nothing, OWN_NODE, NODE_VARIABLES),
    "own-vpc-https": Mode(
        "Own VPC, HTTPS",
        hosted_zone,
        OWN_NODE,
        (
            {"node_dns_name": "other.example.com"},
            {"wallarm_api_token": "B" * 64, "certificate_validation_record": False},
            {"r53_domain_name": "", "node_dns_name": ""},
        ),
    ),
    "own-vpc-certificate": Mode(
        "Own VPC, HTTPS, given certificate",
        certificate,
        OWN_NODE,
        (
            {"certificate_arn": other_certificate},
            {"certificate_arn": ""},
            {"certificate_arn": other_certificate},
            {"r53_domain_name": "", "node_dns_name": "", "certificate_arn": ""},
        ),
    ),
    "given-vpc": Mode(
        "Given VPC, token in SSM",
        network,
        {"wallarm_api_token_ssm_parameter": "/wallarm-apigw/token"},
        (
            {
                "node_image": "public.ecr.aws/example/node",
                "node_image_id": "ami-0123456789abcdef0",
                "wallarm_api_host": "wallarm.example.com",
                "allow_other_wallarm_api_host": True,
            },
            {"wallarm_api_token_ssm_parameter": parameter, "wallarm_api_token_kms_key_arn": key},
            {"private_subnet_ids": swapped("private_subnet_ids")},
            {"public_subnet_ids": swapped("public_subnet_ids")},
        ),
    ),
    "given-vpc-https": Mode(
        "Given VPC, HTTPS", lambda aws: {**network(aws), **hosted_zone(aws)}, OWN_NODE
    ),
    "given-node": Mode("Given node", nothing, GIVEN_NODE, EACH_FORWARDER_VARIABLE),
    "given-node-more": Mode(
        "Given node: key, package, prefix", nothing, GIVEN_NODE, MORE_OF_THE_FORWARDER
    ),
    "given-node-private": Mode(
        "Given node, forwarder in a given VPC, private CA",
        private_network,
        {**GIVEN_NODE, "node_ca_certificate": CA},
        (
            {"private_subnet_ids": swapped("private_subnet_ids")},
            {"vpc_id": other_vpc, "private_subnet_ids": other_subnet},
            {"vpc_id": "", "private_subnet_ids": []},
        ),
    ),
    "node-replaced": Mode("Own VPC and node, then a given node", nothing, OWN_NODE, (GIVEN_NODE,)),
    "reused-log-group": Mode(
        "Log group reused", log_groups("/aws/apigateway/mine"), GIVEN_NODE,
        ({"api_gateway_log_group_name": "", "vended_log_group": True},),
    ),
    "log-groups": Mode(
        "Several log groups",
        log_groups("/aws/apigateway/mine", "/aws/vendedlogs/orders", "/aws/apigateway/more"),
        {**GIVEN_NODE, **OPERATIONS,
         "log_group_permissions": ["/aws/vendedlogs/orders", "/aws/apigateway/more"]},
        ({"api_gateway_log_group_names": ["/aws/vendedlogs/orders"], "log_group_permissions": []},),
    ),
    "two-nodes": Mode("node_count 2", nothing, {**OWN_NODE, "node_count": 2}),
    "operations": Mode(
        "Alarms and dashboard", nothing, {**OWN_NODE, **OPERATIONS}, ({"alarm_silence_hours": 6},)
    ),
    "nat-per-az": Mode(
        "NAT per zone",
        nothing,
        {**OWN_NODE, "nat_gateway_per_az": True},
        ({"nat_gateway_per_az": False},),
    ),
}  # fmt: skip


@dataclass
class Result:
    """What was seen of one mode; `problems` is empty when all was well."""

    mode: Mode
    resources: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """One line of the README's table."""
        times = self.seconds
        updates = str(len(self.mode.updates)) if self.mode.updates else "–"
        verdict = "yes" if not self.problems else "**no**: " + "; ".join(self.problems)
        return (
            f"| {self.mode.title} | {self.resources} | {times['apply']:.0f} s | {updates} "
            f"| {times['destroy']:.0f} s | {verdict} |"
        )


HEADER = (
    "| Mode | Resources | Apply | Updates | Destroy | Every later plan empty, nothing left |\n"
    "|---|---|---|---|---|---|"
)


def run(mode: Mode, folder: Path) -> Result:
    """Take one mode through its life."""
    result = Result(mode)
    with LocalAws(folder / "aws") as aws:
        variables = {**mode.variables, **mode.before(aws)}
        before = existing(aws)
        stack = Stack(aws, folder)
        start = time.monotonic()
        result.resources = stack.apply(variables)["add"]
        result.seconds["apply"] = time.monotonic() - start
        result.problems += out_of_order(stack.order) + policy_too_long(stack)
        _expect_no_changes(stack, "the first apply", result)
        for update in mode.updates:
            seen = existing(aws)
            given = {k: v(aws, variables) if callable(v) else v for k, v in update.items()}
            before |= existing(aws) - seen
            variables = {**variables, **given}
            stack.apply(variables)
            result.problems += out_of_order(stack.order) + policy_too_long(stack)
            _expect_no_changes(stack, f"changing {', '.join(update)}", result)
        result.problems += [f"{one} has not every tag" for one in stack.untagged(tags(variables))]
        _leave_something_undelivered(stack)
        start = time.monotonic()
        stack.destroy()
        result.seconds["destroy"] = time.monotonic() - start
        result.problems += out_of_order(stack.order)
        left = sorted(existing(aws) - before)
        if left:
            result.problems.append(f"left behind: {', '.join(left)}")
        if stack.state():
            result.problems.append(f"left in the state: {', '.join(stack.state())}")
        gone = sorted(before - existing(aws))
        if gone:
            result.problems.append(f"taken away: {', '.join(gone)}")
    return result


def policy_too_long(stack: Stack) -> list[str]:
    """The forwarder's policy, if AWS would refuse it; the local AWS takes any."""
    name = stack.outputs()["lambda_function_name"]
    policy = str(stack.aws.client("lambda").get_policy(FunctionName=name)["Policy"])
    size = len(policy.encode())
    return [f"the forwarder's policy has {size} bytes"] if size > MOST_POLICY else []


def tags(variables: Variables) -> dict[str, str]:
    """What everything that can carry tags has to carry."""
    out = {"wallarm:component": "api-gateway-connector", **variables.get("tags", {})}
    out.update(variables.get("installation_tags", {}))
    named = (
        ("wallarm:deployment", "deployment_id"),
        ("wallarm-apigw:installation", "installation_id"),
    )
    return out | {tag: variables[name] for tag, name in named if variables.get(name)}


def _leave_something_undelivered(stack: Stack) -> None:
    """Destroy has to cope with events that wait in the bucket."""
    stack.aws.client("s3").put_object(
        Bucket=stack.outputs()["undelivered_bucket"], Key="aws/lambda/async/x", Body=b"{}"
    )


def out_of_order(order: Sequence[str]) -> list[str]:
    """What began too early, of what Terraform did: `start delete aws_vpc.this[0]` and the like."""
    problems = []
    for first, then in ORDER:
        done = [at for at, line in enumerate(order) if line.startswith(first)]
        problems += [
            f"{line} before {order[done[-1]]}"
            for at, line in enumerate(order)
            if line.startswith(then) and done and at < done[-1]
        ]
    return problems


def _expect_no_changes(stack: Stack, after: str, result: Result) -> None:
    changes = stack.changes()
    if changes:
        result.problems.append(f"after {after}: {', '.join(changes)}")


def write_page(rows: list[str]) -> None:
    """Put the table, with the day and what it was seen with, into terraform/README.md."""
    text = README.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    versions = json.loads(terraform(["version", "-json"], MODULE).stdout)
    today = datetime.now(timezone.utc).date()
    told = f"Taken on {today} with Terraform {versions['terraform_version']}"
    told += f", hashicorp/aws {_provider()} and ministack {version('ministack')}."
    README.write_text(
        "\n".join([f"{head}{BEGIN}", told, "", HEADER, *rows, f"{END}{tail}"]), encoding="utf-8"
    )


def _provider() -> str:
    with tempfile.TemporaryDirectory(prefix="modes-") as folder:
        lock = (prepared(Path(folder)) / ".terraform.lock.hcl").read_text(encoding="utf-8")
    return lock.partition('version     = "')[2].partition('"')[0]


def main() -> int:
    """Run the modes named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("mode", nargs="*", choices=[*MODES, []], help="default: every mode")
    parser.add_argument("--page", action="store_true", help="write terraform/README.md (all modes)")
    options = parser.parse_args()
    if options.page and options.mode:
        parser.error("--page shows every mode; leave the names out")
    chosen = options.mode or list(MODES)
    rows = []
    bad = 0
    print(HEADER, flush=True)
    for name in chosen:
        with tempfile.TemporaryDirectory(prefix="modes-") as folder:
            result = run(MODES[name], Path(folder))
        bad += bool(result.problems)
        rows.append(result.row)
        print(result.row, flush=True)
    if options.page and not bad:
        write_page(rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
