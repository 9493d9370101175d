"""What an account has already that decides whether a deployment can work there: judged before any
plan is made, because AWS says it late, when half of everything is made, or never.

Pure: facts in, sentences out. Where AWS could not be asked, nothing is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from wizard.core.facts import HostedZone, Network

AWS_EBS_KEY = "alias/aws/ebs"
GATEWAY = "apigateway.amazonaws.com"


def subnets_unfit(
    network: Network, public: Iterable[str], private: Iterable[str]
) -> tuple[str, ...]:
    """Why a node cannot be put into these subnets of its VPC, one sentence each; empty when it can.

    A load balancer wants two Availability Zones, and reaches targets only in zones where it has a
    subnet itself (Elastic Load Balancing: Application Load Balancers, Availability Zones).
    """
    known = {subnet.subnet_id: subnet for subnet in network.subnets}
    public, private = tuple(public), tuple(private)
    strange = [name for name in (*public, *private) if name not in known]
    if strange:
        return (f"{_listed(strange)}: not in {network.vpc_id}",)
    of_balancer = {known[name].availability_zone for name in public}
    out = []
    if len(of_balancer) < 2:
        zones = _listed(sorted(of_balancer)) or "none"
        out.append(
            f"the load balancer needs public subnets in two Availability Zones; {_listed(public)} "
            f"{'is' if len(public) == 1 else 'are'} in {zones}"
        )
    apart = [known[name] for name in private if known[name].availability_zone not in of_balancer]
    if apart:
        out.append(
            "a load balancer reaches nodes only in zones where it has a subnet: "
            + "; ".join(f"{s.subnet_id} is in {s.availability_zone}" for s in apart)
            + f", the public subnets are in {_listed(sorted(of_balancer))}"
        )
    return tuple(out)


def is_own_key(key: str) -> bool:
    """Whether the account's default key for EBS is not AWS's own.

    Args:
        key: as EC2 tells it: an alias, an id or an ARN; empty where there is none.
    """
    return bool(key) and key != AWS_EBS_KEY and not key.endswith(f":{AWS_EBS_KEY}")


SCALING_ROLE = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
# What the EC2 Auto Scaling User Guide has a key's policy allow that role, as far as starting an
# instance with an encrypted volume takes it.
_KEY_ACTIONS = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext")  # fmt: skip


@dataclass(frozen=True)
class DefaultKey:
    """The account's own default key for EBS as KMS tells it; `problem`: why it could not be read,
    or not whole. `state`: `Enabled` and others; `policy`: its key policy."""

    name: str
    state: str = ""
    policy: Mapping[str, Any] | None = None
    problem: str = ""


def judge_ebs_key(key: DefaultKey, account_id: str, partition: str = "aws") -> str:
    """What to know of the account's own default key for EBS; empty where it lets instances start.

    Instances of a group are started by Auto Scaling's service-linked role. It has no policy on KMS,
    so what the key's policy leaves to IAM policies does not let it in. Grants are not looked at.
    """
    own = f"The account encrypts volumes with a key of its own ({key.name})"
    fix = (
        "Have the key's owner add the role AWSServiceRoleForAutoScaling to the key's policy, with "
        "kms:CreateGrant (EC2 Auto Scaling User Guide, key policies for encrypted volumes)"
    )
    dies = "the node's instance dies as soon as it starts, and the deployment waits 20 minutes"
    if key.state and key.state != "Enabled":
        return f"{own}, which is {key.state}: {dies}. Have it enabled, or choose another default"
    if key.policy is None:
        why = f" ({key.problem})" if key.problem else ""
        return (
            f"{own}. Whether its policy lets Auto Scaling use it was not checked{why}: if not, "
            f"{dies}. {fix}"
        )
    role = f"arn:{partition}:iam::{account_id}:{SCALING_ROLE}"
    lacking = [a for a in _KEY_ACTIONS if not _key_allows(key.policy, a, role, account_id)]
    if not lacking:
        return ""
    return (
        f"{own}, whose policy does not let Auto Scaling's role do {_listed(lacking)}: unless a "
        f"grant does, {dies}. {fix}"
    )


def _key_allows(policy: Mapping[str, Any], action: str, role: str, account_id: str) -> bool:
    """Whether a key policy lets this role do it. Conditions are taken as met, but for one that
    names another account; a Deny counts only without any."""
    statements = policy.get("Statement", [])
    found = False
    for one in [statements] if isinstance(statements, dict) else statements:
        if not isinstance(one, dict) or not _names(one, action, role):
            continue
        condition = one.get("Condition", {})
        if one.get("Effect") == "Deny" and not condition:
            return False
        if one.get("Effect") == "Allow" and _of_account(condition, account_id):
            found = True
    return found


def _names(statement: Mapping[str, Any], action: str, role: str) -> bool:
    principal = statement.get("Principal", {})
    told = principal if isinstance(principal, str) else principal.get("AWS", ())
    return bool({"*", role} & {*_texts(told)}) and any(
        fnmatchcase(action.lower(), pattern.lower()) for pattern in _texts(statement.get("Action"))
    )


def _of_account(condition: Any, account_id: str) -> bool:
    if not isinstance(condition, dict):
        return False
    for keys in condition.values():
        for key, value in keys.items() if isinstance(keys, dict) else ():
            if key.lower() == "kms:calleraccount" and account_id not in _texts(value):
                return False
    return True


def hiding_zone(zones: Iterable[HostedZone], host: str) -> HostedZone | None:
    """The private zone of a VPC that answers for a name there, in place of the public one.

    Route 53 asks the most specific zone alone: a name that it lacks does not exist in that VPC.
    """
    host = host.rstrip(".").lower()
    found = [
        zone
        for zone in zones
        if zone.private and (host == zone.name.lower() or host.endswith(f".{zone.name.lower()}"))
    ]
    return max(found, key=lambda zone: len(zone.name), default=None)


def record_hidden(zone: HostedZone, names: Iterable[str], host: str) -> str:
    """What to do about a private zone that lacks the node's name; empty where it has one.

    Args:
        names: the names of its records, as Route 53 writes them (`\\052` is an asterisk).
    """
    host = host.rstrip(".").lower()
    for name in names:
        plain = name.rstrip(".").lower().replace("\\052", "*")
        if plain == host or (plain.startswith("*.") and host.endswith(plain[1:])):
            return ""
    return (
        f"The VPC has a private hosted zone {zone.name} ({zone.zone_id}), which answers there in "
        f"place of the public one and has no record {host}: the forwarder would not find the node. "
        "Choose a name outside of it, or leave r53_domain_name empty; or add the record to that "
        "zone as soon as the load balancer exists, as an alias"
    )


class RoleState(str, Enum):
    """How the account's CloudWatch role stands. `UNCHECKED`: IAM could not be asked."""

    UNSET = "unset"
    USABLE = "usable"
    GONE = "gone"
    FOREIGN = "of another account"
    DISTRUSTS = "does not trust API Gateway"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class GatewayRole:
    """The role that API Gateway's account settings name, and what is wrong with it, in words."""

    arn: str
    state: RoleState
    problem: str = ""

    @property
    def broken(self) -> bool:
        """No API of the account and Region can log with it."""
        return self.state in (RoleState.GONE, RoleState.FOREIGN, RoleState.DISTRUSTS)


def judge_role(arn: str, account_id: str, trust: Mapping[str, Any] | None) -> GatewayRole:
    """The account's CloudWatch role as API Gateway will find it.

    Args:
        arn: of the account's settings; empty where none is set.
        trust: its trust policy; None where IAM does not know the role.
    """
    if not arn:
        return GatewayRole("", RoleState.UNSET)
    owner = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if owner != account_id:
        return GatewayRole(arn, RoleState.FOREIGN, f"it belongs to account {owner or 'unknown'}")
    if trust is None:
        return GatewayRole(arn, RoleState.GONE, "it does not exist any more")
    if not trusts(trust, GATEWAY):
        return GatewayRole(arn, RoleState.DISTRUSTS, f"it does not trust {GATEWAY}")
    return GatewayRole(arn, RoleState.USABLE)


def trusts(document: Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets a service assume the role. Its conditions are not judged."""
    statements = document.get("Statement", [])
    return any(
        one.get("Effect") == "Allow"
        and {service, "*"} & set(_texts(_services(one.get("Principal", {}))))
        and any(
            fnmatchcase("sts:assumerole", action.lower()) for action in _texts(one.get("Action"))
        )
        for one in ([statements] if isinstance(statements, dict) else statements)
        if isinstance(one, dict)
    )


def _services(principal: Any) -> Any:
    return principal.get("Service") if isinstance(principal, dict) else principal


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
