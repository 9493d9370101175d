"""Everything in the Region that carries a deployment's tag, whoever knows of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import explain, explained, is_not_found


def resources(clients: Clients, deployment_id: str) -> tuple[str, ...]:
    """ARNs of what carries this deployment's tag, in order. Raises WizardError.

    Auto Scaling groups and most of IAM are not known to AWS's tagging service.
    """
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for what this deployment made"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG, "Values": [deployment_id]}]
        )
        arns = [m["ResourceARN"] for page in pages for m in page["ResourceTagMappingList"]]
    return tuple(sorted(arns))


def forwarder(clients: Clients, deployment_id: str) -> str:
    """ARN of the function that this deployment made, if it is really there; empty otherwise.

    The tagging service still names what was deleted a moment ago, so the function itself is asked.
    """
    for arn in resources(clients, deployment_id):
        if ":lambda:" not in arn:
            continue
        try:
            clients.client("lambda").get_function(FunctionName=arn.rpartition(":")[2])
        except ClientError as error:
            if is_not_found(error):
                continue
            raise explain(error, f"Looking at {arn}") from error
        return arn
    return ""


def deployments(clients: Clients) -> dict[str, str]:
    """Every deployment of the Region, `<account>-<Region>-<name prefix>`, with its forwarder.

    Each has one, and a removal takes it away; log groups may stay behind. Raises WizardError.
    """
    tagging = clients.client("resourcegroupstaggingapi")
    found: dict[str, str] = {}
    with explained("Looking for deployments by their tag"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG}], ResourceTypeFilters=["lambda:function"]
        )
        for page in pages:
            for item in page["ResourceTagMappingList"]:
                tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
                name = str(item["ResourceARN"]).rpartition(":")[2]
                found.setdefault(tags.get(DEPLOYMENT_TAG, ""), name)
    found.pop("", None)
    return found


_MADE_BY_AWS = re.compile(
    r":ec2:[^:]*:[^:]*:(?:instance|volume|network-interface|fleet|spot-instances-request)/"
    r"|:ecs:[^:]*:[^:]*:(?:task|container-instance)/"
)
# Every change of a task makes another revision; the older ones cost nothing and cannot be deleted
# by Terraform.
_REVISION = re.compile(r"(:task-definition/[^:]+):\d+$")


def known_names(state: Mapping[str, Any]) -> frozenset[str]:
    """Ids and ARNs of everything in a state, as `terraform show -json` prints it."""
    names: set[str] = set()
    rooms = [(state.get("values") or {}).get("root_module") or {}]
    while rooms:
        room = rooms.pop()
        rooms.extend(room.get("child_modules") or ())
        for resource in room.get("resources") or ():
            if resource.get("mode", "managed") != "managed":
                continue
            values = resource.get("values") or {}
            names.update(str(values[key]) for key in ("arn", "id") if values.get(key))
    return frozenset(names)


def orphans(tagged: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """The ARNs that nothing in the state accounts for.

    Args:
        tagged: ARNs of what carries the deployment's tag.
        known: see `known_names`.
    """
    families = {_REVISION.sub(r"\1", name) for name in known}
    return tuple(
        arn
        for arn in tagged
        if not _MADE_BY_AWS.search(arn)
        and arn not in known
        and arn.removesuffix(":*") not in known
        and re.split(r"[:/]", arn)[-1] not in known
        and _REVISION.sub(r"\1", arn) not in families
    )
