"""What carries this deployment's tag and is not in Terraform's state: pure comparison of names.

A killed apply can leave such things. What AWS itself makes on the deployment's behalf carries the
tag, too, and goes with its maker: instances of the group, their disks and interfaces, tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_MADE_BY_AWS = re.compile(
    r":ec2:[^:]*:[^:]*:(?:instance|volume|network-interface|fleet|spot-instances-request)/"
    r"|:ecs:[^:]*:[^:]*:(?:task|container-instance)/"
)
# Every change of a task makes another revision; the older ones cost nothing and cannot be deleted
# by Terraform.
_REVISION = re.compile(r"(:task-definition/[^:]+):\d+$")


def known_names(state: Mapping[str, Any]) -> frozenset[str]:
    """Ids and ARNs of everything in a state, as `terraform show -json` prints it."""
    names: set[str] = set()
    rooms = [(state.get("values") or {}).get("root_module") or {}]
    while rooms:
        room = rooms.pop()
        rooms.extend(room.get("child_modules") or ())
        for resource in room.get("resources") or ():
            if resource.get("mode", "managed") != "managed":
                continue
            values = resource.get("values") or {}
            names.update(str(values[key]) for key in ("arn", "id") if values.get(key))
    return frozenset(names)


def orphans(tagged: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """The ARNs that nothing in the state accounts for.

    Args:
        tagged: ARNs of what carries the deployment's tag.
        known: see `known_names`.
    """
    families = {_REVISION.sub(r"\1", name) for name in known}
    return tuple(
        arn
        for arn in tagged
        if not _MADE_BY_AWS.search(arn)
        and arn not in known
        and arn.removesuffix(":*") not in known
        and re.split(r"[:/]", arn)[-1] not in known
        and _REVISION.sub(r"\1", arn) not in families
    )
