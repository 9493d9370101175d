"""VPCs with their subnets, and hosted zones: what can be used instead of making new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.core.facts import HostedZone, Network, Subnet
from wizard.services.aws.errors import explained

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


def networks(session: Session) -> tuple[Network, ...]:
    """Every VPC of the Region; a subnet is public when its routes lead to an internet gateway.

    Subnets without a route table of their own use the VPC's main one.
    """
    client = session.client("ec2")
    with explained("Reading the VPCs", session.profile):
        vpcs: list[Any] = _all(client, "describe_vpcs", "Vpcs")
        subnets: list[Any] = _all(client, "describe_subnets", "Subnets")
        tables: list[Any] = _all(client, "describe_route_tables", "RouteTables")
    public = _public_subnets(subnets, tables)
    by_vpc: dict[str, list[Subnet]] = {}
    for item in subnets:
        by_vpc.setdefault(item["VpcId"], []).append(
            Subnet(
                subnet_id=item["SubnetId"],
                name=_name(item),
                cidr=item.get("CidrBlock", ""),
                availability_zone=item.get("AvailabilityZone", ""),
                public=item["SubnetId"] in public,
            )
        )
    found = [
        Network(
            vpc_id=vpc["VpcId"],
            name=_name(vpc),
            cidr=vpc.get("CidrBlock", ""),
            subnets=tuple(
                sorted(
                    by_vpc.get(vpc["VpcId"], []),
                    key=lambda s: (s.public, s.availability_zone, s.subnet_id),
                )
            ),
            is_default=bool(vpc.get("IsDefault")),
        )
        for vpc in vpcs
    ]
    return tuple(sorted(found, key=lambda n: (n.is_default, n.name, n.vpc_id)))


def hosted_zones(session: Session) -> tuple[HostedZone, ...]:
    """Every Route 53 hosted zone of the account, by name; names have no trailing dot."""
    client = session.client("route53")
    with explained("Reading the hosted zones", session.profile):
        items: list[Any] = _all(client, "list_hosted_zones", "HostedZones")
    zones = [
        HostedZone(
            zone_id=item["Id"].rpartition("/")[2],
            name=item["Name"].rstrip("."),
            private=bool((item.get("Config") or {}).get("PrivateZone")),
        )
        for item in items
    ]
    return tuple(sorted(zones, key=lambda z: (z.name, z.private, z.zone_id)))


def _all(client: Any, operation: str, key: str) -> list[Any]:
    pages = client.get_paginator(operation).paginate()
    return [item for page in pages for item in page.get(key, [])]


def _public_subnets(subnets: list[Any], tables: list[Any]) -> frozenset[str]:
    of_subnet: dict[str, bool] = {}
    of_vpc: dict[str, bool] = {}
    for table in tables:
        leads_out = any(
            str(route.get("GatewayId", "")).startswith("igw-") and route.get("State") != "blackhole"
            for route in table.get("Routes", [])
        )
        for association in table.get("Associations", []):
            if association.get("SubnetId"):
                of_subnet[association["SubnetId"]] = leads_out
            elif association.get("Main"):
                of_vpc[table["VpcId"]] = leads_out
    return frozenset(
        item["SubnetId"]
        for item in subnets
        if of_subnet.get(item["SubnetId"], of_vpc.get(item["VpcId"], False))
    )


def _name(item: Any) -> str:
    return next((str(t["Value"]) for t in item.get("Tags") or [] if t["Key"] == "Name"), "")
