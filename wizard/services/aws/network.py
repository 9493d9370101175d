"""VPCs with their subnets, and hosted zones: what can be used instead of making new ones."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wizard.core.account_state import DefaultKey
from wizard.core.certificates import KEYS, same_record
from wizard.core.errors import WizardError
from wizard.core.facts import Certificate, HostedZone, Network, Subnet
from wizard.core.text import clean
from wizard.services.aws.errors import code_of, explained, is_denied, is_not_found
from wizard.services.aws.regions import WORKERS, enabled_regions
from wizard.services.threads import ReadingPool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wizard.services.aws.session import Session


def networks(session: Session) -> tuple[Network, ...]:
    """Every VPC of the Region; a subnet is public when its routes lead to an internet gateway.

    Subnets without a route table of their own use the VPC's main one.
    """
    client = session.client("ec2")
    with explained("Reading the VPCs", session.login_profile):
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
    with explained("Reading the hosted zones", session.login_profile):
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


def certificates(session: Session) -> tuple[Certificate, ...]:
    """Every issued certificate of the Region that is valid and has a key a load balancer takes.

    What the list leaves out (names beyond the first hundred) is asked for one by one; where that
    is not allowed, the names in the list have to do.
    """
    client = session.client("acm")
    with explained("Reading the certificates", session.login_profile):
        asked: Any = {"CertificateStatuses": ["ISSUED"], "Includes": {"keyTypes": list(KEYS)}}
        pages = client.get_paginator("list_certificates").paginate(**asked)
        items = [dict(item) for page in pages for item in page.get("CertificateSummaryList", [])]
        found = tuple(_whole(client, item) for item in items)
    now = time.time()
    return tuple(c for c in found if c.key in KEYS and not 0 < c.expires <= now)


def certificates_for(session: Session, host: str) -> tuple[str, ...]:
    """ARNs of the Region's certificates, of Amazon's making, that this name's validation record
    proves: those for the name itself, or for what is one level below it."""
    client = session.client("acm")
    with explained(f"Reading the certificates of {session.region}", session.login_profile):
        asked: Any = {"Includes": {"keyTypes": list(KEYS)}}
        pages = client.get_paginator("list_certificates").paginate(**asked)
        items: list[Any] = [i for page in pages for i in page.get("CertificateSummaryList", [])]
    return tuple(
        item["CertificateArn"]
        for item in items
        if item.get("Type", "AMAZON_ISSUED") == "AMAZON_ISSUED"
        and item.get("Status", "ISSUED") in ("ISSUED", "PENDING_VALIDATION")
        and same_record(
            (item.get("DomainName", ""), *item.get("SubjectAlternativeNameSummaries", [])), host
        )
    )


def certificates_of_other_regions(
    session: Session, host: str
) -> tuple[tuple[str, ...], Mapping[str, WizardError]]:
    """The same in every other Region that the account may use, side by side: ACM asks for one
    record in all of them. Gives the ARNs, and by its Region why one could not be read.

    Raises WizardError where AWS does not say which Regions those are.
    """

    def read(region: str) -> tuple[str, ...] | WizardError:
        try:
            return certificates_for(session.in_region(region), host)
        except WizardError as error:
            return error

    others = [region for region in enabled_regions(session) if region != session.region]
    with ReadingPool(WORKERS) as pool:
        read_in = dict(zip(others, pool.map(read, others), strict=True))
    found = [arn for arns in read_in.values() if not isinstance(arns, WizardError) for arn in arns]
    unread = {region: why for region, why in read_in.items() if isinstance(why, WizardError)}
    return tuple(found), unread


def describe_certificate(session: Session, arn: str) -> Certificate:
    """This certificate. Raises WizardError when it does not exist or cannot be read."""
    with explained(f"Reading the certificate {arn}", session.login_profile):
        return read_certificate(session.client("acm"), arn)


def read_certificate(client: Any, arn: str) -> Certificate:
    """The same with a client of ACM; botocore's errors pass."""
    return _certificate(client.describe_certificate(CertificateArn=arn)["Certificate"])


def _whole(client: Any, item: dict[str, Any]) -> Certificate:
    complete = item.get("SubjectAlternativeNameSummaries") and item.get("NotAfter")
    if complete and not item.get("HasAdditionalSubjectAlternativeNames"):
        return _certificate(item)
    from botocore.exceptions import ClientError

    try:
        return read_certificate(client, item["CertificateArn"])
    except ClientError as error:
        if is_denied(error) or is_not_found(error):
            return _certificate(item)
        raise


def _certificate(item: dict[str, Any]) -> Certificate:
    """From ACM's summary or description; they differ in where the further names are."""
    more = item.get("SubjectAlternativeNames") or item.get("SubjectAlternativeNameSummaries") or []
    first = item.get("DomainName", "")
    expires = item.get("NotAfter")
    return Certificate(
        arn=item.get("CertificateArn", ""),
        names=tuple(dict.fromkeys(name for name in (first, *more) if name)),
        status=item.get("Status", "ISSUED"),
        kind=item.get("Type", "AMAZON_ISSUED"),
        key=str(item.get("KeyAlgorithm", KEYS[0])).replace("-", "_"),
        expires=expires.timestamp() if isinstance(expires, datetime) else 0.0,
    )


def given_network(session: Session, vpc_id: str) -> Network | None:
    """The VPC with its subnets; None where it does not exist in this account and Region."""
    return next((one for one in networks(session) if one.vpc_id == vpc_id), None)


def private_zones(session: Session, vpc_id: str) -> tuple[HostedZone, ...]:
    """The private hosted zones that a VPC of this Region asks, other accounts' among them."""
    client = session.client("route53")
    region: Any = session.region
    found: list[HostedZone] = []
    token = ""
    with explained(f"Reading the private zones of {vpc_id}", session.login_profile):
        while True:
            more: Any = {"NextToken": token} if token else {}
            answer = client.list_hosted_zones_by_vpc(VPCId=vpc_id, VPCRegion=region, **more)
            found += [
                HostedZone(zone["HostedZoneId"], zone["Name"].rstrip("."), private=True)
                for zone in answer.get("HostedZoneSummaries", [])
            ]
            token = answer.get("NextToken", "")
            if not token:
                return tuple(found)


def record_names(session: Session, zone_id: str) -> tuple[str, ...]:
    """The names of a zone's records, as Route 53 writes them."""
    client = session.client("route53")
    with explained(f"Reading the records of the zone {zone_id}", session.login_profile):
        pages = client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        return tuple(item["Name"] for page in pages for item in page.get("ResourceRecordSets", []))


def default_ebs_key(session: Session) -> str:
    """The account's default key for EBS volumes in this Region, as EC2 names it.

    Empty where EC2 does not know the question: there is no such default there.
    """
    from botocore.exceptions import ClientError

    with explained("Reading the default key for EBS volumes", session.login_profile):
        try:
            return session.client("ec2").get_ebs_default_kms_key_id().get("KmsKeyId", "")
        except ClientError as error:
            if code_of(error) in ("InvalidAction", "UnknownOperation"):
                return ""
            raise


def own_key(session: Session, key: str) -> DefaultKey:
    """A key of the account's as KMS tells it. What may not be read is said in it, never raised."""
    from botocore.exceptions import BotoCoreError, ClientError

    kms, found = session.client("kms"), DefaultKey(key)
    try:
        told = kms.describe_key(KeyId=key)["KeyMetadata"]
        found = replace(found, state=told.get("KeyState", ""))
        # By its ARN: an alias is no name for its policy.
        body = kms.get_key_policy(KeyId=told["Arn"], PolicyName="default")["Policy"]
        policy = json.loads(body)
        return replace(found, policy=policy if isinstance(policy, dict) else None)
    except (ClientError, BotoCoreError, ValueError, KeyError) as error:
        return replace(found, problem=clean(str(error), 200))
