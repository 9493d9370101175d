"""Everything in the Region that carries a deployment's tag, whoever knows of it."""

from __future__ import annotations

from wizard.core.tfvars import DEPLOYMENT_TAG
from wizard.services.aws.clients import Clients
from wizard.services.aws.errors import explained


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
