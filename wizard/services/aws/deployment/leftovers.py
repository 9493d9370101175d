"""What holds up a removal: who is still in the VPC, and instances that never left their cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.core.leftovers import Holder, Interface, name_holders
from wizard.services.aws.errors import explained, is_not_found

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


def find_holders(session: Session, vpc_id: str) -> tuple[Holder, ...]:
    """Who still has something in the VPC. Raises WizardError where AWS does not tell."""
    client = session.client("ec2")
    where: Any = [{"Name": "vpc-id", "Values": [vpc_id]}]
    with explained(f"Looking at what is left in {vpc_id}", session.login_profile):
        pages = client.get_paginator("describe_network_interfaces").paginate(Filters=where)
        found = [
            Interface(
                item["NetworkInterfaceId"],
                item.get("Description", ""),
                item.get("InterfaceType", ""),
                tuple(group.get("GroupName", "") for group in item.get("Groups", [])),
            )
            for page in pages
            for item in page.get("NetworkInterfaces", [])
        ]
        endpoints = client.describe_vpc_endpoints(Filters=where).get("VpcEndpoints", [])
    services = {item["VpcEndpointId"]: item.get("ServiceName", "") for item in endpoints}
    return name_holders(found, services)


def deregister_instances(session: Session, cluster: str) -> int:
    """Deregister every container instance of a cluster that is being removed; how many there were.

    By force: no task is left that could be moved.
    """
    from botocore.exceptions import ClientError

    client = session.client("ecs")
    with explained(f"Deregistering the instances of {cluster}", session.login_profile):
        try:
            pages = client.get_paginator("list_container_instances").paginate(cluster=cluster)
            arns = [arn for page in pages for arn in page.get("containerInstanceArns", [])]
        except ClientError as error:
            if is_not_found(error):
                return 0
            raise
        for arn in arns:
            client.deregister_container_instance(cluster=cluster, containerInstance=arn, force=True)
    return len(arns)
