"""One question for IAM: some actions on some resources under stated circumstances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Need:
    """Actions that must be allowed on each of these resources.

    Args:
        actions: IAM action names such as `lambda:CreateFunction`.
        resources: ARNs, or "*".
        context: what IAM is told about the request, by condition key.
        condition: under which the printed policy allows them, as IAM writes it.
        required: whether every run needs them, or only some under circumstances of their own.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: bool = True
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
