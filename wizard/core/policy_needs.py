"""One question for IAM: some actions on some resources under stated circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Need:
    """Actions that must be allowed on each of these resources.

    Args:
        actions: IAM action names such as `lambda:CreateFunction`.
        resources: ARNs, or "*".
        context: what IAM is told about the request, by condition key.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
