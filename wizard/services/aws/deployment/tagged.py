"""Everything in the Region that carries a deployment's tag, whoever knows of it."""

from __future__ import annotations

from wizard.core.installation import Marks
from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import explained


def tagged_resources(clients: Clients, deployment_id: str) -> tuple[str, ...]:
    """ARNs of what carries the tag of this name, whose installation it ever was, in order.

    Auto Scaling groups and most of IAM are not known to AWS's tagging service. Raises WizardError.
    """
    return tuple(arn for arn, _ in _tagged(clients, deployment_id))


def marked_resources(clients: Clients, marks: Marks) -> tuple[str, ...]:
    """The same, of what carries the marks of one installation."""
    return tuple(arn for arn, tags in _tagged(clients, marks.deployment) if marks.cover(tags))


def _tagged(clients: Clients, deployment_id: str) -> list[tuple[str, dict[str, str]]]:
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for what this deployment made"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG, "Values": [deployment_id]}]
        )
        found = [
            (str(m["ResourceARN"]), {str(t["Key"]): str(t["Value"]) for t in m["Tags"]})
            for page in pages
            for m in page["ResourceTagMappingList"]
        ]
    return sorted(found, key=lambda one: one[0])


def tagged_deployments(clients: Clients) -> dict[str, str]:
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
