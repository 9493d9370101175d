"""Everything in the Region that carries a deployment's tag, whoever knows of it."""

from __future__ import annotations

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
