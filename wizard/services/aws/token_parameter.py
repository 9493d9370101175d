"""The Wallarm token as an SSM SecureString: stored by us, so that Terraform sees only its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wizard.core.secret import Secret
from wizard.services.aws.errors import code_of, explain, explained

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

DESCRIPTION = "Wallarm node deployment token"
AWS_MANAGED = "alias/aws/ssm"


def key_of(client: SSMClient, name: str) -> str | None:
    """The key that encrypts the parameter, as SSM names it; None when there is no parameter.

    Its value is not read.
    """
    with explained(f"Looking for the parameter {name}"):
        answer = client.describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
        )
    found = answer.get("Parameters")
    return str(found[0].get("KeyId") or AWS_MANAGED) if found else None


def store_token(
    client: SSMClient,
    name: str,
    token: Secret,
    *,
    tags: Mapping[str, str] | None = None,
    key: str = "",
) -> None:
    """Create the parameter, or put a new value into it. Tags are set on creation only.

    Args:
        key: ARN of the KMS key that encrypts it; empty means the one that AWS manages for SSM.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    labels: Any = [{"Key": k, "Value": value} for k, value in (tags or {}).items()]
    common: Any = {"Name": name, "Value": token.reveal(), "Type": "SecureString"}
    if key:
        common["KeyId"] = key  # also with Overwrite: without it SSM would change to its own
    try:
        try:
            client.put_parameter(**common, Description=DESCRIPTION, Tags=labels, Overwrite=False)
        except ClientError as error:
            if code_of(error) != "ParameterAlreadyExists":
                raise
            # AWS refuses tags together with Overwrite.
            client.put_parameter(**common, Overwrite=True)
    except (BotoCoreError, ClientError) as error:
        plain = explain(error, f"Storing the token as {name}")
        plain.why = plain.why.replace(token.reveal(), "***")
        raise plain from None  # the cause could quote the request


def delete_token(client: SSMClient, name: str) -> bool:
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
