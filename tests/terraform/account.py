"""What an account holds before the module is applied, and what is put there for a change later."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from tests.terraform.local_aws import LocalAws

Variables = Mapping[str, Any]
TOKEN = "A" * 64  # the shape of a token, and none
_FREE = {"private_subnet_ids": "10.7.10.0/24", "public_subnet_ids": "10.7.11.0/24"}


def nothing(_aws: LocalAws) -> Variables:
    """Nothing exists before."""
    return {}


def hosted_zone(aws: LocalAws) -> Variables:
    """A public hosted zone exists before."""
    aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    return {"r53_domain_name": "example.com", "node_dns_name": "wallarm-node"}


def certificate(aws: LocalAws) -> Variables:
    """A public hosted zone and a certificate for the names in it exist before."""
    return {**hosted_zone(aws), "certificate_arn": other_certificate(aws, {})}


def other_certificate(aws: LocalAws, _before: Variables) -> str:
    """One more certificate for the names in the zone."""
    made = aws.client("acm").request_certificate(DomainName="*.example.com")
    return str(made["CertificateArn"])


def network(aws: LocalAws) -> Variables:
    """A VPC with two public and two private subnets exists before."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.7.{number}.0/24", AvailabilityZone=f"{aws.region}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("abab")
    ]
    return {
        "vpc_id": vpc,
        "public_subnet_ids": subnets[:2],
        "private_subnet_ids": subnets[2:],
    }


def private_network(aws: LocalAws) -> Variables:
    """The same; only the private subnets are handed over."""
    return {**network(aws), "public_subnet_ids": []}


def log_groups(*names: str) -> Callable[[LocalAws], Variables]:
    """Log groups exist before: the first is the one API Gateway writes to, the others are more."""

    def create(aws: LocalAws) -> Variables:
        for name in names:
            aws.client("logs").create_log_group(logGroupName=name)
        return {
            "api_gateway_log_group_name": names[0],
            "api_gateway_log_group_names": list(names[1:]),
        }

    return create


def key(aws: LocalAws, _before: Variables) -> str:
    """ARN of a new KMS key."""
    return str(aws.client("kms").create_key()["KeyMetadata"]["Arn"])


def package(aws: LocalAws, _before: Variables) -> str:
    """Path of another forwarder's zip."""
    path = aws.folder / "other.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.py", "def handle(event, context):\n    return {}\n")
    return str(path)


def parameter(aws: LocalAws, _before: Variables) -> str:
    """Name of a new SecureString that holds the token."""
    name = "/elsewhere/token"
    aws.client("ssm").put_parameter(Name=name, Value=TOKEN, Type="SecureString")
    return name


def swapped(name: str) -> Callable[[LocalAws, Variables], list[str]]:
    """The first subnet of that variable, and a new one in another zone."""

    def subnets(aws: LocalAws, before: Variables) -> list[str]:
        zone = f"{aws.region}c"
        more = aws.client("ec2").create_subnet(
            VpcId=before["vpc_id"], CidrBlock=_FREE[name], AvailabilityZone=zone
        )
        return [before[name][0], more["Subnet"]["SubnetId"]]

    return subnets


def other_vpc(aws: LocalAws, _before: Variables) -> str:
    """A second VPC, with one subnet."""
    vpc = str(aws.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])
    aws.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")
    return vpc


def other_subnet(aws: LocalAws, _before: Variables) -> list[str]:
    """The subnet of the second VPC."""
    wanted = [{"Name": "cidr-block", "Values": ["10.9.0.0/24"]}]
    found = aws.client("ec2").describe_subnets(Filters=wanted)["Subnets"]
    return [subnet["SubnetId"] for subnet in found]
