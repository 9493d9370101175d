"""Runs the product on the sandbox through the recorder and saves which AWS calls it made.

`python -m tests.policy.record [MODE…]` records the named modes (all by default) and rewrites their
part of recorded.json. `--enforce` refuses every call that the printed policies do not allow, and
saves only a life in which none was. `--updates` lives a short life (install, every change of the
answers, removal): it rewrites the changes and adds what else it did. Each mode takes some minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import fcntl
import json
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.policy.life import PURPOSE, Run, Update
from tests.policy.recording import (
    RECORDED,
    load,
    numbered,
    read_call,
    roles,
    save,
    unique,
)
from wizard.core.answers.parse import build_answers
from wizard.sandbox import Sandbox
from wizard.services.workspace.module import forwarder_package


def _answers(box: Sandbox, mode: str) -> dict[str, Any]:
    common = {
        "region": box.region,
        "account_id": box.account_id,
        "stages": list(box.sample_stages),
        "wallarm_api_host": "us1.api.wallarm.com",
        "node_tag": "0.25.5",
    }
    if mode == "node":
        return {**common, "node_url": box.node.connector, "node_scheme": "http"}
    if mode == "vpc-forwarder":  # with a node elsewhere that only its VPC reaches
        return {**common, "node_url": box.node.connector, "node_scheme": "http"}
    if mode == "leaving":
        return {**common, "r53_domain_name": "example.com", "node_dns_name": "wallarm-node",
                "alarms": True, "proof": "skip"}  # fmt: skip
    if mode == "shared":
        return {**common, "node_url": box.node.connector, "node_scheme": "http",
                "state_bucket": "team-terraform-state"}  # fmt: skip
    if mode == "https":
        return {**common, "r53_domain_name": "example.com", "node_dns_name": "wallarm-node",
                "proof": "skip"}  # the stand-in node speaks plain HTTP  # fmt: skip
    if mode == "options":
        return {**common, "alarms": True, "dashboard": True, "nat_gateway_per_az": True,
                "node_count": 2, "tags": {"team": "platform"},
                "existing_logging": "switch"}  # fmt: skip
    return common


MODES = (
    "own-vpc", "https", "given-vpc", "node", "options", "shared", "vpc-forwarder", "leaving",
)  # fmt: skip
SHORT = ("leaving",)  # installed, changed, removed
# A removal looks after itself: what AWS's tagging service still lists, as it does for a while, is
# asked about. The policy holds no right on a node that an update took away before; then the removal
# says that it could not see whether that is gone, and ends well.
MAY_BE_REFUSED = tuple(
    f"uninstall: not authorized to perform: {action} on "
    for action in ("ecs:DescribeServices", "ecs:DescribeTaskDefinition")
)
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"


def _log_group(run: Run) -> dict[str, Any]:
    """A log group of the user's in place of the connector's."""
    run.client("logs").create_log_group(logGroupName="/aws/apigateway/mine")
    return {"api_gateway_log_group_name": "/aws/apigateway/mine"}


def _package(run: Run) -> dict[str, Any]:
    """The forwarder's bundle with one more file in it."""
    path = run.root / "forwarder.zip"
    path.write_bytes(forwarder_package())
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("extra.py", "")
    return {"lambda_package": str(path)}


def _certificate(run: Run) -> dict[str, Any]:
    """A certificate of the user's for the node's name."""
    made = run.client("acm").request_certificate(DomainName="wallarm-node.example.com")
    return {"certificate_arn": made["CertificateArn"], "r53_domain_name": "example.com",
            "node_dns_name": "wallarm-node"}  # fmt: skip


def _other_subnets(run: Run) -> dict[str, Any]:
    """Other subnets for load balancer and node, in the same VPC and Availability Zones."""
    return {"public_subnet_ids": run.spare[:2], "private_subnet_ids": run.spare[2:]}


def _back(*keys: str) -> Update:
    """As the first answers have it."""
    return lambda run: {key: getattr(run.answers, key) for key in keys}


_HTTP_NAMES = {"r53_domain_name": "", "node_dns_name": "", "certificate_arn": ""}

# Every answer that a deployment can change is in one of these; see NOT_UPDATED.
UPDATES: dict[str, tuple[Update, ...]] = {
    "own-vpc": (
        {"node_tag": "0.25.4", "node_group": "other", "wallarm_api_host": "api.wallarm.com",
         "node_instance_type": "t3.large", "node_access_log": True, "node_image": "other/node",
         "node_count": 2, "nat_gateway_per_az": True},
        {"node_count": 1, "nat_gateway_per_az": False},
    ),
    "https": (
        {"node_dns_name": "other", "certificate_validation_record": False},
        _HTTP_NAMES,
        _certificate,
        {"certificate_arn": "", "node_dns_name": "wallarm-node",
         "certificate_validation_record": True},
    ),
    "given-vpc": (_other_subnets, _back("public_subnet_ids", "private_subnet_ids")),
    "node": (
        {"subscription_filter_pattern": "{ $.status = 2* }", "alarms": True, "dashboard": True,
         "forwarder_environment": {"X_NODE_STYLE": "one-message"}, "execution_logging": "leave",
         "existing_logging": "switch", "vended_log_group": True, "forwarder_architecture": "arm64"},
        {"permissions_boundary": BOUNDARY},
        {"permissions_boundary": "", "node_url": "other.example.com:8443", "node_scheme": "https",
         "node_metrics": "other.example.com:9000", "node_place": "own"},
        lambda run: {**_log_group(run), **_package(run), "vended_log_group": False},
        _back("api_gateway_log_group_name", "lambda_package", "forwarder_architecture",
              "forwarder_environment", "subscription_filter_pattern", "execution_logging",
              "existing_logging", "alarms", "dashboard", "node_metrics", "node_place", "node_url",
              "node_scheme"),
    ),
    "options": (
        {"alarms": False, "dashboard": False, "wallarm_api_token_kms_key_arn": "",
         "undelivered_replay_hours": 6},
        _back("alarms", "dashboard", "wallarm_api_token_kms_key_arn", "undelivered_replay_hours"),
    ),
    "shared": ({"state_bucket": "local"}, _back("state_bucket")),
    "vpc-forwarder": (
        lambda run: {"private_subnet_ids": run.spare[2:]},
        {"vpc_id": "", "private_subnet_ids": []},
        _back("vpc_id", "private_subnet_ids"),
    ),
    "leaving": (
        lambda run: {"node_url": run.box.node.connector, "node_scheme": "http",
                     **_HTTP_NAMES, "alarms": False},
    ),
}  # fmt: skip

# The others, with why: `life.CHANGES` and the steps for stages are of every whole life.
NOT_UPDATED = {
    "schema_version": "the layout of the file",
    "profile": "who deploys, not what",
    "role_arn": "who deploys, not what",
    "region": "another Region is another deployment",
    "account_id": "another account is another deployment",
    "name_prefix": "another name is another deployment",
    "stage_rules": "changes stages alone, as `stages add` and `stages remove` do",
}


def _prepare(run: Run, mode: str, answers: dict[str, Any]) -> dict[str, Any]:
    """What the account has before: a hosted zone, a VPC, a key."""
    if mode == "https":
        zone = run.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        assert zone
        # One to choose from; the list of the local AWS leaves its names out, so it is asked for.
        run.client("acm").request_certificate(DomainName="*.example.com")
        run.box.name_node("wallarm-node.example.com")
        return answers
    if mode == "options":
        key = run.client("kms").create_key()["KeyMetadata"]["Arn"]
        return {**answers, "wallarm_api_token_kms_key_arn": key}
    if mode in SHORT:
        run.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
        run.box.name_node("wallarm-node.example.com")
        return answers
    ec2 = run.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = []
    for number in range(8):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.20.{number}.0/24",
            AvailabilityZone=f"{run.box.region}{'ab'[number % 2]}",
        )  # fmt: skip
        subnets.append(made["Subnet"]["SubnetId"])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    for subnet in subnets:
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    run.spare = subnets[4:]
    placed = {**answers, "vpc_id": vpc, "private_subnet_ids": subnets[2:4]}
    return placed if mode == "vpc-forwarder" else {**placed, "public_subnet_ids": subnets[:2]}


def _kept(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the machine makes up."""
    package = answers.get("lambda_package")
    return {**answers, "lambda_package": f"/tmp/{Path(package).name}"} if package else {**answers}


def record(mode: str, enforce: bool, *, updates: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Live through one mode; what to save, and what went wrong."""
    print(f"{mode}:", flush=True)
    with tempfile.TemporaryDirectory(prefix="policy-") as folder, Sandbox.start() as box:
        root = Path(folder)
        root.chmod(0o700)
        answers = _answers(box, mode)
        run = Run(box, root, answers, enforce)
        if mode in ("https", "given-vpc", "options", "vpc-forwarder", "leaving"):
            answers = _prepare(run, mode, answers)
            run.answers_file.write_text(json.dumps(answers), encoding="utf-8")
            run.answers = build_answers(dict(answers))
        with run.recorder:
            run.life(UPDATES[mode], short=updates or mode in SHORT)
        for text in sorted(set(run.recorder.unknown)):
            print(f"    not identified: {text}")
        refused = [f"{phase}: {text}" for phase, text in run.recorder.refused]
        for text in sorted(set(refused)):
            print(f"    refused: {text}")
        refused = [text for text in refused if not text.startswith(MAY_BE_REFUSED)]
        calls = [c for c in run.recorder.calls if (c[0], c[3]) != ("uninstall", 403)]
        first, *later = numbered([_kept(held) for held in (answers, *run.updates)])
        saved = {
            "answers": first,
            "added": run.added,
            "updates": later,
            "log_groups": run.groups,
            "second_plans": run.second_plans,
            "roles": roles(calls),
            "calls": list(unique(calls, box.account_id, box.region)),
        }
        return saved, run.failed + run.recorder.unknown + refused


def _with_updates(before: dict[str, Any], short: dict[str, Any]) -> dict[str, Any]:
    """A recording with the changes of a short life in place of its own, and with what else it did.

    The short life leaves out most steps, and the proof; so its installation and its removal are
    joined to those of the whole life.
    """
    calls = [c for c in before["calls"] if c["phase"] != "update"]
    made = [c for c in short["calls"] if c not in calls]
    return {**before, "answers": short["answers"], "updates": short["updates"],
            "log_groups": short["log_groups"],
            "second_plans": short["second_plans"], "enforced": short["enforced"],
            "roles": short["roles"] | before["roles"], "calls": [*calls, *made]}  # fmt: skip


def _keep(mode: str, saved: dict[str, Any], *, updates: bool) -> None:
    """Save one life; others may be recorded at the same time."""
    with (RECORDED.parent / "record.py").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        everything = load() if RECORDED.is_file() else {}
        everything[mode] = _with_updates(everything[mode], saved) if updates else saved
        save(everything)


def main() -> int:
    """Record or enforce; the exit code says whether every step went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", choices=(*MODES, []), metavar="MODE")
    parser.add_argument("--enforce", action="store_true")
    parser.add_argument("--updates", action="store_true")
    options = parser.parse_args()
    problems = []
    for mode in options.modes or MODES:
        saved, wrong = record(mode, options.enforce, updates=options.updates)
        problems += [f"{mode}: {text}" for text in wrong]
        if not (options.enforce and wrong):
            saved["enforced"] = (
                str(dt.datetime.now(dt.timezone.utc).date()) if options.enforce else ""
            )
            _keep(mode, saved, updates=options.updates and mode not in SHORT)
    print("\n".join(sorted(set(problems))) or "every step went well")
    return 1 if problems else 0


__all__ = ["MODES", "PURPOSE", "RECORDED", "load", "read_call", "record"]


if __name__ == "__main__":
    sys.exit(main())
