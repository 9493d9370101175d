"""Whose deployment it is, as the account knows it: one parameter of SSM, and the forwarder's tags.

SSM makes a parameter only where there is none, so of two computers that install under the same
name in the same moment one gets it, before anything else is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from wizard.core.errors import WizardError
from wizard.core.installation import Installation
from wizard.core.tfvars import (
    DEPLOYMENT_TAG,
    INSTALLATION_TAG,
    MADE_AT_TAG,
    MADE_BY_TAG,
)
from wizard.services.aws.client_types import Clients
from wizard.services.aws.errors import code_of, explained, is_not_found

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

DESCRIPTION = "Whose deployment of wallarm-apigw this name is"


def read_claim(client: SSMClient, name: str) -> Installation | None:
    """What the parameter says; None where there is none. Raises WizardError."""
    with explained(f"Looking for the parameter {name}"):
        try:
            return Installation.parse(client.get_parameter(Name=name)["Parameter"]["Value"])
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise


def make_claim(
    client: SSMClient, name: str, installation: Installation, tags: Mapping[str, str]
) -> Installation:
    """Make the parameter where there is none. Returns whose it is now: ours, or who was first."""
    labels: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    with explained(f"Making the parameter {name}"):
        try:
            client.put_parameter(
                Name=name,
                Value=installation.to_json(),
                Type="String",
                Description=DESCRIPTION,
                Tags=labels,
                Overwrite=False,
            )
        except ClientError as error:
            if code_of(error) != "ParameterAlreadyExists":
                raise
        else:
            return installation
    found = read_claim(client, name)
    return found if found is not None else make_claim(client, name, installation, tags)


def replace_claim(
    client: SSMClient, name: str, theirs: Installation, installation: Installation
) -> None:
    """Put this installation in another one's place. SSM keeps what was there in its history.

    Raises WizardError WAG-E-OWNER-003 where somebody else wrote it in the same moment: of two that
    take over at once, the one that was faster goes on with its run.
    """
    with explained(f"Writing the parameter {name}"):
        before = client.get_parameter(Name=name)["Parameter"]
        found = Installation.parse(before["Value"])
        written = 0
        if found.id == theirs.id:
            written = client.put_parameter(
                Name=name, Value=installation.to_json(), Type="String", Overwrite=True
            )["Version"]
    if written != before["Version"] + 1:
        raise WizardError(
            "WAG-E-OWNER-003",
            "Somebody else takes it over in this very moment",
            why=f"{name} was written by two computers at once.",
            next_step="Nothing else was changed. Agree on who takes it over; then run the same "
            "command again there.",
        )


def delete_claim(client: SSMClient, name: str, installation_id: str) -> bool:
    """Delete the parameter if it is this installation's; whether it was."""
    found = read_claim(client, name)
    if found is None or found.id != installation_id:
        return False
    with explained(f"Deleting the parameter {name}"):
        try:
            client.delete_parameter(Name=name)
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
    return True


@dataclass(frozen=True)
class Forwarder:
    """A deployment's function: its ARN, and who made it. `installation.id` is empty for no mark."""

    arn: str
    installation: Installation


def read_forwarders(clients: Clients, deployment_id: str) -> tuple[Forwarder, ...]:
    """The functions that carry this deployment's tag and really exist, in order of their ARNs.

    The tagging service still names what was deleted a moment ago, so each function is asked; its
    own tags count, which are never late. Raises WizardError.
    """
    tagging = clients.client("resourcegroupstaggingapi")
    with explained("Looking for deployments by their tag"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": DEPLOYMENT_TAG, "Values": [deployment_id]}],
            ResourceTypeFilters=["lambda:function"],
        )
        arns = sorted(
            str(found["ResourceARN"]) for page in pages for found in page["ResourceTagMappingList"]
        )
    out = []
    for arn in arns:
        with explained(f"Looking at {arn}"):
            try:
                answer = clients.client("lambda").get_function(FunctionName=arn.rpartition(":")[2])
            except ClientError as error:
                if is_not_found(error):
                    continue
                raise
        tags = answer.get("Tags") or {}
        made = Installation(
            tags.get(INSTALLATION_TAG, ""), tags.get(MADE_BY_TAG, ""), tags.get(MADE_AT_TAG, "")
        )
        out.append(Forwarder(arn, made))
    return tuple(out)
