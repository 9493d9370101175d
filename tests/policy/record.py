"""Runs the product on the sandbox through the recorder and saves which AWS calls it made.

`python -m tests.policy.record [MODE…]` records the named modes (all by default) and rewrites their
part of recorded.json. `--enforce` refuses every call that the printed policies do not allow, and
saves nothing. Each mode takes two to four minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.policy.life import PURPOSE, Run
from tests.policy.recording import (
    MADE_UP,
    RECORDED,
    even_all,
    load,
    read_call,
    roles,
    save,
    unique,
)
from wizard.core.answers.parse import build
from wizard.sandbox import Sandbox


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


MODES = ("own-vpc", "https", "given-vpc", "node", "options", "shared", "vpc-forwarder")


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
    ec2 = run.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = []
    for number in range(4):
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
    placed = {**answers, "vpc_id": vpc, "private_subnet_ids": subnets[2:]}
    return placed if mode == "vpc-forwarder" else {**placed, "public_subnet_ids": subnets[:2]}


def record(mode: str, enforce: bool) -> tuple[dict[str, Any], list[str]]:
    """Live through one mode; what to save, and what went wrong."""
    print(f"{mode}:", flush=True)
    with tempfile.TemporaryDirectory(prefix="policy-") as folder, Sandbox.start() as box:
        root = Path(folder)
        root.chmod(0o700)
        answers = _answers(box, mode)
        run = Run(box, root, answers, enforce)
        if mode in ("https", "given-vpc", "options", "vpc-forwarder"):
            answers = _prepare(run, mode, answers)
            run.answers_file.write_text(json.dumps(answers), encoding="utf-8")
            run.answers = build(dict(answers))
        with run.recorder:
            run.life()
        for text in sorted(set(run.recorder.unknown)):
            print(f"    not identified: {text}")
        for text in sorted(set(run.recorder.refused)):
            print(f"    refused: {text}")
        saved = {
            "answers": {k: even_all(v) if k in MADE_UP else v for k, v in answers.items()},
            "added": run.added,
            "roles": roles(run.recorder.calls),
            "calls": list(unique(run.recorder.calls, box.account_id, box.region)),
        }
        return saved, run.failed + run.recorder.unknown + run.recorder.refused


def main() -> int:
    """Record or enforce; the exit code says whether every step went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", choices=(*MODES, []), metavar="MODE")
    parser.add_argument("--enforce", action="store_true")
    options = parser.parse_args()
    problems = []
    for mode in options.modes or MODES:
        saved, wrong = record(mode, options.enforce)
        problems += [f"{mode}: {text}" for text in wrong]
        if not options.enforce:
            everything = load() if RECORDED.is_file() else {}
            everything[mode] = saved
            save(everything)
    print("\n".join(sorted(set(problems))) or "every step went well")
    return 1 if problems else 0


__all__ = ["MODES", "PURPOSE", "RECORDED", "load", "read_call", "record"]


if __name__ == "__main__":
    sys.exit(main())
