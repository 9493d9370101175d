"""Who holds up the removal of a VPC, told from its network interfaces and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wizard.core.text import clean, count

GUARDDUTY_SERVICE = "guardduty-data"
GUARDDUTY_GROUP = "GuardDutyManagedSecurityGroup"
LAMBDA = "AWS Lambda VPC ENI"


@dataclass(frozen=True)
class Interface:
    """A network interface: its id, description, type, and names of its groups."""

    interface_id: str
    description: str = ""
    kind: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """Who has something in the VPC, what it is, and what to do about it.

    `taken_back_by_aws`: AWS takes it back by itself.
    """

    who: str
    what: str
    next_step: str
    taken_back_by_aws: bool = False


def name_holders(
    interfaces: Iterable[Interface], endpoints: Mapping[str, str]
) -> tuple[Holder, ...]:
    """Everybody who is still there, GuardDuty first: what it made goes only by hand.

    Args:
        endpoints: service names of the VPC's endpoints, by id.
    """
    left = tuple(interfaces)
    guard = [key for key, service in endpoints.items() if service.endswith(GUARDDUTY_SERVICE)]
    of_lambda = [i for i in left if i.kind == "lambda" or i.description.startswith(LAMBDA)]
    others = [i for i in left if i not in of_lambda and not (guard and _is_endpoint(i))]
    out = []
    if guard:
        out.append(
            Holder(
                "Amazon GuardDuty",
                f"Runtime Monitoring put the endpoint {', '.join(guard)} and a security group "
                f"({GUARDDUTY_GROUP}-…) into the VPC",
                "Waiting does not fix it. Delete the endpoint (`aws ec2 delete-vpc-endpoints "
                f"--vpc-endpoint-ids {' '.join(guard)}`), then the group {GUARDDUTY_GROUP}-… of "
                "that VPC, then run `wallarm-apigw uninstall` again. Whoever runs GuardDuty can "
                "exclude the VPC.",
            )
        )
    if of_lambda:
        out.append(
            Holder(
                "AWS Lambda",
                f"{count(len(of_lambda), 'network interface')} of a function",
                "AWS takes them back by itself within 20 to 60 minutes; then run `wallarm-apigw "
                "uninstall` again.",
                taken_back_by_aws=True,
            )
        )
    if others:
        named = "; ".join(
            f"{i.interface_id} ({clean(i.description, 80) or i.kind or 'no description'})"
            for i in others[:5]
        )
        out.append(
            Holder(
                "somebody else",
                f"{count(len(others), 'further network interface')}: {named}",
                "Remove what they belong to, then run `wallarm-apigw uninstall` again.",
            )
        )
    return tuple(out)


def _is_endpoint(interface: Interface) -> bool:
    return interface.kind == "vpc_endpoint" or interface.description.startswith("VPC Endpoint")
