"""The Wallarm token as an SSM SecureString: stored by us, so that Terraform sees only its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.core.secret import Secret
from wizard.services.aws.errors import code_of, explain, explained

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

DESCRIPTION = "Wallarm node deployment token"


def exists(client: SSMClient, name: str) -> bool:
    """Whether the parameter is there. Its value is not read."""
    with explained(f"Looking for the parameter {name}"):
        answer = client.describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
        )
    return bool(answer.get("Parameters"))


def store(
    client: SSMClient, name: str, token: Secret, *, tags: Mapping[str, str] | None = None
) -> None:
    """Create the parameter, or put a new value into it. Tags are set on creation only."""
    from botocore.exceptions import BotoCoreError, ClientError

    labels = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    try:
        try:
            client.put_parameter(
                Name=name,
                Value=token.reveal(),
                Type="SecureString",
                Description=DESCRIPTION,
                Tags=labels,  # type: ignore[arg-type]
                Overwrite=False,
            )
        except ClientError as error:
            if code_of(error) != "ParameterAlreadyExists":
                raise
            # AWS refuses tags together with Overwrite.
            client.put_parameter(
                Name=name, Value=token.reveal(), Type="SecureString", Overwrite=True
            )
    except (BotoCoreError, ClientError) as error:
        plain = explain(error, f"Storing the token as {name}")
        plain.why = plain.why.replace(token.reveal(), "***")
        raise plain from None  # the cause could quote the request


def delete(client: SSMClient, name: str) -> bool:
    """Delete the parameter; whether it was there."""
    from botocore.exceptions import ClientError

    with explained(f"Deleting the parameter {name}"):
        try:
            client.delete_parameter(Name=name)
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                return False
            raise
    return True
