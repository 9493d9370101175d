"""What differs between AWS's partitions: host names, consoles, and where global services are. Pure.

China and GovCloud are documented by AWS. The European Sovereign Cloud (`aws-eusc`) is unverified,
and none of them was run: the product was tried in the partition `aws` alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Partition:
    """One partition.

    Args:
        suffix: the end of its host names, as of `execute-api` and of KMS's `ViaService`.
        console: the end of its console's host name.
        home: the Region that requests to global services (IAM, Route 53) are made to.
        ec2_principal: the name under which EC2 is handed a role.
    """

    name: str
    suffix: str = "amazonaws.com"
    console: str = "aws.amazon.com"
    home: str = "us-east-1"
    ec2_principal: str = "ec2.amazonaws.com"


_PARTITIONS = {
    partition.name: partition
    for partition in (
        Partition("aws"),
        Partition(
            "aws-cn", "amazonaws.com.cn", "amazonaws.cn", "cn-northwest-1", "ec2.amazonaws.com.cn"
        ),
        Partition("aws-us-gov", console="amazonaws-us-gov.com", home="us-gov-west-1"),
        Partition("aws-eusc", "amazonaws.eu", "amazonaws-eusc.eu", "eusc-de-east-1"),
    )
}


SUPPORTED = tuple(_PARTITIONS)
WITHHELD = (
    "Its host names, its console and the names of its services' principals are not in AWS's public "
    "documentation, so what is made there would rest on guesses."
)


def partition_of(name: str) -> Partition:
    """The partition of that name; one that is not known is taken to be like `aws`."""
    return _PARTITIONS.get(name, Partition(name))
