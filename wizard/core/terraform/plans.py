"""What a plan would do: by groups, attribute by attribute, and compared with one made anew."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core.secret import redact
from wizard.core.terraform.events import PlannedChange

_ACTING = ("create", "update", "delete", "replace")
# What may be left to do of a reviewed action when a run was cut short. What it made may be there
# but half done: then it is changed, or made anew.
_WITHIN = {
    "create": ("create", "update", "replace"),
    "update": ("update",),
    "delete": ("delete",),
    "replace": ("replace", "create", "update", "delete"),
}


def beyond(
    reviewed: Iterable[PlannedChange], anew: Iterable[PlannedChange]
) -> tuple[PlannedChange, ...]:
    """The changes of the plan made anew that nobody has seen: they need a review of their own."""
    seen = {change.address: change.action for change in reviewed}
    return tuple(
        change
        for change in anew
        if change.action in _ACTING
        and change.action not in _WITHIN.get(seen.get(change.address, ""), ())
    )


_NAMED = 5  # changes that are named, of each kind


def plan_digest(plan: Mapping[str, Any]) -> str:
    """A digest of everything a plan would do; two plans with the same one do the same.

    Args:
        plan: as `terraform show -json` gives it.
    """
    changes = sorted(
        json.dumps([c["address"], c["change"]], sort_keys=True)
        for c in plan.get("resource_changes", ())
        if c["change"]["actions"] != ["no-op"] or c["change"].get("importing")
    )
    return hashlib.sha256("\n".join(changes).encode()).hexdigest()


def listed(names: list[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


SENSITIVE = "(sensitive, not shown)"
UNKNOWN = "(known after apply)"


@dataclass(frozen=True)
class Attribute:
    """One attribute of a planned resource: `ingress[0].from_port`, what it is, what it becomes.

    Texts as a person may read them: a sensitive value, and what looks like a credential, is named
    and never there. Empty where there is no value.
    """

    name: str
    before: str
    after: str

    @property
    def changes(self) -> bool:
        """Whether the plan changes it."""
        return self.before != self.after


def planned_attributes(plan: Mapping[str, Any]) -> dict[str, tuple[Attribute, ...]]:
    """The attributes of every resource that a plan changes, by its address.

    A text that is JSON (a policy, a container definition) is told field by field.

    Args:
        plan: as `terraform show -json` gives it.
    """
    return {
        one["address"]: tuple(
            _attributes(
                "",
                (change.get("before"), change.get("after")),
                (change.get("before_sensitive"), change.get("after_sensitive")),
                change.get("after_unknown"),
            )
        )
        for one in plan.get("resource_changes", ())
        if (change := one["change"])["actions"] not in (["no-op"], ["read"])
    }


def _attributes(
    name: str, values: tuple[Any, Any], hidden: tuple[Any, Any], unknown: Any
) -> Iterator[Attribute]:
    """What stands at `name`, and below it; `hidden` and `unknown` have the shape of the values,
    or are True for all of it."""
    if True in hidden or unknown is True:
        before, after = (
            SENSITIVE if secret is True and value is not None else _text(name, value)
            for value, secret in zip(values, hidden, strict=True)
        )
        if unknown is True:
            after = UNKNOWN
        elif hidden[0] is True and hidden[1] is True and values[0] != values[1]:
            after = f"{SENSITIVE[:-1]}; it changes)" if after else after
        if before or after:
            yield Attribute(name, before, after)
        return
    opened = tuple(_opened(value) for value in values)
    keys = [*dict.fromkeys(key for one in (*opened, _opened(unknown)) if one for key in one)]
    if not keys:
        found = Attribute(name, *(_text(name, value) for value in values))
        if found.before or found.after:
            yield found
        return
    for key in keys:
        inner = f"{name}[{key}]" if isinstance(key, int) else f"{name}.{key}".lstrip(".")
        yield from _attributes(
            inner,
            (_at(values[0], opened[0], key), _at(values[1], opened[1], key)),
            (_at(hidden[0], _opened(hidden[0]), key), _at(hidden[1], _opened(hidden[1]), key)),
            _at(unknown, _opened(unknown), key),
        )


def _opened(value: Any) -> dict[Any, Any]:
    """The parts of a value by key or number; none where it has no parts."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    if isinstance(value, dict):
        return value
    return dict(enumerate(value)) if isinstance(value, list) else {}


def _at(value: Any, parts: dict[Any, Any], key: object) -> Any:
    """A part of a value; True counts for all of them."""
    return True if value is True else parts.get(key)


def _text(name: str, value: Any) -> str:
    """A value in a reader's words, without what looks like a credential."""
    if value is None or value in ("", [], {}):
        return ""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    last = re.split(r"[.\[]", name)[-1]
    named = f"{last}={said}"
    return said if redact(named) == named else SENSITIVE


NETWORK = "Network"
LOAD_BALANCER = "Load balancer"
NODE = "Node"
FORWARDER = "Forwarder"
LOGS = "Logs"
ACCESS = "Access"
OTHER = "Other"

ORDER = (NETWORK, LOAD_BALANCER, NODE, FORWARDER, LOGS, ACCESS, OTHER)

# The longest prefix that fits a resource type decides.
_BY_TYPE: Mapping[str, str] = {
    "aws_acm_": LOAD_BALANCER,
    "aws_alb": LOAD_BALANCER,
    "aws_appautoscaling_": NODE,
    "aws_autoscaling_": NODE,
    "aws_cloudwatch_": LOGS,
    "aws_cloudwatch_event_": FORWARDER,
    "aws_cloudwatch_log_subscription_filter": FORWARDER,
    "aws_ecs_": NODE,
    "aws_eip": NETWORK,
    "aws_flow_log": NETWORK,
    "aws_iam_": ACCESS,
    "aws_internet_gateway": NETWORK,
    "aws_kms_": ACCESS,
    "aws_lambda_": FORWARDER,
    "aws_launch_template": NODE,
    "aws_lb": LOAD_BALANCER,
    "aws_nat_gateway": NETWORK,
    "aws_network_": NETWORK,
    "aws_route": NETWORK,
    "aws_route53_": LOAD_BALANCER,
    "aws_s3_": FORWARDER,
    "aws_default_": NETWORK,
    "aws_security_group": NETWORK,
    "aws_service_discovery_": NODE,
    "aws_sqs_": FORWARDER,
    "aws_ssm_": ACCESS,
    "aws_subnet": NETWORK,
    "aws_vpc": NETWORK,
}


def group_of(resource_type: str, address: str = "") -> str:
    """The group of a resource; the name in its address decides for log groups and dashboards."""
    best = max((p for p in _BY_TYPE if resource_type.startswith(p)), key=len, default="")
    group = _BY_TYPE.get(best, OTHER)
    if resource_type == "aws_cloudwatch_log_group" and ".node" in address:
        return NODE
    if resource_type == "aws_cloudwatch_log_group" and (
        ".lambda" in address or "forwarder" in address or ".replay" in address
    ):
        return FORWARDER
    return group


def group_order(name: str) -> int:
    """Where a group stands in a list."""
    return ORDER.index(name) if name in ORDER else len(ORDER)
